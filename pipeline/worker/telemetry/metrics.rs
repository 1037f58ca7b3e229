//! Every metric of the program: name, help, labels, buckets. No other file makes one, but those for the gateway
//! and for pictures beside this.
//!
//! Labels come from enums and from tables of the program, never from records: a session, a tenant or a
//! file name as a label would grow without bound and tell who sat an exam.

mod event_time;
mod evidence;
mod gateway;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use decode::{Barrier, Confinement};
use domain::messages::{Incident, Observation, PlanReason, SampleStatus, UnseenReason};
use domain::sampling::Level;
use infer::Provider;
use prometheus::{CounterVec, GaugeVec, Histogram};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use self::event_time::EventTime;
use self::evidence::EvidenceMetrics;
pub use self::evidence::PictureOutcome;
use self::gateway::GatewayMetrics;
use crate::clock;
use crate::settings::Role;

/// A stage of the data path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Uploaded chunks cut into segments.
    Cut,
    /// Records read from Kafka.
    Ingest,
    /// Media fetched by reference.
    Fetch,
    /// Segments decoded.
    Decode,
    /// Segments looked at.
    Look,
    /// Segments decoded again, for a closer look.
    Closer,
    /// Observations published and acknowledged.
    Publish,
    /// Records folded into scores.
    Score,
}

impl Stage {
    /// All of them, in the order in which data meets them.
    pub const ALL: [Self; 8] = [
        Self::Cut,
        Self::Ingest,
        Self::Fetch,
        Self::Decode,
        Self::Look,
        Self::Closer,
        Self::Publish,
        Self::Score,
    ];

    /// As a label and in dead letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Ingest => "ingest",
            Self::Fetch => "fetch",
            Self::Decode => "decode",
            Self::Look => "look",
            Self::Closer => "closer",
            Self::Publish => "publish",
            Self::Score => "score",
        }
    }
}

/// A pool of memory that waiting work is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// What came of uploads and is in no segment yet.
    Chunks,
    /// Segments that wait to be decoded.
    Media,
    /// Pictures that wait to be looked at.
    Pictures,
}

impl Pool {
    fn name(self) -> &'static str {
        match self {
            Self::Chunks => "chunks",
            Self::Media => "media",
            Self::Pictures => "pictures",
        }
    }

    /// The stage that waits when it is full.
    fn waiting(self) -> Stage {
        match self {
            Self::Chunks => Stage::Cut,
            Self::Media => Stage::Ingest,
            Self::Pictures => Stage::Decode,
        }
    }
}

/// From a millisecond to a minute and a half.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0, 90.0];
/// From a tenth of a second to an hour.
const DELAYS: [f64; 14] = [0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// All metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    stage_items: IntCounterVec,
    stage_seconds: HistogramVec,
    stage_blocked: CounterVec,
    pool_bytes: IntGaugeVec,
    samples: IntCounterVec,
    plans: IntCounterVec,
    shedding: IntGaugeVec,
    incidents: IntCounterVec,
    scores: IntCounterVec,
    retries: IntCounterVec,
    dead_letters: IntCounterVec,
    model_runs: IntCounterVec,
    model_seconds: CounterVec,
    uploads: IntGauge,
    chunks: IntCounterVec,
    recordings: IntCounterVec,
    cut_delay: Histogram,
    observe_delay: Histogram,
    score_delay: Histogram,
    event_time_lag: GaugeVec,
    event_time: Arc<EventTime>,
    lag: IntGaugeVec,
    partitions: IntGaugeVec,
    rebalances: IntCounterVec,
    transactions: IntCounterVec,
    transaction_seconds: Histogram,
    sessions: IntGauge,
    records_refused: IntCounterVec,
    barriers: IntGaugeVec,
    providers: IntGaugeVec,
    overtaken: IntCounter,
    overtaken_records: IntCounter,
    evidence: EvidenceMetrics,
    gateway: GatewayMetrics,
}

