//! What is said is plain and neutral: what was seen or not seen, never what anybody meant by it.

use domain::desk::SessionDesk;
use domain::messages::{Band, IncidentType};
use domain::words;

use crate::builder::{SCREEN, session};
use crate::log::{Log, eventful};

/// Nothing that is shown may say any of this.
const ACCUSING: [&str; 16] = [
    "cheat",
    "guilt",
    "fraud",
    "suspicio",
    "suspect",
    "violat",
    "dishonest",
    "misconduct",
    "offen",
    "caught",
    "illegal",
    "crime",
    "fail",
    "lie",
    "intent",
    "attempt",
];

fn headline(log: &Log) -> Option<String> {
    log.desk().summary(log.now()).headline
}

#[test]
fn the_weightiest_thing_comes_first() {
    let two =
        session().seated(60).fps(2).second_person(20).fps(1).looking(30, SCREEN.turned(60.0)).seated(30);
    let said = headline(&Log::of(two)).unwrap();
    assert!(said.starts_with("Two or more persons for 20 s"), "{said}");
    assert_eq!(headline(&Log::of(session().seated(30))), None, "there is nothing to say");
}

#[test]
fn grey_is_explained() {
    let log = Log::of(session().seated(60).covered(40).seated(20));
    assert_eq!(log.desk().summary(log.now()).band, Some(Band::Grey));
    let said = headline(&log).unwrap();
    assert_eq!(said, "66.6\u{a0}% of the expected time was seen; camera covered for 40 s");
}

#[test]
fn what_goes_on_is_said_while_nothing_weighs_more() {
    let open = Log::running(session().seated(600).frozen().seated(12));
    assert_eq!(headline(&open).as_deref(), Some("Picture frozen"));
}

#[test]
fn contributions_show_their_arithmetic_and_add_up() {
    let log = eventful();
    let desk = log.desk();
    let contributions = desk.contributions();
    let score = desk.score().unwrap();
    assert!(!contributions.is_empty());
    assert_eq!(contributions.iter().map(|part| part.applied_milli).sum::<i64>(), score.concern_milli);
    assert!(contributions[0].text.starts_with("Two or more persons for "), "{:?}", contributions[0]);
}

/// Every text of a desk that people read.
fn texts(desk: &SessionDesk, log: &Log) -> Vec<String> {
    let mut texts: Vec<String> = desk.contributions().into_iter().map(|part| part.text).collect();
    texts.extend(desk.summary(log.now()).headline);
    texts.extend(desk.coverage().reasons.into_iter().map(|reason| reason.text));
    texts
}

#[test]
fn nothing_that_is_said_accuses() {
    let scripts = [
        session().seated(60).covered(40).seated(20),
        session().seated(60).absent(35).seated(20),
        session().seated(30).frozen().seated(30),
        session().seated(60).looking(60, SCREEN.turned(60.0)).seated(20),
        session().seated(20).lost(60).undecodable(10).seated(10),
    ];
    let logs = scripts.into_iter().map(Log::of).chain([eventful()]);
    let mut said: Vec<String> = logs.flat_map(|log| texts(&log.desk(), &log)).collect();
    said.extend(IncidentType::ALL.map(|kind| words::incident(kind).to_owned()));
    assert!(said.len() > 25);
    for text in said {
        let lower = text.to_lowercase();
        // Whole words or their beginnings.
        let words = lower.split(|letter: char| !letter.is_alphabetic());
        for word in words {
            assert!(!ACCUSING.iter().any(|bad| word.starts_with(bad)), "{text}");
        }
    }
}
