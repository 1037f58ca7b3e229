//! Promise: messages and files keep their form. The checked-in schemas are those of the types, and
//! every version of every message that was ever published still reads.
//!
//! After a change of a type on purpose: `UPDATE_SCHEMAS=1 cargo test --test main schemas`, and look
//! at the difference as a reader of the messages would.

use domain::messages::envelope::{CloudEvent, Message};
use domain::messages::{
    Audit, CutState, Enrolment, Incident, Marker, Observation, Rescore, Review, Score, SessionFact,
    UploadFact,
};
use invigilator::settings::{DEFAULT_TOML, policy, schema};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{path, read_json};

/// Compares a schema with the checked-in one, or writes it.
fn check_schema(file: &str, schema: &Value) {
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
        std::fs::write(path(file), text).unwrap();
    }
    assert_eq!(&read_json(file), schema, "{file} is not that of the type: see the head of this test");
}

/// Checks the schema of a message, and that the example of this version still reads.
fn check_message<T: Message + Serialize + DeserializeOwned + JsonSchema>(name: &str) {
    assert_eq!(T::TYPE, format!("invigilator.{name}.v1"));
    let mut schema = schema_for!(T).to_value();
    schema["$id"] = T::TYPE.into();
    check_schema(&format!("docs/schemas/{name}.v1.json"), &schema);

    let example = read_json(&format!("tests/data/messages/{name}.v1.json"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");

    let message: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(reread(&message), example, "{name} loses or changes something");

    let mut from_the_future = example.clone();
    from_the_future["a_field_of_tomorrow"] = serde_json::json!({"x": 1});
    assert!(validator.is_valid(&from_the_future), "{name}: a reader must ignore unknown fields");
    let message: T = serde_json::from_value(from_the_future).unwrap();
    assert_eq!(reread(&message), example);

    let event = reread(&CloudEvent::wrap("/test", message));
    assert_eq!((event["type"].as_str(), event["subject"].as_str()), (Some(T::TYPE), Some("t1/e7/s42")));
    assert_eq!(event["data"], example);
}

/// What a reader of the message's text gets.
fn reread(message: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(message).unwrap()).unwrap()
}

#[test]
fn observation() {
    check_message::<Observation>("observation");
}

#[test]
fn incident() {
    check_message::<Incident>("incident");
}

#[test]
fn score() {
    check_message::<Score>("score");
}

#[test]
fn enrolment() {
    check_message::<Enrolment>("enrolment");
}

#[test]
fn marker() {
    check_message::<Marker>("marker");
}

#[test]
fn rescore() {
    check_message::<Rescore>("rescore");
}

#[test]
fn session() {
    check_message::<SessionFact>("session");
}

#[test]
fn review() {
    check_message::<Review>("review");
}

#[test]
fn audit() {
    check_message::<Audit>("audit");
}

#[test]
fn upload() {
    check_message::<UploadFact>("upload");
}

#[test]
fn cut_state() {
    check_message::<CutState>("cut-state");
}

#[test]
fn settings_file() {
    let schema = schema::settings();
    check_schema("config/schema/settings.json", &schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let read = |text: &str| serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
    assert!(validator.is_valid(&read(DEFAULT_TOML)));
    assert!(validator.is_valid(&read("[decode]\nchildren = 2")), "no key is required");
    assert!(!validator.is_valid(&read("[decode]\nchild = 2")), "unknown keys are refused");
    assert!(!validator.is_valid(&read("[decode]\nchildren = 0")), "bounds are stated");
}

#[test]
fn policy_file() {
    let schema = schema::policy();
    check_schema("config/schema/policy.json", &schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in policy::BUILT_IN {
        let policy = serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&policy).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}
