//! Who sat there is told from several comparisons, never from one; what could not be compared accuses nobody;
//! nothing costs a point before a human confirmed it; a swap is found within 30 s of media time.

use domain::identity::{Cadence, Comparison};
use domain::messages::{
    Decision, IdentityMatch, IdentityState, IncidentClass, IncidentType, Observation, Review, ReviewPriority,
    UnseenReason, canonical,
};
use domain::score::{Output, ScoreInput};
use domain::time::{Interval, MediaMs, Millis};
use proptest::prelude::*;

use crate::builder::{Script, session};
use crate::fixtures::{Outcome, fold_with, run, run_with, session_id, standard, started};

const SAME: f32 = 0.99;
const OTHER: f32 = 0.92;
const DOUBT: f32 = 0.94;

/// As the worker compares: once in 15 s, and all samples of a segment that is in doubt. `alike` says what a
/// comparison at an instant comes to, or that none is possible.
fn compared(script: Script, alike: impl Fn(i64) -> Option<f32>) -> Vec<Observation> {
    let mut observations = script.observations();
    let cadence = Cadence::default();
    for observation in &mut observations {
        observation.template = Some("tpl-1".into());
        let segment = Interval::new(observation.start_ms, observation.end_ms);
        let mut compare = |frame: &mut domain::messages::FrameObservation| {
            let similarity = alike(frame.media_ms.0);
            let face = frame.faces.first_mut().unwrap();
            let (eligible, template) = (similarity.is_some(), "tpl-1".into());
            face.identity = Some(IdentityMatch { eligible, similarity, template });
            Ok::<_, ()>(similarity.map_or(Comparison::Impossible, Comparison::Similarity))
        };
        // A calm session: every second, and twice as often where there is doubt.
        let calm = |frame: &&mut domain::messages::FrameObservation| frame.media_ms.0 % 1000 == 0;
        let in_doubt = cadence.take_turns(segment, observation.frames.iter_mut().filter(calm), &mut compare);
        if in_doubt == Ok(true) {
            cadence.burst(observation.frames.iter_mut(), &mut compare).unwrap();
        }
    }
    observations
}

/// Every sample compared, alike as given, in seconds from the start.
fn each(script: Script, alike: impl Fn(i64) -> Option<f32>) -> Outcome {
    let mut observations = script.observations();
    for observation in &mut observations {
        observation.template = Some("tpl-1".into());
        for frame in &mut observation.frames {
            let similarity = alike(frame.media_ms.0 / 1000);
            for face in &mut frame.faces {
                face.identity = Some(IdentityMatch {
                    eligible: similarity.is_some(),
                    similarity,
                    template: "tpl-1".into(),
                });
            }
        }
    }
    run(&standard(), &observations)
}

fn accusations(outcome: &Outcome) -> usize {
    outcome.incidents().iter().filter(|incident| incident.class == IncidentClass::Identity).count()
}

#[test]
fn four_unlike_samples_are_a_mismatch_and_three_are_not() {
    let unlike_from = |first: i64, last: i64| {
        move |second: i64| Some(if (first..=last).contains(&second) { OTHER } else { SAME })
    };
    let four = each(session().seated(60), unlike_from(20, 23));
    assert_eq!(four.spans(IncidentType::IdentityMismatch), [(19, 23)]);
    let three = each(session().seated(60), unlike_from(20, 22));
    assert_eq!(accusations(&three), 0);
    // One very unlike sample does not outweigh a match.
    let one = each(session().seated(60), |second| Some(if second == 20 { -1.0 } else { 0.961 }));
    assert_eq!(accusations(&one), 0);
    let doubtful = each(session().seated(600), |_| Some(DOUBT));
    assert_eq!(accusations(&doubtful), 0);
    assert_eq!(doubtful.score().identity.state, IdentityState::Unverifiable);
}

#[test]
fn a_mismatch_lasts_until_two_matches_and_shows_only_unlike_samples() {
    let outcome = each(session().seated(60), |second| match second {
        20..=29 | 31..=34 => Some(OTHER),
        _ => Some(SAME),
    });
    let mismatches = outcome.of(IncidentType::IdentityMismatch);
    assert_eq!(outcome.spans(IncidentType::IdentityMismatch), [(19, 34)]);
    assert_eq!((mismatches[0].stats.matched, mismatches[0].duration_ms), (14, Millis(14_000)));
    assert_eq!(mismatches[0].reason.text, "14 comparisons found a face unlike the enrolled one.");
}

#[test]
fn another_face_after_a_break_in_view_is_a_switch() {
    let swap = |pause: fn(Script) -> Script| {
        let script = pause(session().seated(30)).seated(30);
        each(script, |second| Some(if second < 30 { SAME } else { OTHER }))
    };
    for pause in [
        (|script: Script| script.absent(4)) as fn(Script) -> Script,
        |script| script.covered(4),
        |script| script.reload(),
    ] {
        let outcome = swap(pause);
        assert_eq!(outcome.of(IncidentType::IdentitySwitch).len(), 1);
        assert_eq!(outcome.of(IncidentType::IdentityMismatch).len(), 1);
    }
    let unbroken = swap(|script| script);
    assert_eq!(unbroken.of(IncidentType::IdentitySwitch).len(), 0);
    assert_eq!(unbroken.of(IncidentType::IdentityMismatch).len(), 1);
    let stranger_all_along = each(session().seated(30).absent(4).seated(30), |_| Some(OTHER));
    assert_eq!(stranger_all_along.of(IncidentType::IdentitySwitch).len(), 0);
}

