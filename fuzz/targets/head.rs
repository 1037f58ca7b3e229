//! What the decoder reads of a container itself: lengths, ends, and what it mends of Matroska.
#![no_main]

use fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let step = 1 + choices.below(5000);
    decode::fuzzing::head(choices.rest(), step);
});
