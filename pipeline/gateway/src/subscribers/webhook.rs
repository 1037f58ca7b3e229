//! Signed notices of final scores and of incidents, as the specification "Standard Webhooks" has them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::desk::{DeskEntry, IngestMs};
use domain::lms::webhook::{Notice, NoticeKind};
use domain::ports::{Feed, Position};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};

use super::client::{TellError, send};
use super::signature::WebhookSecret;
use super::{Subscriber, Told};
use crate::clock;

/// A system that takes notices.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Whose results it hears of.
    pub tenant: String,
    /// Where it takes them.
    pub url: Url,
    /// What they are signed with.
    pub secret: WebhookSecret,
    /// What it wants to hear of.
    pub kinds: BTreeSet<NoticeKind>,
    /// Of what the log took before this, it does not hear.
    pub from: IngestMs,
    /// By what it is asked.
    pub client: Client,
}

#[async_trait]
impl Subscriber for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn feeds(&self) -> &'static [Feed] {
        let scores = self.kinds.iter().any(|kind| kind.is_of_score());
        let incidents = self.kinds.iter().any(|kind| !kind.is_of_score());
        match (incidents, scores) {
            (true, true) => &[Feed::Incidents, Feed::Scores],
            (true, false) => &[Feed::Incidents],
            (false, _) => &[Feed::Scores],
        }
    }

    async fn tell(&self, entry: &DeskEntry, position: Position) -> Result<Told, TellError> {
        let at = IngestMs(position.at_ms);
        if entry.session().tenant() != self.tenant || at < self.from {
            return Ok(Told::Passed);
        }
        let Some(notice) = Notice::of(entry, at).filter(|notice| self.kinds.contains(&notice.kind)) else {
            return Ok(Told::Passed);
        };
        let body = serde_json::to_vec(&notice)?;
        let at_s = clock::now_s();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", at_s)
            .header("webhook-signature", self.secret.sign(&notice.id, at_s, &body))
            .body(body);
        send(request, is_refusal).await?;
        Ok(Told::Delivered)
    }
}

/// The statuses that say that a notice cannot be understood. All others may be mended there: a wrong address, a secret
/// that is not known yet, a server that is being replaced.
fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}