#[test]
fn nothing_counts_before_a_human_confirmed_it() {
    let unlike = |second: i64| Some(if second < 30 { SAME } else { OTHER });
    let script = session().seated(60);
    let pending = each(script.clone(), unlike);
    let score = pending.score();
    assert_eq!((score.concern_milli, score.integrity), (0, Some(100)));
    assert_eq!(score.review_priority, ReviewPriority::High);
    assert_eq!(score.identity.state, IdentityState::PendingReview);

    let decided = |decision| {
        let mut observations = compared(script.clone(), |at| unlike(at / 1000));
        observations.truncate(30);
        let review = Review {
            session: session_id(),
            kind: IncidentType::IdentityMismatch,
            review_id: "r1".into(),
            start_ms: MediaMs(0),
            end_ms: MediaMs(61_000),
            decision,
            by: "p1".into(),
            at: "2026-11-24T14:03:22Z".into(),
            note: None,
        };
        run_with(&standard(), &[started(&[], None)], &observations, &[review])
    };
    let confirmed = decided(Decision::Confirm);
    assert_eq!(confirmed.score().concern_milli, 60_000);
    assert_eq!(confirmed.score().identity.state, IdentityState::Unverifiable);
    let dismissed = decided(Decision::Dismiss);
    assert_eq!(dismissed.score().concern_milli, 0);
    assert_eq!(dismissed.score().review_priority, ReviewPriority::None);
}

#[test]
fn the_ledger_counts_what_was_tried_what_could_be_compared_and_what_matched() {
    let outcome = each(session().seated(60), |second| match second {
        0..=9 => None,
        10..=19 => Some(DOUBT),
        _ => Some(SAME),
    });
    let ledger = &outcome.score().identity;
    assert_eq!((ledger.checks, ledger.eligible, ledger.matched), (60, 50, 40));
    assert_eq!((ledger.state, ledger.template.as_deref()), (IdentityState::Verified, Some("tpl-1")));
    assert_eq!(ledger.last_match_ms, Some(MediaMs(59_500)));
    let nobody = run(&standard(), &session().seated(60).observations());
    assert_eq!(nobody.score().identity.state, IdentityState::NotRequired);
}

#[test]
fn five_minutes_without_an_eligible_sample_are_told_and_cost_nothing() {
    let outcome = each(session().seated(20).dark(400).seated(20), |_| Some(SAME));
    assert_eq!(outcome.spans(IncidentType::IdentityUnverifiable), [(19, 419)]);
    assert_eq!(accusations(&outcome), 0);
    assert_eq!(outcome.score().concern_milli, 0);
    let short = each(session().seated(20).dark(290).seated(20), |_| Some(SAME));
    assert_eq!(short.of(IncidentType::IdentityUnverifiable).len(), 0);
}

#[test]
fn similarities_to_another_template_are_not_mixed_with_earlier_ones() {
    let mut observations = compared(session().fps(2).seated(60), |_| Some(OTHER));
    for observation in &mut observations[1..] {
        observation.template = Some("tpl-2".into());
        observation
            .frames
            .iter_mut()
            .flat_map(|frame| &mut frame.faces)
            .for_each(|face| face.identity = None);
    }
    // Four unlike ones under the first template, and none under the second.
    observations[0].frames.truncate(3);
    let outcome = run(&standard(), &observations);
    assert_eq!(accusations(&outcome), 0);
    assert_eq!(outcome.score().identity.template.as_deref(), Some("tpl-2"));
}

/// What a session is strung together from: the rightful candidate, sometimes badly or not at all seen.
fn days() -> impl Strategy<Value = Script> {
    prop::collection::vec((0u8..7, 1i64..20), 2..7).prop_map(|scenes| {
        let mut script = session().fps(2).seated(4);
        for (scene, length) in scenes {
            let seconds = length * 2;
            script = match scene {
                0 | 1 => script.seated(seconds),
                2 => script.absent(seconds),
                3 => script.dark(seconds),
                4 => script.lost(seconds),
                5 => script.undecodable(seconds),
                _ => script.reload().seated(seconds),
            };
        }
        script.seated(2)
    })
}

/// Media time at which an incident of a type was first reported.
fn reported(outcome: &Outcome, kind: IncidentType) -> Option<MediaMs> {
    outcome.outputs.iter().find_map(|output| match output {
        Output::Incident { incident, time_to_flag } if incident.kind == kind => {
            Some(incident.start_ms + *time_to_flag)
        }
        _ => None,
    })
}

