//! Tests against a real broker, started by each test process that needs one. What is missing is named:
//! `make setup`.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

#[path = "../../../../tests/kafka/broker.rs"]
mod broker;
mod cluster;
mod embedded;
mod groups;
mod publisher;
mod reader;
mod records;
mod security;
mod support;
mod topics;
mod transactions;
