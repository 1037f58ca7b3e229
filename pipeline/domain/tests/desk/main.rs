//! Promise: a dashboard shows what the topics hold, whatever order they are read in, and judges nothing.
//!
//! Sessions are written as in the tests of the score, and scored by the real fold. After a change of what is
//! shown on purpose: `UPDATE_SNAPSHOTS=1 cargo test --test desk`, and look at the difference as a reader of
//! the page would.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod bounded;
mod lms;
mod log;
mod order;
mod queues;
mod snapshot;
mod stream;
mod timeline;
mod wording;

#[allow(dead_code, reason = "the tests of the score use all of it")]
#[path = "../score/builder.rs"]
mod builder;
#[allow(dead_code, reason = "the tests of the score use all of it")]
#[path = "../score/fixtures.rs"]
mod fixtures;
