//! What the gateway has to be told. The worker reads it from the settings file; what each value means is written in
//! `config/default.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::policy::Policy;

use crate::auth::Trust;
use crate::auth::refresh::KeySource;
use crate::edx::Platform;
use crate::sign_in::Provider;
use crate::store::Retention;

/// Validated settings.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Where requests come in.
    pub listen: SocketAddr,
    /// Certificate chain and key, PEM; `None`: plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whose tokens are believed, and for whom they must be meant.
    pub trust: Trust,
    /// Where the identity provider's keys are.
    pub key_source: Option<KeySource>,
    /// Where the dashboard signs people in.
    pub provider: Option<Provider>,
    /// How long an upload token is good.
    pub token_ttl: Duration,
    /// The largest chunk, in bytes.
    pub max_chunk_bytes: usize,
    /// How long the body of a chunk may take.
    pub body_timeout: Duration,
    /// How long the header of a request, or the next request of a connection, may take.
    pub header_timeout: Duration,
    /// Bytes per second of a session's uploads.
    pub bytes_per_s: u64,
    /// Memory for uploads that are on their way, in bytes.
    pub upload_bytes: usize,
    /// Most connections.
    pub connections: usize,
    /// Most connections from one address; 0: as many as there may be.
    pub connections_per_address: usize,
    /// Most listeners of events among them.
    pub listeners: usize,
    /// How often a listener hears that nothing happened.
    pub heartbeat: Duration,
    /// Requests per second of a token.
    pub requests_per_s: u64,
    /// Origins whose pages may call this from a browser.
    pub cors_origins: Vec<String>,
    /// How long requests may go on after the end was asked for.
    pub drain_deadline: Duration,
    /// Policies that sessions may be created under, by their ids.
    pub policies: BTreeMap<String, Policy>,
    /// How long the store keeps what was read.
    pub retention: Retention,
    /// How long what is kept, for people.
    pub kept: Vec<String>,
    /// How long the template of a face is kept; `None`: faces are compared with none.
    pub templates_kept: Option<Duration>,
    /// How long a picture of a flagged moment is kept; `None`: there are none, whatever policies ask for.
    pub pictures_kept: Option<Duration>,
    /// The one that is used when none is asked for.
    pub default_policy: String,
    /// Open edX platforms that may ask.
    pub platforms: Vec<Arc<Platform>>,
    /// Platforms that sessions may be attempts on, by name, with their tenants.
    pub attempts_on: BTreeMap<String, String>,
}

impl GatewaySettings {
    /// The platform of a name.
    pub fn platform(&self, name: &str) -> Option<Arc<Platform>> {
        self.platforms.iter().find(|platform| platform.name == name).cloned()
    }
}
