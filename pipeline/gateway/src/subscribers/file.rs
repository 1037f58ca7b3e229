//! The operator's file of subscribers: TOML, one table each. Files with secrets that it names are looked for beside it.
//! Where requests go is written here and nowhere else: no record and no request of a client can name an address.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use domain::ports::Feed;
use serde::Deserialize;

use super::Subscriber;
use super::check::Check;
use super::client::client;
use super::edx::OpenEdx;
use super::lti::Lti;
use super::oauth::TokenCache;
use super::tables::{Connected, Flagged, RawLti, RawOpenEdx, RawWebhook};
use super::webhook::Webhook;
use crate::edx::Platform;
use crate::store::Store;

/// A file of subscribers that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SubscribersError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no TOML, or has keys that mean nothing.
    #[error("{}: {source}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<toml::de::Error>,
    },
    /// What it says makes no sense.
    #[error("{}: {}", .path.display(), .problems.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong.
        problems: Vec<String>,
    },
    /// Nothing can be sent from this machine.
    #[error("no client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Everybody who is told of results.
#[derive(Debug, Default)]
pub struct Subscribers {
    webhooks: Vec<Webhook>,
    platforms: Vec<Connected>,
    flagged: Vec<Flagged>,
    secret_files: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    webhook: Vec<RawWebhook>,
    #[serde(default)]
    open_edx: Vec<RawOpenEdx>,
    #[serde(default)]
    lti: Vec<RawLti>,
}

impl Subscribers {
    /// Reads a file, and the secrets that it names.
    ///
    /// # Errors
    /// With all that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, SubscribersError> {
        let unreadable = |source| SubscribersError::Unreadable { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let raw: RawFile = toml::from_str(&text).map_err(|error| SubscribersError::Malformed {
            path: path.to_owned(),
            source: Box::new(error),
        })?;
        let mut check = Check {
            folder: path.parent(),
            names: BTreeSet::new(),
            problems: Vec::new(),
            secret_files: Vec::new(),
        };
        let client = client()?;
        let webhooks = raw.webhook.into_iter().filter_map(|raw| raw.check(&mut check, &client)).collect();
        let platforms = raw.open_edx.into_iter().filter_map(|raw| raw.check(&mut check, &client)).collect();
        let flagged = raw.lti.into_iter().filter_map(|raw| raw.check(&mut check, &client)).collect();
        if !check.problems.is_empty() {
            return Err(SubscribersError::Invalid { path: path.to_owned(), problems: check.problems });
        }
        Ok(Self { webhooks, platforms, flagged, secret_files: check.secret_files })
    }

    /// The files with secrets.
    pub fn secret_files(&self) -> &[PathBuf] {
        &self.secret_files
    }

    /// Platforms that ask this gateway, too.
    pub fn platforms(&self) -> Vec<Arc<Platform>> {
        self.platforms.iter().map(|connected| Arc::clone(&connected.platform)).collect()
    }

    /// Platforms that sessions may be attempts on, by name, with their tenants.
    pub fn attempts_on(&self) -> BTreeMap<String, String> {
        self.flagged.iter().map(|flagged| (flagged.raw.name.clone(), flagged.raw.tenant.clone())).collect()
    }

    /// What a subscriber hears of; `None` if there is no such.
    pub fn feeds(&self, name: &str) -> Option<&'static [Feed]> {
        let webhook = self.webhooks.iter().find(|webhook| webhook.name == name).map(Subscriber::feeds);
        let platform = self.platforms.iter().find(|connected| connected.platform.name == name);
        let flagged = self.flagged.iter().find(|flagged| flagged.raw.name == name);
        webhook.or(platform.map(|_| &OpenEdx::FEEDS[..])).or(flagged.map(|_| &Lti::FEEDS[..]))
    }

    /// All of them, with what dashboards are shown.
    pub fn all(self, store: &Arc<Store>) -> Vec<Arc<dyn Subscriber>> {
        let shared = |webhook| Arc::new(webhook) as Arc<dyn Subscriber>;
        let platforms =
            self.platforms.into_iter().map(|Connected { platform, url, account, from, client }| {
                let (store, tokens, ready) = (Arc::clone(store), TokenCache::default(), Mutex::default());
                Arc::new(OpenEdx { platform, url, account, from, client, store, tokens, ready })
                    as Arc<dyn Subscriber>
            });
        let flagged = self.flagged.into_iter().map(|Flagged { raw, url, token_url, key, from, client }| {
            let (store, tokens) = (Arc::clone(store), TokenCache::default());
            let RawLti { name, tenant, issuer, client_id, .. } = raw;
            let lti =
                Lti { name, tenant, issuer, url, token_url, client_id, key, from, client, store, tokens };
            Arc::new(lti) as Arc<dyn Subscriber>
        });
        self.webhooks.into_iter().map(shared).chain(platforms).chain(flagged).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[webhook]]
        name = "registry"
        tenant = "t1"
        url = "https://registry.example/hooks"
        secret_file = "secret"
    "#;

    fn read(text: &str) -> Result<Subscribers, String> {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        fs::write(folder.path().join("short"), "whsec_AAAA\n").unwrap();
        fs::write(folder.path().join("subscribers.toml"), text).unwrap();
        Subscribers::read(&folder.path().join("subscribers.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_webhook_hears_of_everything_unless_it_says_of_what() {
        let all = read(GOOD).unwrap();
        assert_eq!(all.feeds("registry").map(<[Feed]>::len), Some(2));
        let scores = read(&format!("{GOOD}\nkinds = [\"score.final\"]")).unwrap();
        assert_eq!(scores.feeds("registry"), Some(&[Feed::Scores][..]));
        assert_eq!(read("").unwrap().feeds("registry"), None);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_no_address_is_repeated() {
        let bad = GOOD
            .replace("registry\"", "Registry\"")
            .replace("\"t1\"", "\"t/1\"")
            .replace("https://registry", "ftp://me:hunter2@registry")
            .replace("\"secret\"", "\"short\"");
        let told = read(&format!("{bad}\nfrom = \"yesterday\"\n{GOOD}\n{GOOD}")).unwrap_err();
        for word in
            ["a name is", "tenant must", "url must", "short holds no secret", "from must", "same name"]
        {
            assert!(told.contains(word), "{word} in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
        assert!(read(&format!("{GOOD}\ncolour = 1")).unwrap_err().contains("unknown field"));
        assert!(read(&GOOD.replace("\"secret\"", "\"none\"")).unwrap_err().contains("cannot read"));
    }
}
