//! Settings of the gateway, once their values are known to be good. What each one means is written in
//! `config/default.toml`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ::gateway::auth::Trust;
use ::gateway::auth::refresh::KeySource;
use ::gateway::sign_in::Provider;
use ::gateway::{GatewaySettings, Retention};

use kafka::topics::{self, CleanUp};

use super::policy::{BUILT_IN, load};
use super::problem::SettingsError;
use super::raw::RawGateway;
use super::{Settings, places};

/// How often a listener of events hears that nothing happened: proxies give up connections that are silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The door for browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Secrets of the gateway's own tokens.
    pub key_file: Option<PathBuf>,
    /// For whom tokens must be meant.
    pub audience: String,
    /// The folder with what dashboards are shown.
    pub store: PathBuf,
    /// How long brokers may take to acknowledge a chunk.
    pub append_timeout: Duration,
    /// Memory for uploads that are on their way, in bytes.
    pub upload_bytes: usize,
    /// The file that says who is told of results.
    pub subscribers: Option<PathBuf>,
    raw: RawGateway,
}

pub(super) fn gateway(raw: &RawGateway) -> Gateway {
    Gateway {
        key_file: path(&raw.key_file),
        audience: raw.audience.clone(),
        store: places::resolve(&raw.store),
        append_timeout: Duration::from_millis(raw.append_timeout_ms.into()),
        upload_bytes: (raw.upload_mib as usize) << 20,
        subscribers: path(&raw.subscribers),
        raw: raw.clone(),
    }
}

impl Settings {
    /// For the gateway: all that does not come from files with secrets.
    ///
    /// # Errors
    /// If a policy cannot be loaded.
    pub fn gateway(&self) -> Result<GatewaySettings, SettingsError> {
        let raw = &self.gateway.raw;
        let default = load(&self.policy)?.policy;
        let default_policy = default.id.clone();
        let mut policies = BTreeMap::from([(default.id.clone(), default)]);
        let named = BUILT_IN.iter().map(|(name, _)| *name).chain(raw.policies.iter().map(String::as_str));
        for name in named {
            let policy = load(name)?.policy;
            policies.insert(policy.id.clone(), policy);
        }
        let is_url = ["https://", "http://"].iter().any(|scheme| raw.jwks.starts_with(scheme));
        let key_source = path(&raw.jwks)
            .map(|file| if is_url { KeySource::Url(raw.jwks.clone()) } else { KeySource::File(file) });
        Ok(GatewaySettings {
            // It is an address: that was checked.
            listen: raw.listen.parse().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            tls: path(&raw.tls_cert).zip(path(&raw.tls_key)),
            trust: Trust {
                audience: raw.audience.clone(),
                issuer: (!raw.issuer.is_empty()).then(|| raw.issuer.clone()),
            },
            key_source,
            provider: provider(raw),
            token_ttl: Duration::from_secs(raw.token_ttl_s.into()),
            max_chunk_bytes: raw.max_chunk_kib as usize * 1024,
            body_timeout: Duration::from_millis(raw.body_timeout_ms.into()),
            header_timeout: Duration::from_millis(raw.header_timeout_ms.into()),
            bytes_per_s: u64::from(raw.session_kib_per_s) * 1024,
            upload_bytes: self.gateway.upload_bytes,
            connections: raw.connections as usize,
            connections_per_address: raw.connections_per_address as usize,
            listeners: raw.listeners as usize,
            heartbeat: HEARTBEAT,
            requests_per_s: raw.requests_per_s.into(),
            cors_origins: raw.cors_origins.clone(),
            drain_deadline: Duration::from_millis(raw.drain_deadline_ms.into()),
            policies,
            retention: Retention { results: age_of("incidents"), observations: age_of("observations") },
            kept: kept(),
            // Without keys there are no templates.
            templates_kept: self.privacy.keys_file.as_ref().map(|_| self.identity.keep),
            pictures_kept: self.evidence.store.as_ref().map(|_| self.evidence.keep),
            default_policy,
            // These come from a file with secrets.
            platforms: Vec::new(),
            attempts_on: BTreeMap::new(),
        })
    }
}

fn provider(raw: &RawGateway) -> Option<Provider> {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(Provider {
        client_id: filled(&raw.sign_in_client)?,
        issuer: raw.issuer.clone(),
        scope: raw.sign_in_scope.clone(),
        resource: filled(&raw.sign_in_resource),
        origins: raw.sign_in_origins.clone(),
    })
}

/// How long what is kept, unless an operator has changed a topic: for people.
fn kept() -> Vec<String> {
    let told = [
        ("chunks", "The video as your browser sends it"),
        ("segments", "The video in the pieces that are looked at"),
        ("observations", "What was seen in it, as numbers"),
        ("incidents", "What was noted, and decisions about it"),
        ("scores", "The score"),
    ];
    let kept = told.iter().filter_map(|(name, text)| {
        let topic = topics::ALL.iter().find(|topic| topic.name == *name)?;
        match topic.clean_up {
            CleanUp::After(age) => Some(format!("{text}: {}.", long(age))),
            CleanUp::Compact => Some(format!("{text}: until your institution deletes it.")),
        }
    });
    kept.collect()
}

/// How long a topic keeps records, unless an operator has changed it.
fn age_of(name: &str) -> Duration {
    match topics::ALL.iter().find(|topic| topic.name == name).map(|topic| topic.clean_up) {
        Some(CleanUp::After(age)) => age,
        Some(CleanUp::Compact) | None => Duration::MAX,
    }
}

fn long(age: Duration) -> String {
    match age.as_secs() / 3_600 {
        hours if hours < 48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| places::resolve(text))
}
