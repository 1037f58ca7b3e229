//! Order and repetition make no difference, and a desk can be put away at any time.

use domain::desk::SessionDesk;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::fixtures::session_id;
use crate::log::{Log, Topic, eventful, read};

/// One step of a reader: a topic, and how many records it is first put back by.
fn steps() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let back = prop_oneof![8 => Just(0usize), 1 => 1usize..60];
    prop::collection::vec((0usize..5, back), 0..400)
}

/// Reads as `steps` say, then whatever is left. `pause` sees the desk after every record.
fn wander(log: &Log, steps: &[(usize, usize)], mut pause: impl FnMut(&mut SessionDesk)) -> SessionDesk {
    let mut desk = SessionDesk::new(session_id());
    let mut next = [0usize; 5];
    let all = (0..5).flat_map(|topic| std::iter::repeat_n((topic, 0), 2_000));
    for (topic, back) in steps.iter().copied().chain(all) {
        next[topic] = next[topic].saturating_sub(back);
        if let Some(record) = log.records(Topic::ALL[topic]).get(next[topic]) {
            read(&mut desk, [record.clone()]);
            pause(&mut desk);
            next[topic] += 1;
        }
    }
    desk
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    #[test]
    fn topics_may_be_read_at_any_speed_and_again(steps in steps()) {
        let log = eventful();
        prop_assert_eq!(wander(&log, &steps, |_| {}), log.desk());
    }

    #[test]
    fn incidents_scores_and_reviews_may_come_in_any_order(seed in any::<u64>()) {
        let log = eventful();
        let mut desk = SessionDesk::new(session_id());
        for topic in Topic::ALL {
            let mut records = log.records(topic).to_vec();
            if !matches!(topic, Topic::Sessions | Topic::Observations) {
                records.sort_by_key(|(place, _)| (place.offset as u64).wrapping_mul(seed | 1).rotate_left(17));
            }
            read(&mut desk, records);
        }
        prop_assert_eq!(desk, log.desk());
    }

    #[test]
    fn putting_it_away_changes_nothing(steps in steps(), every in 1usize..40) {
        let log = eventful();
        let mut count = 0;
        let desk = wander(&log, &steps, |desk| {
            count += 1;
            if count % every == 0 {
                let text = serde_json::to_string(desk).unwrap();
                *desk = serde_json::from_str(&text).unwrap();
            }
        });
        prop_assert_eq!(desk, log.desk());
    }
}

#[test]
fn what_is_known_changes_nothing() {
    let log = eventful();
    let mut desk = log.desk();
    let before = desk.clone();
    for record in log.all() {
        let changes = read(&mut desk, [record.clone()]);
        assert!(!changes.any(), "{record:?}");
    }
    assert_eq!(desk, before);
}

#[test]
fn a_record_of_another_session_changes_nothing() {
    let mut desk = SessionDesk::new("t1/e7/other".parse().unwrap());
    let before = desk.clone();
    assert!(!read(&mut desk, eventful().all()).any());
    assert_eq!(desk, before);
}

#[test]
fn of_a_score_the_highest_revision_counts_and_of_the_same_the_last() {
    let log = eventful();
    let desk = log.desk();
    let (_, last) = log.records(Topic::Scores).last().unwrap();
    let domain::desk::DeskEntry::Score(last) = last else { unreachable!() };
    assert_eq!(desk.score(), Some(&**last));
    let revisions = desk.revisions();
    let numbers: Vec<u32> = revisions.iter().map(|revision| revision.rev).collect();
    assert_eq!(numbers, (0..=last.rev).collect::<Vec<_>>(), "each once");
    assert!(last.rev >= 4, "a final one, and one for each review");
}
