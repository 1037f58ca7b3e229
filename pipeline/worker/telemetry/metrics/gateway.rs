//! The metrics of the gateway. Labels are rows of its table of routes, never what was asked for.

use std::time::Duration;

use ::gateway::Meter;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::{Make, Metrics};

/// What the gateway counts.
#[derive(Debug, Clone)]
pub(super) struct GatewayMetrics {
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    chunks: IntCounter,
    chunk_bytes: IntCounter,
    connections: IntGauge,
    listeners: IntGauge,
    events: IntCounterVec,
    feed_lag: IntGauge,
    told: IntCounterVec,
    telling_lag: IntGaugeVec,
}

impl GatewayMetrics {
    pub(super) fn new(make: &Make<'_>) -> Self {
        Self {
            requests: make.counters(
                "gateway_requests_total",
                "Requests that the gateway answered, by route and class of the status",
                &["method", "route", "status"],
            ),
            request_seconds: make.histograms(
                "gateway_request_seconds",
                "From a request's header to that of its answer",
                &["method", "route"],
            ),
            chunks: make.counter("gateway_chunks_total", "Chunks of video that are safe"),
            chunk_bytes: make.counter("gateway_chunk_bytes_total", "Bytes of them"),
            connections: make.gauge("gateway_connections", "Connections that are open"),
            listeners: make.gauge("gateway_listeners", "Listeners of events"),
            events: make.counters(
                "gateway_events_total",
                "Events that listeners were told; reset: they have to fetch anew",
                &["kind"],
            ),
            feed_lag: make.gauge(
                "gateway_feed_lag_ms",
                "How long ago the newest record came that dashboards know of; 0 while none waits",
            ),
            told: make.counters(
                "gateway_told_total",
                "Attempts to tell a subscriber of something: delivered; refused and given up; failed and tried again",
                &["subscriber", "outcome"],
            ),
            telling_lag: make.gauges(
                "gateway_telling_lag_ms",
                "How long ago the record came that a subscriber is to be told of next; 0 while none waits",
                &["subscriber", "topic"],
            ),
        }
    }
}

impl Metrics {
    /// How far dashboards are behind the log.
    pub fn feed_lag(&self, lag: Duration) {
        let lag = lag.as_millis().try_into().unwrap_or(i64::MAX);
        self.gateway.feed_lag.set(lag);
    }

    /// What came of an attempt to tell a subscriber of something: `delivered`, `refused` or `failed`.
    pub fn told(&self, subscriber: &str, outcome: &'static str) {
        self.gateway.told.with_label_values(&[subscriber, outcome]).inc();
    }

    /// How long what a subscriber is to be told of next has been waiting.
    pub fn telling_lag(&self, subscriber: &str, topic: &'static str, lag: Duration) {
        let lag = lag.as_millis().try_into().unwrap_or(i64::MAX);
        self.gateway.telling_lag.with_label_values(&[subscriber, topic]).set(lag);
    }
}

impl Meter for Metrics {
    fn answered(&self, method: &'static str, route: &'static str, status: u16, took: Duration) {
        let class = match status {
            100..=299 => "2xx",
            300..=399 => "3xx",
            429 => "429",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.gateway.requests.with_label_values(&[method, route, class]).inc();
        self.gateway.request_seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    fn uploaded(&self, bytes: usize) {
        self.gateway.chunks.inc();
        self.gateway.chunk_bytes.inc_by(bytes as u64);
    }

    fn connections(&self, open: usize) {
        self.gateway.connections.set(open.try_into().unwrap_or(i64::MAX));
    }

    fn listeners(&self, open: usize) {
        self.gateway.listeners.set(open.try_into().unwrap_or(i64::MAX));
    }

    fn event(&self, kind: &'static str) {
        self.gateway.events.with_label_values(&[kind]).inc();
    }
}
