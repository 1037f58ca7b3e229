//! The description of the API: OpenAPI 3.1, made from the table of routes and the types of requests and answers.

use std::sync::LazyLock;

use axum::Json;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::app::endpoints;
use crate::endpoint::{Content, Endpoint};
use crate::error::{PROBLEM_JSON, ProblemBody};

/// `GET /v1/openapi.json`
pub async fn read() -> Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    Json(&DOCUMENT)
}

/// The description.
pub fn document() -> Value {
    let settings = || SchemaSettings::draft2020_12();
    // What is sent is described by what is read, and the other way round.
    let mut requests = settings()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator();
    let mut answers = settings()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for row in endpoints() {
        let operation = operation(&row, &mut requests, &mut answers);
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        path[row.method.as_str().to_lowercase()] = operation;
    }
    let problem = answers.subschema_for::<ProblemBody<'_>>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Invigilator gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Uploads of candidates' browsers in, dashboards out. A human decides, never the machine.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": answers.take_definitions(true),
            "responses": {
                "Problem": {
                    "description": "It was not done",
                    "headers": {
                        "retry-after": {
                            "description": "After how many seconds to try again",
                            "schema": { "type": "integer" },
                        },
                    },
                    "content": { PROBLEM_JSON: { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

/// What a chunk may say beside its content: name, meaning, form.
const HEADERS: [(&str, &str, &str); 2] = [
    ("content-digest", "The SHA-256 of the content, RFC 9530", "^sha-256=:[A-Za-z0-9+/]{43}=:$"),
    ("chunk-begins", "?1: whoever sends this chunk knows of none with a lower number", "^[?][01]$"),
];

fn operation(row: &Endpoint, requests: &mut SchemaGenerator, answers: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "summary": row.summary,
        "operationId": operation_id(row),
        "parameters": parameters(row, requests),
        "responses": responses(row, answers),
        "security": if row.roles.is_empty() { json!([]) } else { json!([{ "token": [] }]) },
    });
    if !row.roles.is_empty() {
        let roles: Vec<&str> = row.roles.iter().map(|role| role.name()).collect();
        operation["description"] = json!(format!("Roles: {}.", roles.join(", ")));
    }
    if let Some(takes) = &row.takes {
        operation["requestBody"] = json!({ "required": true, "content": content(takes, requests) });
    }
    operation
}

/// `PUT /v1/sessions/{id}/chunks/{n}` is `put_sessions_id_chunks_n`.
fn operation_id(row: &Endpoint) -> String {
    let path = row.path.trim_start_matches("/v1/").replace(['/', '.'], "_").replace(['{', '}'], "");
    format!("{}_{path}", row.method.as_str().to_lowercase())
}

fn parameters(row: &Endpoint, requests: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = row.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| {
            let (description, schema) = match name {
                "id" => (
                    "The session, tenant:exam:session",
                    json!({
                        "type": "string",
                        "pattern": "^[A-Za-z0-9._-]{1,128}:[A-Za-z0-9._-]{1,128}:[A-Za-z0-9._-]{1,128}$",
                    }),
                ),
                "n" => (
                    "The number of the chunk: counts from 0 over all recordings of the session",
                    json!({ "type": "integer", "minimum": 0, "maximum": 6_047_999 }),
                ),
                "name" => (
                    "The name of the picture",
                    json!({ "type": "string", "pattern": "^[0-9]+-[0-9]+-[0-9]+$" }),
                ),
                _ => ("The policy's id", json!({ "type": "string" })),
            };
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
        })
        .collect();
    if row.path.contains("{n}") {
        for (name, description, pattern) in HEADERS {
            parameters.push(json!({
                "name": name,
                "in": "header",
                "required": false,
                "description": description,
                "schema": { "type": "string", "pattern": pattern },
            }));
        }
    }
    let query = row.query.map(|schema| schema(requests).to_value());
    for (name, schema) in query.iter().filter_map(|query| query["properties"].as_object()).flatten() {
        parameters.push(json!({
            "name": name,
            "in": "query",
            "required": false,
            "description": schema["description"],
            "schema": not_null(schema.clone()),
        }));
    }
    parameters
}

/// A parameter that is not there is not there: it is never `null`.
fn not_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            schema["type"] = kind.clone();
        }
    }
    if let Some(any) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        any.retain(|part| part["type"] != "null");
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("default");
    }
    schema
}

fn responses(row: &Endpoint, answers: &mut SchemaGenerator) -> Value {
    let (status, gives) = &row.gives;
    let mut done = json!({ "description": status.canonical_reason().unwrap_or("Done") });
    if let Some(gives) = gives {
        done["content"] = content(gives, answers);
    }
    let mut responses = Map::from_iter([(status.as_str().to_owned(), done)]);
    let mut failures = row.fails.to_vec();
    if !row.roles.is_empty() {
        failures.extend([401, 403, 429]);
    }
    if row.path.contains("{id}") {
        failures.push(404);
    }
    if row.takes.is_some() {
        failures.extend([400, 408, 413, 415, 422]);
    }
    if row.query.is_some() || row.path.contains("{n}") {
        failures.push(400);
    }
    for failure in failures {
        responses.insert(failure.to_string(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    Value::Object(responses)
}

fn content(content: &Content, generator: &mut SchemaGenerator) -> Value {
    let schema = match content.schema {
        Some(schema) => Schema::to_value(schema(generator)),
        None => json!({ "type": "string" }),
    };
    content.types.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": schema }))).collect()
}
