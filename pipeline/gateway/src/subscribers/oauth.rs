//! Tokens by which subscribers know us: fetched by OAuth 2.0 client credentials when one is needed, and kept until
//! shortly before they expire.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};
use serde::Deserialize;

use super::client::{TellError, send};

/// A token is renewed so long before it expires.
const EARLY: Duration = Duration::from_secs(30);
/// A token whose life is not stated is good for this long: as short as any.
const SHORT: u64 = 60;
/// A longer answer is none, in bytes.
const LONGEST: usize = 64 << 10;

/// An account with a subscriber.
#[derive(Clone)]
pub struct Account {
    /// Where tokens are handed out.
    pub token_url: Url,
    /// Who we are there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Account").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// The token of an account.
#[derive(Default)]
pub struct TokenCache(Mutex<Option<(String, Instant)>>);

impl fmt::Debug for TokenCache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TokenCache")
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl TokenCache {
    /// A token that is good for a while.
    ///
    /// # Errors
    /// If there is none to be had now: an account that is refused may be mended there, so that is never final.
    pub async fn token(&self, client: &Client, account: &Account) -> Result<String, TellError> {
        let form = || {
            Ok(vec![
                ("grant_type", "client_credentials".to_owned()),
                ("client_id", account.client_id.clone()),
                ("client_secret", account.client_secret.clone()),
                ("token_type", "jwt".to_owned()),
            ])
        };
        self.get(client, &account.token_url, form).await
    }

    /// The same, for any form of proof, which is made when one is needed.
    pub(super) async fn get(
        &self,
        client: &Client,
        token_url: &Url,
        form: impl FnOnce() -> Result<Vec<(&'static str, String)>, TellError>,
    ) -> Result<String, TellError> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, _)) = kept().as_ref().filter(|(_, until)| *until > Instant::now()) {
            return Ok(token.clone());
        }
        let mut encoded = Url::parse("form:/").map_err(|_| no_token("no form can be made"))?;
        encoded.query_pairs_mut().extend_pairs(form()?);
        let request = client
            .post(token_url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(encoded.query().unwrap_or_default().to_owned());
        let mut answer = send(request, |_| false).await?;
        let mut text = Vec::new();
        while let Some(part) = answer.chunk().await? {
            text.extend_from_slice(&part);
            if text.len() > LONGEST {
                return Err(no_token("the answer does not end"));
            }
        }
        let Answer { access_token, expires_in } =
            serde_json::from_slice(&text).map_err(|_| no_token("the answer holds no token"))?;
        let life = Duration::from_secs(expires_in.unwrap_or(SHORT)).saturating_sub(EARLY);
        *kept() = Instant::now().checked_add(life).map(|until| (access_token.clone(), until));
        Ok(access_token)
    }

    /// The token is not accepted any more.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn no_token(problem: &str) -> TellError {
    TellError::Unreachable(format!("no token: {problem}"))
}
