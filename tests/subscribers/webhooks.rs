//! Promise: a webhook is told of each result at least once, signed, in the order of each session; whoever does not
//! listen holds up nobody else; and the position of each outlives the gateway.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use domain::messages::IncidentState::{Closed, Open, Updated};
use domain::messages::{Incident, Score, ScoreStatus};
use gateway::subscribers::signature::WebhookSecret;

use super::receiver::{Receiver, Request, closed_port};
use super::{Results, incident, score};
use crate::exam::{Exam, PATIENCE};
use crate::gateway::{Gateway, wait_until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECRETS: [(&str, &str); 1] = [("secret", SECRET)];

/// A table of the file of subscribers.
fn webhook(name: &str, url: &str) -> String {
    format!("[[webhook]]\nname = \"{name}\"\ntenant = \"t1\"\nurl = \"{url}\"\nsecret_file = \"secret\"\n")
}

fn ids(requests: &[Request]) -> Vec<String> {
    requests.iter().map(|request| request.header("webhook-id").to_owned()).collect()
}

/// The id of a notice of an incident.
fn id(session: &str, rev: u32) -> String {
    format!("{}-{rev}", incident(session).incident_id)
}

fn assert_signed(request: &Request) {
    let (id, at) = (request.header("webhook-id"), request.header("webhook-timestamp").parse().unwrap());
    let expected = WebhookSecret::parse(SECRET).unwrap().sign(id, at, &request.body);
    assert_eq!(request.header("webhook-signature"), expected);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(at) < 300, "receivers refuse old ones");
    assert_eq!(request.json()["id"], id);
}

#[test]
fn results_are_told_signed_in_order_and_to_their_tenant_alone() {
    let exam = Exam::new("webhooks-told");
    exam.create_topics();
    let receiver = Receiver::glad();
    let gateway = Gateway::telling(&exam, &webhook("all", &receiver.url("/hooks?of=t1")), &SECRETS);
    let results = Results::of(&exam);
    results.incident("t2/e1/s1", 0, Open);
    results.incident("t1/e1/s1", 0, Open);
    results.incident("t1/e1/s1", 1, Updated);
    results.incident("t1/e1/s1", 2, Closed);
    results.write(exam.topics.scores(), &Score { status: ScoreStatus::Provisional, ..score("t1/e1/s1") });
    results.score("t2/e1/s1", 1);
    results.score("t1/e1/s1", 1);
    let told = receiver.wait_for(3);
    told.iter().for_each(assert_signed);
    assert!(told.iter().all(|request| request.method == "POST" && request.path == "/hooks?of=t1"));
    let of = |kind: &str| -> Vec<_> {
        told.iter()
            .map(Request::json)
            .filter(|told| told["type"].as_str().unwrap().starts_with(kind))
            .collect()
    };
    let [opened, closed] = of("incident").try_into().unwrap();
    assert_eq!((&opened["type"], &closed["type"]), (&"incident.opened".into(), &"incident.closed".into()));
    let data: Incident = serde_json::from_value(opened["data"].clone()).unwrap();
    assert_eq!(data, Incident { rev: 0, state: Open, run: None, ..incident("t1/e1/s1") });
    let [scored] = of("score").try_into().unwrap();
    assert_eq!((&scored["data"]["session"], &scored["data"]["decision"]), (&"t1/e1/s1".into(), &().into()));
    wait_until("all of it is counted", || {
        let told = gateway.metric("invigilator_gateway_told_total{outcome=\"delivered\",subscriber=\"all\"}");
        (told == 3.0).then_some(())
    });
    assert_eq!(gateway.terminate(), Some(0));
    assert_eq!(receiver.taken().len(), 3, "once, where nothing fails");
}

