//! How clients reach the brokers: one place for addresses, security and time limits.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::error::KafkaError;

/// How clients reach the brokers.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// `host:port` of some brokers, separated by commas.
    pub brokers: String,
    /// Name of this process in the brokers' logs and quotas.
    pub client_id: String,
    /// Further properties of the client library, security above all. Those that have a setting of their
    /// own here, or that the promises of this crate rest on, are refused: see [`RESERVED`].
    pub properties: BTreeMap<String, String>,
}

/// Properties that are set by this crate alone.
pub const RESERVED: [&str; 34] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "request.required.acks",
    "session.timeout.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Names the file that tokens for SASL/OAUTHBEARER come from. Not a property of the library.
const TOKEN_FILE: &str = "sasl.oauthbearer.token.file";

impl Connection {
    /// Where to connect to, with the library's defaults for everything else.
    pub fn new(brokers: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), client_id: client_id.into(), properties: BTreeMap::new() }
    }

    /// The common part of every client's configuration.
    pub(crate) fn config(&self) -> Result<ClientConfig, KafkaError> {
        let mut config = ClientConfig::new();
        for (property, value) in &self.properties {
            if RESERVED.contains(&property.as_str()) {
                let problem = "is set by this program alone".to_owned();
                return Err(KafkaError::property(property.clone(), problem));
            }
            if property != TOKEN_FILE {
                config.set(property, value);
            }
        }
        let mechanisms = ["sasl.mechanism", "sasl.mechanisms"].map(|property| config.get(property));
        let is_by_token = mechanisms.contains(&Some("OAUTHBEARER"));
        if is_by_token != self.token_file().is_some() {
            let problem = "goes with sasl.mechanism=OAUTHBEARER, and nothing else does".to_owned();
            return Err(KafkaError::property(TOKEN_FILE.to_owned(), problem));
        }
        config.set("bootstrap.servers", &self.brokers).set("client.id", &self.client_id);
        // A restarted broker is found again within a second.
        set_default(&mut config, "reconnect.backoff.max.ms", "1000");
        set_default(&mut config, "socket.keepalive.enable", "true");
        // What is shown is decided where log lines are collected.
        config.set_log_level(RDKafkaLogLevel::Info);
        Ok(config)
    }

    /// Where tokens come from, if whoever connects is known by one.
    pub(crate) fn token_file(&self) -> Option<PathBuf> {
        self.properties.get(TOKEN_FILE).map(PathBuf::from)
    }
}

/// Sets a property unless the operator did.
pub(crate) fn set_default(config: &mut ClientConfig, property: &str, value: &str) {
    if config.get(property).is_none() {
        config.set(property, value);
    }
}

/// Whether the value of a property must not be shown. Where a secret is, is none.
pub(crate) fn is_secret(property: &str) -> bool {
    let parts = ["password", "secret", ".pem", "token", "jaas", "oauthbearer.config", "username"];
    !property.ends_with(".file") && parts.iter().any(|part| property.contains(part))
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(property, value): (&'static str, &str)| (property, value.to_owned());
        let hidden = self.properties.iter().map(|(property, value)| {
            let value = if is_secret(property) { "(hidden)" } else { value };
            (property.as_str(), value.to_owned())
        });
        let fields = [("brokers", self.brokers.as_str()), ("client_id", &self.client_id)];
        out.debug_map().entries(fields.map(shown)).entries(hidden).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(property: &str, value: &str) -> Connection {
        let mut connection = Connection::new("127.0.0.1:9092", "test");
        connection.properties.insert(property.to_owned(), value.to_owned());
        connection
    }

    #[test]
    fn secrets_are_not_shown() {
        for secret in ["sasl.password", "ssl.key.pem", "ssl.key.password", "sasl.oauthbearer.client.secret"] {
            let shown = format!("{:?}", connection(secret, "hunter2"));
            assert!(shown.contains(secret) && !shown.contains("hunter2"), "{shown}");
            let error = KafkaError::property(secret.to_owned(), "invalid value hunter2".to_owned());
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(format!("{:?}", connection("ssl.ca.location", "/ca.pem")).contains("/ca.pem"));
    }

    #[test]
    fn what_promises_rest_on_cannot_be_changed() {
        for property in RESERVED {
            let error = connection(property, "x").config().unwrap_err();
            assert_eq!(error.reason(), "property", "{property}");
        }
        let config = connection("socket.nagle.disable", "true").config().unwrap();
        assert_eq!(config.get("socket.nagle.disable"), Some("true"));
    }

    #[test]
    fn tokens_come_from_a_file_and_the_library_is_not_told_of_it() {
        let mut connection = connection(TOKEN_FILE, "/run/secrets/token");
        let error = connection.config().unwrap_err();
        assert!(error.to_string().contains("OAUTHBEARER"), "{error}");
        connection.properties.insert("sasl.mechanism".to_owned(), "OAUTHBEARER".to_owned());
        assert_eq!(connection.config().unwrap().get(TOKEN_FILE), None);
        connection.properties.remove(TOKEN_FILE);
        let error = connection.config().unwrap_err();
        assert!(error.to_string().contains(TOKEN_FILE), "{error}");
    }
}
