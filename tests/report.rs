//! The report is one safe, self-contained, readable page, whatever the session.

pub mod synthetic;

use std::path::{Path, PathBuf};
use std::process::Command;

use domain::messages::{IncidentType, Severity};
use domain::picture::{ColourMatrix, ColourRange, Picture};
use domain::time::{MediaMs, Millis};
use invigilator::report::{SessionReport, evidence, render};
use scraper::{Html, Selector};
use synthetic::{calm, eventful, grey, incident, observations, session, traces};

fn parse(page: &str) -> Html {
    let document = Html::parse_document(page);
    assert!(document.errors.is_empty(), "{:?}", document.errors);
    document
}

fn texts(document: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    document.select(&selector).map(|element| element.text().collect::<String>()).collect()
}

fn attributes<'a>(document: &'a Html, name: &'a str) -> Vec<&'a str> {
    let all = Selector::parse("*").unwrap();
    let found: Vec<&str> = document.select(&all).filter_map(|element| element.attr(name)).collect();
    found
}

#[test]
fn every_contribution_is_told_with_its_arithmetic() {
    let document = parse(&render(&[eventful("exam.webm")]));
    assert_eq!(
        texts(&document, ".points .what"),
        [
            "Two or more persons for 13 s: base 20 + 13 s × 0.2 = 22.6 points",
            "Nobody at the desk for 72 s: base 6 + 72 s × 0.05 = 9.6 points",
            "Eyes away from the screen for 80 s: base 3 + 80 s × 0.05 = 7 points, counted as 6.5 because \
             looking away in all its forms has one limit",
            "Head turned away for 36 s: base 3 + 36 s × 0.05 = 4.8 points",
            "Together: 100 − 43.5 = 56.5, rounded down to 56",
        ]
    );
}

#[test]
fn every_incident_has_a_row_that_its_bar_leads_to() {
    let document = parse(&render(&[eventful("exam.webm")]));
    let rows = texts(&document, ".incidents tbody tr");
    assert_eq!(rows.len(), 8);
    assert!(rows[3].contains("0:20:00") || rows.iter().any(|row| row.contains("20:00 to 23:00")));
    let targets: Vec<&str> = attributes(&document, "id");
    let bars = Selector::parse("a.bar").unwrap();
    let links: Vec<&str> = document.select(&bars).filter_map(|bar| bar.attr("href")).collect();
    assert_eq!(links.len(), 8);
    assert!(links.iter().all(|link| targets.contains(&link.trim_start_matches('#'))));
}

#[test]
fn names_and_notes_cannot_become_markup() {
    let hostile = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'.webm";
    let mut report = eventful(hostile);
    report.incidents[0].reason.text = hostile.to_owned();
    report.incidents[0].review.note = Some(hostile.to_owned());
    report.score.policy.id = hostile.to_owned();
    report.score.coverage.by_reason.insert(hostile.to_owned(), Millis(5));
    report.media.codec = Some(hostile.to_owned());
    report.observations[0].models[0].name = hostile.to_owned();
    let document = parse(&render(&[report, calm(hostile)]));
    assert_eq!(texts(&document, "script").len(), 1, "only the page's own");
    assert!(texts(&document, "img").is_empty());
    assert!(attributes(&document, "onerror").is_empty());
    assert!(texts(&document, "h2").iter().any(|title| title == hostile));
}

#[test]
fn nothing_is_fetched_from_anywhere() {
    let page = render(&[eventful("a.webm"), grey("b.webm")]);
    for sign in ["http:", "https:", "//cdn", "url(", "@import", "<link", "<iframe"] {
        assert!(!page.contains(sign), "{sign}");
    }
    let document = parse(&page);
    assert!(attributes(&document, "src").is_empty());
    assert!(attributes(&document, "href").iter().all(|link| link.starts_with('#')));
    let policy = attributes(&document, "content").into_iter().find(|content| content.contains("default-src"));
    assert!(policy.is_some_and(|policy| policy.starts_with("default-src 'none'")));
}

#[test]
fn the_page_never_accuses() {
    let page = render(&[eventful("a.webm"), calm("b.webm"), grey("c.webm")]).to_lowercase();
    for word in
        ["cheat", "guilty", "fraud", "suspicious", "suspect", "violation", "offence", "passed", "failed"]
    {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("a person decides"));
    assert!(page.contains("never costs points"));
}

#[test]
fn grey_is_told_as_too_little_seen_and_not_as_zero() {
    let document = parse(&render(&[grey("c.webm")]));
    let number = texts(&document, ".number").concat();
    assert!(number.contains("no number") && !number.contains('0'));
    assert!(texts(&document, ".plain").concat().contains("Only 75\u{a0}% of the expected time was seen"));
    assert!(texts(&document, ".band").concat().contains("This is not an accusation"));
}

#[test]
fn unseen_time_is_shown_with_its_reason_and_a_frozen_picture_is_unseen() {
    let mut report = eventful("exam.webm");
    report.incidents.push(incident(IncidentType::VideoFrozen, 3300, 3360, Severity::Info, ""));
    let document = parse(&render(&[report]));
    let lane = Selector::parse(".coverage .unseen").unwrap();
    let told: Vec<&str> = document.select(&lane).filter_map(|part| part.attr("title")).collect();
    assert_eq!(
        told,
        [
            "Too dark, 20:00 to 23:00",
            "Picture stood still, 55:00 to 56:00",
            "Camera covered, 41:00 to 41:36",
            "Left out by this system under load, 52:00 to 52:18",
        ]
    );
    assert_eq!(texts(&document, "details li").len(), 4);
}

