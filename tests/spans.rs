//! Promise: with a collector configured, the way of every traced segment can be followed there, from the
//! observation to the score, by the ids that the records carry; and spans tell nothing of what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use kafka::Record;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::exam::Exam;

/// A collector: takes what OTLP over HTTP brings.
struct Collector {
    endpoint: String,
    spans: Receiver<Span>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (tell, spans) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &tell));
            }
        });
        Self { endpoint, spans }
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, tell: &Sender<Span>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        assert!(line.starts_with("POST /v1/traces "), "{line}");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let spans = request.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans);
        spans.for_each(|span| tell.send(span).unwrap());
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Trace and span of a record.
fn place(record: &Record) -> (String, String) {
    let header = std::str::from_utf8(record.headers.get("traceparent").unwrap()).unwrap();
    let parts: Vec<&str> = header.split('-').collect();
    (parts[1].to_owned(), parts[2].to_owned())
}

#[test]
fn the_way_of_a_segment_can_be_followed_in_a_collector() {
    let collector = Collector::start();
    let exam = Exam::new("spans");
    exam.publish(&["c17_rotated_h264.mp4"]);
    let endpoint = ("INVIGILATOR__TELEMETRY__OTLP_ENDPOINT", collector.endpoint.as_str());
    let worker = exam.worker_with("spans-0", &[endpoint]);
    exam.final_scores(1);
    assert_eq!(worker.terminate(), Some(0), "which sends the last spans");

    let spans: Vec<Span> = collector.spans.try_iter().collect();
    let mut of_name: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    spans.iter().for_each(|span| of_name.entry(&span.name).or_default().push(span));
    let names: Vec<&str> = of_name.keys().copied().collect();
    assert_eq!(names, ["decode", "look", "observe", "score"]);

    let place_of = |span: &&Span| (hex(&span.trace_id), hex(&span.span_id));
    let parent_of = |span: &&Span| (hex(&span.trace_id), hex(&span.parent_span_id));
    let observed: BTreeSet<_> = exam.read_all(&exam.topics.observations()).iter().map(place).collect();
    assert_eq!(of_name["observe"].iter().map(place_of).collect::<BTreeSet<_>>(), observed);
    for part in ["decode", "look", "score"] {
        assert_eq!(of_name[part].iter().map(parent_of).collect::<BTreeSet<_>>(), observed, "{part}");
    }
    let scored: BTreeSet<_> = of_name["score"].iter().map(place_of).collect();
    for topic in [exam.topics.scores(), exam.topics.incidents()] {
        for record in exam.read_all(&topic) {
            // What the end of a session led to was caused by no segment.
            if record.headers.get("traceparent").is_some() {
                assert!(scored.contains(&place(&record)), "{topic}");
            }
        }
    }
    for span in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        let told: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(told, ["invigilator.session"]);
    }
}
