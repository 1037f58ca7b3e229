//! Workers that are killed, stand still, or come and go.

use rustix::process::Signal;

use super::{CLIPS, FAILPOINTS, OBSERVED, STATIC, assert_nothing_lost_or_doubled, start};
use crate::exam::{Exam, PARTITIONS};

/// One life of a worker each. All but the last of a row end between the writing of a result and the commit of
/// its origin, and so leave their role's work to the next life: a role that found none would never die.
const ENDS: [[&str; 5]; 2] = [
    [
        "observe.acknowledged=kill@3",
        "observe.sent=kill@4",
        "observe.acknowledged=kill@2",
        "observe.sent=kill@1",
        "observe.committed=kill@1",
    ],
    [
        "score.sent=kill@1",
        "score.offsets=kill@1",
        "score.sent=kill@1",
        "score.offsets=kill@1",
        "score.committed=kill@1",
    ],
];

#[test]
fn a_worker_that_is_killed_again_and_again() {
    let exam = Exam::new("killed");
    let mut kills = 0;
    for (clip, ends) in CLIPS.into_iter().zip(ENDS.into_iter().cycle()) {
        exam.publish(&[clip]);
        for end in ends {
            let worker = start(&exam, "killed-0", &[(FAILPOINTS, end), STATIC]);
            assert_eq!(worker.killed_by(), Some(Signal::KILL.as_raw()), "{end}");
            kills += 1;
        }
    }
    assert!(kills >= 20);
    let worker = start(&exam, "killed-0", &[STATIC]);
    let again = assert_nothing_lost_or_doubled(&exam);
    assert!(again > 0, "kills before the commit repeat work: they hit where they should");
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_worker_that_stood_still_while_another_took_over() {
    let exam = Exam::new("zombie");
    exam.publish(&CLIPS);
    // It stands still with a transaction open, and with observations on their way.
    let zombie = start(&exam, "zombie-0", &[(FAILPOINTS, "score.offsets=stop@3")]);
    zombie.wait_until_stopped();
    let successor = start(&exam, "zombie-1", &[]);
    let taken = "invigilator_partitions{role=\"score\"}";
    successor.wait_until("the successor owns everything", |worker| {
        worker.metric_or(taken, 0.0) == f64::from(PARTITIONS)
    });
    zombie.signal(Signal::CONT);
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(zombie.terminate(), Some(0), "it lives on as a member like any other");
    assert_eq!(successor.terminate(), Some(0));
}

#[test]
fn workers_that_come_and_go_under_load() {
    let exam = Exam::new("crowd");
    exam.publish(&CLIPS[..1]);
    let assigned = "invigilator_rebalances_total{change=\"assigned\",role=\"observe\"}";
    // Here the brokers share partitions out (KIP-848); everywhere else, a worker does.
    let protocol = ("INVIGILATOR__KAFKA__GROUP_PROTOCOL", "consumer");
    let first = start(&exam, "crowd-0", &[protocol]);
    first.wait_until("it is in the middle of it", |worker| worker.metric(OBSERVED) >= 3.0);
    let mut workers = vec![first];
    workers.extend((1..4).map(|number| start(&exam, &format!("crowd-{number}"), &[protocol])));
    // Three partitions for four: the last one may get none.
    for worker in &workers[..3] {
        worker.wait_until("it has a share", |worker| worker.metric_or(assigned, 0.0) >= 1.0);
    }
    // Work for all of them: the first one may be through with what there was.
    let observed = || workers.iter().map(|worker| worker.metric_or(OBSERVED, 0.0)).sum::<f64>();
    let before = observed();
    exam.publish(&CLIPS[1..]);
    workers[0].wait_until("they are in the middle of it", |_| observed() >= before + 3.0);
    for worker in workers.drain(..2) {
        assert_eq!(worker.terminate(), Some(0));
    }
    assert_nothing_lost_or_doubled(&exam);
    for worker in workers {
        assert_eq!(worker.terminate(), Some(0));
    }
}

#[test]
fn models_that_fail_end_the_process_and_a_successor_does_it_again() {
    let exam = Exam::new("models");
    exam.publish(&CLIPS[..1]);
    let worker = start(&exam, "models-0", &[(FAILPOINTS, "look.models=error@2")]);
    assert_eq!(worker.exit_code(), Some(7));
    let worker = start(&exam, "models-0", &[]);
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_second_signal_ends_a_worker_at_once_and_loses_nothing() {
    let exam = Exam::new("impatient");
    exam.publish(&CLIPS[..2]);
    let worker = start(&exam, "impatient-0", &[]);
    worker.wait_until("it is in the middle of it", |worker| worker.metric(OBSERVED) >= 2.0);
    worker.signal(Signal::TERM);
    worker.wait_until("it drains", |worker| worker.get("/readyz").1 == "draining");
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit_code(), Some(0));
    let worker = start(&exam, "impatient-1", &[]);
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}
