//! The identity provider's keys, from a file or from its address: fetched at the start, every few minutes, and when
//! a token names a key that is not known. Old keys stay in force while they cannot be fetched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::keys::Keys;

/// How often keys are looked at.
const EVERY: Duration = Duration::from_secs(300);
/// Whoever sends tokens with invented keys does not get the identity provider asked more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);
/// How long the identity provider may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A longer key set is none.
const LONGEST: usize = 1 << 20;

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At an address, `https:` or `http:`.
    Url(String),
}

/// Keys that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address does not answer, or not with keys.
    #[error("cannot fetch the keys: {0}")]
    Http(#[from] reqwest::Error),
    /// It takes too long, or does not end.
    #[error("the keys take too long, or are too many")]
    Endless,
    /// It is no key set.
    #[error("it is no set of keys: {0}")]
    Invalid(#[from] serde_json::Error),
    /// None of the keys can be used.
    #[error("none of its keys is for RS256, ES256 or EdDSA")]
    Useless,
}

/// Fetches the keys once.
///
/// # Errors
/// If there are none to be had.
pub async fn fetch(source: &KeySource, keys: &Keys) -> Result<usize, FetchError> {
    let text = match source {
        KeySource::File(path) => {
            tokio::fs::read(path).await.map_err(|source| FetchError::File { path: path.clone(), source })?
        }
        KeySource::Url(url) => timeout(PATIENCE, download(url)).await.map_err(|_| FetchError::Endless)??,
    };
    match keys.replace(&text)? {
        0 => Err(FetchError::Useless),
        count => Ok(count),
    }
}

async fn download(url: &str) -> Result<Vec<u8>, FetchError> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await? {
        text.extend_from_slice(&part);
        if text.len() > LONGEST {
            return Err(FetchError::Endless);
        }
    }
    Ok(text)
}

/// Fetches keys until the runtime ends.
pub async fn keep(source: KeySource, keys: Arc<Keys>, wanted: Arc<Notify>) {
    loop {
        match fetch(&source, &keys).await {
            Ok(count) => tracing::debug!(count, "keys of the identity provider"),
            Err(error) => tracing::warn!(%error, "the identity provider's keys cannot be had; old ones stay"),
        }
        sleep(AT_MOST_EVERY).await;
        // Nobody asked in time: so be it.
        let _asked = timeout(EVERY, wanted.notified()).await;
    }
}
