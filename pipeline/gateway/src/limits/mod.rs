//! How much anybody may ask for.
//!
//! | File | Bounds |
//! |---|---|
//! | [`rate`] | requests per second of a token, bytes per second of a session, and what is done seldom |
//! | [`uploads`] | uploads that are on their way: their memory, and how many of a session |
//! | [`counts`] | how many of something each has |
//! | [`body`] | size of a body, and how long it may take |
//!
//! Connections and headers are bounded by `server.rs`, listeners of events by `events.rs`.

pub mod body;
pub mod counts;
pub mod rate;
pub mod uploads;

use std::time::Duration;

use crate::settings::GatewaySettings;
use rate::Buckets;
use uploads::UploadRoom;

/// All limits that are shared between requests.
#[derive(Debug)]
pub struct Limits {
    /// Requests of a token.
    pub requests: Buckets,
    /// Tokens and ends of a session, of which one is enough.
    pub rare: Buckets,
    /// Looks at a session that are written down, of one person.
    pub looks: Buckets,
    /// Refusals that are written down, of one person.
    pub refusals: Buckets,
    /// Bytes of a session's uploads.
    pub bytes: Buckets,
    /// Uploads on their way.
    pub uploads: UploadRoom,
}

impl Limits {
    /// As the settings say.
    pub fn new(settings: &GatewaySettings) -> Self {
        let requests = settings.requests_per_s;
        let (bytes, chunk) = (settings.bytes_per_s, settings.max_chunk_bytes as u64);
        Self {
            // A page asks for a dozen things when it opens.
            requests: Buckets::new(requests, requests.saturating_mul(2).max(20)),
            rare: Buckets::one_every(Duration::from_secs(60), 10),
            // A page that is open asks again whenever something happens.
            looks: Buckets::one_every(Duration::from_secs(600), 1),
            refusals: Buckets::one_every(Duration::from_secs(60), 10),
            // Whoever was cut off for a while has something to catch up with.
            bytes: Buckets::new(bytes, bytes.saturating_mul(20).max(chunk)),
            uploads: UploadRoom::new(settings.upload_bytes),
        }
    }
}