proptest! {
    #[test]
    fn whoever_is_alike_is_never_taken_for_another(
        script in days(), noise in prop::collection::vec(0.9501f32..1.0, 1..40)
    ) {
        let alike = |at: i64| Some(noise[(at / 500) as usize % noise.len()]);
        let outcome = run(&standard(), &compared(script, alike));
        prop_assert_eq!(accusations(&outcome), 0);
    }

    #[test]
    fn without_an_eligible_sample_nothing_but_coverage_is_said(script in days()) {
        let outcome = run(&standard(), &compared(script, |_| None));
        prop_assert_eq!(accusations(&outcome), 0);
        prop_assert!(outcome.score().identity.state != IdentityState::Verified);
    }

    /// Taking samples away can make an accusation go away, never come up.
    #[test]
    fn what_is_not_seen_accuses_nobody(
        script in days(),
        noise in prop::collection::vec(prop_oneof![3 => Just(SAME), 1 => Just(DOUBT)], 1..40),
        reason in prop::sample::select(vec![UnseenReason::Dark, UnseenReason::Gap, UnseenReason::Shed]),
        keep in 2usize..6,
    ) {
        let alike = |at: i64| Some(noise[(at / 500) as usize % noise.len()]);
        let mut observations = compared(script, alike);
        for (index, frame) in observations.iter_mut().flat_map(|one| &mut one.frames).enumerate() {
            if index % keep != 0 {
                frame.status = domain::messages::SampleStatus::NotSeen;
                frame.reason = Some(reason);
            }
        }
        prop_assert_eq!(accusations(&run(&standard(), &observations)), 0);
    }

    #[test]
    fn a_swap_is_reported_within_thirty_seconds(
        before in 20i64..120, pause in 0i64..4, alike in -0.2f32..0.934, calm in any::<bool>()
    ) {
        let before = before * 2;
        let script = session().fps(2).seated(before).absent(pause * 2).seated(60);
        let from = (before + pause * 2) * 1000;
        let script = if calm { script.rarely() } else { script };
        let observations = compared(script, |at| Some(if at < from { SAME } else { alike }));
        let outcome = run(&standard(), &observations);
        let at = reported(&outcome, IncidentType::IdentityMismatch);
        prop_assert!(at.is_some_and(|at| at <= MediaMs(from + 30_000)), "{:?} after {}", at, from);
        prop_assert!(at.is_some_and(|at| at >= MediaMs(from)));
    }

    #[test]
    fn order_and_repetition_make_no_difference(
        script in days(), shuffle in prop::collection::vec(0usize..3, 1..30),
        noise in prop::collection::vec(0.9f32..1.0, 1..40),
    ) {
        let observations = compared(script, |at| Some(noise[(at / 500) as usize % noise.len()]));
        let fold = |records: &[&Observation]| {
            let mut fold = fold_with(&standard());
            fold.push(ScoreInput::SessionFact(&started(&[], None)));
            records.iter().for_each(|one| drop(fold.push(ScoreInput::Observation(one))));
            let mut outcome = Outcome::default();
            outcome.add(fold.finish());
            canonical::bytes(outcome.score())
        };
        let straight: Vec<&Observation> = observations.iter().collect();
        let mut mixed: Vec<(usize, &Observation)> = Vec::new();
        for (index, observation) in observations.iter().enumerate() {
            let late = shuffle[index % shuffle.len()];
            mixed.push((index + late, observation));
            if late == 2 {
                mixed.push((index + 4, observation));
            }
        }
        mixed.sort_by_key(|(place, _)| *place);
        let mixed: Vec<&Observation> = mixed.into_iter().map(|(_, observation)| observation).collect();
        prop_assert_eq!(fold(&straight), fold(&mixed));
    }
}

#[test]
fn in_a_calm_session_one_sample_in_fifteen_seconds_is_compared() {
    let observations = compared(session().fps(2).seated(120), |_| Some(SAME));
    let frames = observations.iter().flat_map(|one| &one.frames);
    let at: Vec<i64> = frames
        .filter(|frame| frame.faces.iter().any(|face| face.identity.is_some()))
        .map(|frame| frame.media_ms.0 / 1000)
        .collect();
    assert_eq!(at, [0, 15, 30, 45, 60, 75, 90, 105]);
}

#[test]
fn a_face_that_comes_back_and_a_doubt_are_looked_into_at_once() {
    let count = |observations: &[Observation], start: i64| {
        let of = observations.iter().find(|one| one.start_ms.0 == start).unwrap();
        of.frames.iter().flat_map(|frame| &frame.faces).filter(|face| face.identity.is_some()).count()
    };
    let back = compared(session().fps(2).seated(21).absent(4).seated(11), |_| Some(SAME));
    assert_eq!(count(&back, 24_000), 2, "all faces of the segment in which it comes back");
    let doubt = compared(session().fps(2).seated(40), |at| Some(if at == 15_000 { DOUBT } else { SAME }));
    assert_eq!((count(&doubt, 14_000), count(&doubt, 16_000)), (4, 0));
}
