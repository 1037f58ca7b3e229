//! What operators see of a running service: numbers, health, logs.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`metrics`] | every metric: name, help, labels, buckets. No other file makes one |
//! | [`health`] | what "alive" and "ready" mean |
//! | [`server`] | `/metrics`, `/healthz`, `/readyz` |
//! | [`logs`] | lines of the log |
//! | [`trace`] | the trace context that records carry |
//!
//! Never in any of them: pixels, embeddings, names, and sessions as labels.

pub mod health;
pub mod logs;
pub mod metrics;
pub mod server;
pub mod spans;
pub mod trace;
