//! Promise: on a machine without a GPU, whoever asks for one is refused and told why, or, by setting, served by
//! the processor in full knowledge of it: in the log, in the metrics, in what is written down.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program with these settings, which do not say where models run.
fn program(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("INVIGILATOR_CONFIG");
    command.env("INVIGILATOR__INFER__PERSON_MODEL", "nanodet_g");
    command.envs(settings.iter().copied());
    command
}

/// With the library of `make setup`, which knows no GPU.
const REFUSE: [(&str, &str); 1] = [("INVIGILATOR__INFER__PROVIDER", "cuda")];
const FALL_BACK: [(&str, &str); 2] = [REFUSE[0], ("INVIGILATOR__INFER__PROVIDER_MISSING", "fall_back")];
const GPU_LIBRARY: (&str, &str) =
    ("INVIGILATOR__INFER__RUNTIME_LIBRARY", "models/onnxruntime-gpu/libonnxruntime.so");

fn run(settings: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program(settings).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// What `doctor` says of the provider: its exit code, the status, what it found.
fn diagnosis(settings: &[(&str, &str)]) -> (i32, String, String) {
    let (code, report, _) = run(settings, &["doctor", "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "provider").unwrap();
    let text = |field: &str| check[field].as_str().unwrap().to_owned();
    (code, text("status"), text("found"))
}

#[test]
fn who_asks_for_a_gpu_that_is_not_there_is_told_what_to_do() {
    const CLIP: &str = "tests/media/clips/c15_empty_h264.mp4";
    for arguments in [&["analyze", CLIP][..], &["models", "verify"], &["worker", "--role", "observe"]] {
        let (code, _, said) = run(&REFUSE, arguments);
        assert_eq!(code, 6, "{arguments:?}: {said}");
        assert!(said.contains("was built without CUDA: run `make setup-gpu`"), "{said}");
    }
    let (code, status, found) = diagnosis(&REFUSE);
    assert_eq!((code, status.as_str()), (6, "fail"), "{found}");
    let (code, status, found) = diagnosis(&[]);
    assert_eq!((code, status.as_str(), found.as_str()), (0, "ok", "models run on: cpu"));
}

#[test]
fn who_falls_back_says_so_and_sees_what_others_see_on_a_processor() {
    const CLIP: &str = "tests/media/clips/c15_empty_h264.mp4";
    let analyze = |settings: &[(&str, &str)]| {
        let (code, findings, said) = run(settings, &["analyze", CLIP, "--json", "--no-progress"]);
        assert_eq!(code, 0, "{said}");
        let findings = findings.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let observations = findings.filter(|finding| finding["type"] == "invigilator.observation.v1");
        let seen = observations.map(|mut observation| {
            // When and how fast.
            observation["data"].as_object_mut().unwrap().remove("run");
            observation["data"].take()
        });
        (seen.collect::<Vec<_>>(), said)
    };
    let (expected, said) = analyze(&[]);
    assert!(!said.contains("warning:"), "{said}");
    let (found, said) = analyze(&FALL_BACK);
    assert_eq!(said.matches("warning: models run on the processor").count(), 1, "{said}");
    assert!(!found.is_empty() && found[0]["pipeline"]["config_hash"].is_string());
    assert!(found == expected, "the hash of the configuration, or what was seen, differs");

    let (code, status, found) = diagnosis(&FALL_BACK);
    assert_eq!((code, status.as_str()), (0, "warn"), "{found}");
    assert!(found.contains("built without CUDA"), "{found}");
    let (code, verified, _) = run(&FALL_BACK, &["models", "verify"]);
    assert_eq!(code, 0);
    assert!(verified.contains("models run on: cpu: the ONNX Runtime library"), "{verified}");
}

/// A worker that waits for brokers for as long as this lives.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn the_metric_tells_what_models_run_on_and_the_log_warns_once() {
    let begin = |settings: &[(&str, &str)]| {
        let mut worker = program(settings);
        // Nobody listens there.
        worker.args(["worker", "--role", "observe"]).env("INVIGILATOR__KAFKA__BROKERS", "127.0.0.1:1");
        worker.env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0").stderr(Stdio::piped());
        let mut worker = Waiting(worker.spawn().unwrap());
        let log = BufReader::new(worker.0.stderr.take().unwrap());
        let (mut warnings, mut address) = (Vec::new(), None);
        for line in log.lines() {
            let entry: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if entry["message"] == "models run on the processor" {
                warnings.push((entry["level"].clone(), entry["error"].clone()));
            }
            if entry["message"] == "worker started" {
                address = Some(entry["telemetry"].as_str().unwrap().to_owned());
                break;
            }
        }
        let mut stream = TcpStream::connect(address.unwrap()).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n").unwrap();
        let mut metrics = String::new();
        stream.read_to_string(&mut metrics).unwrap();
        for series in ["provider=\"cpu\"} 1", "provider=\"cuda\"} 0"] {
            assert!(metrics.contains(&format!("invigilator_inference_provider{{{series}")), "{metrics}");
        }
        warnings
    };
    assert_eq!(begin(&[]), []);
    let warnings = begin(&FALL_BACK);
    let [(level, error)] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(level, "WARN");
    assert!(error.as_str().unwrap().contains("built without CUDA"), "{error}");
}

#[test]
fn a_model_for_processors_is_refused_on_a_gpu() {
    let eight_bits = [REFUSE[0], ("INVIGILATOR__INFER__PERSON_MODEL", "nanodet_g_int8")];
    let (code, _, said) = run(&eight_bits, &["check-config"]);
    assert_eq!(code, 5);
    assert!(
        said.contains("infer.person_model") && said.contains("\"nanodet_g\" is the one for GPUs"),
        "{said}"
    );
}

#[test]
#[ignore = "needs `make setup-gpu`, then: cargo test --test main provider:: -- --ignored"]
fn with_the_library_for_gpus_there_is_cuda_or_a_reason() {
    let (code, status, found) = diagnosis(&[REFUSE[0], GPU_LIBRARY]);
    match status.as_str() {
        "ok" => assert_eq!((code, found.as_str()), (0, "models run on: cuda")),
        _ => {
            assert_eq!((code, status.as_str()), (6, "fail"));
            assert!(found.starts_with("CUDA cannot be used: "), "{found}");
            let (code, status, found) = diagnosis(&[FALL_BACK[0], FALL_BACK[1], GPU_LIBRARY]);
            assert_eq!((code, status.as_str()), (0, "warn"), "{found}");
        }
    }
}
