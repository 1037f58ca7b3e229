//! The end of a session, silence, latecomers and redriven segments are told apart and said so.

use domain::messages::IncidentType::{ClockDiscontinuity, PersonAbsent, StreamLost, VideoGap};
use domain::messages::{Attribution, MarkerKind, ReviewPriority, ScoreStatus, SegmentStatus};
use domain::score::ScoreInput;

use crate::builder::session;
use crate::fixtures::{Outcome, ended, fold_with, idle, marker, run, standard, started};

#[test]
fn the_score_is_provisional_until_the_end_is_known_and_everything_is_in() {
    let observations = session().seated(60).observations();
    let mut fold = fold_with(&standard());
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    let (last, others) = observations.split_last().unwrap();
    for observation in others {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.push(ScoreInput::SessionFact(&ended(60))));
    assert!(outcome.scores().iter().all(|score| (score.rev, score.status) == (0, ScoreStatus::Provisional)));
    outcome.add(fold.push(ScoreInput::Observation(last)));
    let score = outcome.score();
    assert_eq!((score.rev, score.supersedes, score.status), (1, Some(0), ScoreStatus::Final));
    assert_eq!(score.watermark_ms.0, 60_000);
    // Nothing new: nothing published.
    assert!(fold.finish().is_empty());
    assert!(fold.push(ScoreInput::Marker(&idle(60))).is_empty());
}

#[test]
fn an_idle_marker_ends_a_session_that_nobody_ended() {
    let observations = session().seated(60).observations();
    let mut fold = fold_with(&standard());
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    for observation in &observations[..20] {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.push(ScoreInput::Marker(&idle(40))));
    assert_eq!((outcome.score().rev, outcome.score().status), (1, ScoreStatus::Final));
    // It was not over after all.
    outcome.add(fold.push(ScoreInput::Observation(&observations[20])));
    assert_eq!((outcome.score().rev, outcome.score().status), (2, ScoreStatus::Provisional));
    for observation in &observations[21..] {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.finish());
    assert_eq!((outcome.score().rev, outcome.score().status), (3, ScoreStatus::Final));
    assert_eq!(outcome.score().coverage.ratio_milli, 1000);
}

#[test]
fn a_latecomer_makes_a_new_revision_and_stays_unseen() {
    let mut observations = session().seated(30).absent(20).seated(60).observations();
    let late = observations.remove(18);
    let mut fold = fold_with(&standard());
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    for observation in &observations {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.finish());
    let before = outcome.score().clone();
    assert_eq!(before.coverage.by_reason["gap"].0, 2000);
    outcome.add(fold.push(ScoreInput::Observation(&late)));
    let after = outcome.score();
    assert_eq!((after.rev, after.supersedes, after.status), (2, Some(1), ScoreStatus::Final));
    assert_eq!(after.contributions, before.contributions);
    // The samples beside it stand for half a second of it, before and after.
    assert_eq!(after.coverage.observed_ms, before.coverage.observed_ms);
    let reasons = &after.coverage.by_reason;
    assert_eq!((reasons["late"].0, reasons["gap"].0), (1500, 500));
    assert_ne!(after.inputs_sha256, before.inputs_sha256);
    assert_eq!(fold.counters().late, 1);
    // The second copy of a latecomer is a duplicate.
    assert!(fold.push(ScoreInput::Observation(&late)).is_empty());
    assert_eq!(fold.counters().duplicates, 1);
}

