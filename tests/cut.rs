//! Promise: an upload in chunks becomes the segments, and the score, that its file would, whatever happens to the
//! chunks on their way and to the workers that cut them; what is missing shows, and costs nobody points.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::SessionId;
use domain::messages::canonical::sha256_hex;
use domain::messages::{Chunk, SessionEvent, SessionFact, UploadEvent, UploadFact};
use domain::time::MediaMs;
use kafka::wire::Event;
use kafka::{Outgoing, Publisher, PublisherSettings, Record};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::exam::{Exam, PATIENCE, Worker, analyzed_with, clip, data, text, without_history};

const EVENT: Event<'static> = Event {
    source: "/invigilator/test",
    time: None,
    traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
};
/// Enough to judge by, and quick.
const SAMPLING: [(&str, &str); 2] =
    [("INVIGILATOR__SAMPLING__BASE_FPS", "0.5"), ("INVIGILATOR__SAMPLING__ESCALATED_FPS", "1")];
/// Members of the group that died are missed soon, and a silence too.
const QUICK: [(&str, &str); 2] =
    [("INVIGILATOR__KAFKA__SESSION_TIMEOUT_MS", "2000"), ("INVIGILATOR__WORKER__CUT_SILENCE_MS", "1000")];
const FAILPOINTS: &str = "INVIGILATOR_FAILPOINTS";

/// Somebody who uploads a recording.
pub struct Browser {
    session: SessionId,
    bytes: Vec<u8>,
    media_type: &'static str,
    /// Where the next chunk begins.
    sent: usize,
    next: u64,
}

impl Browser {
    /// Its session is called as `publish` and `analyze` call that of the file.
    pub fn of(name: &str) -> Self {
        let bytes = std::fs::read(clip(name)).unwrap();
        let session = SessionId::new("local", "files", &sha256_hex(&bytes)[..16]).unwrap();
        let media_type = if name.ends_with("webm") { "video/webm;codecs=vp8" } else { "video/mp4" };
        Self { session, bytes, media_type, sent: 0, next: 0 }
    }

    fn is_done(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// The next chunk, of so many bytes.
    fn chunk(&mut self, size: usize) -> Chunk {
        let end = (self.sent + size).min(self.bytes.len());
        let bytes = self.bytes[self.sent..end].to_vec();
        let chunk = Chunk::new(self.session.clone(), self.next, self.media_type, bytes);
        (self.sent, self.next) = (end, self.next + 1);
        chunk
    }

    pub fn fact(&self, event: UploadEvent) -> UploadFact {
        UploadFact { session: self.session.clone(), event }
    }
}

/// Sends records as a gateway does.
pub struct Door {
    exam: Exam,
    publisher: Publisher<()>,
}

impl Door {
    fn new(prefix: &str) -> Self {
        let exam = Exam::new(prefix);
        exam.create_topics();
        Self::to(exam)
    }

    /// To topics that exist.
    pub fn to(exam: Exam) -> Self {
        let settings = PublisherSettings::default();
        let publisher = Publisher::new(&exam.connection, settings, |(), result| result.unwrap()).unwrap();
        Self { exam, publisher }
    }

    fn begin(&self, browser: &Browser) {
        let started = SessionEvent::Started {
            policy: "standard".to_owned(),
            accommodations: Vec::new(),
            expected: None,
        };
        let fact = SessionFact { session: browser.session.clone(), media_ms: MediaMs::ZERO, event: started };
        self.send(Outgoing::message(self.exam.topics.sessions(), EVENT, &fact));
        self.settle();
    }

    fn chunk(&self, chunk: Chunk) {
        self.send(Outgoing::chunk(self.exam.topics.chunks(), EVENT, chunk));
    }

    pub fn fact(&self, fact: &UploadFact) {
        self.send(Outgoing::message(self.exam.topics.chunks(), EVENT, fact));
    }

    fn send(&self, record: Outgoing) {
        self.publisher.send(record, ()).unwrap();
    }

    pub fn settle(&self) {
        self.publisher.flush(PATIENCE).unwrap();
    }

