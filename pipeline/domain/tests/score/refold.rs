//! A session folded again from its log comes to the score that its records would have had in time, names
//! what it supersedes, and keeps every incident's id with rising revisions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::messages::{
    CountsReason, Incident, IncidentState, Observation, PolicyRef, Score, ScoreStatus, SegmentStatus,
    canonical,
};
use domain::policy::Policy;
use domain::score::{Output, ScoreInput, SessionFold};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::builder::{SCREEN, Script, session};
use crate::fixtures::{
    ACCOMMODATED, Outcome, fold_with, idle, policy_ref, run, session_id, standard, started,
};

fn accommodated() -> Policy {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| toml::from_str(ACCOMMODATED).unwrap());
    POLICY.clone()
}

fn reference(policy: &Policy) -> PolicyRef {
    PolicyRef { id: policy.id.clone(), ..policy_ref() }
}

/// Folds a session again after `before`, under a policy.
fn again(before: &SessionFold, policy: &Policy, observations: &[Observation]) -> (SessionFold, Outcome) {
    let mut fold = SessionFold::again(policy.clone(), reference(policy), session_id());
    assert!(fold.push(ScoreInput::SessionFact(&started(&[], None))).is_empty());
    for observation in observations {
        assert!(fold.push(ScoreInput::Observation(observation)).is_empty(), "nothing is said on the way");
    }
    let mut outcome = Outcome::default();
    outcome.add(fold.settle(Some(before.state())));
    (fold, outcome)
}

fn streamed(policy: &Policy, observations: &[Observation]) -> (SessionFold, Outcome) {
    let mut fold = fold_with(policy);
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    for observation in observations {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.push(ScoreInput::Marker(&idle(3600))));
    (fold, outcome)
}

/// What does not depend on how often a score was published.
fn content(score: &Score) -> String {
    let content = Score { rev: 0, supersedes: None, ..score.clone() };
    String::from_utf8(canonical::bytes(&content)).unwrap()
}

/// Every incident that stands, without its history.
fn standing(incidents: &BTreeMap<String, Incident>) -> BTreeMap<String, String> {
    let stands = incidents.iter().filter(|(_, incident)| incident.state != IncidentState::Superseded);
    let content = |incident: &Incident| {
        let content = Incident { rev: 0, state: IncidentState::Closed, ..incident.clone() };
        String::from_utf8(canonical::bytes(&content)).unwrap()
    };
    stands.map(|(id, incident)| (id.clone(), content(incident))).collect()
}

/// Takes revisions in as a reader does; each must be newer than the one before.
fn read(known: &mut BTreeMap<String, Incident>, outcome: &Outcome) {
    for revision in outcome.revisions() {
        let before = known.insert(revision.incident_id.to_string(), revision.clone());
        let is_newer = before.as_ref().is_none_or(|before| before.rev < revision.rev);
        assert!(is_newer, "{before:?} and then {revision:?}");
    }
}

fn scripts() -> impl Strategy<Value = Script> {
    prop::collection::vec((0u8..8, 1i64..5), 2..6).prop_map(|scenes| {
        let mut script = session().seated(12);
        for (scene, length) in scenes {
            let seconds = length * 4;
            script = match scene {
                0 => script.seated(seconds),
                1 => script.absent(seconds + 10),
                2 => script.second_person(seconds),
                3 => script.looking(seconds + 4, SCREEN.turned(50.0)),
                4 => script.lost(seconds),
                5 => script.reload().seated(seconds),
                6 => script.undecodable(seconds),
                _ => script.covered(seconds),
            };
        }
        script.seated(2)
    })
}