impl Metrics {
    /// A registry with every metric in it, at zero.
    ///
    /// # Panics
    /// Never: names are valid and distinct, which a test checks.
    pub fn new() -> Self {
        let registry = Registry::new_custom(Some("invigilator".to_owned()), None)
            .expect("the prefix is a valid name. This is a bug.");
        let make = Make(&registry);
        let metrics = Self {
            stage_items: make.counters(
                "stage_items_total",
                "Items that a stage has finished; outcome error: it could not",
                &["stage", "outcome"],
            ),
            stage_seconds: make.histograms("stage_seconds", "Time that a stage took for one item", &["stage"]),
            stage_blocked: make.seconds(
                "stage_blocked_seconds_total",
                "Time that a stage waited for a later one; the bottleneck is the first stage that does not",
                &["stage"],
            ),
            pool_bytes: make.gauges("queue_bytes", "Bytes that wait between stages", &["pool"]),
            plans: make.counters(
                "plans_total",
                "Observed segments, by the plan that they were looked at by (load: samples were shed)",
                &["plan", "escalated"],
            ),
            shedding: make.gauges(
                "shedding_tenants",
                "Tenants with so many samples shed, because this process cannot keep up",
                &["level"],
            ),
            samples: make.counters(
                "samples_total",
                "Planned samples: seen, or the reason why not (shed: our own load)",
                &["outcome"],
            ),
            incidents: make.counters("incidents_total", "Incidents opened", &["type", "class"]),
            scores: make.counters("scores_total", "Revisions of scores published", &["status"]),
            retries: make.counters(
                "retries_total",
                "Segments that failed for no fault of their own and are tried again; their partition waits",
                &["stage", "reason"],
            ),
            dead_letters: make.counters(
                "dead_letters_total",
                "Records that were set aside, untouched",
                &["stage", "reason"],
            ),
            model_runs: make.counters("model_runs_total", "Pictures that each model ran on", &["model"]),
            model_seconds: make.seconds("model_seconds_total", "Time in each model, all threads", &["model"]),
            uploads: make.gauge("uploads", "Uploads that the cut role holds in memory"),
            chunks: make.counters(
                "chunks_total",
                "Chunks of uploads: taken; repeated or contradicted (by another of the same number) and dropped; \
                 dropped because their recording cannot be read; erased: their session was; lost: never came",
                &["outcome"],
            ),
            recordings: make.counters(
                "recordings_total",
                "Recordings within uploads: begun; refused: cannot be read; damaged: read on after a hole",
                &["outcome"],
            ),
            cut_delay: make.delay(
                "cut_delay_seconds",
                "From the arrival of a segment's last chunk at the broker to the committed segment",
            ),
            observe_delay: make.delay(
                "observe_delay_seconds",
                "From a segment's arrival at the broker to its acknowledged observation",
            ),
            score_delay: make.delay(
                "score_delay_seconds",
                "From a segment's arrival at the broker to the committed score that knows it",
            ),
            event_time_lag: make.real_gauges(
                "event_time_lag_seconds",
                "How long ago the segment arrived whose result was finished last; while none waits 0, or since brokers were heard",
                &["role"],
            ),
            event_time: Arc::default(),
            lag: make.gauges("consumer_lag_records", "Records that wait in the partitions of this process", &["role"]),
            partitions: make.gauges("partitions", "Partitions of this process", &["role"]),
            rebalances: make.counters("rebalances_total", "Changes of the assignment", &["role", "change"]),
            transactions: make.counters("transactions_total", "Transactions", &["role", "outcome"]),
            transaction_seconds: make.delay("transaction_commit_seconds", "Time that a commit took"),
            sessions: make.gauge("sessions", "Sessions that the score role holds in memory: those whose score is final only for a short while"),
            records_refused: make.counters(
                "records_refused_total",
                "Records of the observation log and its side inputs that could not be read",
                &["reason"],
            ),
            barriers: make.gauges(
                "decoder_barriers",
                "What decoders are confined by: 1 in force, 0 not offered by this machine",
                &["barrier"],
            ),
            providers: make.gauges(
                "inference_provider",
                "What models really run on here, whatever the settings ask for: 1; 0 for the others",
                &["provider"],
            ),
            overtaken: make.counter(
                "overtaken_total",
                "Partitions whose records were deleted by retention before they were read: results are missing",
            ),
            overtaken_records: make.counter(
                "overtaken_records_total",
                "Offsets that retention deleted before they were read, in those partitions",
            ),
            evidence: EvidenceMetrics::new(&make),
            gateway: GatewayMetrics::new(&make),
            registry: registry.clone(),
        };
        metrics.zero();
        metrics
    }

