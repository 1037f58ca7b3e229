//! Records that arrive in another order within the lateness bound, or twice, give the byte-identical
//! final score.

use domain::messages::{Accommodation, Observation, Score, SessionEvent, SessionFact, canonical};
use domain::policy::Policy;
use domain::score::{ScoreInput, SessionFold};
use domain::time::Millis;
use proptest::prelude::*;

use crate::builder::{SCREEN, Script, session};
use crate::fixtures::{ended, fact, fold_with, run_with, span, standard, started};

/// Short sessions, so that a hundred thousand of them can be folded; lateness is short to match.
fn policy() -> Policy {
    let mut policy = standard();
    policy.timing.lateness_ms = Millis::from_secs(8);
    policy
}

fn scripts() -> impl Strategy<Value = Script> {
    prop::collection::vec((0u8..8, 1i64..5), 2..5).prop_map(|scenes| {
        let mut script = session().seated(4);
        for (scene, length) in scenes {
            let seconds = length * 2;
            script = match scene {
                0 => script.seated(seconds),
                1 => script.absent(seconds + 10),
                2 => script.second_person(seconds),
                3 => script.looking(seconds, SCREEN.turned(50.0)),
                4 => script.lost(seconds),
                5 => script.reload().seated(seconds),
                6 => script.undecodable(seconds),
                _ => script.covered(seconds),
            };
        }
        script.seated(2)
    })
}

#[derive(Debug, Clone)]
enum Record {
    Observation(Box<Observation>),
    Fact(SessionFact),
}

/// An order of arrival in which no observation comes later than the lateness bound allows, with some
/// records delivered again.
fn arrivals(
    observations: &[Observation],
    facts: &[SessionFact],
    delays: &[i64],
    repeats: &[u8],
    lateness: Millis,
) -> Vec<Record> {
    let delay = |index: usize| delays[index % delays.len()];
    let mut timed: Vec<(i64, usize, Record)> = Vec::new();
    for (index, observation) in observations.iter().enumerate() {
        // An observation is sent at its end and arrives up to the bound later: whatever has arrived
        // before then ends at most that much after it started.
        let length = observation.end_ms - observation.start_ms;
        let most = (lateness - length).0;
        let at = observation.end_ms.0 + delay(index) % (most + 1);
        timed.push((at, index, Record::Observation(Box::new(observation.clone()))));
        if repeats[index % repeats.len()] == 0 {
            let again = observation.end_ms.0 + delay(index + 1) * 3 % 60_000;
            timed.push((again.max(at), index, Record::Observation(Box::new(observation.clone()))));
        }
    }
    for (index, fact) in facts.iter().enumerate() {
        timed.push((fact.media_ms.0 + delay(index) % 2000, index, Record::Fact(fact.clone())));
    }
    timed.sort_by_key(|(at, index, _)| (*at, *index));
    timed.into_iter().map(|(_, _, record)| record).collect()
}

fn push(fold: &mut SessionFold, record: &Record) {
    match record {
        Record::Observation(observation) => fold.push(ScoreInput::Observation(observation)),
        Record::Fact(fact) => fold.push(ScoreInput::SessionFact(fact)),
    };
}

/// The last score of a session that arrives like this.
fn final_score(policy: &Policy, records: &[Record]) -> Vec<u8> {
    let mut fold = fold_with(policy);
    for record in records {
        push(&mut fold, record);
    }
    fold.finish();
    // Whatever was published on the way, a review asks for the score once more.
    canonical::bytes(&last_score(&mut fold))
}

fn last_score(fold: &mut SessionFold) -> Score {
    let nudge = fact(0, SessionEvent::BreakEnded);
    let outputs = fold.push(ScoreInput::SessionFact(&nudge));
    match outputs.into_iter().next_back() {
        Some(domain::score::Output::Score(score)) => *score,
        other => panic!("a new fact makes a new score, got {other:?}"),
    }
}

proptest! {
    #[test]
    fn permuted_and_repeated_arrival_gives_the_same_final_score(
        script in scripts(),
        delays in prop::collection::vec(0i64..60_000, 1..24),
        repeats in prop::collection::vec(0u8..4, 1..24),
    ) {
        let policy = policy();
        let seconds = script.seconds();
        let observations = script.observations();
        let facts = [
            started(&[Accommodation::Paper], Some(span(0, seconds))),
            fact(seconds * 300, SessionEvent::BreakStarted),
        ];
        let mut in_order: Vec<Record> = facts.iter().cloned().map(Record::Fact).collect();
        in_order.extend(observations.iter().cloned().map(|observation| Record::Observation(Box::new(observation))));
        let permuted = arrivals(&observations, &facts, &delays, &repeats, policy.timing.lateness_ms);
        prop_assert_eq!(
            String::from_utf8(final_score(&policy, &permuted)),
            String::from_utf8(final_score(&policy, &in_order))
        );
    }
}

#[test]
fn the_end_may_be_known_before_the_last_segments_are_in() {
    let observations = session().seated(40).absent(30).seated(40).observations();
    let in_time = run_with(&standard(), &[started(&[], None), ended(110)], &observations, &[]);
    let mut fold = fold_with(&standard());
    let mut outputs = fold.push(ScoreInput::SessionFact(&started(&[], None)));
    for observation in &observations {
        outputs.extend(fold.push(ScoreInput::Observation(observation)));
    }
    outputs.extend(fold.push(ScoreInput::SessionFact(&ended(110))));
    let Some(domain::score::Output::Score(score)) = outputs.last() else { panic!() };
    assert_eq!(&**score, in_time.score());
}
