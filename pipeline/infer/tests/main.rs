//! What `infer` promises, seen from outside. Needs what `make setup` builds, and fails without it.
#![allow(missing_docs, clippy::unwrap_used)]

mod cascade;
mod frames;
mod light;
mod mirror;
mod recognition;
mod refusals;
mod support;
mod threads;
