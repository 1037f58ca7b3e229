use proptest::prelude::*;

use super::*;

#[test]
fn a_position_waits_for_the_slowest_record() {
    let mut ledger = OffsetLedger::new();
    ledger.assign(3);
    let leases: Vec<Lease> = [10, 11, 15].map(|offset| ledger.begin(3, offset).unwrap()).into();
    assert!(ledger.done(&leases[1]) && ledger.done(&leases[2]));
    assert_eq!(ledger.committable(3), Some(10));
    assert_eq!(ledger.take_committable(), []);
    assert!(ledger.done(&leases[0]));
    assert_eq!(ledger.take_committable(), [(3, 16)]);
    assert_eq!(ledger.take_committable(), [], "taken once");
    ledger.offer_again();
    assert_eq!(ledger.take_committable(), [(3, 16)], "committing failed");
    assert_eq!(ledger.take_committable(), []);
    assert!(!ledger.done(&leases[0]), "finished twice");
}

#[test]
fn what_was_in_flight_when_a_partition_left_counts_no_more() {
    let mut ledger = OffsetLedger::new();
    ledger.assign(0);
    let first = ledger.begin(0, 7).unwrap();
    let second = ledger.begin(0, 8).unwrap();
    assert!(ledger.done(&first));
    assert_eq!(ledger.revoke(0), Some(8));
    assert!(!ledger.is_current(&second) && !ledger.done(&second));

    ledger.assign(0);
    let again = ledger.begin(0, 8).unwrap();
    assert!(!ledger.done(&second), "the same offset, an earlier assignment");
    assert_eq!(ledger.committable(0), Some(8));
    assert!(ledger.done(&again));
    assert_eq!(ledger.revoke(0), Some(9));
}

#[test]
fn records_that_are_not_ours_or_were_passed_are_not_begun() {
    let mut ledger = OffsetLedger::new();
    assert_eq!(ledger.begin(0, 1), None);
    ledger.assign(0);
    assert!(ledger.begin(0, 5).is_some());
    for passed in [5, 4, -1] {
        assert_eq!(ledger.begin(0, passed), None, "{passed}");
    }
    assert_eq!(ledger.begin(0, i64::MAX), None, "nothing can follow it");
    assert_eq!((ledger.in_flight(), ledger.committable(0)), (1, Some(5)));
}

#[test]
fn what_is_no_record_is_done_when_all_records_before_it_are() {
    let mut ledger = OffsetLedger::new();
    ledger.pass(0, 3);
    ledger.assign(0);
    let lease = ledger.begin(0, 5).unwrap();
    ledger.pass(0, 8);
    assert_eq!(ledger.take_committable(), [], "a record before it is in work");
    assert!(ledger.done(&lease));
    assert_eq!(ledger.take_committable(), [(0, 8)]);
    ledger.pass(0, 6);
    assert_eq!((ledger.take_committable(), ledger.committable(0)), (vec![], Some(8)), "never back");
    assert_eq!(ledger.begin(0, 7), None);
    assert!(ledger.begin(0, 8).is_some());

    ledger.assign(1);
    ledger.pass(1, 2);
    assert_eq!(ledger.take_committable(), [(1, 2)], "nothing but ends of transactions since it was assigned");
}

/// One thing that happens to a ledger of two partitions.
#[derive(Debug, Clone)]
enum Step {
    Assign(i32),
    Revoke(i32),
    Begin { partition: i32, skip: i64 },
    Done { pick: prop::sample::Index },
    Take,
    CommitFailed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0..2).prop_map(Step::Assign),
        1 => (0..2).prop_map(Step::Revoke),
        8 => (0..2, -1i64..4).prop_map(|(partition, skip)| Step::Begin { partition, skip }),
        8 => any::<prop::sample::Index>().prop_map(|pick| Step::Done { pick }),
        3 => Just(Step::Take),
        1 => Just(Step::CommitFailed),
    ];
    prop::collection::vec(step, 0..60)
}

