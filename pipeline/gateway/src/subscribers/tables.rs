//! The tables of the operator's file of subscribers: their keys, and what comes of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use domain::desk::IngestMs;
use domain::lms::webhook::NoticeKind;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::assertion::AssertionKey;
use super::check::Check;
use super::oauth::Account;
use super::signature::WebhookSecret;
use super::webhook::Webhook;
use crate::edx::Platform;

/// As long as the output of the hash that it signs with.
const SHORTEST_SECRET: usize = 32;

/// An Open edX platform, and what is needed to tell it of things.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) platform: Arc<Platform>,
    pub(super) url: Url,
    pub(super) account: Account,
    pub(super) from: IngestMs,
    pub(super) client: Client,
}

/// A platform that takes flags, and what is needed to send it some.
#[derive(Debug)]
pub(super) struct Flagged {
    pub(super) raw: RawLti,
    pub(super) url: Url,
    pub(super) token_url: Url,
    pub(super) key: AssertionKey,
    pub(super) from: IngestMs,
    pub(super) client: Client,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    name: String,
    tenant: String,
    url: String,
    secret_file: PathBuf,
    #[serde(default = "all_kinds")]
    kinds: BTreeSet<NoticeKind>,
    #[serde(default)]
    from: Option<String>,
}

fn all_kinds() -> BTreeSet<NoticeKind> {
    NoticeKind::ALL.into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOpenEdx {
    name: String,
    tenant: String,
    #[serde(default)]
    policy: Option<String>,
    public_url: String,
    secret_file: PathBuf,
    url: String,
    client_id: String,
    client_secret_file: PathBuf,
    #[serde(default)]
    from: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLti {
    pub(super) name: String,
    pub(super) tenant: String,
    pub(super) issuer: String,
    pub(super) url: String,
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) key_file: PathBuf,
    pub(super) key_id: String,
    #[serde(default)]
    pub(super) from: Option<String>,
}

impl RawWebhook {
    pub(super) fn check(self, check: &mut Check<'_>, client: &Client) -> Option<Webhook> {
        let Self { name, tenant, url, secret_file, kinds, from } = self;
        check.name(&name);
        check.tenant(&name, &tenant);
        if kinds.is_empty() {
            check.problem(&name, "kinds must name what it is told of");
        }
        let from = check.from(&name, from.as_deref());
        let url = check.url(&name, "url", &url);
        let secret = check.secret(&name, &secret_file, WebhookSecret::parse);
        Some(Webhook { name, tenant, url: url?, secret: secret?, kinds, from, client: client.clone() })
    }
}

impl RawLti {
    pub(super) fn check(self, check: &mut Check<'_>, client: &Client) -> Option<Flagged> {
        check.name(&self.name);
        check.tenant(&self.name, &self.tenant);
        let from = check.from(&self.name, self.from.as_deref());
        let url = check.url(&self.name, "url", &self.url);
        let token_url = check.url(&self.name, "token_url", &self.token_url);
        let parse = |pem: &str| AssertionKey::parse(&self.key_id, pem);
        let key = check.secret(&self.name, &self.key_file, parse);
        Some(Flagged { url: url?, token_url: token_url?, key: key?, from, client: client.clone(), raw: self })
    }
}

impl RawOpenEdx {
    pub(super) fn check(self, check: &mut Check<'_>, client: &Client) -> Option<Connected> {
        let Self { name, tenant, policy, public_url, secret_file, url, client_id, client_secret_file, from } =
            self;
        check.name(&name);
        check.tenant(&name, &tenant);
        let from = check.from(&name, from.as_deref());
        let public = check.url(&name, "public_url", &public_url);
        let url = check.url(&name, "url", url.trim_end_matches('/'));
        let secret = check.secret(&name, &secret_file, |text| match text.trim() {
            secret if secret.len() >= SHORTEST_SECRET => Ok(secret.to_owned()),
            _ => Err(format!("holds no secret of at least {SHORTEST_SECRET} characters")),
        });
        let client_secret = check.secret(&name, &client_secret_file, |text| match text.trim() {
            "" => Err("holds no secret"),
            secret => Ok(secret.to_owned()),
        });
        let (public, url) = (public?, url?);
        let token_url =
            Url::parse(&format!("{}/oauth2/access_token", url.as_str().trim_end_matches('/'))).ok()?;
        let public_url = public.as_str().trim_end_matches('/').to_owned();
        let platform = Arc::new(Platform { name, tenant, policy, public_url, secret: secret? });
        let account = Account { token_url, client_id, client_secret: client_secret? };
        Some(Connected { platform, url, account, from, client: client.clone() })
    }
}
