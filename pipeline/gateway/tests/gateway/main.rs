//! Black-box tests of the gateway: a real server, real HTTP over real sockets, and a log in memory that tests can hold
//! back or break. One module per promise.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

mod access;
mod description;
mod edx;
mod events;
mod evidence;
mod limits;
mod pages;
mod reading;
mod support;
mod tokens;
mod uploads;
