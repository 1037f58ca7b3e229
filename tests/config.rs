//! Promise: settings are what they say. Defaults are documented and equal to the code's, later sources
//! win, and every mistake is reported at once with key, place and remedy.

use std::path::Path;

use domain::observe::Reporting;
use domain::observe::quality::QualityGate;
use domain::sampling::Suspicion;
use infer::VisionSettings;
use invigilator::settings::{DEFAULT_TOML, Override, Settings, SettingsError, Sources, policy, schema};

fn file(folder: &Path, text: &str) -> Sources {
    let path = folder.join("my.toml");
    std::fs::write(&path, text).unwrap();
    Sources { file: Some(path), ..Sources::default() }
}

fn with_environment(mut sources: Sources, variables: &[(&str, &str)]) -> Sources {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    sources.environment = owned.collect();
    sources
}

/// The problems of some sources, each as one line.
fn problems(sources: &Sources) -> Vec<String> {
    match Settings::load(sources) {
        Err(SettingsError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_embedded_defaults_are_those_of_the_code() {
    let settings = Settings::defaults();
    assert_eq!(settings.suspicion, Suspicion::default());
    assert_eq!(settings.quality, QualityGate::default());
    assert_eq!(settings.observe, Reporting::default());
    let runtime_library = settings.infer.runtime_library.clone();
    let vision = VisionSettings { runtime_library, ..VisionSettings::new(&settings.infer.models_dir) };
    assert_eq!(settings.vision(), vision);

    let decoder = settings.decoder().unwrap();
    let default = decode::DecoderSettings::new(decoder.executable.clone(), decoder.args.clone());
    assert_eq!(format!("{decoder:?}"), format!("{default:?}"));
}

#[test]
fn every_key_is_explained_in_the_default_file() {
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    for (number, pair) in lines.windows(2).enumerate() {
        let (before, line) = (pair[0], pair[1]);
        let is_key = line.split_once(" = ").is_some_and(|(key, _)| !key.contains(['#', ' ']));
        assert!(!is_key || before.starts_with('#'), "line {}: `{line}` has no comment", number + 2);
    }
}

#[test]
fn later_sources_win() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[decode]\nchildren = 2\nmax_hours = 3\n[infer]\nthreads = 5";
    let mut sources = with_environment(file(folder.path(), text), &[("INVIGILATOR__DECODE__CHILDREN", "4")]);
    sources.arguments.push(Override { argument: "--threads", key: "infer.threads", value: 7.into() });
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.decode.children.get(), 4);
    assert_eq!(settings.decode.max_media.0, 3 * 3_600_000);
    assert_eq!(settings.infer.threads.get(), 7);
}

#[test]
fn variables_are_numbers_switches_or_texts() {
    let variables = [
        ("INVIGILATOR__SAMPLING__BASE_FPS", "2"),
        ("INVIGILATOR__INFER__ACCEPT_RESEARCH_MODELS", "true"),
        ("INVIGILATOR__INFER__PERSON_MODEL", "nanodet_g"),
        ("INVIGILATOR_CONFIGURE", "is not ours"),
    ];
    let settings = Settings::load(&with_environment(Sources::default(), &variables)).unwrap();
    assert_eq!(settings.sampling.grid.base().0, 500);
    assert!(settings.infer.accept_research_models);
    assert_eq!(settings.infer.person_model, "nanodet_g");
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[sampling]\nbase_fsp = 1\nsegment_ms = \"long\"\n[decode]\nthreads = 3\n[smapling]\n";
    let sources = file(folder.path(), text);
    let sources = with_environment(sources, &[("INVIGILATOR__DECODE__MAX_HOURS", "many")]);
    let found = problems(&sources);
    let expected = [
        "my.toml:2: sampling.base_fsp: unknown key; did you mean `sampling.base_fps`?",
        "my.toml:3: sampling.segment_ms: invalid type",
        "my.toml:5: decode.threads: unknown key; did you mean `infer.threads`?",
        "my.toml:6: smapling: unknown key; did you mean `sampling`?",
        "INVIGILATOR__DECODE__MAX_HOURS: decode.max_hours: invalid type",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found} is not about {expected}");
    }
}

