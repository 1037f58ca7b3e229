//! Black-box tests.

mod eval;
mod report;
