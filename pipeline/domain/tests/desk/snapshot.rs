//! What the pages of one session get, as a golden file that is reviewed like code and documents the contract.

use std::path::PathBuf;

use domain::time::MediaMs;
use serde_json::json;

use crate::log::eventful;

#[test]
fn an_eventful_session() {
    let log = eventful();
    let desk = log.desk();
    let shown = json!({
        "summary": desk.summary(log.now()),
        "contributions": desk.contributions(),
        "revisions": desk.revisions(),
        "coverage": desk.coverage(),
        "timeline": desk.timeline(MediaMs(30_000), Some(MediaMs(140_000)), 16),
        "health": desk.health(log.now()),
    });
    let text = serde_json::to_string_pretty(&shown).unwrap() + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/desk.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{} differs; see the head of tests/desk/main.rs", path.display());
}
