//! GIF and still pictures, from the file to the parent of the decoder.
#![no_main]

use fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let plan = choices.byte();
    decode::fuzzing::picture(plan, choices.rest());
});
