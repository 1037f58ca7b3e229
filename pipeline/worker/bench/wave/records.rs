//! The records of a life and when each of them is sent: facts, observations, decisions of people; and what goes
//! wrong on the way: some observations come twice, some after later ones, some too late, some never.
//!
//! Promise: sent in this order, the records lead to one score, whatever becomes of processes; [`expected`] says
//! which. So whatever depends on a clock is kept out: no session is silent for as long as it takes to be noticed, but
//! for those whose last segment never comes.

use std::collections::BTreeMap;

use domain::messages::{Decision, Incident, IncidentType, Review, Score, SessionEvent, SessionFact};
use domain::score::{Output, ScoreInput, SessionFold};
use domain::time::{Interval, MediaMs, Millis};
use kafka::wire::Event;
use kafka::{Outgoing, Topics};
use uuid::Uuid;

use super::Wave;
use super::life::{Happening, Life};
use super::seen::Origin;
use crate::settings::policy::LoadedPolicy;

/// CloudEvents `source` of all of it.
const SOURCE: &str = "/invigilator/wave";
/// The wall clock of a wave begins here: what people decided when must be the same for the same seed.
const EPOCH_S: u64 = 1_800_000_000;
/// Every so many segments something may go wrong with one: two in a row could be taken for a stream that was lost.
const FAULTS_EVERY: u64 = 3;

/// A record of a life, yet to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// When it is sent, after the beginning of the wave.
    pub due: Millis,
    pub what: What,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Started,
    BreakStarted(MediaMs),
    BreakEnded(MediaMs),
    Ended,
    /// What was seen in a segment.
    Segment {
        sequence: u64,
        start: MediaMs,
        end: MediaMs,
    },
    /// What a person decided about what happened from here to there.
    Review {
        from: MediaMs,
        until: MediaMs,
        is_confirmed: bool,
    },
}

/// A record of a life.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Made {
    Fact(SessionFact),
    Observation(Box<domain::messages::Observation>),
    Review(Review),
}

/// All records of a life, in the order in which they are sent.
pub(super) fn planned(wave: &Wave, life: &Life) -> Vec<Planned> {
    let mut all = vec![Planned { due: life.begins, what: What::Started }];
    for scene in &life.scenes {
        let ended = life.begins + (scene.until - MediaMs::ZERO);
        let mut dice = life.dice(scene.until.0 as u64 ^ 1);
        match scene.what {
            Happening::Break => {
                let began = life.begins + (scene.from - MediaMs::ZERO);
                all.push(Planned { due: began, what: What::BreakStarted(scene.from) });
                all.push(Planned { due: ended, what: What::BreakEnded(scene.until) });
            }
            Happening::Company if dice.u32(0..3) == 0 => {
                let (from, until, is_confirmed) = (scene.from, scene.until, dice.bool());
                let after = Millis(dice.i64(5_000..30_000));
                all.push(Planned { due: ended + after, what: What::Review { from, until, is_confirmed } });
            }
            _ => {}
        }
    }
    segments(wave, life, &mut all);
    all.push(Planned { due: life.begins + life.length, what: What::Ended });
    all.sort_by_key(|planned| planned.due);
    all
}

fn segments(wave: &Wave, life: &Life, all: &mut Vec<Planned>) {
    let stretch = wave.segment;
    let is_in_break = |at: MediaMs| life.scene(at).is_some_and(|scene| scene.what == Happening::Break);
    let starts = (0..).map(|index| MediaMs(stretch.0 * index)).take_while(|start| start.0 < life.length.0);
    let starts: Vec<MediaMs> = starts.filter(|start| !is_in_break(*start)).collect();
    for (sequence, start) in (0..).zip(starts.iter().copied()) {
        let end = (start + stretch).min(MediaMs::ZERO + life.length);
        let mut dice = life.dice(sequence ^ (1 << 32));
        // Decoding and looking takes its time.
        let due = life.begins + (end - MediaMs::ZERO) + Millis(dice.i64(100..900));
        let left = starts.len() as u64 - sequence;
        let may_fail = sequence % FAULTS_EVERY == 1 && left > 3;
        let segment = |due: Millis| Planned { due, what: What::Segment { sequence, start, end } };
        match dice.u32(0..1000) {
            0..10 => all.extend([due, due + Millis(dice.i64(0..stretch.0))].map(segment)),
            10..40 if may_fail => all.push(segment(due + Millis(stretch.0 * 6 / 5))),
            // Long after its place was given up.
            40..46 if may_fail && left > starts.len() as u64 / 2 => {
                all.push(segment(due + wave.lateness + Millis(stretch.0 * 2)));
            }
            46..52 if may_fail => {}
            _ if left == 1 && life.is_cut_off => {}
            _ => all.push(segment(due)),
        }
    }
}

