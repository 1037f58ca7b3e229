//! Promise: nobody holds more of the gateway than their share: slow, giant and too many requests cost those who send
//! them, and end.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use gateway::GatewaySettings;
use gateway::auth::Role;

use crate::support::{Behaviour, Gateway, PATIENCE, request, settings};

/// Waits until the gateway hangs up; what it said before.
fn until_closed(stream: &mut std::net::TcpStream) -> String {
    let mut said = Vec::new();
    let _reset = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn who_sends_a_header_byte_by_byte_is_hung_up_on() {
    let gateway = Gateway::with(GatewaySettings { header_timeout: Duration::from_millis(300), ..settings() });
    let begun = Instant::now();
    let mut slow = gateway.connect();
    slow.write_all(b"GET /v1/exams HTTP/1.1\r\nhost: g\r\nx-slow: ").unwrap();
    while slow.write_all(b"x").is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it goes on for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    // One that says nothing at all, and one that says nothing more.
    assert_eq!(until_closed(&mut gateway.connect()), "");
    let mut idle = gateway.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: g\r\n\r\n").unwrap();
    assert!(until_closed(&mut idle).starts_with("HTTP/1.1 200"));
}

#[test]
fn who_sends_a_body_byte_by_byte_is_told_so_and_holds_nothing() {
    let gateway = Gateway::with(GatewaySettings {
        body_timeout: Duration::from_millis(300),
        // Room for one chunk.
        upload_bytes: 1 << 20,
        ..settings()
    });
    let token = gateway.candidate("t1/e1/s1");
    let headers = ["content-type: video/webm", "content-length: 1000000"];
    let head = request("PUT", "/v1/sessions/t1:e1:s1/chunks/0", &token, &headers, b"");
    let head = String::from_utf8(head).unwrap().replace("content-length: 0\r\n", "");
    let mut slow = gateway.connect();
    slow.write_all(head.as_bytes()).unwrap();
    let said = until_closed(&mut slow);
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    assert_eq!(gateway.put_chunk("t1/e1/s1", "0", &[0; 1 << 20]).status, 204, "the room is free again");
}

#[test]
fn giant_headers_are_refused() {
    let gateway = Gateway::start();
    let giant = format!("x: {}", "x".repeat(200_000));
    let said = gateway.ask(&request("GET", "/", "", &[&giant], b""));
    assert_eq!(said.status, 431);
    let many: Vec<String> = (0..200).map(|each| format!("x-{each}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(gateway.ask(&request("GET", "/", "", &many, b"")).status, 431);
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let gateway = Gateway::with(GatewaySettings { connections: 2, ..settings() });
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = gateway.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: g\r\n\r\n").unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).unwrap();
            stream
        })
        .collect();
    let mut third = gateway.connect();
    third.write_all(b"GET / HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.read(&mut [0]).is_err(), "nobody answers it yet");
    drop(held);
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(until_closed(&mut third).starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_has_no_more_connections_than_it_may_have() {
    let gateway = Gateway::with(GatewaySettings { connections_per_address: 1, ..settings() });
    let mut first = gateway.connect();
    first.write_all(b"GET / HTTP/1.1\r\nhost: g\r\n\r\n").unwrap();
    first.read_exact(&mut [0; 12]).unwrap();
    assert_eq!(until_closed(&mut gateway.connect()), "", "it is closed at once");
    drop(first);
    let begun = Instant::now();
    loop {
        let mut next = gateway.connect();
        // It may be closed while this is written.
        let _written = next.write_all(b"GET / HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n");
        if until_closed(&mut next).starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the place is never free again");
    }
}

#[test]
fn a_token_that_asks_too_often_is_slowed_down() {
    let gateway = Gateway::with(GatewaySettings { requests_per_s: 1, ..settings() });
    let token = gateway.token(Role::Proctor, "t1");
    // A page may ask for a dozen things at once.
    let statuses: Vec<u16> = (0..30).map(|_| gateway.get("/v1/exams", &token).status).collect();
    assert!(statuses[..20].iter().all(|status| *status == 200) && statuses.contains(&429), "{statuses:?}");
    let slowed = gateway.get("/v1/exams", &token);
    assert!(slowed.status == 200 || slowed.header("retry-after").is_some());
    assert_eq!(gateway.get("/v1/exams", &gateway.token(Role::Proctor, "t2")).status, 200);
}

#[test]
fn the_end_lets_requests_finish_and_takes_no_more() {
    let mut gateway = Gateway::start();
    gateway.log.behave(Behaviour::Holds);
    let token = gateway.candidate("t1/e1/s1");
    let path = "/v1/sessions/t1:e1:s1/chunks/0";
    let waiting = gateway.ask_aside(request("PUT", path, &token, &["content-type: video/webm"], b"x"));
    let begun = Instant::now();
    while gateway.log.held() == 0 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    gateway.close();
    while std::net::TcpStream::connect(gateway.address).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it goes on taking connections");
        std::thread::yield_now();
    }
    assert!(!waiting.is_finished());
    gateway.log.release();
    assert_eq!(waiting.join().unwrap().status, 204);
    gateway.wait_for_end();
}
