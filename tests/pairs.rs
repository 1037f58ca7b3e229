//! Promise: who is told from whom is measured by the product itself, never with a template from the picture that a
//! video was made of, and levels of similarity name what they were set on.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::exam::{clip, invigilator};

/// Persons of the sample clips: where their photograph is taken from, and a recording of them.
const PERSONS: [(&str, &str, &str); 4] = [
    ("carphone", "c16_opus_vp8.webm", "c21_gap_vp8.webm"),
    ("astronaut", "c02_calm_h264.mp4", "c12_replayed_vp8.webm"),
    ("smiling", "c20_calm_hevc.mp4", "c19_1080p_h264.mkv"),
    ("glasses", "c09_dark_h264.mp4", "c10_dim_vp8.webm"),
];

/// A folder with photographs, links to recordings, and the form.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut form = "file,person,made_from,condition\n".to_owned();
    for (person, from, recording) in PERSONS {
        let photograph = format!("{person}.png");
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(clip(from))
            .args(["-frames:v", "1"])
            .arg(folder.path().join(&photograph))
            .status();
        assert!(status.expect("no ffmpeg: run `make setup`").success());
        std::os::unix::fs::symlink(clip(recording), folder.path().join(recording)).unwrap();
        let condition = if person == "glasses" { "dim" } else { "plain" };
        form += &format!("{photograph},{person},,\n{recording},{person},,{condition}\n");
    }
    std::fs::write(folder.path().join("identities.csv"), form).unwrap();
    folder
}

fn evaluated(folder: &Path, output: &Path) -> Value {
    let mut command = invigilator();
    command.args(["eval", "--pairs", "--no-progress"]).arg(folder);
    for (option, file) in [("--json", "pairs.json"), ("--plot", "pairs.svg"), ("--thresholds", "levels.toml")]
    {
        command.arg(option).arg(output.join(file));
    }
    let told = command.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.contains("[detect.identity]") && text.contains("bootstrap by person"), "{text}");
    serde_json::from_slice(&std::fs::read(output.join("pairs.json")).unwrap()).unwrap()
}

fn figure<'a>(evaluation: &'a Value, name: &str) -> &'a Value {
    let figures = evaluation["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn persons_of_the_sample_clips_are_told_apart() {
    let (folder, output) = (folder(), tempfile::tempdir().unwrap());
    let evaluation = evaluated(folder.path(), output.path());
    let data = &evaluation["data_set"];
    assert_eq!(
        (&data["persons"], &data["photographs"]),
        (&4.into(), &serde_json::json!([4, 4])),
        "{evaluation}"
    );

    for name in ["fused_eer", "fused_fnmr_at_fmr_1_percent"] {
        let figure = figure(&evaluation, name);
        assert_eq!(figure["value"], 0.0, "{figure}");
        // 4 templates, each with every video.
        assert_eq!(figure["n"], 16);
        assert_eq!(
            figure["intervals"][0]["method"].as_str().unwrap().split(',').next(),
            Some("bootstrap by person")
        );
    }
    assert_eq!(figure(&evaluation, "mismatch_of_the_right_person_at_those_of_the_policy")["value"], 0.0);
    assert_eq!(figure(&evaluation, "fmr_condition_dim")["value"], 0.0);

    let levels = &evaluation["thresholds"];
    assert!(levels["low_milli"].as_i64().unwrap() <= levels["high_milli"].as_i64().unwrap(), "{levels}");
    assert_eq!(levels["model_sha256"], evaluation["model"]["sha256"]);
    let file = std::fs::read_to_string(output.path().join("levels.toml")).unwrap();
    assert!(
        file.contains(levels["set_on"]["form_sha256"].as_str().unwrap()) && file.contains("4 persons"),
        "{file}"
    );
    let plot = std::fs::read_to_string(output.path().join("pairs.svg")).unwrap();
    assert_eq!(plot.matches("<polyline").count(), 2);
    // Embeddings are nowhere: only rates and levels leave the program.
    assert!(!evaluation.to_string().contains("embedding"));
}

#[test]
fn a_video_is_not_compared_with_the_photograph_it_was_made_from() {
    let (folder, output) = (folder(), tempfile::tempdir().unwrap());
    let form = folder.path().join("identities.csv");
    let text = std::fs::read_to_string(&form).unwrap();
    let made =
        text.replace("c12_replayed_vp8.webm,astronaut,,", "c12_replayed_vp8.webm,astronaut,astronaut.png,");
    assert_ne!(text, made);
    std::fs::write(&form, made).unwrap();
    let evaluation = evaluated(folder.path(), output.path());
    assert_eq!(figure(&evaluation, "fused_eer")["n"], 15);
}

#[test]
fn a_folder_without_a_form_is_a_mistake_of_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let told = invigilator().args(["eval", "--pairs"]).arg(folder.path()).output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&told.stderr).contains("identities.csv"));
}