#[test]
fn a_redriven_segment_replaces_a_placeholder_and_nothing_else() {
    let good = session().seated(30).absent(20).seated(60).observations();
    let mut placeholder = good[17].clone();
    placeholder.status = SegmentStatus::Undecodable;
    placeholder.frames.clear();
    let redriven = domain::messages::Observation { attempt: 1, ..good[17].clone() };

    let mut with_placeholder = good.clone();
    with_placeholder[17] = placeholder.clone();
    with_placeholder.insert(22, redriven.clone());
    let outcome = run(&standard(), &with_placeholder);
    assert!(outcome.score().coverage.by_reason.is_empty(), "{:?}", outcome.score().coverage);

    let mut never_redriven = good.clone();
    never_redriven[17] = placeholder;
    let outcome = run(&standard(), &never_redriven);
    assert_eq!(outcome.score().coverage.by_reason["undecodable"].0, 2000);

    // A later attempt of a segment that was seen is dropped: the first record wins.
    let mut changed = redriven;
    changed.frames.clear();
    let mut twice = good.clone();
    twice.insert(18, changed);
    assert_eq!(run(&standard(), &twice).score(), run(&standard(), &good).score());
}

#[test]
fn silence_is_reported_until_bytes_come_again() {
    let observations = session().seated(60).observations();
    let mut fold = fold_with(&standard());
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    for observation in &observations[..15] {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    let lost = marker(MarkerKind::StreamLost, 30);
    outcome.add(fold.push(ScoreInput::Marker(&lost)));
    assert!(fold.push(ScoreInput::Marker(&lost)).is_empty());
    for observation in &observations[15..] {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    outcome.add(fold.finish());
    assert_eq!(outcome.kinds(), [StreamLost]);
    assert_eq!(outcome.of(StreamLost)[0].reason.text, "No video arrived for 30 s.");
    assert_eq!(outcome.score().concern_milli, 0);
}

#[test]
fn segments_that_were_deleted_unseen_are_the_platforms_loss() {
    let mut observations = session().seated(120).observations();
    observations.drain(20..30);
    let mut fold = fold_with(&standard());
    let mut outcome = Outcome::default();
    outcome.add(fold.push(ScoreInput::SessionFact(&started(&[], None))));
    let (before, after) = observations.split_at(20);
    for observation in before {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    let told = marker(MarkerKind::Overtaken, 60);
    assert!(fold.push(ScoreInput::Marker(&told)).is_empty());
    assert!(fold.push(ScoreInput::Marker(&told)).is_empty());
    for observation in after {
        outcome.add(fold.push(ScoreInput::Observation(observation)));
    }
    // Nothing is missing before this one.
    let start_s = after[15].start_ms.0 / 1000;
    outcome.add(fold.push(ScoreInput::Marker(&marker(MarkerKind::Overtaken, start_s))));
    outcome.add(fold.finish());
    assert_eq!(outcome.kinds(), [VideoGap]);
    let gap = outcome.of(VideoGap)[0];
    assert_eq!((gap.attribution, gap.reason.code.as_str()), (Attribution::Platform, "segments_deleted"));
    let score = outcome.score();
    let reasons = &score.coverage.by_reason;
    // The last sample before the hole does not stand for all of the time after it.
    assert_eq!((reasons["overtaken"].0, reasons["gap"].0), (19_500, 500));
    assert_eq!(score.concern_milli, 0);
    // A sixth is missing, which a human would have to look into were it not our own doing.
    assert_eq!(score.review_priority, ReviewPriority::None);
}

#[test]
fn media_time_that_runs_back_is_reported_and_not_seen_twice() {
    let mut observations = session().seated(60).absent(30).seated(30).observations();
    for observation in &mut observations[20..] {
        observation.start_ms.0 -= 10_000;
        observation.end_ms.0 -= 10_000;
        for frame in &mut observation.frames {
            frame.media_ms.0 -= 10_000;
        }
    }
    let outcome = run(&standard(), &observations);
    assert_eq!(outcome.spans(ClockDiscontinuity), [(30, 40)]);
    assert_eq!(outcome.spans(PersonAbsent), [(49, 79)]);
}

#[test]
fn records_of_another_session_are_dropped() {
    let mut foreign = session().absent(60).observations();
    for observation in &mut foreign {
        observation.session = "t1/e7/other".parse().unwrap();
    }
    let mut fold = fold_with(&standard());
    for observation in &foreign {
        assert!(fold.push(ScoreInput::Observation(observation)).is_empty());
    }
    assert_eq!(fold.counters().foreign, 30);
}
