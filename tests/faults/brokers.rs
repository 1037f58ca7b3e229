//! Brokers that die, are away for longer than a transaction may stay open, or are reached over a bad link.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{CLIPS, FAILPOINTS, OBSERVED, assert_nothing_lost_or_doubled, start};
use crate::broker::{Broker, Cluster};
use crate::exam::{Exam, PARTITIONS};

/// Transactions that came to nothing: the client's choice of words depends on what it was waiting for.
const GIVEN_UP: [&str; 2] = [
    "invigilator_transactions_total{outcome=\"aborted\",role=\"score\"}",
    "invigilator_transactions_total{outcome=\"fenced\",role=\"score\"}",
];
const LOST: &str = "invigilator_rebalances_total{change=\"lost\",role=\"observe\"}";
const COMMITTED: &str = "invigilator_transactions_total{outcome=\"committed\",role=\"score\"}";

#[test]
fn a_broker_that_is_away_for_longer_than_a_transaction_may_stay_open() {
    let mut broker = Broker::start();
    let exam = Exam::on(&broker.bootstrap(), "outage");
    exam.publish(&CLIPS[..2]);
    let short = ("INVIGILATOR__KAFKA__TRANSACTION_TIMEOUT_MS", "3000");
    // The outage begins while a transaction is open.
    let open = (FAILPOINTS, "score.offsets=stop@2");
    let worker = start(&exam, "outage-0", &[short, open]);
    worker.wait_until_stopped();
    broker.kill();
    let killed = Instant::now();
    worker.signal(Signal::CONT);
    worker.wait_until("the transaction is given up", |worker| {
        GIVEN_UP.iter().any(|outcome| worker.metric(outcome) >= 1.0)
    });
    assert!(killed.elapsed() >= Duration::from_secs(3), "not before its time");
    assert_eq!(worker.get("/healthz").0, 200, "a restart mends no broker");
    broker.restart();
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0), "the same process all along");
}

#[test]
fn a_worker_ends_in_time_though_no_broker_answers() {
    let mut broker = Broker::start();
    let exam = Exam::on(&broker.bootstrap(), "deaf");
    exam.publish(&CLIPS[..1]);
    let soon = ("INVIGILATOR__WORKER__DRAIN_DEADLINE_MS", "2000");
    let worker = start(&exam, "deaf-0", &[soon]);
    worker.wait_until("it writes", |worker| worker.metric(OBSERVED) >= 1.0);
    broker.kill();
    let asked = Instant::now();
    assert_eq!(worker.terminate(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20), "a pod has 30 s: {:?}", asked.elapsed());
    broker.restart();
    let worker = start(&exam, "deaf-1", &[]);
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_broker_that_is_killed_and_comes_back() {
    let mut broker = Broker::start();
    let exam = Exam::on(&broker.bootstrap(), "broker");
    exam.create_topics();
    let worker = start(&exam, "broker-0", &[]);
    for clips in CLIPS.chunks(2) {
        // Work for this round: what came before may be done.
        let before = [OBSERVED, COMMITTED].map(|count| worker.metric_or(count, 0.0));
        exam.publish(clips);
        // In the middle of writing observations, and of transactions.
        worker.wait_until("it writes", |worker| {
            worker.metric(OBSERVED) > before[0] && worker.metric(COMMITTED) > before[1]
        });
        broker.kill();
        broker.restart();
    }
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_broker_whose_disk_is_full() {
    let mut broker = match Broker::start_on_disk(96) {
        Ok(broker) => broker,
        Err(reason) => return eprintln!("not tested, for want of a small disk: {reason}"),
    };
    let exam = Exam::on(&broker.bootstrap(), "full");
    exam.publish(&CLIPS);
    let worker = start(&exam, "full-0", &[]);
    worker
        .wait_until("it writes", |worker| worker.metric(OBSERVED) >= 2.0 && worker.metric(COMMITTED) >= 2.0);
    broker.fill_disk();
    broker.make_room();
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn brokers_that_are_killed_one_after_the_other() {
    let mut cluster = Cluster::start(3);
    let exam = Exam::on(&cluster.bootstrap(), "rolling");
    exam.create_topics_with(3);
    let topics: Vec<String> = exam.topics.specs(PARTITIONS, 3).into_iter().map(|spec| spec.name).collect();
    let worker = start(&exam, "rolling-0", &[]);
    for (node, clip) in CLIPS[..3].iter().enumerate() {
        // Work for this round: what came before may be done.
        let before = worker.metric(OBSERVED);
        exam.publish(&[clip]);
        worker.wait_until("it writes", |worker| worker.metric(OBSERVED) > before);
        cluster.kill(node);
        let before = worker.metric(OBSERVED);
        worker.wait_until("it goes on with the others", |worker| worker.metric(OBSERVED) > before);
        cluster.restart(node);
        cluster.wait_in_sync(&topics);
    }
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_link_that_is_slow_that_stalls_and_that_breaks() {
    let (broker, link) = Broker::start_behind_link();
    let exam = Exam::on(&broker.bootstrap(), "link");
    exam.publish(&CLIPS[..2]);
    let worker = start(&exam, "link-0", &[]);
    link.slow_down(Duration::from_millis(40));
    for round in 1..=5 {
        let least = f64::from(round) * 3.0;
        worker.wait_until("it writes", |worker| worker.metric(OBSERVED) >= least);
        link.cut();
    }
    // Longer than the group waits for its members.
    link.stop(true);
    worker.wait_until("it is missed", |worker| worker.metric_or(LOST, 0.0) >= 1.0);
    link.stop(false);
    link.slow_down(Duration::ZERO);
    assert_nothing_lost_or_doubled(&exam);
    assert_eq!(worker.terminate(), Some(0));
}
