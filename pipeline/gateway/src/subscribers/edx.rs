//! What an Open edX platform hears of its attempts: that a candidate's camera has been seen, so that they may begin, and
//! a review of each final revision of the score.
//!
//! A review needs what dashboards are shown, so it waits until they know of the revision. It may then be of a later one,
//! which is told again when its turn comes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::desk::{DeskEntry, IngestMs, SessionDesk};
use domain::ids::SessionId;
use domain::lms::edx::{Review, review};
use domain::messages::{Score, ScoreStatus};
use domain::ports::{Feed, Position};
use domain::time::Millis;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use tokio::time::sleep;

use super::client::{TellError, send};
use super::oauth::{Account, TokenCache};
use super::{Subscriber, Told};
use crate::edx::Platform;
use crate::store::Store;

/// How long a review waits for dashboards before it is tried again, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How much later than a score dashboards may know of what was written together with it.
const SETTLE: Duration = Duration::from_millis(500);
/// So many sessions are remembered of which a platform has heard that they may begin. Hearing it twice does no harm.
const MOST_READY: usize = 10_000;

/// A platform, and how it is told of things.
#[derive(Debug)]
pub struct OpenEdx {
    /// Which one.
    pub platform: Arc<Platform>,
    /// Where it is.
    pub url: Url,
    /// By which account it knows us.
    pub account: Account,
    /// Of what the log took before this, it does not hear.
    pub from: IngestMs,
    /// By what it is asked.
    pub client: Client,
    /// What dashboards are shown.
    pub store: Arc<Store>,
    /// The account's token.
    pub tokens: TokenCache,
    /// Who may begin, as far as the platform was told.
    pub ready: Mutex<BTreeSet<SessionId>>,
}

#[async_trait]
impl Subscriber for OpenEdx {
    fn name(&self) -> &str {
        &self.platform.name
    }

    fn feeds(&self) -> &'static [Feed] {
        &Self::FEEDS
    }

    async fn tell(&self, entry: &DeskEntry, position: Position) -> Result<Told, TellError> {
        let DeskEntry::Score(score) = entry else { return Ok(Told::Passed) };
        let session = &score.session;
        let is_ours = session.tenant() == self.platform.tenant && self.platform.owns(session.exam());
        if !is_ours || IngestMs(position.at_ms) < self.from {
            return Ok(Told::Passed);
        }
        match score.status {
            ScoreStatus::Provisional => self.tell_ready(score).await,
            ScoreStatus::Final => match self.review(score, position).await? {
                Some(review) => {
                    self.post(session, "reviewed", serde_json::to_vec(&review)?).await?;
                    Ok(Told::Delivered)
                }
                None => Ok(Told::Passed),
            },
        }
    }
}

impl OpenEdx {
    /// What platforms hear of.
    pub const FEEDS: [Feed; 1] = [Feed::Scores];

    /// As soon as something of a candidate was seen, they may begin.
    async fn tell_ready(&self, score: &Score) -> Result<Told, TellError> {
        let session = &score.session;
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if score.coverage.observed_ms <= Millis(0) || ready().contains(session) {
            return Ok(Told::Passed);
        }
        self.post(session, "ready", b"{}".to_vec()).await?;
        let mut ready = ready();
        if ready.len() >= MOST_READY {
            ready.clear();
        }
        ready.insert(session.clone());
        Ok(Told::Delivered)
    }

    /// The review of a session, as of a revision of its score or a later one; `None` if the session was deleted since.
    async fn review(&self, score: &Score, at: Position) -> Result<Option<Review>, TellError> {
        let mut waited = Duration::ZERO;
        while !self.is_known(score, at)? {
            if waited >= PATIENCE {
                return Err(TellError::Behind);
            }
            sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
        // Incidents that count nothing were written together with the score, and may be read after it.
        sleep(SETTLE).await;
        Ok(self.look(&score.session, review)?.flatten())
    }

    /// Whether dashboards know of a revision of a score, and of all incidents that it rests on.
    fn is_known(&self, score: &Score, at: Position) -> Result<bool, TellError> {
        let next = self.store.next_offset(at.feed, at.partition);
        if next.is_none_or(|next| next <= at.offset) {
            return Ok(false);
        }
        let has_all = |desk: &SessionDesk| {
            let known: BTreeSet<_> = desk.incidents().iter().map(|incident| incident.incident_id).collect();
            let mut counted = score.contributions.iter().flat_map(|contribution| &contribution.incidents);
            desk.is_incomplete() || counted.all(|incident| known.contains(incident))
        };
        // Of a session that was deleted nothing more comes.
        Ok(self.look(&score.session, has_all)?.unwrap_or(true))
    }

    /// Looks at a session's desk. Reads the store's file, on the thread of whoever waits for this.
    fn look<T>(
        &self,
        session: &SessionId,
        view: impl FnOnce(&SessionDesk) -> T,
    ) -> Result<Option<T>, TellError> {
        self.store.look(session, view).map_err(|error| TellError::Unreachable(error.to_string()))
    }

    async fn post(&self, session: &SessionId, what: &str, body: Vec<u8>) -> Result<(), TellError> {
        // The platform's id of an attempt is the last part of the session's name.
        let attempt = session.as_str().rsplit('/').next().unwrap_or_default();
        let mut url = self.url.clone();
        url.set_path(&format!(
            "{}/api/edx_proctoring/v1/proctored_exam/attempt/{attempt}/{what}",
            self.url.path().trim_end_matches('/')
        ));
        let token = self.tokens.token(&self.client, &self.account).await?;
        let request = self
            .client
            .post(url)
            .header(AUTHORIZATION, format!("JWT {token}"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        let sent = send(request, is_refusal).await;
        if let Err(TellError::Unavailable { status: 401 | 403, .. }) = sent {
            self.tokens.forget();
        }
        sent.map(|_| ())
    }
}

/// The statuses that say that there is no such attempt, that it takes no review, or none any more.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::PRECONDITION_FAILED)
}