#[test]
fn whoever_fails_is_told_again_and_holds_up_nobody_else() {
    let exam = Exam::new("webhooks-failing");
    exam.create_topics();
    let mut failures = 0;
    let moody = Receiver::start(move |request| {
        failures += 1;
        // It takes nothing at first, and one thing never.
        let is_poison = request.header("webhook-id") == id("t1/e1/s2", 0);
        (
            if is_poison {
                422
            } else if failures <= 4 {
                503
            } else {
                200
            },
            String::new(),
        )
    });
    let silent = Receiver::start(|_| {
        std::thread::sleep(PATIENCE);
        (200, String::new())
    });
    let (glad, port) = (Receiver::glad(), closed_port());
    let dead = format!("http://{port}/");
    let file = [
        webhook("moody", &moody.url("/")),
        webhook("silent", &silent.url("/")),
        webhook("dead", &dead),
        webhook("glad", &glad.url("/")),
    ];
    let gateway = Gateway::telling(&exam, &file.concat(), &SECRETS);
    let results = Results::of(&exam);
    for session in ["t1/e1/s1", "t1/e1/s2", "t1/e1/s3"] {
        results.incident(session, 0, Open);
        results.incident(session, 1, Closed);
    }
    glad.wait_for(6);
    let told = ids(&moody.wait_for(5));
    assert!(!told.contains(&id("t1/e1/s2", 0)), "it was refused, and the next one is told");
    for session in ["t1/e1/s1", "t1/e1/s3"] {
        let place = |rev| told.iter().position(|told| *told == id(session, rev)).unwrap();
        assert!(place(0) < place(1), "in order");
    }
    let told = |subscriber: &str, outcome: &str| {
        let labels = format!("outcome=\"{outcome}\",subscriber=\"{subscriber}\"");
        gateway.metric(&format!("invigilator_gateway_told_total{{{labels}}}"))
    };
    wait_until("what became of it is counted", || {
        let counted = (told("moody", "refused"), told("moody", "failed"), told("glad", "failed"));
        (counted == (1.0, 4.0, 0.0) && told("dead", "failed") > 0.0).then_some(())
    });
    let lag = "invigilator_gateway_telling_lag_ms{subscriber=\"dead\",topic=\"incidents\"}";
    assert!(gateway.metric(lag) > 0.0, "somebody has to be told that nobody listens");

    // It comes back, and hears of everything.
    let back = Receiver::on(TcpListener::bind(port).unwrap(), |_| (200, String::new()));
    assert_eq!(ids(&back.wait_for(6)).into_iter().collect::<BTreeSet<_>>().len(), 6);
    wait_until("nothing waits", || (gateway.metric(lag) == 0.0).then_some(()));
    wait_until("nobody waits for ever", || (told("silent", "failed") > 0.0).then_some(()));
}

#[test]
fn a_position_outlives_gateways_and_a_replay_moves_it() {
    let exam = Exam::new("webhooks-replay");
    exam.create_topics();
    let receiver = Receiver::start(|_| {
        // Slow enough to be in the middle of something when the gateway is killed.
        std::thread::sleep(Duration::from_millis(20));
        (200, String::new())
    });
    let file = webhook("slow", &receiver.url("/"));
    let mut gateway = Gateway::telling(&exam, &file, &SECRETS);
    let results = Results::of(&exam);
    for number in 0..40 {
        results.incident("t1/e1/s1", number, Open);
    }
    receiver.wait_for(10);
    gateway.kill_and_restart();
    let all: BTreeSet<String> = (0..40).map(|number| id("t1/e1/s1", number)).collect();
    let has_all = |requests: &[Request]| ids(requests).into_iter().collect::<BTreeSet<_>>() == all;
    let told = receiver.wait_until(has_all);
    let bodies: BTreeSet<&[u8]> = told.iter().map(|request| request.body.as_slice()).collect();
    assert_eq!(bodies.len(), 40, "what is told twice is the same in every byte");

    let replay = |gateway: &Gateway, from: &str| {
        gateway.command(&["replay", "slow", "--from", from]).output().unwrap()
    };
    let refused = replay(&gateway, "1h");
    assert_eq!(refused.status.code(), Some(7), "a running gateway keeps its position");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("end all of them first"));
    assert_eq!(gateway.end(), Some(0));
    // A gateway that goes on has nothing to say.
    let before = receiver.taken().len();
    gateway.restart();
    results.score("t1/e1/s1", 1);
    receiver.wait_for(before + 1);
    assert_eq!(receiver.taken().len(), before + 1);

    assert_eq!(gateway.end(), Some(0));
    let moved = replay(&gateway, "1h");
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    assert!(String::from_utf8_lossy(&moved.stdout).contains("incidents: 40 records"));
    gateway.restart();
    let again = receiver.wait_for(before + 1 + 41);
    let again = ids(&again[before + 1..]);
    let told: Vec<&String> = again.iter().filter(|told| all.contains(*told)).collect();
    let expected: Vec<String> = (0..40).map(|number| id("t1/e1/s1", number)).collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>(), "all of it, in order");
}
