//! Frames with any times whatever: an honest decoder answers every instant of the plan in its turn.
#![no_main]

use decode::fuzzing::Moment;
use fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let plan = choices.byte();
    let mut now = 0_u64;
    let mut moments = Vec::new();
    while !choices.is_over() {
        let kind = choices.byte();
        // Most go on by less than a second.
        now = match kind % 8 {
            0 => choices.number().cast_unsigned(),
            1 => now.wrapping_sub(choices.below(1000) as u64 * 1_000_000),
            _ => now.wrapping_add(choices.below(1000) as u64 * 1_000_000),
        };
        moments.push(Moment {
            at: (kind & 0x10 == 0).then_some(now),
            lasts: (kind & 0x20 == 0).then(|| choices.number().cast_unsigned()),
            is_key: kind & 0x40 == 0,
            is_decodable: kind & 0x80 == 0,
        });
    }
    decode::fuzzing::moments(plan, &moments);
});
