//! Spans: what became of a traced segment, sent to an OpenTelemetry collector (OTLP over HTTP, protobuf).
//!
//! ```text
//! observe   taken in → acknowledged; its id is the parent in the observation's `traceparent`
//! ├─ decode
//! └─ look
//! score     read → committed; its id is the parent in the `traceparent` of incidents and scores
//! ```
//!
//! Nobody waits for the collector: a bounded queue, sent from a thread of its own; what does not fit or
//! cannot be sent is dropped. Spans tell which segment it was and how long it took: never what was seen.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::SessionId;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};

use super::trace::TraceContext;
use crate::{clock, tls};

/// Where a collector listens, below the address that the settings name (OTLP specification, 1.x).
const PATH: &str = "/v1/traces";
/// How long sending a batch may take, and the end of the program wait for the last one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes finished spans; without a collector, nothing happens to them.
#[derive(Clone, Default)]
pub struct Spans {
    processor: Option<Arc<BatchSpanProcessor>>,
}

/// A finished piece of work on a traced record.
#[derive(Debug, Clone)]
pub struct Span<'a> {
    /// What was done.
    pub name: &'static str,
    /// Its place in the trace.
    pub context: &'a TraceContext,
    /// What it is a part or a consequence of.
    pub parent: Option<&'a TraceContext>,
    /// How long it took, up to now.
    pub took: Duration,
    /// Whose record it was.
    pub session: &'a SessionId,
    /// A stable word, if it failed.
    pub failed: Option<&'static str>,
}

impl Spans {
    /// Sends spans to the collector at `endpoint`, e.g. `http://127.0.0.1:4318`. Must not be called from
    /// an asynchronous runtime.
    ///
    /// # Errors
    /// If the address is none. Whether the collector answers shows in the log.
    pub fn to(endpoint: &str, instance: &str) -> Result<Self, ExporterBuildError> {
        tls::prepare();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let about = [
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ];
        let resource = Resource::builder().with_service_name("invigilator").with_attributes(about).build();
        processor.set_resource(&resource);
        Ok(Self { processor: Some(Arc::new(processor)) })
    }

    /// Whether anybody wants to know about this trace.
    pub fn want(&self, trace: &TraceContext) -> bool {
        self.processor.is_some() && trace.is_sampled()
    }

    /// Tells of a finished piece of work.
    pub fn tell(&self, span: &Span<'_>) {
        let Some(processor) = self.processor.as_ref().filter(|_| span.context.is_sampled()) else { return };
        let (Some(context), Some(parent)) =
            (context_of(span.context), span.parent.map_or(Some(SpanId::INVALID), id_of))
        else {
            return;
        };
        let end_time = clock::system_now();
        processor.on_end(SpanData {
            span_context: context,
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: span.name.into(),
            start_time: end_time.checked_sub(span.took).unwrap_or(end_time),
            end_time,
            attributes: vec![KeyValue::new("invigilator.session", span.session.as_str().to_owned())],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.failed.map_or(Status::Unset, Status::error),
            instrumentation_scope: InstrumentationScope::builder("invigilator").build(),
        });
    }

    /// Sends what is left, and takes nothing more.
    pub fn close(&self) {
        let closed =
            self.processor.as_ref().map_or(Ok(()), |processor| processor.shutdown_with_timeout(PATIENCE));
        if let Err(error) = closed {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Spans").field("to_collector", &self.processor.is_some()).finish()
    }
}

fn context_of(trace: &TraceContext) -> Option<SpanContext> {
    let id = TraceId::from_hex(trace.trace()).ok()?;
    Some(SpanContext::new(id, id_of(trace)?, TraceFlags::SAMPLED, false, TraceState::NONE))
}

fn id_of(trace: &TraceContext) -> Option<SpanId> {
    SpanId::from_hex(trace.span()).ok()
}
