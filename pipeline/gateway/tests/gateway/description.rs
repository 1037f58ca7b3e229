//! Promise: the API is as its OpenAPI document says, and the document is valid.

use gateway::{endpoints, openapi};
use serde_json::Value;

use crate::support::Gateway;

#[test]
fn the_document_is_valid_and_names_every_route() {
    let gateway = Gateway::start();
    let document = gateway.get("/v1/openapi.json", "").json();
    assert_eq!(document, openapi::document());
    let form: Value = serde_json::from_str(include_str!("../data/openapi-3.1.json")).unwrap();
    let form = jsonschema::draft202012::new(&form).unwrap();
    let problems: Vec<String> = form.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let mut operations = 0;
    for row in endpoints() {
        let operation = &document["paths"][row.path][row.method.as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{} {}", row.method, row.path);
        assert!(operation["responses"][row.gives.0.as_str()].is_object());
        operations += 1;
    }
    let paths = document["paths"].as_object().unwrap().values();
    assert_eq!(paths.map(|path| path.as_object().unwrap().len()).sum::<usize>(), operations);
}

#[test]
fn every_schema_that_is_referred_to_is_there() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = openapi::document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn no_parameter_has_a_type_of_null() {
    let document = openapi::document();
    let operations = document["paths"].as_object().unwrap().values().filter_map(|path| path.as_object());
    let parameters = operations.flat_map(|path| path.values()).filter_map(|row| row["parameters"].as_array());
    for parameter in parameters.flatten() {
        let schema = parameter["schema"].as_object().unwrap();
        assert!(!schema.values().any(serde_json::Value::is_null), "{parameter}");
    }
}

fn is_json(row: &gateway::endpoint::Endpoint) -> bool {
    row.gives.1.is_some_and(|content| content.schema.is_some())
}

#[test]
fn answers_are_as_the_document_says() {
    let gateway = Gateway::start();
    gateway.read(crate::reading::start_of("t1/e1/s1", 0));
    gateway
        .read(vec![crate::reading::incident_of("t1/e1/s1", &[]), crate::reading::score_of("t1/e1/s1", &[])]);
    let document = openapi::document();
    let token = gateway.token(gateway::auth::Role::Admin, "t1");
    let readable = endpoints().into_iter().filter(|row| row.method == "GET" && is_json(row));
    for row in readable {
        let path = row.path.replace("{id}", "t1:e1:s1").replace("{policy}", "standard");
        let answer = gateway.get(&path, &token);
        let content = &document["paths"][row.path]["get"]["responses"]["200"]["content"];
        let mut schema = content["application/json"]["schema"].clone();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("components".to_owned(), document["components"].clone());
        }
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let answer = answer.json();
        let problems: Vec<String> = schema.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{path}: {problems:#?}");
    }
}
