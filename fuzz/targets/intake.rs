//! What a decoder says that was taken over: one message a line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decode::fuzzing::intake(bytes));
