//! The operator's file of subscribers: TOML, one table each. Files with secrets that it names are looked for beside it.
//! Where requests go is written here and nowhere else: no record and no request of a client can name an address.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use domain::desk::IngestMs;
use domain::ids::SessionId;
use domain::lms::webhook::NoticeKind;
use reqwest::{Client, Url};
use serde::Deserialize;

use super::Subscriber;
use super::client::client;
use super::signature::WebhookSecret;
use super::webhook::Webhook;

/// The longest name: it is part of the name of a consumer group.
const LONGEST_NAME: usize = 40;

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
#[derive(Debug, Clone, Default)]
pub struct Subscribers {
    webhooks: Vec<Webhook>,
    secret_files: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    webhook: Vec<RawWebhook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWebhook {
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
        let mut check = Check { folder: path.parent(), names: BTreeSet::new(), problems: Vec::new() };
        let client = client()?;
        let mut subscribers = Self::default();
        for raw in raw.webhook {
            subscribers.secret_files.push(check.beside(&raw.secret_file));
            subscribers.webhooks.extend(check.webhook(raw, &client));
        }
        if !check.problems.is_empty() {
            return Err(SubscribersError::Invalid { path: path.to_owned(), problems: check.problems });
        }
        Ok(subscribers)
    }

    /// The files with secrets.
    pub fn secret_files(&self) -> &[PathBuf] {
        &self.secret_files
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<dyn Subscriber>> {
        self.webhooks.iter().map(|webhook| Arc::new(webhook.clone()) as Arc<dyn Subscriber>).collect()
    }
}

/// What was read so far, and what is wrong with it.
struct Check<'a> {
    folder: Option<&'a Path>,
    names: BTreeSet<String>,
    problems: Vec<String>,
}

impl Check<'_> {
    fn webhook(&mut self, raw: RawWebhook, client: &Client) -> Option<Webhook> {
        let RawWebhook { name, tenant, url, secret_file, kinds, from } = raw;
        self.name(&name);
        self.tenant(&name, &tenant);
        if kinds.is_empty() {
            self.problem(&name, "kinds must name what it is told of");
        }
        let from = self.from(&name, from.as_deref());
        let (url, secret) = (self.url(&name, "url", &url), self.secret(&name, &secret_file));
        Some(Webhook { name, tenant, url: url?, secret: secret?, kinds, from, client: client.clone() })
    }

    fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("{name}: {problem}"));
    }

    fn name(&mut self, name: &str) {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(is_name) {
            self.problem(name, &format!("a name is 1 to {LONGEST_NAME} of a-z 0-9 -"));
        }
        if !self.names.insert(name.to_owned()) {
            self.problem(name, "two subscribers cannot have the same name");
        }
    }

    fn tenant(&mut self, name: &str, tenant: &str) {
        if SessionId::new(tenant, "e", "s").is_err() {
            self.problem(name, "tenant must be 1 to 128 of A-Z a-z 0-9 . _ -");
        }
    }

    /// What is wrong with an address is not repeated: what was meant for one may hold a password.
    fn url(&mut self, name: &str, key: &str, text: &str) -> Option<Url> {
        let is_good = |url: &Url| {
            matches!(url.scheme(), "https" | "http")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        };
        let url = Url::parse(text).ok().filter(is_good);
        if url.is_none() {
            self.problem(name, &format!("{key} must be an address such as https://example.org/results"));
        }
        url
    }

    fn from(&mut self, name: &str, text: Option<&str>) -> IngestMs {
        let Some(text) = text else { return IngestMs(0) };
        let since = humantime::parse_rfc3339(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        if since.is_none() {
            self.problem(name, "from must be a time such as 2026-12-01T00:00:00Z");
        }
        IngestMs(since.unwrap_or_default().as_millis().try_into().unwrap_or(i64::MAX))
    }

    fn secret(&mut self, name: &str, file: &Path) -> Option<WebhookSecret> {
        let text = self.text(name, file)?;
        let secret = WebhookSecret::parse(&text);
        if let Err(error) = &secret {
            self.problem(name, &format!("{} {error}", file.display()));
        }
        secret.ok()
    }

    fn text(&mut self, name: &str, file: &Path) -> Option<String> {
        let path = self.beside(file);
        let text = fs::read_to_string(&path);
        if let Err(error) = &text {
            self.problem(name, &format!("cannot read {}: {error}", path.display()));
        }
        text.ok()
    }

    fn beside(&self, file: &Path) -> PathBuf {
        self.folder.map_or_else(|| file.to_owned(), |folder| folder.join(file))
    }
}

#[cfg(test)]
mod tests {
    use domain::ports::Feed;

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
        let all = read(GOOD).unwrap().all();
        assert_eq!((all[0].name(), all[0].feeds().len()), ("registry", 2));
        let scores = read(&format!("{GOOD}\nkinds = [\"score.final\"]")).unwrap().all();
        assert_eq!(scores[0].feeds(), [Feed::Scores]);
        assert!(read("").unwrap().all().is_empty());
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
