use super::*;

#[test]
fn totals_that_come_from_elsewhere_are_followed_and_never_run_back() {
    let metrics = Metrics::new();
    metrics.pool(Pool::Media, 7, Duration::from_secs(3));
    metrics.pool(Pool::Media, 5, Duration::from_secs(2));
    metrics.model("blazeface_back", 4, Duration::from_millis(12));
    metrics.model("blazeface_back", 6, Duration::from_millis(20));
    let text = metrics.text();
    assert!(text.contains("invigilator_queue_bytes{pool=\"media\"} 5"), "{text}");
    assert!(text.contains("invigilator_stage_blocked_seconds_total{stage=\"ingest\"} 3"), "{text}");
    assert!(text.contains("invigilator_model_runs_total{model=\"blazeface_back\"} 6"), "{text}");
}

#[test]
fn what_alerts_watch_exists_before_it_happens() {
    let text = Metrics::new().text();
    for name in
        ["samples_total{outcome=\"shed\"} 0", "transactions_total{outcome=\"aborted\",role=\"score\"} 0"]
    {
        assert!(text.contains(&format!("invigilator_{name}")), "{name} in {text}");
    }
}
