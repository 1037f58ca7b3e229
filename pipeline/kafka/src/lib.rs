//! Records in and out of Kafka. All of it is synchronous: whoever reads does so on a thread of their
//! own.
//!
//! A record's way:
//!
//! 1. [`GroupConsumer`] reads it, as a member of a group whose partitions come and go; side inputs and
//!    state come through a [`PartitionReader`];
//! 2. [`wire`] turns it into a message or a segment, or says why it is none;
//! 3. results go out through a [`Publisher`], which gives a receipt back when they are safe, or through
//!    a [`TransactionalPublisher`], together with the offsets they were computed from.
//!
//! Which offsets may be committed is `domain::delivery`'s to say. Topics and their defaults are in
//! [`topics`]; [`Admin`] creates them, [`topology`] says whether they are as they must be.
//! [`EmbeddedBroker`] is for demonstrations.

mod admin;
mod connection;
mod consumer;
mod context;
mod embedded;
mod error;
mod headers;
mod producer;
mod record;
mod token;
pub mod topics;
pub mod topology;
#[cfg(target_env = "gnu")]
mod waits;
pub mod wire;

pub use admin::{Admin, TopicDescription};
pub use connection::{Connection, RESERVED};
pub use consumer::{
    Assignment, GroupConsumer, GroupMetadata, GroupProgress, GroupProtocol, GroupSettings, Lag,
    PartitionReader, Progress, Start,
};
pub use embedded::EmbeddedBroker;
pub use error::KafkaError;
pub use headers::Headers;
pub use producer::{Publisher, PublisherSettings, Refused, TransactionError, TransactionalPublisher};
pub use record::{Origin, Outgoing, Record};
pub use token::TokenError;
pub use topics::{Shadow, TopicSpec, Topics};
