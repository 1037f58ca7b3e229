//! A stretch replaced by missing data accrues no points for that stretch and can open nothing.

use domain::messages::{IncidentClass, Observation, SampleStatus, UnseenReason};
use domain::score::Output;
use domain::time::{Interval, MediaMs, Millis};
use proptest::prelude::*;

use crate::builder::{Filling, SCREEN, Script, session, sway};
use crate::fixtures::{Outcome, run, standard};

/// Behaviour that a session is strung together from, two seconds at least.
fn scenes() -> impl Strategy<Value = Script> {
    (prop::collection::vec((0u8..7, 1i64..14), 2..6), any::<bool>()).prop_map(|(scenes, rarely)| {
        let mut script = session().seated(10);
        for (scene, length) in scenes {
            let seconds = length * 2;
            script = match scene {
                0 => script.seated(seconds),
                1 | 2 => script.absent(seconds),
                3 => script.second_person(seconds),
                4 => script.looking(seconds, SCREEN.turned(50.0)),
                5 => script.beside(seconds, |frame, number| {
                    frame.add_body(0.86 + sway(number, 4) * 0.03, 0.2, 0.14, 0.6, 0.6);
                }),
                _ => script.faceless(seconds),
            };
        }
        if rarely { script.rarely() } else { script }
    })
}

#[derive(Debug, Clone, Copy)]
enum Loss {
    Unseen(UnseenReason),
    Segments,
}

fn losses() -> impl Strategy<Value = Loss> {
    let unseen = [
        UnseenReason::Dark,
        UnseenReason::Blur,
        UnseenReason::Obstructed,
        UnseenReason::Undecodable,
        UnseenReason::Gap,
        UnseenReason::Shed,
    ];
    prop_oneof![
        3 => prop::sample::select(unseen.to_vec()).prop_map(Loss::Unseen),
        1 => Just(Loss::Segments),
    ]
}

/// Takes whole segments away, one way or another.
fn lose(observations: &[Observation], from: usize, count: usize, loss: Loss) -> (Vec<Observation>, Interval) {
    let count = count.min(observations.len() - from);
    let gone = &observations[from..from + count];
    let stretch = Interval::new(gone[0].start_ms, gone[count - 1].end_ms);
    let mut kept = observations.to_vec();
    match loss {
        Loss::Segments => {
            kept.drain(from..from + count);
        }
        Loss::Unseen(reason) => {
            for frame in kept[from..from + count].iter_mut().flat_map(|segment| &mut segment.frames) {
                frame.status = SampleStatus::NotSeen;
                frame.reason = Some(reason);
                frame.faces.clear();
                frame.persons = Some(Vec::new());
            }
        }
    }
    (kept, stretch)
}

/// What the samples around a stretch do not stand for.
fn core(stretch: Interval) -> Interval {
    Interval::new(stretch.start + Millis(500), stretch.end - Millis(500))
}

fn check(outcome: &Outcome, stretch: Interval) -> Result<(), TestCaseError> {
    let missing = core(stretch);
    for output in &outcome.outputs {
        let Output::Incident { incident, time_to_flag } = output else { continue };
        if incident.class == IncidentClass::Coverage {
            continue;
        }
        let whole = Interval::new(incident.start_ms, incident.end_ms);
        let most = whole.length() - whole.intersection(missing).length();
        prop_assert!(incident.duration_ms <= most, "{incident:?} counts unseen time {missing:?}");
        prop_assert!(!missing.contains(incident.start_ms), "{incident:?} starts in {missing:?}");
        let opened_at = incident.start_ms + *time_to_flag;
        prop_assert!(!missing.contains(opened_at), "{incident:?} opens in {missing:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn missing_data_accrues_nothing_and_opens_nothing(
        script in scenes(), from in any::<prop::sample::Index>(), count in 1usize..12, loss in losses()
    ) {
        let observations = script.observations();
        let (kept, stretch) = lose(&observations, from.index(observations.len()), count, loss);
        check(&run(&standard(), &kept), stretch)?;
    }
}

#[test]
fn a_session_of_nothing_but_missing_data_costs_nothing() {
    for reason in [UnseenReason::Dark, UnseenReason::Obstructed, UnseenReason::Undecodable, UnseenReason::Gap]
    {
        let outcome = run(&standard(), &session().unseen(600, reason).observations());
        let score = outcome.score();
        assert_eq!((score.concern_milli, score.integrity), (0, None), "{reason:?}");
        assert!(outcome.incidents().iter().all(|incident| incident.class == IncidentClass::Coverage));
    }
    let nothing = run(&standard(), &[]);
    assert_eq!(nothing.score().concern_milli, 0);
    assert_eq!(nothing.score().watermark_ms, MediaMs(0));
}