#[test]
fn bounds_are_checked_together_and_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = "decode.children = 900\ndecode.max_hours = 0\nsampling.base_fps = 3.3\nobserve.face_conf = 1.5\n\
                quality.dark_luma_p90 = 90\n";
    let found = problems(&file(folder.path(), text));
    for expected in [
        ":1: decode.children: must be 1 to 64, is 900",
        ":2: decode.max_hours: must be 1 to 48, is 0",
        ":3: sampling.base_fps: ",
        ":4: observe.face_conf: must be 0 to 1, is 1.5",
        ":5: quality.dark_luma_p90: must not be above quality.dim_luma_p90",
    ] {
        assert!(found.iter().any(|found| found.contains(expected)), "{expected} in {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn places_of_media_are_addresses_and_a_password_among_them_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[worker]\nmedia_prefixes = [\"file:///srv/media/\", \"https://me:secret@host/\", \"/srv\"]\n";
    let found = problems(&file(folder.path(), text));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("worker.media_prefixes: number 2 must name a plain host"), "{found:?}");
    assert!(found[1].contains("worker.media_prefixes: number 3 must begin with file:///"), "{found:?}");
    assert!(!found.concat().contains("secret"), "{found:?}");
}

#[test]
fn the_program_refuses_what_the_schema_does() {
    let schema = schema::settings();
    let mut checked = 0;
    for (section, property) in schema["properties"].as_object().unwrap() {
        let Some(name) = property["$ref"].as_str() else { continue };
        let section_type = schema.pointer(name.trim_start_matches('#')).unwrap();
        for (key, form) in section_type["properties"].as_object().unwrap() {
            let step = if form["type"] == "integer" { 1.0 } else { 0.01 };
            let beyond = [
                form["minimum"].as_f64().map(|least| least - step),
                form["maximum"].as_f64().map(|most| most + step),
            ];
            for value in beyond.into_iter().flatten() {
                let variable = format!("INVIGILATOR__{}__{}", section.to_uppercase(), key.to_uppercase());
                let found =
                    problems(&with_environment(Sources::default(), &[(&variable, &value.to_string())]));
                assert!(
                    found.iter().any(|found| found.starts_with(&variable)),
                    "{variable}={value}: {found:?}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} bounds in the schema");
}

#[test]
fn a_file_that_is_no_toml_names_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let found = problems(&file(folder.path(), "decode.children = 1\nx = = 1\n"));
    assert!(found.iter().all(|found| found.contains("my.toml:2: ")), "{found:#?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources = Sources { file: Some("no/such.toml".into()), ..Sources::default() };
    assert!(Settings::load(&sources).unwrap_err().to_string().contains("no/such.toml"));
}

#[test]
fn a_policy_is_named_by_id_version_and_hash() {
    let built_in = policy::load("standard").unwrap();
    assert_eq!(built_in.reference.id, "standard");
    assert_eq!(built_in.reference.sha256.len(), 64);
    assert_eq!(policy::load("config/policies/standard.toml").unwrap(), built_in);
}

#[test]
fn every_policy_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let built_in = policy::load(name).unwrap();
        assert_eq!(built_in, policy::load(path.to_str().unwrap()).unwrap());
        assert_eq!(built_in.reference.id, name, "a policy is named like its file");
    }
}

#[test]
fn mistakes_of_a_policy_are_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let (_, standard) = policy::BUILT_IN[0];
    let mut table: toml::Table = standard.parse().unwrap();
    table["version"] = 0.into();
    table["id"] = "Not Allowed".into();
    std::fs::write(&path, table.to_string()).unwrap();
    let error = policy::load(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("version: ") && error.contains("id: "), "{error}");

    table.insert("surprise".to_owned(), 1.into());
    std::fs::write(&path, table.to_string()).unwrap();
    let error = policy::load(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("unknown field `surprise`"), "{error}");
    assert!(policy::load("strict").unwrap_err().to_string().contains("the built-in ones are standard, "));
}
