//! What a transaction adds to the writing of results, on an idle broker: the same records and offsets with
//! and without one, in turns. Prints medians with the spread; asserts nothing.
//!
//! `cargo bench --bench transactions`

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/kafka/broker.rs"]
mod broker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::Broker;
use kafka::{
    Admin, Assignment, GroupConsumer, GroupSettings, Headers, Outgoing, Publisher, PublisherSettings, Topics,
    TransactionalPublisher,
};

const ROUNDS: usize = 200;
/// Results of one batch.
const RECORDS: usize = 100;
const BYTES: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(30);

struct Anything;

impl Assignment for Anything {
    fn assigned(&self, _: &[i32]) {}
    fn revoked(&self, _: &[i32]) -> Vec<(i32, i64)> {
        Vec::new()
    }
    fn lost(&self, _: &[i32]) {}
    fn overtaken(&self, _: i32, _: i64, _: i64) {}
}

fn main() {
    let broker = Broker::start();
    let (connection, topics) = (broker.connection("bench"), Topics::new("bench").unwrap());
    Admin::new(&connection, PATIENCE).unwrap().create_topics(&topics.specs(1, 1)).unwrap();
    let input = topics.observations();
    let record = Outgoing {
        topic: topics.scores(),
        partition: Some(0),
        key: b"bench".to_vec(),
        value: Some(vec![7; BYTES]),
        headers: Headers::new(),
    };

    let consumer =
        GroupConsumer::new(&connection, &input, &GroupSettings::new("bench"), Arc::new(Anything)).unwrap();
    while consumer.assigned().is_empty() {
        consumer.poll(Duration::from_millis(50)).unwrap();
    }
    let plain =
        Publisher::new(&connection, PublisherSettings::default(), |(), result| result.unwrap()).unwrap();
    let mut transactional = TransactionalPublisher::new(&connection, "bench", PATIENCE).unwrap();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let next = round as i64 + 1;
        let started = Instant::now();
        (0..RECORDS).for_each(|_| plain.send(record.clone(), ()).unwrap());
        plain.flush(PATIENCE).unwrap();
        consumer.commit_sync(&[(0, next)]).unwrap();
        without.push(started.elapsed());

        let group = consumer.group_metadata().unwrap();
        let started = Instant::now();
        transactional.begin().unwrap();
        (0..RECORDS).for_each(|_| transactional.send(&record).unwrap());
        transactional.add_offsets(&[(&input, 0, next)], &group).unwrap();
        transactional.commit().unwrap();
        with.push(started.elapsed());
    }
    let (without, with) = (Spread::of(without), Spread::of(with));
    println!("{RECORDS} records of {BYTES} bytes and their offsets, {ROUNDS} rounds, milliseconds");
    println!("                    p50    p10    p90    p99");
    println!("without             {without}");
    println!("in a transaction    {with}");
    println!("a transaction adds {:.1} ms at the median", with.p50 - without.p50);
}

/// Milliseconds.
struct Spread {
    p10: f64,
    p50: f64,
    p90: f64,
    p99: f64,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        Self { p10: at(0.1), p50: at(0.5), p90: at(0.9), p99: at(0.99) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:5.1}  {:5.1}  {:5.1}  {:5.1}", self.p50, self.p10, self.p90, self.p99)
    }
}
