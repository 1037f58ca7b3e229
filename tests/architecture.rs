//! Promise: the parts stay apart. Dependencies point one way, each C library is known to one crate,
//! the core stays pure, files stay small and say what they are for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Files longer than this are split.
const MOST_LINES: usize = 600;

/// What the core may depend on: data and hashing, nothing that touches the world.
const PURE: [&str; 6] = ["schemars", "serde", "serde_json", "sha2", "thiserror", "uuid"];

/// Crates that only one member may know, by the beginning of their names.
const KNOWN_TO_ONE: [(&str, &str); 4] =
    [("ort", "infer"), ("gstreamer", "decode"), ("rdkafka", "kafka"), ("axum", "gateway")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One dependency of a workspace member.
struct Dependency {
    name: String,
    is_dev: bool,
}

/// The workspace members with what they depend on.
fn members() -> BTreeMap<String, Vec<Dependency>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let dependency = |entry: &Value| Dependency {
        name: entry["name"].as_str().unwrap().to_owned(),
        is_dev: entry["kind"] == "dev",
    };
    let member = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter().map(dependency).collect();
        (package["name"].as_str().unwrap().to_owned(), dependencies)
    };
    metadata["packages"].as_array().unwrap().iter().map(member).collect()
}

/// Every Rust file of the repository.
fn rust_files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().unwrap() != "target" {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["pipeline", "tests", "benches"].map(|folder| root().join(folder)) {
        if folder.is_dir() {
            walk(&folder, &mut found);
        }
    }
    found.sort();
    found
}

#[test]
fn worker_knows_adapters_and_adapters_know_the_domain_alone() {
    let members = members();
    let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    for (member, dependencies) in &members {
        let internal = dependencies.iter().map(|dependency| dependency.name.as_str());
        let internal: BTreeSet<&str> = internal.filter(|name| names.contains(name)).collect();
        let allowed: BTreeSet<&str> = match member.as_str() {
            "invigilator" => names.iter().copied().filter(|name| *name != "invigilator").collect(),
            "domain" => BTreeSet::new(),
            _ => ["domain"].into(),
        };
        let forbidden: Vec<_> = internal.difference(&allowed).collect();
        assert!(forbidden.is_empty(), "{member} must not depend on {forbidden:?}");
    }
}

#[test]
fn the_core_is_pure() {
    let members = members();
    let impure: Vec<&str> = members["domain"]
        .iter()
        .filter(|dependency| !dependency.is_dev)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !PURE.contains(name))
        .collect();
    assert!(impure.is_empty(), "domain must not depend on {impure:?}");
}

#[test]
fn each_native_library_is_known_to_one_crate() {
    for (member, dependencies) in members() {
        for dependency in dependencies {
            let (_, owner) = KNOWN_TO_ONE
                .into_iter()
                .find(|(prefix, _)| {
                    dependency.name == *prefix || dependency.name.starts_with(&format!("{prefix}-"))
                })
                .unwrap_or(("", member.as_str()));
            assert_eq!(owner, member, "{} belongs in {owner} and not in {member}", dependency.name);
        }
    }
}

#[test]
fn files_are_short() {
    let lines = |file: &PathBuf| std::fs::read_to_string(file).unwrap().lines().count();
    let long: Vec<_> = rust_files().into_iter().filter(|file| lines(file) > MOST_LINES).collect();
    assert!(long.is_empty(), "split these by role: {long:#?}");
}

#[test]
fn files_begin_with_what_they_are_for() {
    let says = |file: &PathBuf| std::fs::read_to_string(file).unwrap().starts_with("//!");
    let silent: Vec<_> = rust_files()
        .into_iter()
        // The tests of a module, moved beside it, are for that module.
        .filter(|file| file.file_name().is_some_and(|name| name != "tests.rs"))
        .filter(|file| !says(file))
        .collect();
    assert!(silent.is_empty(), "begin these with `//!`: {silent:#?}");
}
