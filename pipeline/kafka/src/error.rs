//! What went wrong between this process and the brokers, and what it means for the work in hand.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use domain::error::ErrorKind;
use rdkafka::error::RDKafkaErrorCode;

use crate::token::TokenError;

/// A call to the brokers, or a delivery, that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// A setting that the client library refuses, or that is not the operator's to set.
    #[error("property `{property}`: {problem}")]
    Property {
        /// Name of the property.
        property: String,
        /// What is wrong with it; never contains a secret.
        problem: String,
    },
    /// A client cannot be created.
    #[error("cannot create a client: {problem}")]
    Client {
        /// What the client library says.
        problem: String,
    },
    /// A record that no broker would accept.
    #[error("a record of {bytes} bytes is larger than the {limit} allowed")]
    TooLarge {
        /// Size of key, value and headers.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// As much is on its way as there may be.
    #[error("as many records are on their way as there may be")]
    Full,
    /// There was no answer in time.
    #[error("cannot {action}: no answer within {} ms", .after.as_millis())]
    TimedOut {
        /// What was asked for.
        action: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The client was closed while work was waiting.
    #[error("cannot {action}: the client was closed")]
    Closed {
        /// What was asked for.
        action: &'static str,
    },
    /// The client library failed and gives no code.
    #[error("cannot {action}: {problem}")]
    Failed {
        /// What was asked for.
        action: &'static str,
        /// What the client library says.
        problem: String,
    },
    /// What answers cannot prove to be the broker.
    #[error("cannot trust the brokers: {problem}")]
    Certificate {
        /// What is wrong with its certificate.
        problem: String,
    },
    /// There is no token to be known by.
    #[error("the token in {} {problem}", .file.display())]
    Token {
        /// Where it should be.
        file: PathBuf,
        /// What is wrong with it.
        problem: TokenError,
    },
    /// The broker or the client library refused.
    #[error("cannot {action}{}: {code}", on(.subject.as_deref()))]
    Refused {
        /// What was asked for.
        action: &'static str,
        /// Of which topic, group or transactional id, where the answer is about one.
        subject: Option<String>,
        /// What was answered.
        code: RDKafkaErrorCode,
        /// The client can do no more work and must be built anew.
        is_fatal: bool,
    },
}

impl KafkaError {
    /// What to do with the input.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::Poison,
            Self::Property { .. } | Self::Client { .. } | Self::Certificate { .. } | Self::Token { .. } => {
                ErrorKind::Fatal
            }
            Self::Full | Self::TimedOut { .. } | Self::Closed { .. } | Self::Failed { .. } => {
                ErrorKind::Transient
            }
            Self::Refused { is_fatal: true, .. } => ErrorKind::Fatal,
            Self::Refused { code, .. } => kind_of(*code),
        }
    }

    /// Whether a new client would be refused as well: settings that make no sense, rights that are missing.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Property { .. } | Self::Client { .. } | Self::Certificate { .. } | Self::Token { .. } => {
                true
            }
            Self::Refused { code, .. } => {
                kind_of(*code) == ErrorKind::Fatal && !matches!(reason_of(*code), "fenced" | "refused")
                    || matches!(
                        code,
                        RDKafkaErrorCode::UnsupportedFeature
                            | RDKafkaErrorCode::UnsupportedVersion
                            | RDKafkaErrorCode::InvalidConfig
                    )
            }
            Self::TooLarge { .. }
            | Self::Full
            | Self::TimedOut { .. }
            | Self::Closed { .. }
            | Self::Failed { .. } => false,
        }
    }

    /// A stable word for messages and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Property { .. } => "property",
            Self::Client { .. } => "client",
            Self::TooLarge { .. } => "too_large",
            Self::Full => "full",
            Self::Certificate { .. } => "certificate",
            Self::Token { .. } => "token",
            Self::TimedOut { .. } => "timed_out",
            Self::Closed { .. } => "closed",
            Self::Failed { .. } => "failed",
            Self::Refused { code, .. } => reason_of(*code),
        }
    }

    /// Turns an error of the client library into ours. `action` completes "cannot ...".
    pub(crate) fn from_library(action: &'static str, error: rdkafka::error::KafkaError) -> Self {
        use rdkafka::error::KafkaError as Library;
        match error {
            Library::ClientConfig(_, description, property, _) => Self::property(property, description),
            Library::ClientCreation(problem) => Self::Client { problem },
            Library::MessageConsumptionFatal(code) => Self::fatal(action, code),
            Library::Transaction(error) if error.is_fatal() => Self::fatal(action, error.code()),
            Library::Transaction(error) => Self::refused(action, error.code()),
            error => match error.rdkafka_error_code() {
                Some(code) => Self::refused(action, code),
                None => Self::Failed { action, problem: error.to_string() },
            },
        }
    }

    pub(crate) fn refused(action: &'static str, code: RDKafkaErrorCode) -> Self {
        Self::Refused { action, subject: None, code, is_fatal: code == RDKafkaErrorCode::Fatal }
    }

    pub(crate) fn fatal(action: &'static str, code: RDKafkaErrorCode) -> Self {
        Self::Refused { action, subject: None, code, is_fatal: true }
    }

    /// Names what a refusal is about, if it is one of these: the library gives the code alone, and an
    /// operator has to know which right is missing.
    pub(crate) fn about(mut self, subjects: &[Subject<'_>]) -> Self {
        if let Self::Refused { subject, code, .. } = &mut self
            && subject.is_none()
        {
            let names: Vec<String> = subjects
                .iter()
                .filter(|subject| subject.is_meant_by(*code))
                .map(ToString::to_string)
                .collect();
            *subject = (!names.is_empty()).then(|| names.join(" or "));
        }
        self
    }

    /// A refused property. What the library says about a secret may quote it.
    pub(crate) fn property(property: String, problem: String) -> Self {
        let problem =
            if crate::connection::is_secret(&property) { "not accepted".to_owned() } else { problem };
        Self::Property { property, problem }
    }
}

