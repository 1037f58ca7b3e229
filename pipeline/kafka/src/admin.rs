//! Topics: creating, describing, deleting; and whether brokers answer.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigEntry, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication, TopicResult,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::producer::{BaseProducer, Producer};

use crate::connection::Connection;
use crate::context::{self, Context as Callbacks, Logging, Refusal, Refusals};
use crate::error::KafkaError;
use crate::topics::TopicSpec;

/// How often the brokers are asked whether a new topic shows.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How long it takes to hear everything that the library has to say.
const HEAR: Duration = Duration::from_millis(20);

/// What is known of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicDescription {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many brokers keep a copy, of the partition that has the fewest.
    pub replication: i32,
    /// How many of them are complete, in the partition where the fewest are.
    pub in_sync: i32,
    /// All settings that hold for it: its own, and the brokers' where it has none.
    pub configs: BTreeMap<String, String>,
}

/// Asks and tells the brokers about topics.
pub struct Admin {
    client: AdminClient<Callbacks<Logging>>,
    /// Asks for the brokers' map: unlike an admin client it learns why it is refused.
    asker: BaseProducer<Callbacks<Refusals>>,
    timeout: Duration,
}

impl Admin {
    /// An admin client; `timeout` is for each request.
    ///
    /// # Errors
    /// If a setting is refused. Whether a broker can be reached shows later.
    pub fn new(connection: &Connection, timeout: Duration) -> Result<Self, KafkaError> {
        const ACTION: &str = "create an admin client";
        let config = connection.config()?;
        let client = context::create(connection, &config, ACTION, Logging)?;
        let asker = context::create(connection, &config, ACTION, Refusals::default())?;
        Ok(Self { client, asker, timeout })
    }

    /// The brokers' map of themselves and all topics.
    fn metadata(&self, action: &'static str) -> Result<Metadata, KafkaError> {
        // Nobody polls it while it waits: a token that is due is taken before.
        self.asker.poll(Duration::ZERO);
        self.asker.client().fetch_metadata(None, self.timeout).map_err(|error| {
            self.asker.poll(HEAR);
            match self.asker.context().own.take() {
                Some(Refusal::Credentials(code)) => KafkaError::refused(action, code),
                Some(Refusal::Certificate(problem)) => KafkaError::Certificate { problem },
                None => KafkaError::from_library(action, error),
            }
        })
    }

    /// The name that the brokers gave their cluster; `None` if they did not say within the timeout.
    pub fn cluster(&self) -> Option<String> {
        self.asker.client().fetch_cluster_id(self.timeout)
    }

    /// The addresses of the brokers that are up.
    ///
    /// # Errors
    /// If none answers.
    pub fn brokers(&self) -> Result<Vec<String>, KafkaError> {
        let metadata = self.metadata("ask for brokers")?;
        Ok(metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect())
    }