    /// All of a recording, in chunks of about a second.
    pub fn upload(&self, browser: &mut Browser) {
        while !browser.is_done() {
            self.chunk(browser.chunk(50_000));
        }
        self.settle();
    }

    fn cutter(&self, name: &str, variables: &[(&str, &str)]) -> Worker {
        let all: Vec<_> = QUICK.iter().chain(variables).copied().collect();
        self.exam.worker_of(&["cut"], name, &all)
    }

    /// Waits until so many sessions have ended; what was said of their ends.
    pub fn ends(&self, sessions: usize) -> BTreeMap<String, Value> {
        let is_end = |record: &&Record| data(record)["event"] == "ended";
        let facts = self
            .exam
            .read(&self.exam.topics.sessions(), |records| records.iter().filter(is_end).count() >= sessions);
        let ends = facts.iter().filter(is_end).map(data);
        ends.map(|fact| (text(&fact["session"]), fact)).collect()
    }

    /// The segments, in the order of each session.
    fn segments(&self) -> Vec<Segment> {
        segments(&self.exam)
    }

    /// The uploads whose last state is not that they are over.
    fn states(&self) -> BTreeSet<Vec<u8>> {
        let mut states = BTreeMap::new();
        for record in self.exam.read_all(&self.exam.topics.cut_state()) {
            let is_over = record.value.is_none() || data(&record)["stream"]["state"] == "over";
            states.insert(record.key, !is_over);
        }
        states.into_iter().filter_map(|(key, is_there)| is_there.then_some(key)).collect()
    }
}

/// What a record says of a segment, without trace and time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    pub session: String,
    epoch: u32,
    sequence: u64,
    start: i64,
    end: i64,
    preroll: i64,
    init: String,
    media: String,
}

/// All segments, in the order of each session.
pub fn segments(exam: &Exam) -> Vec<Segment> {
    let header =
        |record: &Record, name: &str| String::from_utf8(record.headers.get(name).unwrap().to_vec()).unwrap();
    let segment = |record: &Record| Segment {
        session: header(record, "ce_subject"),
        epoch: header(record, "ce_epoch").parse().unwrap(),
        sequence: header(record, "ce_sequence").parse().unwrap(),
        start: header(record, "ce_startms").parse().unwrap(),
        end: header(record, "ce_endms").parse().unwrap(),
        preroll: header(record, "ce_prerollms").parse().unwrap(),
        init: header(record, "ce_initsha256"),
        media: sha256_hex(record.value.as_deref().unwrap()),
    };
    let mut segments: Vec<_> = exam.read_all(&exam.topics.segments()).iter().map(segment).collect();
    segments.sort();
    segments
}

/// What `publish` makes of the same files: segments, and ends of sessions.
pub fn published(prefix: &str, clips: &[&str]) -> (Vec<Segment>, BTreeMap<String, Value>) {
    let exam = Exam::new(prefix);
    exam.publish(clips);
    let facts = exam.read_all(&exam.topics.sessions());
    let ends = facts.iter().map(data).filter(|fact| fact["event"] == "ended");
    (segments(&exam), ends.map(|fact| (text(&fact["session"]), fact)).collect())
}

/// The segments of uploads are those of their files, each of them once, and nothing is left to go on from.
fn assert_cut_as_files(door: &Door, (segments, ends): &(Vec<Segment>, BTreeMap<String, Value>)) {
    assert_eq!(&door.ends(ends.len()), ends);
    assert_eq!(&door.segments(), segments);
    assert_eq!(door.states(), BTreeSet::new());
}

