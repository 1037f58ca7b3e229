//! How much anybody may ask for.
//!
//! | File | Bounds |
//! |---|---|
//! | [`rate`] | requests per second of a token, bytes per second of a session |
//! | [`uploads`] | memory of uploads that are on their way |
//! | [`body`] | size of a body, and how long it may take |
//!
//! Connections and headers are bounded by `server.rs`, listeners of events by `events.rs`.

pub mod body;
pub mod rate;
pub mod uploads;

use crate::settings::GatewaySettings;
use rate::Buckets;
use uploads::UploadRoom;

/// All limits that are shared between requests.
#[derive(Debug)]
pub struct Limits {
    /// Requests of a token.
    pub requests: Buckets,
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
            // Whoever was cut off for a while has something to catch up with.
            bytes: Buckets::new(bytes, bytes.saturating_mul(20).max(chunk)),
            uploads: UploadRoom::new(settings.upload_bytes),
        }
    }
}
