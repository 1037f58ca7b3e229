//! JSON schemas of the files that people write: settings and policies. Checked in under
//! `config/schema/`; a test compares.

use domain::policy::Policy;
use schemars::schema_for;
use serde_json::{Map, Value};

use super::layers::default_table;
use super::raw::RawSettings;

/// Schema of a settings file: no key is required, and each states its default.
///
/// # Panics
/// Never: the types' schemas are plain JSON.
pub fn settings() -> Value {
    let mut schema = schema_for!(RawSettings).to_value();
    let defaults = serde_json::to_value(default_table()).expect("TOML without dates is JSON");
    let sections = section_types(&schema);
    drop_required(&mut schema);
    for (section, type_name) in sections {
        let properties = schema.pointer_mut(&format!("/$defs/{type_name}/properties"));
        let values = defaults.get(&section).and_then(Value::as_object);
        if let (Some(Value::Object(properties)), Some(values)) = (properties, values) {
            state_defaults(properties, values);
        }
    }
    schema
}

/// Schema of a policy file.
pub fn policy() -> Value {
    schema_for!(Policy).to_value()
}

/// The sections of the settings and the names of their types in `$defs`.
fn section_types(schema: &Value) -> Vec<(String, String)> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let named = properties.filter_map(|(section, property)| {
        let name = property["$ref"].as_str()?.rsplit('/').next()?;
        Some((section.clone(), name.to_owned()))
    });
    named.collect()
}

fn drop_required(schema: &mut Value) {
    if let Value::Object(object) = schema {
        object.remove("required");
        object.values_mut().for_each(drop_required);
    }
}

fn state_defaults(properties: &mut Map<String, Value>, values: &Map<String, Value>) {
    for (key, property) in properties {
        if let (Value::Object(property), Some(value)) = (property, values.get(key)) {
            property.insert("default".to_owned(), value.clone());
        }
    }
}