/// The plain truth about one assignment: every offset that was begun, and whether it is done.
#[derive(Default)]
struct Truth {
    begun: BTreeMap<i64, bool>,
    committed: Option<i64>,
    /// A commit failed since positions were last taken.
    failed: bool,
}

impl Truth {
    /// The largest position with nothing unfinished before it.
    fn position(&self) -> Option<i64> {
        let unfinished = self.begun.iter().find(|(_, done)| !**done).map(|(offset, _)| *offset);
        unfinished.or_else(|| self.begun.last_key_value().map(|(offset, _)| offset + 1))
    }

    fn commit(&mut self, position: i64) -> Result<(), TestCaseError> {
        prop_assert!(self.begun.range(..position).all(|(_, done)| *done), "{position} is past a hole");
        prop_assert!(self.committed.is_none_or(|before| position >= before), "{position} goes back");
        self.committed = Some(position);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn positions_never_pass_a_hole_never_go_back_and_ignore_the_past(steps in steps()) {
        let mut ledger = OffsetLedger::new();
        let mut truths: BTreeMap<i32, Truth> = BTreeMap::new();
        // Leases with whether they are of the present assignment.
        let mut leases: Vec<(Lease, bool)> = Vec::new();
        for step in steps {
            match step {
                Step::Assign(partition) => {
                    ledger.assign(partition);
                    truths.insert(partition, Truth::default());
                    leases.iter_mut().filter(|(lease, _)| lease.partition == partition)
                        .for_each(|(_, current)| *current = false);
                }
                Step::Revoke(partition) => {
                    if let Some(position) = ledger.revoke(partition) {
                        truths.get_mut(&partition).unwrap().commit(position)?;
                    }
                    truths.remove(&partition);
                    leases.iter_mut().filter(|(lease, _)| lease.partition == partition)
                        .for_each(|(_, current)| *current = false);
                }
                Step::Begin { partition, skip } => {
                    let last = truths.get(&partition).and_then(|truth| truth.begun.last_key_value());
                    let offset = last.map_or(0, |(offset, _)| offset + 1) + skip;
                    let begun = ledger.begin(partition, offset);
                    let may_begin = offset >= 0 && skip >= 0 && truths.contains_key(&partition);
                    prop_assert_eq!(begun.is_some(), may_begin);
                    if let Some(lease) = begun {
                        truths.get_mut(&partition).unwrap().begun.insert(offset, false);
                        leases.push((lease, true));
                    }
                }
                Step::Done { pick } if !leases.is_empty() => {
                    let (lease, current) = leases[pick.index(leases.len())];
                    prop_assert_eq!(ledger.is_current(&lease), current);
                    let finished = current.then(|| truths.get_mut(&lease.partition)).flatten()
                        .and_then(|truth| truth.begun.insert(lease.offset, true));
                    prop_assert_eq!(ledger.done(&lease), finished == Some(false));
                }
                Step::Done { .. } => {}
                Step::Take => {
                    let taken: BTreeMap<i32, i64> = ledger.take_committable().into_iter().collect();
                    for (partition, truth) in &mut truths {
                        let position = taken.get(partition).copied();
                        prop_assert!(position.is_none() || position == truth.position());
                        prop_assert!(!truth.failed || position == truth.position(), "not offered again");
                        truth.failed = false;
                        position.map_or(Ok(()), |position| truth.commit(position))?;
                    }
                    prop_assert_eq!(ledger.take_committable(), []);
                }
                Step::CommitFailed => {
                    ledger.offer_again();
                    truths.values_mut().for_each(|truth| truth.failed = !truth.begun.is_empty());
                }
            }
            for partition in 0..2 {
                let expected = truths.get(&partition).and_then(Truth::position);
                prop_assert_eq!(ledger.committable(partition), expected);
            }
            let unfinished = truths.values().flat_map(|truth| truth.begun.values()).filter(|done| !**done);
            prop_assert_eq!(ledger.in_flight(), unfinished.count());
        }
    }
}