    /// A stage finished an item.
    pub fn stage(&self, stage: Stage, good: bool, took: Duration) {
        let outcome = if good { "ok" } else { "error" };
        self.stage_items.with_label_values(&[stage.name(), outcome]).inc();
        self.stage_seconds.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// The state of a pool: bytes in use, and time that takers waited so far.
    pub fn pool(&self, pool: Pool, bytes: u64, blocked: Duration) {
        self.pool_bytes.with_label_values(&[pool.name()]).set(bytes.try_into().unwrap_or(i64::MAX));
        let counter = self.stage_blocked.with_label_values(&[pool.waiting().name()]);
        counter.inc_by((blocked.as_secs_f64() - counter.get()).max(0.0));
    }

    /// How a segment was looked at, and what became of its samples.
    pub fn observed(&self, observation: &Observation) {
        let escalated = if observation.plan.escalated { "yes" } else { "no" };
        self.plans.with_label_values(&[plan(observation.plan.reason), escalated]).inc();
        for frame in &observation.frames {
            let outcome = match (frame.status, frame.reason) {
                (SampleStatus::Seen, _) => "seen",
                (SampleStatus::NotSeen, reason) => reason.map_or("gap", outcome),
            };
            self.samples.with_label_values(&[outcome]).inc();
        }
    }

    /// How many tenants there are on each level of shedding.
    pub fn shedding(&self, levels: &BTreeMap<Level, usize>) {
        for (level, tenants) in levels {
            let word = match level {
                Level::None => continue,
                Level::Half => "half",
                Level::Most => "most",
                Level::Nearly => "nearly_all",
            };
            self.shedding.with_label_values(&[word]).set(*tenants as i64);
        }
    }

    /// A revision of an incident was published.
    pub fn incident(&self, incident: &Incident) {
        if incident.rev == 0 {
            let labels = [incident.kind.name(), incident.class.name()];
            self.incidents.with_label_values(&labels).inc();
        }
    }

    /// A revision of a score was published.
    pub fn score(&self, is_final: bool) {
        self.scores.with_label_values(&[if is_final { "final" } else { "provisional" }]).inc();
    }

    /// A segment is tried again.
    pub fn retry(&self, stage: Stage, reason: &str) {
        self.retries.with_label_values(&[stage.name(), reason]).inc();
    }

    /// A record was set aside.
    pub fn dead_letter(&self, stage: Stage, reason: &str) {
        self.dead_letters.with_label_values(&[stage.name(), reason]).inc();
    }

    /// A record of the log could not be read.
    pub fn refused(&self, reason: &str) {
        self.records_refused.with_label_values(&[reason]).inc();
    }

    /// What the models did so far: name, runs, time.
    pub fn model(&self, model: &str, runs: u64, time: Duration) {
        let counter = self.model_runs.with_label_values(&[model]);
        counter.inc_by(runs.saturating_sub(counter.get()));
        let counter = self.model_seconds.with_label_values(&[model]);
        counter.inc_by((time.as_secs_f64() - counter.get()).max(0.0));
    }

    /// A role finished the result of a segment that arrived at this time, in milliseconds since 1970:
    /// its observation was acknowledged, or the score that knows it was committed.
    pub fn reached(&self, role: Role, arrived_ms: i64) {
        let delays = match role {
            Role::Cut => &self.cut_delay,
            Role::Observe => &self.observe_delay,
            Role::Score => &self.score_delay,
        };
        delays.observe(clock::since_ms(arrived_ms).as_secs_f64());
        self.event_time.reached(role, arrived_ms);
    }

    /// Nothing seems to wait for a role.
    pub fn caught_up(&self, role: Role) {
        self.event_time.caught_up(role);
    }

    fn tell_event_time(&self) {
        for role in Role::ALL {
            let lag = self.event_time.lag(role, clock::now_ms());
            self.event_time_lag.with_label_values(&[role.name()]).set(lag.as_secs_f64());
        }
    }

    /// How far a role is behind, and how many partitions it has, as brokers just said.
    pub fn share(&self, role: Role, partitions: usize, lag: i64) {
        self.event_time.heard(role, clock::now_ms());
        self.partitions.with_label_values(&[role.name()]).set(partitions as i64);
        self.lag.with_label_values(&[role.name()]).set(lag);
    }

    /// The assignment of a role changed.
    pub fn rebalance(&self, role: Role, change: &str) {
        self.rebalances.with_label_values(&[role.name(), change]).inc();
    }

    /// So many chunks of uploads came to this.
    pub fn chunks(&self, outcome: &str, count: u64) {
        self.chunks.with_label_values(&[outcome]).inc_by(count);
    }

    /// So many recordings came to this.
    pub fn recordings(&self, outcome: &str, count: u64) {
        self.recordings.with_label_values(&[outcome]).inc_by(count);
    }

    /// How many uploads the cut role holds.
    pub fn uploads(&self, count: usize) {
        self.uploads.set(count as i64);
    }

    /// A transaction ended.
    pub fn transaction(&self, role: Role, outcome: &str, took: Duration) {
        self.transactions.with_label_values(&[role.name(), outcome]).inc();
        self.transaction_seconds.observe(took.as_secs_f64());
    }

    /// How many sessions the score role holds.
    pub fn sessions(&self, count: usize) {
        self.sessions.set(count as i64);
    }

    /// Retention was faster than we were: of a partition, records from `expected` on are gone up to
    /// `earliest`, or the log was made anew and begins before.
    pub fn overtaken(&self, expected: i64, earliest: i64) {
        self.overtaken.inc();
        self.overtaken_records.inc_by(u64::try_from(earliest.saturating_sub(expected)).unwrap_or_default());
    }

    /// Everything, in Prometheus' text format.
    pub fn text(&self) -> String {
        self.tell_event_time();
        let mut text = Vec::new();
        // Writing into memory fails for no metric that a registry accepted.
        let _written = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What decoders are confined by.
    pub fn confined(&self, confinement: Confinement) {
        for barrier in Barrier::ALL {
            let gauge = self.barriers.with_label_values(&[barrier.name()]);
            gauge.set(confinement.has(barrier).into());
        }
    }

    /// What models run on.
    pub fn provider(&self, in_use: Provider) {
        for provider in Provider::ALL {
            self.providers.with_label_values(&[provider.name()]).set((provider == in_use).into());
        }
    }

    /// Label values that are known beforehand exist from the start: an alert on a rate needs the zero.
    fn zero(&self) {
        for stage in Stage::ALL {
            for outcome in ["ok", "error"] {
                self.stage_items.with_label_values(&[stage.name(), outcome]);
            }
            self.stage_blocked.with_label_values(&[stage.name()]);
        }
        for outcome in ["seen", "dark", "blur", "obstructed", "undecodable", "gap", "shed"] {
            self.samples.with_label_values(&[outcome]);
        }
        self.shedding(&Level::ALL.iter().map(|level| (*level, 0)).collect());
        for (reason, escalated) in PLANS {
            self.plans.with_label_values(&[plan(reason), escalated]);
        }
        for status in ["final", "provisional"] {
            self.scores.with_label_values(&[status]);
        }
        for outcome in ["committed", "aborted", "fenced"] {
            for role in [Role::Cut, Role::Score] {
                self.transactions.with_label_values(&[role.name(), outcome]);
            }
        }
        for outcome in ["taken", "repeated", "contradicted", "dropped", "lost"] {
            self.chunks.with_label_values(&[outcome]);
        }
        for outcome in ["begun", "refused", "damaged"] {
            self.recordings.with_label_values(&[outcome]);
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

const PLANS: [(PlanReason, &str); 6] = [
    (PlanReason::Default, "no"),
    (PlanReason::Default, "yes"),
    (PlanReason::Calm, "no"),
    (PlanReason::Calm, "yes"),
    (PlanReason::Load, "no"),
    (PlanReason::Load, "yes"),
];

fn outcome(reason: UnseenReason) -> &'static str {
    match reason {
        UnseenReason::Dark => "dark",
        UnseenReason::Blur => "blur",
        UnseenReason::Obstructed => "obstructed",
        UnseenReason::Undecodable => "undecodable",
        UnseenReason::Gap => "gap",
        UnseenReason::Shed => "shed",
    }
}

fn plan(reason: PlanReason) -> &'static str {
    match reason {
        PlanReason::Default => "default",
        PlanReason::Calm => "calm",
        PlanReason::Load => "load",
    }
}

/// Makes metrics and registers them.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.register(CounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn real_gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        self.register(HistogramVec::new(options, labels))
    }

    fn delay(&self, name: &str, help: &str) -> Histogram {
        self.register(Histogram::with_opts(HistogramOpts::new(name, help).buckets(DELAYS.to_vec())))
    }

    fn register<M: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("names and labels are valid. This is a bug.");
        self.0.register(Box::new(metric.clone())).expect("names are distinct. This is a bug.");
        metric
    }
}

#[cfg(test)]
mod tests;
