//! Promise: browsers are told what they may do with an answer, and only the listed origins may ask from elsewhere.

use std::process::Command;
use std::time::Duration;

use gateway::GatewaySettings;
use gateway::auth::Role;
use gateway::sign_in::Provider;
use tempfile::TempDir;

use crate::support::{Gateway, policy, request, settings};

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let gateway = Gateway::start();
    let proctor = gateway.token(Role::Proctor, "t1");
    for (path, token) in [("/", ""), ("/v1/exams", &*proctor), ("/v1/exams", ""), ("/nothing", "")] {
        let answer = gateway.get(path, token);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"));
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("permissions-policy").unwrap().contains("camera=()"));
        let kept = if path == "/" { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), Some(kept), "{path}");
    }
    let camera = gateway.get("/candidate/", "");
    assert!(camera.header("permissions-policy").unwrap().contains("camera=(self)"));
}

#[test]
fn pages_may_ask_the_identity_provider_that_is_set_and_nobody_else() {
    let asks = |gateway: &Gateway| {
        let page = gateway.get("/", "");
        let policy = page.header("content-security-policy").unwrap();
        policy.split("; ").find_map(|part| part.strip_prefix("connect-src ")).map(str::to_owned)
    };
    let nobody = Gateway::start();
    assert_eq!(asks(&nobody).as_deref(), Some("'self'"));
    assert!(nobody.get("/v1/sign-in", "").json()["provider"].is_null());

    let provider = Provider {
        issuer: "https://id.test/realms/college".to_owned(),
        client_id: "dashboard".to_owned(),
        scope: "openid".to_owned(),
        resource: None,
        origins: vec!["https://tokens.test".to_owned()],
    };
    let somebody = Gateway::with(GatewaySettings { provider: Some(provider), ..settings() });
    assert_eq!(asks(&somebody).as_deref(), Some("'self' https://id.test https://tokens.test"));
    let told = somebody.get("/v1/sign-in", "").json();
    assert_eq!(told["provider"]["issuer"], "https://id.test/realms/college");
    assert_eq!(told["provider"]["client_id"], "dashboard");
}

#[test]
fn pages_are_files_that_browsers_keep_until_they_change() {
    let gateway = Gateway::start();
    let page = gateway.get("/", "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(gateway.get("/session/t1:e1:s1", "").body, page.body);
    let tag = format!("if-none-match: {}", page.header("etag").unwrap());
    let again = gateway.ask(&request("GET", "/", "", &[&tag], b""));
    assert_eq!((again.status, again.body.len()), (304, 0));
    gateway.get("/../Cargo.toml", "").assert_problem(404);
    gateway.get("/v1/nothing", "").assert_problem(404);
    gateway.ask(&request("POST", "/", "", &[], b"")).assert_problem(404);
    gateway.ask(&request("DELETE", "/v1/exams", "", &[], b"")).assert_problem(405);
}

#[test]
fn pages_of_listed_origins_may_ask_and_no_others() {
    let gateway = Gateway::start();
    let preflight = |origin: &str| {
        let headers = [&*format!("origin: {origin}"), "access-control-request-method: PUT"];
        gateway.ask(&request("OPTIONS", "/v1/sessions/t1:e1:s1/chunks/0", "", &headers, b""))
    };
    let allowed = preflight("https://exam.test");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://exam.test"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("authorization"));
    for origin in ["https://evil.test", "https://exam.test.evil.test", "null"] {
        let refused = preflight(origin);
        assert_eq!(refused.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(refused.header("access-control-allow-headers"), None, "{origin}");
    }
    let answer = gateway.ask(&request("GET", "/v1/exams", "", &["origin: https://exam.test"], b""));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://exam.test"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[test]
fn candidates_are_told_what_is_looked_for() {
    let gateway = Gateway::start();
    let notice = gateway.get("/v1/policies/standard/notice", "").json();
    let looked_for = notice["looked_for"].as_array().unwrap();
    let kinds: Vec<&str> = looked_for.iter().map(|each| each["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"multiple_persons") && !kinds.contains(&"phone_visible"), "{kinds:?}");
    assert_eq!(looked_for[0]["when"], "for 10 seconds or longer");
    assert!(notice["never"].as_array().unwrap().len() >= 3);
    gateway.get("/v1/policies/none/notice", "").assert_problem(404);
}

#[test]
fn with_a_certificate_it_speaks_tls_alone() {
    let folder = TempDir::new().unwrap();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tls = Some((certificate.clone(), key));
    let gateway = Gateway::with(GatewaySettings { tls, ..settings() });
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-servername", "localhost", "-CAfile"])
        .arg(&certificate)
        .args(["-connect", &gateway.address.to_string()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &request("GET", "/", "", &[], b"")).unwrap();
    let said = client.wait_with_output().unwrap().stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("strict-transport-security"), "{said}");
    let mut plain = gateway.connect();
    std::io::Write::write_all(&mut plain, &request("GET", "/", "", &[], b"")).unwrap();
    let mut said = Vec::new();
    let _reset = std::io::Read::read_to_end(&mut plain, &mut said);
    assert!(!said.starts_with(b"HTTP"));
}

#[test]
fn the_notice_tells_of_pictures_and_comparisons_where_there_are_any_and_not_otherwise() {
    let notice = |settings: GatewaySettings, pictures: bool| {
        let mut policy = policy();
        policy.evidence.pictures = pictures;
        let policies = [("standard".to_owned(), policy)].into();
        let gateway = Gateway::with(GatewaySettings { policies, ..settings });
        gateway.get("/v1/policies/standard/notice", "").text()
    };
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    let with =
        |pictures_kept, templates_kept| GatewaySettings { pictures_kept, templates_kept, ..settings() };
    let told = notice(with(days(30), None), true);
    assert!(told.contains("Single pictures") && told.contains("noted then: 30 days."), "{told}");
    assert!(told.contains("unrecognisable") && !told.contains("compared"), "{told}");
    for (settings, pictures) in [(with(days(30), None), false), (with(None, None), true)] {
        let told = notice(settings, pictures);
        assert!(!told.contains("Single pictures"), "{told}");
    }
    let told = notice(with(None, days(7)), false);
    assert!(
        told.contains("identity_mismatch") && told.contains("compared with, encrypted: 7 days."),
        "{told}"
    );
}
