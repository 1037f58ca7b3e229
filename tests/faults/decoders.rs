//! Decoder children that die of something that is not the segment's fault.

use rustix::process::Signal;

use super::{CLIPS, assert_nothing_lost_or_doubled, start};
use crate::exam::Exam;

#[test]
fn decoders_that_crash_and_decoders_that_are_killed() {
    let exam = Exam::new("decoders");
    exam.publish(&CLIPS[..3]);
    let worker = start(&exam, "decoders-0", &[]);
    let decoded = "invigilator_stage_items_total{outcome=\"ok\",stage=\"decode\"}";
    for (round, signal) in [Signal::SEGV, Signal::KILL, Signal::SEGV, Signal::KILL].into_iter().enumerate() {
        let least = (round * 3 + 1) as f64;
        worker.wait_until("it is decoding", |worker| worker.metric(decoded) >= least);
        let mut children = worker.children();
        while children.is_empty() {
            children = worker.children();
        }
        children.into_iter().for_each(|child| rustix::process::kill_process(child, signal).unwrap());
    }
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}