    /// Creates topics, and waits until the brokers know them all. Those that exist are left as they are.
    ///
    /// # Errors
    /// The first that could not be created; the others are. [`KafkaError::TimedOut`] if one does not show.
    pub fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), KafkaError> {
        const ACTION: &str = "create a topic";
        if specs.is_empty() {
            return Ok(());
        }
        let topics: Vec<NewTopic<'_>> = specs.iter().map(new_topic).collect();
        let results = block_on(self.client()?.create_topics(&topics, &self.options()))
            .map_err(|error| KafkaError::from_library(ACTION, error))?;
        all_but(results, ACTION, RDKafkaErrorCode::TopicAlreadyExists)?;
        let asked = Instant::now();
        while !self.know_all(specs)? {
            if asked.elapsed() >= self.timeout {
                return Err(KafkaError::TimedOut { action: ACTION, after: self.timeout });
            }
            std::thread::sleep(ASK_AGAIN);
        }
        Ok(())
    }

    /// Whether the broker that answers knows all of these topics: what was created shows a little later.
    fn know_all(&self, specs: &[TopicSpec]) -> Result<bool, KafkaError> {
        let metadata = self.metadata("create a topic")?;
        let known = |spec: &TopicSpec| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == spec.name);
            topic.is_some_and(|topic| !topic.partitions().is_empty())
        };
        Ok(specs.iter().all(known))
    }

    /// Deletes topics. Those that do not exist are not missed.
    ///
    /// # Errors
    /// The first that could not be deleted; the others are.
    pub fn delete_topics(&self, names: &[&str]) -> Result<(), KafkaError> {
        const ACTION: &str = "delete a topic";
        let results = block_on(self.client()?.delete_topics(names, &self.options()))
            .map_err(|error| KafkaError::from_library(ACTION, error))?;
        all_but(results, ACTION, RDKafkaErrorCode::UnknownTopicOrPartition)
    }

    /// How many partitions a topic has; `None` if it does not exist.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, KafkaError> {
        // Asked for by name, a topic might be created.
        let metadata = self.metadata("describe a topic")?;
        let found = metadata.topics().iter().find(|each| each.name() == topic);
        Ok(found.map(|topic| i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)))
    }

    /// Describes topics, by name; those that do not exist, or that this principal may not see, are left
    /// out. What was created or deleted a moment ago may not show yet.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn describe(&self, names: &[String]) -> Result<BTreeMap<String, TopicDescription>, KafkaError> {
        const ACTION: &str = "describe topics";
        // Asked for by name, a topic might be created.
        let metadata = self.metadata(ACTION)?;
        let wanted = |topic: &&MetadataTopic| names.iter().any(|name| name == topic.name());
        let mut found: BTreeMap<String, TopicDescription> = metadata
            .topics()
            .iter()
            .filter(wanted)
            .map(|topic| (topic.name().to_owned(), described(topic)))
            .collect();
        if found.is_empty() {
            return Ok(found);
        }
        let resources: Vec<ResourceSpecifier<'_>> =
            found.keys().map(|name| ResourceSpecifier::Topic(name)).collect();
        let results = block_on(self.client()?.describe_configs(&resources, &self.options()))
            .map_err(|error| KafkaError::from_library(ACTION, error))?;
        for result in results {
            let resource = result.map_err(|code| KafkaError::refused(ACTION, code))?;
            let OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
            if let Some(topic) = found.get_mut(name) {
                let stated = |entry: ConfigEntry| Some((entry.name, entry.value?));
                topic.configs = resource.entries.into_iter().filter_map(stated).collect();
            }
        }
        Ok(found)
    }

    /// The client, with the token that there is now.
    fn client(&self) -> Result<&AdminClient<Callbacks<Logging>>, KafkaError> {
        context::authorize(self.client.inner())?;
        Ok(&self.client)
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout))
    }
}

/// What the brokers' map says of a topic; its settings are asked for apart.
fn described(topic: &MetadataTopic) -> TopicDescription {
    let count = |items: usize| i32::try_from(items).unwrap_or(i32::MAX);
    let partitions = topic.partitions();
    let copies = partitions.iter().map(|partition| count(partition.replicas().len()));
    let complete = partitions.iter().map(|partition| count(partition.isr().len()));
    TopicDescription {
        partitions: count(partitions.len()),
        replication: copies.min().unwrap_or_default(),
        in_sync: complete.min().unwrap_or_default(),
        configs: BTreeMap::new(),
    }
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(spec.replication));
    spec.configs.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
}

/// The first error, of those that are not `accepted`.
fn all_but(
    results: Vec<TopicResult>,
    action: &'static str,
    accepted: RDKafkaErrorCode,
) -> Result<(), KafkaError> {
    for result in results {
        match result {
            Err((topic, code)) if code != accepted => {
                tracing::error!(topic, %code, action, "refused");
                return Err(KafkaError::refused(action, code));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Waits for a future that another thread completes.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
