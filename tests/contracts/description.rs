//! docs/asyncapi.yaml as the AsyncAPI parser reads it, and whether records are as it says.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;

use kafka::Outgoing;
use serde_json::{Map, Value};

use super::{installed, path};

/// What the parser says about the document: `diagnostics`, and the `document` with references resolved.
pub fn parsed() -> &'static Value {
    static PARSED: OnceLock<Value> = OnceLock::new();
    PARSED.get_or_init(|| {
        let output = Command::new("node")
            .env("NODE_PATH", installed("parser").join("node_modules"))
            .arg(path("tests/contracts/asyncapi.cjs"))
            .arg(path("docs/asyncapi.yaml"))
            .output()
            .expect("node is installed by make setup");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// The channels of the document.
pub fn channels() -> impl Iterator<Item = &'static Value> {
    parsed()["document"]["channels"].as_object().expect("the parser read it").values()
}

/// The messages of a channel.
pub fn messages(channel: &'static Value) -> impl Iterator<Item = &'static Value> {
    channel["messages"].as_object().unwrap().values()
}

/// The name of a message: its CloudEvents type if it is an event.
pub fn name(message: &Value) -> &str {
    message["name"].as_str().unwrap()
}

/// The description of a record: by its type, or the only one of its topic.
pub fn of(record: &Outgoing) -> &'static Value {
    let channel = channels().find(|channel| channel["address"] == record.topic.as_str()).expect("described");
    let kind = record.headers.get("ce_type").map(String::from_utf8_lossy);
    let mut candidates = messages(channel);
    let found = match channel["messages"].as_object().unwrap().len() {
        1 => candidates.next(),
        _ => candidates.find(|message| kind.as_deref() == Some(name(message))),
    };
    found.unwrap_or_else(|| panic!("{}: {kind:?} is not described", record.topic))
}

/// The headers of a record that its description has to do with: a dead letter keeps those of another one.
fn own_headers(record: &Outgoing) -> Map<String, Value> {
    let is_letter = record.headers.get("dlq-reason").is_some();
    let own = record.headers.iter().filter(|(name, _)| !is_letter || name.starts_with("dlq-"));
    own.map(|(name, text)| (name.to_owned(), std::str::from_utf8(text).unwrap().into())).collect()
}

/// Names of headers in a description, of those under `key`: `properties` are described, `required` must
/// be there.
pub fn header_names(schema: &Value, key: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match &schema[key] {
        Value::Object(properties) => names.extend(properties.keys().cloned()),
        Value::Array(required) => names.extend(required.iter().map(|name| name.as_str().unwrap().to_owned())),
        _ => {}
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    names.extend(parts.flat_map(|part| header_names(part, key)));
    names
}

/// What a record's description finds wrong with it.
pub fn faults(record: &Outgoing) -> Vec<String> {
    let message = of(record);
    let headers = own_headers(record);
    let described = header_names(&message["headers"], "properties");
    let unknown = headers.keys().filter(|name| !described.contains(*name));
    let mut faults: Vec<String> = unknown.map(|name| format!("header {name} is not described")).collect();
    let mut check = |what: &str, schema: &Value, value: &Value| {
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(schema).unwrap();
        faults.extend(validator.iter_errors(value).map(|error| format!("{what}: {error}")));
    };
    if let Some(schema) = message.get("headers") {
        check("headers", schema, &headers.into());
    }
    if let Some(schema) = message["bindings"]["kafka"].get("key") {
        check("key", schema, &std::str::from_utf8(&record.key).unwrap().into());
    }
    let is_binary = message["payload"]["format"] == "binary";
    if let (Some(value), false) = (&record.value, is_binary) {
        match serde_json::from_slice(value) {
            Ok(value) => check("value", &message["payload"], &value),
            Err(error) => faults.push(format!("value: {error}")),
        }
    }
    faults
}
