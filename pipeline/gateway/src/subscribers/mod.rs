//! Who is told of results: other systems, each with a position of its own in the log.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`file`] | who there is, from the operator's file |
//! | [`tables`] | its tables: their keys, and what comes of them |
//! | [`check`] | what is wrong with them |
//! | [`client`] | requests to them, and what an answer means |
//! | [`signature`] | secrets of webhooks, and what is signed with them |
//! | [`oauth`] | tokens by which subscribers know us |
//! | [`webhook`] | signed notices |
//! | [`edx`] | reviews for Open edX |
//! | [`lti`] | flags for LTI |
//! | [`assertion`] | proof of who we are by a key of our own |
//!
//! A [`Subscriber`] makes of one entry of the log one request, and says what came of it. Reading the log, trying again
//! and remembering how far each has got belong to whoever calls it. What is said is `domain::lms`'s.

pub mod assertion;
mod check;
pub mod client;
pub mod edx;
pub mod file;
pub mod lti;
pub mod oauth;
pub mod signature;
mod tables;
pub mod webhook;

use async_trait::async_trait;
use domain::desk::DeskEntry;
use domain::ports::{Feed, Position};

pub use client::TellError;
pub use file::{Subscribers, SubscribersError};

/// Somebody who is told of results.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// A name that is no other subscriber's.
    fn name(&self) -> &str;

    /// What it wants to hear of.
    fn feeds(&self) -> &'static [Feed];

    /// Tells it of an entry from a place of the log. The same entry may be told again, and makes the same request then.
    /// Takes no longer than [`client::ANSWER`] and a connection, twice. May read a file: not for the async runtime's own
    /// threads.
    ///
    /// # Errors
    /// If it is not known to have heard of it.
    async fn tell(&self, entry: &DeskEntry, position: Position) -> Result<Told, TellError>;
}

/// What came of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The subscriber has acknowledged it.
    Delivered,
    /// It is none that this subscriber hears of.
    Passed,
}