/// Whole sessions, folded up to five times each: 5 000 of them take as long as 100 000 cases elsewhere.
/// (A `proptest!` block has the environment overrule any number of its own.)
fn for_every_session(check: impl Fn(Script) -> Result<(), TestCaseError>) {
    let config = ProptestConfig::default();
    let mut runner = TestRunner::new(ProptestConfig { cases: config.cases.min(5_000), ..config });
    runner.run(&scripts(), check).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn the_same_policy_finds_nothing_new() {
    for_every_session(|script| {
        let observations = script.observations();
        let (before, said) = streamed(&standard(), &observations);
        let (_, outcome) = again(&before, &standard(), &observations);
        let [Output::Score(score)] = outcome.outputs.as_slice() else {
            panic!("only the score is said again: {:?}", outcome.outputs)
        };
        prop_assert_eq!(content(score), content(said.score()));
        prop_assert_eq!((score.rev, score.supersedes), (said.score().rev + 1, Some(said.score().rev)));
        prop_assert_eq!(score.status, ScoreStatus::Final);
        Ok(())
    });
}

#[test]
fn another_policy_and_back_supersedes_step_by_step() {
    for_every_session(|script| {
        let observations = script.observations();
        let mut known = BTreeMap::new();
        let (before, said) = streamed(&standard(), &observations);
        read(&mut known, &said);
        let original = standing(&known);

        let (granted, outcome) = again(&before, &accommodated(), &observations);
        read(&mut known, &outcome);
        let fresh = {
            let mut fold = SessionFold::new(accommodated(), reference(&accommodated()), session_id());
            let mut fresh = Outcome::default();
            fresh.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
            for observation in &observations {
                fresh.add(fold.push(ScoreInput::Observation(observation)));
            }
            fresh.add(fold.finish());
            fresh
        };
        let mut fresh_incidents = BTreeMap::new();
        read(&mut fresh_incidents, &fresh);
        prop_assert_eq!(content(outcome.score()), content(fresh.score()));
        prop_assert_eq!(standing(&known), standing(&fresh_incidents));
        prop_assert_eq!(outcome.score().supersedes, Some(said.score().rev));
        prop_assert_eq!(&outcome.score().policy.id, "standard-accommodated");

        let (_, back) = again(&granted, &standard(), &observations);
        read(&mut known, &back);
        prop_assert_eq!(content(back.score()), content(said.score()));
        prop_assert_eq!(standing(&known), original);
        prop_assert_eq!(back.score().supersedes, Some(outcome.score().rev));
        Ok(())
    });
}
#[test]
fn an_incident_that_is_not_found_any_more_is_withdrawn() {
    let observations = session().seated(30).second_person(20).seated(30).observations();
    let (before, said) = streamed(&standard(), &observations);
    let mut blind = standard();
    blind.detect.multiple_persons.window.on_ms = domain::time::Millis::from_secs(60);
    let (_, outcome) = again(&before, &blind, &observations);
    let [withdrawn] = outcome.revisions()[..] else { panic!("{:?}", outcome.revisions()) };
    assert_eq!(withdrawn.incident_id, said.incidents()[0].incident_id);
    assert_eq!(withdrawn.rev, said.incidents()[0].rev + 1);
    assert_eq!((withdrawn.state, withdrawn.counts), (IncidentState::Superseded, false));
    assert_eq!(withdrawn.counts_reason, CountsReason::Superseded);
    assert_eq!(outcome.score().concern_milli, 0);
}

#[test]
fn a_segment_redriven_long_after_its_place_was_given_up_is_seen_after_all() {
    let good = session().seated(30).absent(20).seated(60).observations();
    let mut log = good.clone();
    log[17].status = SegmentStatus::Undecodable;
    log[17].frames.clear();
    let (before, said) = streamed(&standard(), &log);
    assert_eq!(said.score().coverage.by_reason["undecodable"].0, 2000);
    log.push(Observation { attempt: 1, ..good[17].clone() });
    let (_, outcome) = again(&before, &standard(), &log);
    // The hash of the inputs tells attempts apart; nothing else does.
    let expected = run(&standard(), &good).score().clone();
    let inputs_sha256 = outcome.score().inputs_sha256.clone();
    assert_eq!(content(outcome.score()), content(&Score { inputs_sha256, ..expected }));
}

#[test]
fn after_it_has_settled_it_goes_on_as_any_other() {
    let observations = session().seated(30).absent(20).seated(60).observations();
    let (first, rest) = observations.split_at(20);
    let mut live = fold_with(&standard());
    live.push(ScoreInput::SessionFact(&started(&[], None)));
    for observation in first {
        live.push(ScoreInput::Observation(observation));
    }
    let (mut fold, outcome) = again(&live, &standard(), first);
    assert_eq!((outcome.score().rev, outcome.score().status), (1, ScoreStatus::Provisional));
    let mut ended = Outcome::default();
    for observation in rest {
        ended.add(fold.push(ScoreInput::Observation(observation)));
    }
    ended.add(fold.finish());
    assert_eq!(content(ended.score()), content(run(&standard(), &observations).score()));
    assert_eq!((ended.score().rev, ended.score().supersedes), (2, Some(1)));
}
