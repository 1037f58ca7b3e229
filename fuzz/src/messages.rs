//! Sessions made of the sample messages, changed by the fuzzer, and folded.

use std::sync::LazyLock;

use domain::messages::envelope::Message;
use domain::messages::{Marker, Observation, PolicyRef, Review, SessionFact};
use domain::policy::Policy;
use domain::score::{FoldState, Output, ScoreInput, SessionFold};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Choices, change};

const OBSERVATION: &str = include_str!("../../tests/data/messages/observation.v1.json");
const MARKER: &str = include_str!("../../tests/data/messages/marker.v1.json");
const SESSION: &str = include_str!("../../tests/data/messages/session.v1.json");
const REVIEW: &str = include_str!("../../tests/data/messages/review.v1.json");
const INCIDENT: &str = include_str!("../../tests/data/messages/incident.v1.json");
const SCORE: &str = include_str!("../../tests/data/messages/score.v1.json");
const RESCORE: &str = include_str!("../../tests/data/messages/rescore.v1.json");
const POLICY: &str = include_str!("../../config/policies/standard.toml");

/// In a session: more of them are more of the same, and slow.
const MOST_MESSAGES: usize = 60;

/// The samples of all messages, by the names of their types.
pub static SAMPLES: LazyLock<Vec<(&str, Value)>> = LazyLock::new(|| {
    let samples = [
        ("observation", OBSERVATION),
        ("marker", MARKER),
        ("session", SESSION),
        ("review", REVIEW),
        ("incident", INCIDENT),
        ("score", SCORE),
        ("rescore", RESCORE),
    ];
    samples.map(|(name, text)| (name, parsed(text))).to_vec()
});

/// The standard policy.
pub static STANDARD: LazyLock<Value> =
    LazyLock::new(|| toml::from_str(POLICY).expect("the standard policy is a document"));

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("samples are JSON")
}

/// Folds a session that the fuzzer makes up; every intermediate state can be put down and taken up again.
pub fn fold(policy: &Policy, mut choices: Choices<'_>) {
    let reference = PolicyRef { id: policy.id.clone(), version: policy.version, sha256: "00".repeat(32) };
    let session = SAMPLES[0].1["session"].as_str().and_then(|text| text.parse().ok());
    let session: domain::ids::SessionId = session.expect("samples name their session");
    let mut fold = SessionFold::new(policy.clone(), reference.clone(), session.clone());
    let mut sequence = 0;
    for _ in 0..MOST_MESSAGES {
        if choices.is_over() {
            break;
        }
        let outputs = match choices.byte() % 16 {
            0 => push::<Marker>(&mut fold, 1, &mut choices, |it| ScoreInput::Marker(it)),
            1 => push::<SessionFact>(&mut fold, 2, &mut choices, |it| ScoreInput::SessionFact(it)),
            2 => push::<Review>(&mut fold, 3, &mut choices, |it| ScoreInput::Review(it)),
            3 => fold.finish(),
            4 => {
                let state = serde_json::to_vec(fold.state()).expect("a state can be written");
                let state: FoldState = serde_json::from_slice(&state).expect("and read");
                let (policy, reference) = (policy.clone(), reference.clone());
                fold = SessionFold::restore(policy, reference, session.clone(), state)
                    .expect("it is of this version");
                Vec::new()
            }
            _ => {
                let mut sample = SAMPLES[0].1.clone();
                sequence += u64::from(choices.byte() % 4);
                let start = sequence as i64 * 2000;
                sample["sequence"] = sequence.into();
                sample["start_ms"] = start.into();
                sample["end_ms"] = (start + 2000).into();
                for (index, frame) in sample["frames"].as_array_mut().into_iter().flatten().enumerate() {
                    frame["media_ms"] = (start + index as i64 * 1000).into();
                }
                change(&mut sample, &mut choices);
                given::<Observation>(sample)
                    .map(|observation| fold.push(ScoreInput::Observation(&observation)))
                    .unwrap_or_default()
            }
        };
        check(&outputs);
    }
    check(&fold.finish());
}

fn push<T: Message + DeserializeOwned>(
    fold: &mut SessionFold,
    sample: usize,
    choices: &mut Choices<'_>,
    input: fn(&T) -> ScoreInput<'_>,
) -> Vec<Output> {
    let mut sample = SAMPLES[sample].1.clone();
    change(&mut sample, choices);
    given::<T>(sample).map(|message| fold.push(input(&message))).unwrap_or_default()
}

/// A message as the fold is given it: read and found valid.
fn given<T: Message + DeserializeOwned>(document: Value) -> Option<T> {
    serde_json::from_value::<T>(document).ok().filter(|message| message.validate().is_ok())
}

fn check(outputs: &[Output]) {
    for output in outputs {
        let written = match output {
            Output::Incident { incident, .. } => serde_json::to_vec(incident),
            Output::Score(score) => serde_json::to_vec(score),
        };
        written.expect("what is published can be written");
    }
}