/// Two sessions at once: one byte of the header alone, chunks of all sizes, one with most of the recording in it,
/// some twice, some in another order, one without a byte.
#[test]
fn uploads_are_judged_as_their_files() {
    const CLIPS: [&str; 2] = ["c03_leaves_vp8.webm", "c04_leaves_fmp4.mp4"];
    let door = Door::new("cut-judged");
    let all: Vec<_> = SAMPLING.iter().chain(&QUICK[..1]).copied().collect();
    let worker = door.exam.worker_with("cut-judged-0", &all);
    let mut browsers = CLIPS.map(Browser::of);
    browsers.iter().for_each(|browser| door.begin(browser));
    let empty = Chunk::new(browsers[0].session.clone(), 5, "video/webm", Vec::new());
    door.chunk(empty);
    for size in [1, 700, 30_000, 8, 90_000, 60_000, 20_000] {
        for browser in &mut browsers {
            let [first, second] = [size, size].map(|size| browser.chunk(size));
            // The header is there once.
            for chunk in [second.clone(), first, second] {
                door.chunk(chunk);
            }
        }
        door.settle();
    }
    for browser in &mut browsers {
        door.chunk(browser.chunk(usize::MAX / 2));
        door.fact(&browser.fact(UploadEvent::Ended));
    }
    door.settle();

    let (expected_scores, expected_incidents) = analyzed_with(&CLIPS, &SAMPLING);
    let scores = door.exam.final_scores(CLIPS.len());
    let scores: BTreeMap<_, _> =
        scores.into_iter().map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores, expected_scores);
    assert_eq!(door.exam.incidents(), expected_incidents);
    assert_cut_as_files(&door, &published("cut-judged-files", &CLIPS));

    let chunks = |outcome: &str| worker.metric(&format!("invigilator_chunks_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((chunks("taken"), chunks("repeated"), chunks("lost")), (30.0, 14.0, 0.0));
    assert_eq!(worker.metric("invigilator_recordings_total{outcome=\"begun\"}"), 2.0);
    worker.wait_until("nothing is held any more", |worker| worker.metric("invigilator_uploads") == 0.0);
    let letters = door.exam.read_all(&door.exam.topics.dead_letters());
    let reasons: Vec<_> = letters.iter().map(|letter| letter.headers.get("dlq-reason").unwrap()).collect();
    assert_eq!(reasons, [b"no_value"]);
    let segments = door.exam.read_all(&door.exam.topics.segments());
    let trace =
        |record: &Record| String::from_utf8_lossy(record.headers.get("traceparent").unwrap()).into_owned();
    assert!(segments.iter().all(|record| trace(record).contains("4bf92f3577b34da6a3ce929d0e0e4736")));
    assert_eq!(worker.terminate(), Some(0));
}

/// Kills between the writing of segments and states and the commit of the chunks that they come from.
#[test]
fn a_cutter_that_is_killed_again_and_again() {
    const CLIPS: [&str; 3] = ["c05_second_person_vp8.webm", "c04_leaves_fmp4.mp4", "c16_opus_vp8.webm"];
    let door = Door::new("cut-killed");
    let mut browsers = CLIPS.map(Browser::of);
    browsers.iter().for_each(|browser| door.begin(browser));
    let ends = ["cut.sent=kill@1", "cut.offsets=kill@1", "cut.committed=kill@1", "cut.sent=kill@2"];
    let mut rounds = ends.iter().cycle();
    while !browsers.iter().all(Browser::is_done) {
        for browser in browsers.iter_mut().filter(|browser| !browser.is_done()) {
            (0..8).for_each(|_| door.chunk(browser.chunk(50_000)));
        }
        door.settle();
        let end = rounds.next().unwrap();
        let worker = door.cutter("cut-killed-0", &[(FAILPOINTS, end)]);
        // The second transaction comes with a silence at the latest.
        assert_eq!(worker.killed_by(), Some(Signal::KILL.as_raw()), "{end}");
    }
    browsers.iter().for_each(|browser| door.fact(&browser.fact(UploadEvent::Ended)));
    door.settle();
    let worker = door.cutter("cut-killed-0", &[]);
    // Silences close segments where nothing would have without them: what they hold is compared in the next test.
    door.ends(CLIPS.len());
    let found = door.segments();
    for browser in &browsers {
        let own: Vec<&Segment> =
            found.iter().filter(|segment| segment.session == browser.session.as_str()).collect();
        assert!(own.iter().map(|segment| segment.sequence).eq(0..own.len() as u64), "each once: {own:#?}");
        assert!(own.windows(2).all(|pair| pair[0].end == pair[1].start), "without a seam: {own:#?}");
    }
    assert_eq!(door.states(), BTreeSet::new());
    assert_eq!(worker.terminate(), Some(0));
}

/// The same, with everything there from the beginning, so that nothing is silent.
#[test]
fn what_killed_cutters_leave_is_what_one_would_have_cut() {
    const CLIPS: [&str; 3] = ["c05_second_person_vp8.webm", "c04_leaves_fmp4.mp4", "c16_opus_vp8.webm"];
    let door = Door::new("cut-resumed");
    for mut browser in CLIPS.map(Browser::of) {
        door.begin(&browser);
        door.upload(&mut browser);
        door.fact(&browser.fact(UploadEvent::Ended));
    }
    door.settle();
    // A commit may hold all of it: after that nobody has anything to do.
    for end in ["cut.sent=kill@1", "cut.offsets=kill@1", "cut.committed=kill@1"] {
        let worker = door.cutter("cut-resumed-0", &[(FAILPOINTS, end)]);
        assert_eq!(worker.killed_by(), Some(Signal::KILL.as_raw()), "{end}");
    }
    let worker = door.cutter("cut-resumed-0", &[]);
    assert_cut_as_files(&door, &published("cut-resumed-files", &CLIPS));
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn cutters_that_come_and_go() {
    const CLIPS: [&str; 4] =
        ["c05_second_person_vp8.webm", "c04_leaves_fmp4.mp4", "c16_opus_vp8.webm", "c08_covered_vp8.webm"];
    let door = Door::new("cut-crowd");
    let mut browsers = CLIPS.map(Browser::of);
    browsers.iter().for_each(|browser| door.begin(browser));
    let upload = |browsers: &mut [Browser], chunks: usize| {
        for browser in browsers.iter_mut() {
            for _chunk in 0..chunks {
                if browser.is_done() {
                    break;
                }
                door.chunk(browser.chunk(50_000));
            }
        }
        door.settle();
    };
    // Nothing is silent: the test is as slow as the machine.
    let patient = [("INVIGILATOR__WORKER__CUT_SILENCE_MS", "600000")];
    upload(&mut browsers, 15);
    let first = door.cutter("cut-crowd-0", &patient);
    let cut = "invigilator_stage_items_total{outcome=\"ok\",stage=\"cut\"}";
    first.wait_until("it is in the middle of it", |worker| worker.metric(cut) >= 3.0);
    let second = door.cutter("cut-crowd-1", &patient);
    let assigned = "invigilator_rebalances_total{change=\"assigned\",role=\"cut\"}";
    second.wait_until("it has a share", |worker| worker.metric_or(assigned, 0.0) >= 1.0);
    upload(&mut browsers, 15);
    second.wait_until("it cuts", |worker| worker.metric(cut) >= 1.0);
    assert_eq!(first.terminate(), Some(0));
    upload(&mut browsers, usize::MAX);
    browsers.iter().for_each(|browser| door.fact(&browser.fact(UploadEvent::Ended)));
    door.settle();
    assert_cut_as_files(&door, &published("cut-crowd-files", &CLIPS));
    assert_eq!(second.terminate(), Some(0));
}

/// A chunk is lost; the browser falls silent, and comes back with another recording after a break.
#[test]
fn what_is_missing_shows_and_a_header_begins_another_recording() {
    let door = Door::new("cut-holes");
    let worker = door.cutter("cut-holes-0", &[]);
    let mut browser = Browser::of("c05_second_person_vp8.webm");
    door.begin(&browser);
    for number in 0..20 {
        let chunk = browser.chunk(50_000);
        if number != 10 {
            door.chunk(chunk);
        }
    }
    door.fact(&browser.fact(UploadEvent::BreakStarted));
    door.settle();
    // Silent once, not again and again.
    let chunks = door.exam.topics.chunks();
    let silences = |records: &[Record]| {
        let is_silence = |record: &&Record| {
            record.headers.get("ce_type") == Some(b"invigilator.upload.v1")
                && data(record)["event"] == "silent"
        };
        records.iter().filter(is_silence).count()
    };
    door.exam.read(&chunks, |records| silences(records) == 1);
    worker.wait_until("the lost chunk is given up", |worker| {
        worker.metric("invigilator_chunks_total{outcome=\"lost\"}") == 1.0
    });
    door.fact(&browser.fact(UploadEvent::BreakEnded));
    let mut again = Browser { sent: 0, ..browser };
    door.upload(&mut again);
    door.fact(&again.fact(UploadEvent::Ended));
    door.settle();
    let end = &door.ends(1)[again.session.as_str()];
    assert_eq!(silences(&door.exam.read_all(&chunks)), 1);

    let segments = door.segments();
    let of = |epoch| segments.iter().filter(move |segment| segment.epoch == epoch);
    for epoch in [0, 1] {
        assert!(of(epoch).map(|segment| segment.sequence).eq(0..of(epoch).count() as u64), "{epoch}");
        assert!(of(epoch).zip(of(epoch).skip(1)).all(|(one, next)| one.end == next.start), "{epoch}");
    }
    let last = of(0).next_back().unwrap().end;
    let facts = door.exam.read_all(&door.exam.topics.sessions());
    let at = |event: &str| {
        facts.iter().map(data).find(|fact| fact["event"] == event).unwrap()["media_ms"].as_i64().unwrap()
    };
    assert!(at("break_started") <= last, "{} {last}", at("break_started"));
    assert!(at("break_ended") >= last, "{} {last}", at("break_ended"));
    assert_eq!(of(1).next().unwrap().start.max(at("break_ended")), of(1).next().unwrap().start);
    assert_eq!(end["expected"]["start"], json!(0));
    assert!(end["expected"]["end"].as_i64().unwrap() > of(1).next().unwrap().start);
    assert_eq!(worker.metric("invigilator_recordings_total{outcome=\"damaged\"}"), 1.0);
    assert_eq!(worker.terminate(), Some(0));
}

/// Chunks that wait for one that is missing hold more than all uploads may: partitions are cut in turns.
#[test]
fn uploads_that_hold_more_than_they_may_are_cut_in_turns() {
    const CLIP: &str = "c19_1080p_h264.mkv";
    let door = Door::new("cut-budget");
    let patient = ("INVIGILATOR__WORKER__CUT_SILENCE_MS", "600000");
    let worker = door.cutter("cut-budget-0", &[patient, ("INVIGILATOR__WORKER__CHUNKS_MIB", "16")]);
    let named = |number: u32| {
        let session = SessionId::new("local", "files", &format!("budget-{number}")).unwrap();
        Browser { session, ..Browser::of(CLIP) }
    };
    let mut browsers: Vec<Browser> = (0..6).map(named).collect();
    let firsts: Vec<Chunk> = browsers.iter_mut().map(|browser| browser.chunk(50_000)).collect();
    for browser in &mut browsers {
        door.begin(browser);
        door.upload(browser);
    }
    let rested = "invigilator_stage_blocked_seconds_total{stage=\"cut\"}";
    worker.wait_until("a partition was put down, and taken up again", |worker| worker.metric(rested) > 0.0);
    firsts.into_iter().for_each(|chunk| door.chunk(chunk));
    browsers.iter().for_each(|browser| door.fact(&browser.fact(UploadEvent::Ended)));
    door.settle();
    assert_eq!(door.ends(browsers.len()).len(), browsers.len());
    let segments = door.segments();
    let of = |browser: &Browser| {
        let own = segments.iter().filter(|segment| segment.session == browser.session.as_str());
        own.map(|segment| (segment.sequence, segment.start, segment.media.clone())).collect::<Vec<_>>()
    };
    assert!(of(&browsers[0]).len() > 5);
    assert!(browsers.iter().all(|browser| of(browser) == of(&browsers[0])));
    assert_eq!(worker.terminate(), Some(0));
}