#[test]
fn several_sessions_are_led_by_an_overview_that_puts_the_pressing_ones_first() {
    let document = parse(&render(&[calm("calm.webm"), grey("grey.webm"), eventful("eventful.webm")]));
    assert_eq!(texts(&document, ".overview tbody th"), ["eventful.webm", "grey.webm", "calm.webm"]);
    assert_eq!(texts(&document, "article h2"), ["eventful.webm", "grey.webm", "calm.webm"]);
    assert!(texts(&parse(&render(&[calm("calm.webm")])), ".overview").is_empty());
}

#[test]
fn three_hours_stay_small_however_restless() {
    let mut report = long(3 * 3600);
    assert!(render(std::slice::from_ref(&report)).len() < 1_000_000);
    for (index, frame) in report.observations.iter_mut().flat_map(|one| &mut one.frames).enumerate() {
        if index % 2 == 0 {
            frame.status = domain::messages::SampleStatus::NotSeen;
            frame.reason = Some(domain::messages::UnseenReason::Blur);
        } else {
            frame.faces.truncate(index / 2 % 2);
        }
    }
    report.traces = traces(&report.observations);
    report.incidents = (0..2000)
        .map(|index| {
            incident(IncidentType::GazeOffScreen, index * 5, index * 5 + 2, Severity::Low, "Away for 2 s.")
        })
        .collect();
    let size = render(&[report]).len();
    assert!(size < 3_000_000, "{size}");
}

pub fn long(seconds: i64) -> SessionReport {
    let mut report = eventful("long.webm");
    report.media.duration = Millis(seconds * 1000);
    report.observations = observations(seconds * 1000, 500);
    report.traces = traces(&report.observations);
    report
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(render(&[eventful("a"), grey("b")]), render(&[eventful("a"), grey("b")]));
}

#[test]
fn a_session_of_which_nothing_is_known_still_has_a_page() {
    let mut report = grey("empty.webm");
    report.observations.clear();
    report.traces.clear();
    report.media = Default::default();
    let document = parse(&render(&[report]));
    assert!(texts(&document, ".plot .none").iter().all(|text| text == "not measured"));
    parse(&render(&[]));
}

/// A made-up picture: a gradient.
pub fn picture() -> Picture {
    let mut bytes: Vec<u8> = (0..1280 * 720).map(|i| (16 + i % 1280 * 200 / 1280) as u8).collect();
    bytes.extend((0..640 * 360).map(|i| (i / 640 * 255 / 360) as u8));
    bytes.extend((0..640 * 360).map(|i| (255 - i % 640 * 255 / 640) as u8));
    Picture::new(1280, 720, ColourMatrix::Bt601, ColourRange::Limited, bytes).unwrap()
}

#[test]
pub fn pictures_appear_only_when_handed_in() {
    assert!(!render(&[eventful("a.webm")]).contains("<img"));
    let mut report = eventful("a.webm");
    let moments = evidence::moments(&report.incidents);
    let (id, at) = moments[0];
    report.pictures.push(evidence::encode(id, at, &picture()).unwrap());
    let document = parse(&render(&[report]));
    assert_eq!(attributes(&document, "alt"), ["5:01, Eyes away from the screen"]);
    assert!(attributes(&document, "src")[0].starts_with("data:image/jpeg;base64,/9j/"));
}

#[test]
fn moments_lie_inside_what_they_show_and_coverage_has_none() {
    let incidents = [
        incident(IncidentType::MultiplePersons, 60, 63, Severity::Medium, ""),
        incident(IncidentType::PersonAbsent, 100, 172, Severity::Medium, ""),
        incident(IncidentType::CameraObstructed, 200, 230, Severity::Info, ""),
    ];
    let at: Vec<MediaMs> = evidence::moments(&incidents).into_iter().map(|(_, at)| at).collect();
    assert_eq!(at, [60_750, 101_000, 136_000, 171_000].map(MediaMs));
}

#[test]
pub fn picture_files_are_named_after_session_moment_and_type() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("new/evidence");
    let incidents = [incident(IncidentType::MultiplePersons, 6065, 6075, Severity::Medium, "")];
    let id = incidents[0].incident_id;
    let pictures =
        [6_065_000, 6_065_400, 6_070_000].map(|at| evidence::encode(id, MediaMs(at), &picture()).unwrap());
    for _ in 0..2 {
        let written = evidence::write(&into, &session("s42"), &incidents, &pictures).unwrap();
        let names: Vec<_> = written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "t1-e7-s42_10105_multiple_persons.jpg",
                "t1-e7-s42_10105_multiple_persons-2.jpg",
                "t1-e7-s42_10110_multiple_persons.jpg"
            ]
        );
    }
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 3, "a second run replaces the first one's");
}

/// The browser that is installed, if any.
fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

fn dump_dom(browser: &Path, page: &Path, profile: &Path) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_real_browser_lets_the_pages_own_script_run_and_no_other() {
    let Some(browser) = browser() else {
        println!("skipped: no chromium on the PATH");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let smuggled = render(&[eventful("a.webm")])
        .replace("</main>", "<script>document.title = 'smuggled'</script><img src=x onerror=\"document.title='smuggled'\"></main>");
    std::fs::write(&page, smuggled).unwrap();
    let dom = dump_dom(&browser, &page, &folder.path().join("profile"));
    assert!(
        dom.contains("<output class=\"now\">"),
        "the cursor was not made: does the policy name its hash?"
    );
    assert!(dom.contains("<title>a.webm · Invigilator report</title>"), "foreign script ran");
}
