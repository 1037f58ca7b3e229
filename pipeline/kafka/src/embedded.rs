//! A broker inside this process, to show the system without installing one.
//!
//! It is the client library's own stand-in for tests: it keeps about the last 5 MiB of each partition,
//! only in memory, and a transaction that was never committed can be seen. It promises nothing, and
//! nobody may be judged by what went through it.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::error::KafkaError;
use crate::topics::TopicSpec;

/// A broker inside this process; gone when dropped.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts a broker on a free port of the loopback interface.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start() -> Result<Self, KafkaError> {
        let cluster = MockCluster::new(1)
            .map_err(|error| KafkaError::from_library("start the embedded broker", error))?;
        Ok(Self { cluster })
    }

    /// Creates topics; of their settings only the partition count means anything here.
    ///
    /// # Errors
    /// If one is refused.
    pub fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), KafkaError> {
        for spec in specs {
            self.cluster
                .create_topic(&spec.name, spec.partitions, 1)
                .map_err(|error| KafkaError::from_library("create a topic", error))?;
        }
        Ok(())
    }

    /// Where clients find it, as `host:port`.
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
