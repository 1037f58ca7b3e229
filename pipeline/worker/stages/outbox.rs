//! Results to Kafka: observations and dead letters, in the order of the log, and what their
//! acknowledgement sets free.
//!
//! In: a verdict on a segment, from whatever thread reached it. Out: records, per session in the order in
//! which the segments were taken in. Promises: an offset counts as done only when every record that its
//! segment led to is acknowledged; what belongs to a partition that was taken away is neither published
//! nor counted. Waits for: room in the producer's queue.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::delivery::{Lease, OffsetLedger};
use domain::ids::SessionId;
use domain::messages::Observation;
use domain::observe::SegmentIdentity;
use kafka::{Headers, KafkaError, Outgoing, Publisher, Record, Topics, wire};
use std::sync::Arc;

use super::in_order::{InOrder, Ticket};
use super::stop::Stop;
use crate::clock;
use crate::observer::Placeholders;
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::trace::TraceContext;