impl Planned {
    /// The record itself.
    pub fn make(&self, life: &Life, origin: &Origin) -> Made {
        let fact =
            |media_ms, event| Made::Fact(SessionFact { session: life.session.clone(), media_ms, event });
        match self.what {
            What::Started => fact(
                MediaMs::ZERO,
                SessionEvent::Started {
                    policy: "standard".to_owned(),
                    accommodations: life.granted.clone(),
                    expected: None,
                },
            ),
            What::BreakStarted(at) => fact(at, SessionEvent::BreakStarted),
            What::BreakEnded(at) => fact(at, SessionEvent::BreakEnded),
            What::Ended => {
                let end = MediaMs::ZERO + life.length;
                fact(end, SessionEvent::Ended { expected: Some(Interval::new(MediaMs::ZERO, end)) })
            }
            What::Segment { sequence, start, end } => {
                Made::Observation(Box::new(origin.observation(life, sequence, start, end)))
            }
            What::Review { from, until, is_confirmed } => Made::Review(Review {
                session: life.session.clone(),
                review_id: format!("review-{:08x}-{}", life.seed as u32, from.0),
                kind: IncidentType::MultiplePersons,
                start_ms: from,
                end_ms: until,
                decision: if is_confirmed { Decision::Confirm } else { Decision::Dismiss },
                by: format!("proctor-{}", life.seed % 40),
                at: self.time_of_day(),
                note: None,
            }),
        }
    }

    fn time_of_day(&self) -> String {
        let since = std::time::Duration::from_millis(self.due.0.try_into().unwrap_or_default());
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(EPOCH_S) + since;
        humantime::format_rfc3339_millis(at).to_string()
    }
}

impl Made {
    /// As it is written to its topic.
    pub fn outgoing(&self, topics: &Topics) -> Outgoing {
        let event = Event { source: SOURCE, time: None, traceparent: None };
        match self {
            Self::Fact(fact) => Outgoing::message(topics.sessions(), event, fact),
            Self::Observation(seen) => Outgoing::message(topics.observations(), event, seen.as_ref()),
            Self::Review(review) => Outgoing::message(topics.reviews(), event, review),
        }
    }

    fn input(&self) -> ScoreInput<'_> {
        match self {
            Self::Fact(fact) => ScoreInput::SessionFact(fact),
            Self::Observation(seen) => ScoreInput::Observation(seen),
            Self::Review(review) => ScoreInput::Review(review),
        }
    }
}

/// The last revisions of a session's score and incidents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// The score.
    pub score: Option<Score>,
    /// The incidents.
    pub incidents: BTreeMap<Uuid, Incident>,
}

/// What a life must come to: the fold of its records, without Kafka, processes or clocks.
pub(super) fn expected(wave: &Wave, life: &Life, judge: &LoadedPolicy, origin: &Origin) -> Verdict {
    let (policy, reference) = (judge.policy.clone(), judge.reference.clone());
    let mut fold = SessionFold::new(policy, reference, life.session.clone());
    let mut verdict = Verdict::default();
    for planned in planned(wave, life) {
        fold.push(planned.make(life, origin).input()).into_iter().for_each(|said| verdict.take(said));
    }
    // What a clock does where the last segment never came; nothing otherwise.
    fold.finish().into_iter().for_each(|said| verdict.take(said));
    verdict
}

impl Verdict {
    fn take(&mut self, said: Output) {
        match said {
            Output::Incident { incident, .. } => self.incident(*incident),
            Output::Score(score) => self.score(*score),
        }
    }

    /// Another revision of the score; kept as far as it does not tell how many there were before, and when.
    pub fn score(&mut self, score: Score) {
        self.score = Some(Score { rev: 0, supersedes: None, run: None, ..score });
    }

