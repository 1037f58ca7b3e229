//! What a platform hears of by the LTI Assessment Control Service: a flag for each incident that is over, nothing else.
//! The service could pause and end attempts, too; nothing here can.
//!
//! Only sessions hear of it whose back end said, when it created them, which attempt they are.

use std::sync::Arc;

use async_trait::async_trait;
use domain::desk::{DeskEntry, IngestMs};
use domain::lms::lti::{Attempt, MEDIA_TYPE, SCOPE, flag, is_flagged};
use domain::messages::Incident;
use domain::ports::{Feed, Position};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};

use super::assertion::{ASSERTION_TYPE, AssertionKey};
use super::client::{TellError, send};
use super::oauth::TokenCache;
use super::{Subscriber, Told};
use crate::clock;
use crate::store::Store;

/// A session that nobody said the beginning of by then is no attempt, in milliseconds.
const LONGEST_WAIT_MS: i64 = 600_000;

/// A platform, and how it is told of things.
#[derive(Debug)]
pub struct Lti {
    /// Its name.
    pub name: String,
    /// Whose sessions are attempts there.
    pub tenant: String,
    /// By which name it issues tokens.
    pub issuer: String,
    /// Its Assessment Control Service.
    pub url: Url,
    /// Where it hands out tokens.
    pub token_url: Url,
    /// Who we are there.
    pub client_id: String,
    /// What proves it.
    pub key: AssertionKey,
    /// Of what the log took before this, it does not hear.
    pub from: IngestMs,
    /// By what it is asked.
    pub client: Client,
    /// What dashboards are shown.
    pub store: Arc<Store>,
    /// Our token there.
    pub tokens: TokenCache,
}

#[async_trait]
impl Subscriber for Lti {
    fn name(&self) -> &str {
        &self.name
    }

    fn feeds(&self) -> &'static [Feed] {
        &Self::FEEDS
    }

    async fn tell(&self, entry: &DeskEntry, position: Position) -> Result<Told, TellError> {
        let DeskEntry::Incident(incident) = entry else { return Ok(Told::Passed) };
        let at = IngestMs(position.at_ms);
        if incident.session.tenant() != self.tenant || at < self.from || !is_flagged(incident) {
            return Ok(Told::Passed);
        }
        let Some(attempt) = self.attempt(incident, at)? else { return Ok(Told::Passed) };
        let Some(flag) = flag(incident, attempt, at) else { return Ok(Told::Passed) };
        let body = serde_json::to_vec(&flag)?;
        let token = self.token().await?;
        let request = self
            .client
            .post(self.url.clone())
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))
            .header(ACCEPT, HeaderValue::from_static(MEDIA_TYPE))
            .body(body);
        let sent = send(request, is_refusal).await;
        if let Err(TellError::Unavailable { status: 401 | 403, .. }) = sent {
            self.tokens.forget();
        }
        sent.map(|_| Told::Delivered)
    }
}

impl Lti {
    /// What platforms hear of.
    pub const FEEDS: [Feed; 1] = [Feed::Incidents];

    /// The attempt that a session is there. It was said before the session began, so whoever knows that it began knows
    /// of the attempt as well. Reads the store's file.
    fn attempt(&self, incident: &Incident, at: IngestMs) -> Result<Option<Attempt>, TellError> {
        let known = self.store.look(&incident.session, |desk| {
            desk.has_begun().then(|| Attempt::of(desk, &self.name, &self.issuer))
        });
        let known = known.map_err(|error| TellError::Unreachable(error.to_string()))?.flatten();
        match known {
            Some(attempt) => Ok(attempt),
            None if clock::now_ms().saturating_sub(at.0) < LONGEST_WAIT_MS => Err(TellError::Behind),
            None => Ok(None),
        }
    }

    async fn token(&self) -> Result<String, TellError> {
        let form = || {
            Ok(vec![
                ("grant_type", "client_credentials".to_owned()),
                ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                ("client_assertion", self.key.sign(&self.client_id, self.token_url.as_str())?),
                ("scope", SCOPE.to_owned()),
            ])
        };
        self.tokens.get(&self.client, &self.token_url, form).await
    }
}

/// The statuses that say that there is no such attempt, or that it takes no flags.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY)
}
