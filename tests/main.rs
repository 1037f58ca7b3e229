//! Black-box tests: one binary, one module per promise; each file's first line is the promise that it
//! defends. What needs models or clips says how to get them: `make setup`.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

mod access;
mod adaptive;
mod analyze;
mod architecture;
mod bench;
#[path = "kafka/broker.rs"]
mod broker;
mod browser;
mod claim_check;
mod cli;
mod config;
mod contracts;
mod cut;
mod demo;
mod enrolment;
mod erasure;
mod eval;
mod evidence;
mod exam;
mod faults;
mod gateway;
mod monitoring;
#[path = "s3/server.rs"]
mod object_store;
mod pairs;
mod plan;
mod provider;
mod publish;
mod pushers;
mod redrive;
mod report;
mod rescore;
mod reviews;
mod shadow;
mod spans;
mod subscribers;
mod topics;
mod worker;
