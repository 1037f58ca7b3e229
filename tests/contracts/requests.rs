//! The gateway answers requests that are made up from its own description as that description says.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::installed;
use crate::exam::Exam;
use crate::gateway::Gateway;

/// Of each endpoint, beside those that try each limit of each field.
const MADE_UP: &str = "20";

/// The description for whoever makes up requests: of sessions that are there, are not there, and are another tenant's. At
/// random nobody would ever find one. Streams of events have no end, and bodies of bytes are not made up: both have tests
/// of their own.
fn narrowed(mut description: Value) -> Value {
    let paths = description["paths"].as_object_mut().unwrap();
    for path in ["/v1/events", "/v1/sessions/{id}/chunks/{n}"] {
        assert!(paths.remove(path).is_some(), "{path} has gone");
    }
    let operations = paths.values_mut().flat_map(|path| path.as_object_mut().unwrap().values_mut());
    let parameters = operations.filter_map(|operation| operation.get_mut("parameters"));
    for parameter in parameters.flat_map(|each| each.as_array_mut().unwrap()) {
        if parameter["name"] == "id" {
            parameter["schema"] = json!({"type": "string", "enum": ["t1:e1:s1", "t1:e1:nobody", "t2:e1:s1"]});
        }
    }
    description
}

#[test]
fn requests_that_are_made_up_are_answered_as_described() {
    let exam = Exam::new("requests");
    exam.create_topics();
    let gateway = Gateway::start(&exam);
    let token = gateway.token_of(&["service", "admin"]);
    gateway.create(&token, "s1");
    let description = narrowed(serde_json::from_str(&gateway.get("/v1/openapi.json", "").1).unwrap());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, description.to_string()).unwrap();
    let output = Command::new(installed("requests").join("bin/schemathesis"))
        .current_dir(&folder)
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("http://{}", gateway.address)])
        .args(["--header", &format!("authorization: Bearer {token}")])
        .args(["--phases", "coverage,fuzzing", "--max-examples", MADE_UP])
        // The same requests each time: what changes is the program.
        .args(["--seed", "1", "--generation-database", "none", "--no-color"])
        // The first cannot know that a stretch of time has no incident. The second leaves out the header above and sends
        // it all the same; who may do what is tested in pipeline/gateway/tests/gateway/access.rs.
        .args(["--exclude-checks", "positive_data_acceptance,ignored_auth"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let endpoints = description["paths"].as_object().unwrap().values();
    let operations: usize = endpoints.map(|each| each.as_object().unwrap().len()).sum();
    assert!(told.contains(&format!("Tested: {operations}")), "{told}");
}
