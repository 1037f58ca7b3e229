//! The promises of the score fold, one file per promise; the first line of each file is the promise.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p domain --test score` runs the properties in full;
//! `UPDATE_SNAPSHOTS=1` rewrites the golden sessions under `tests/snapshots`, to be reviewed like code.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod builder;
mod fixtures;

mod accommodations;
mod bounded_state;
mod calibration;
mod coverage;
mod hostile_numbers;
mod hysteresis;
mod identity;
mod late_and_lost;
mod looking_away;
mod missing_data;
mod objects_and_faces;
mod order_of_arrival;
mod persons;
mod points;
mod policy_files;
mod rare_looks;
mod refold;
mod reviews;
mod second_witness;
mod snapshots;
mod telling;
mod worked_examples;