    /// Another revision of an incident, likewise.
    pub fn incident(&mut self, incident: Incident) {
        let incident = Incident { rev: 0, run: None, ..incident };
        self.incidents.insert(incident.incident_id, incident);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::messages::{Accommodation, ScoreStatus};

    use super::*;
    use crate::settings::policy;

    fn wave() -> Wave {
        Wave {
            seed: 7,
            sessions: 120,
            within: Millis::from_secs(60),
            lasts: Millis::from_secs(300),
            segment: Millis::from_secs(10),
            lateness: Millis::from_secs(15),
        }
    }

    fn lives(wave: &Wave) -> Vec<Life> {
        (0..wave.sessions).map(|number| Life::of(wave, number)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_records_and_no_two_are_alike() {
        let (wave, origin) = (wave(), Origin::simulated());
        let topics = Topics::default();
        let write = |wave: &Wave| -> Vec<Vec<u8>> {
            let of_life = |life: Life| {
                let made =
                    planned(wave, &life).into_iter().map(move |each| each.make(&life, &Origin::simulated()));
                made.collect::<Vec<_>>()
            };
            let made = lives(wave).into_iter().take(30).flat_map(of_life);
            made.map(|made| made.outgoing(&topics).value.unwrap_or_default()).collect()
        };
        let records = write(&wave);
        assert_eq!(records, write(&wave));
        assert_ne!(records, write(&Wave { seed: 8, ..wave.clone() }));
        // Of two candidates nothing is alike, even without their names.
        let frames: Vec<String> = lives(&wave)
            .iter()
            .map(|life| {
                let seen = origin.observation(life, 0, MediaMs(0), MediaMs(10_000));
                serde_json::to_string(&seen.frames).unwrap()
            })
            .collect();
        assert_eq!(frames.iter().collect::<BTreeSet<_>>().len(), frames.len());
    }

    #[test]
    fn every_session_ends_and_what_happens_shows() {
        let (wave, origin) = (wave(), Origin::simulated());
        let judge = policy::load("standard").unwrap();
        let verdicts: Vec<Verdict> =
            lives(&wave).iter().map(|life| expected(&wave, life, &judge, &origin)).collect();
        let is_final = |verdict: &&Verdict| {
            verdict.score.as_ref().is_some_and(|score| score.status == ScoreStatus::Final)
        };
        assert_eq!(verdicts.iter().filter(is_final).count(), verdicts.len());
        let kinds: BTreeSet<IncidentType> =
            verdicts.iter().flat_map(|verdict| verdict.incidents.values()).map(|each| each.kind).collect();
        for kind in [
            IncidentType::PersonAbsent,
            IncidentType::MultiplePersons,
            IncidentType::HeadTurnedAway,
            IncidentType::CameraObstructed,
            IncidentType::SceneUnusable,
            IncidentType::VideoFrozen,
            IncidentType::FaceNotDetected,
            IncidentType::VideoGap,
        ] {
            assert!(kinds.contains(&kind), "{kind:?} is not in {kinds:?}");
        }
        let calm = verdicts.iter().filter(|verdict| verdict.incidents.is_empty()).count();
        assert!((30..90).contains(&calm), "{calm} of {} are calm", verdicts.len());
    }

    #[test]
    fn records_come_twice_late_and_never() {
        let wave = Wave { sessions: 400, ..wave() };
        let lives = lives(&wave);
        let sent: Vec<Vec<u64>> = lives
            .iter()
            .map(|life| {
                let sequence = |planned: Planned| match planned.what {
                    What::Segment { sequence, .. } => Some(sequence),
                    _ => None,
                };
                planned(&wave, life).into_iter().filter_map(sequence).collect()
            })
            .collect();
        let repeats = |sent: &&Vec<u64>| sent.iter().collect::<BTreeSet<_>>().len() < sent.len();
        let is_out_of_order = |sent: &&Vec<u64>| !sent.is_sorted();
        let has_hole = |sent: &&Vec<u64>| {
            let distinct = sent.iter().collect::<BTreeSet<_>>().len() as u64;
            sent.iter().max().is_some_and(|last| last + 1 > distinct)
        };
        let count = |which: &dyn Fn(&&Vec<u64>) -> bool| sent.iter().filter(|sent| which(sent)).count();
        assert!(count(&repeats) > 20 && count(&is_out_of_order) > 20 && count(&has_hole) > 5);
        assert!(lives.iter().any(|life| life.granted == [Accommodation::Breaks]));
        assert!(lives.iter().any(|life| life.is_cut_off));
    }
}