/// What a call is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    Topic(&'a str),
    Group(&'a str),
    TransactionalId(&'a str),
}

impl Subject<'_> {
    fn is_meant_by(self, code: RDKafkaErrorCode) -> bool {
        use RDKafkaErrorCode as Code;
        match self {
            Self::Topic(_) => {
                matches!(code, Code::TopicAuthorizationFailed | Code::UnknownTopicOrPartition)
            }
            Self::Group(_) => code == Code::GroupAuthorizationFailed,
            Self::TransactionalId(_) => code == Code::TransactionalIdAuthorizationFailed,
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(out, "topic {name}"),
            Self::Group(name) => write!(out, "group {name}"),
            Self::TransactionalId(name) => write!(out, "transactional id {name}"),
        }
    }
}

fn on(subject: Option<&str>) -> String {
    subject.map_or_else(String::new, |subject| format!(" ({subject})"))
}

fn kind_of(code: RDKafkaErrorCode) -> ErrorKind {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageSizeTooLarge | Code::InvalidMessage | Code::InvalidMessageSize | Code::InvalidRecord => {
            ErrorKind::Poison
        }
        Code::Fatal
        | Code::Fenced
        | Code::ProducerFenced
        | Code::FencedInstanceId
        | Code::InvalidProducerEpoch
        | Code::OutOfOrderSequenceNumber
        | Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::InvalidConfig
        | Code::InvalidArgument
        | Code::InvalidTopic
        | Code::InvalidSessionTimeout
        | Code::InconsistentGroupProtocol => ErrorKind::Fatal,
        _ => ErrorKind::Transient,
    }
}

fn reason_of(code: RDKafkaErrorCode) -> &'static str {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageSizeTooLarge => "too_large",
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => "unknown_topic",
        Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve => "unreachable",
        Code::OperationTimedOut | Code::RequestTimedOut | Code::MessageTimedOut => "timed_out",
        Code::PollExceeded => "poll_exceeded",
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::FencedInstanceId => "fenced",
        Code::PurgeQueue | Code::PurgeInflight => "closed",
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => "not_authorized",
        _ => "refused",
    }
}
