//! Who is told of results: other systems, each with a position of its own in the log.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`file`] | who there is, from the operator's file |
//! | [`client`] | requests to them, and what an answer means |
//! | [`signature`] | secrets of webhooks, and what is signed with them |
//! | [`webhook`] | signed notices |
//!
//! A [`Subscriber`] makes of one entry of the log one request, and says what came of it. Reading the log, trying again
//! and remembering how far each has got belong to whoever calls it. What is said is `domain::lms`'s.

pub mod client;
pub mod file;
pub mod signature;
pub mod webhook;

use async_trait::async_trait;
use domain::desk::{DeskEntry, IngestMs};
use domain::ports::Feed;

pub use client::TellError;
pub use file::{Subscribers, SubscribersError};

/// Somebody who is told of results.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// A name that is no other subscriber's.
    fn name(&self) -> &str;

    /// What it wants to hear of.
    fn feeds(&self) -> &[Feed];

    /// Tells it of an entry that the log took at a time. The same entry may be told again, and makes the same request
    /// then. Takes no longer than [`client::ANSWER`] and a connection.
    ///
    /// # Errors
    /// If it is not known to have heard of it.
    async fn tell(&self, entry: &DeskEntry, at: IngestMs) -> Result<Told, TellError>;
}

/// What came of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The subscriber has acknowledged it.
    Delivered,
    /// It is none that this subscriber hears of.
    Passed,
}
