//! One listener: `GET /v1/events`.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::SessionId;
use futures_util::stream::unfold;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::ring::{Event, Ring, Since};
use crate::app::App;
use crate::auth::Caller;
use crate::auth::caller::session_of;
use crate::clock;
use crate::error::Problem;
use crate::read::Params;

/// How long a browser waits before it comes back.
const RETRY_MS: u64 = 2_000;
/// No connection lasts longer; tokens may be good for more time than a clock counts.
const LONGEST: Duration = Duration::from_secs(86_400);
/// How much is written at once.
const AT_ONCE: usize = 64 << 10;

/// What to listen to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only this exam.
    #[serde(default)]
    pub exam: Option<String>,
    /// Only this session, `tenant:exam:session`.
    #[serde(default)]
    pub session: Option<String>,
}

/// `GET /v1/events`
pub async fn listen(
    State(app): State<App>,
    caller: Caller,
    Params(filter): Params<Filter>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = match &filter.session {
        None => None,
        Some(id) => {
            let session = session_of(id).filter(|session| caller.may_touch(session));
            Some(session.ok_or_else(Problem::not_found)?)
        }
    };
    if filter.exam.as_ref().is_some_and(|exam| !caller.may_touch_exam(exam)) {
        return Err(Problem::not_found());
    }
    let slot = Arc::clone(&app.listeners).try_acquire_owned().map_err(|_| {
        let detail = "there are as many listeners as there may be";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_listeners", detail)
            .after(app.settings.heartbeat)
    })?;
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let (next, is_gone) = match resumed.map(|id| app.ring.after(id)) {
        None => (app.ring.next(), false),
        Some(Some(next)) => (next, false),
        Some(None) => (app.ring.next(), true),
    };
    let left = Duration::from_secs(caller.expires_s.saturating_sub(clock::now_s())).min(LONGEST);
    let listener = Listener {
        heard: app.ring.subscribe(),
        closing: app.closing.clone(),
        ring: Arc::clone(&app.ring),
        counted: Counted::new(&app, slot),
        scope: Scope { caller, exam: filter.exam, session },
        next,
        greeting: Some(is_gone),
        expires: Instant::now() + left,
    };
    let stream = unfold(listener, |mut listener| async {
        let text = listener.hear().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), listener))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather what they pass on do not, if they know this.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What concerns a listener.
struct Scope {
    caller: Caller,
    exam: Option<String>,
    session: Option<SessionId>,
}

impl Scope {
    fn has(&self, event: &Event) -> bool {
        self.session.as_ref().is_none_or(|session| *session == event.session)
            && self.exam.as_ref().is_none_or(|exam| exam == event.session.exam())
            && self.caller.may_touch(&event.session)
    }
}

struct Listener {
    ring: Arc<Ring>,
    heard: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    /// Until it is dropped.
    counted: Counted,
    scope: Scope,
    next: u64,
    /// Before anything else, and whether something was missed.
    greeting: Option<bool>,
    /// Of the token.
    expires: Instant,
}

impl Listener {
    /// What to write next; waits until there is something. `None`: the end.
    async fn hear(&mut self) -> Option<String> {
        let silent_until = Instant::now() + self.counted.app.settings.heartbeat;
        loop {
            let mut text = self.greet();
            match self.ring.since(self.next, |event| self.scope.has(event), AT_ONCE) {
                Since::Gone(next) => {
                    self.next = next;
                    self.reset(&mut text);
                }
                Since::Events(events, next) => {
                    self.next = next;
                    for (number, event) in &events {
                        let id = self.ring.id(*number);
                        self.counted.app.meter.event(event.kind.name());
                        write_frame(&mut text, &id, event.kind.name(), &event.data);
                    }
                }
            }
            if !text.is_empty() {
                return Some(text);
            }
            let is_silent = tokio::select! {
                // The ring lives as long as the process.
                _changed = self.heard.changed() => false,
                () = sleep_until(silent_until) => true,
                () = sleep_until(self.expires) => return None,
                _ = self.closing.wait_for(|closing| *closing) => return None,
            };
            if is_silent {
                return Some(self.heartbeat());
            }
        }
    }

    /// What a listener hears at once: how soon to come back, and from where.
    fn greet(&mut self) -> String {
        let Some(is_gone) = self.greeting.take() else { return String::new() };
        let mut text = format!("retry: {RETRY_MS}\n\n");
        if is_gone {
            self.reset(&mut text);
        } else {
            text.push_str(&self.heartbeat());
        }
        text
    }

    fn reset(&self, text: &mut String) {
        self.counted.app.meter.event("reset");
        write_frame(text, &self.last_id(), "reset", "{}");
    }

    /// A comment, and how far the listener has got: others' events count, too.
    fn heartbeat(&self) -> String {
        format!(":\nid: {}\n\n", self.last_id())
    }

    fn last_id(&self) -> String {
        self.ring.id(self.next.saturating_sub(1))
    }
}

/// Data of ours are one line.
fn write_frame(text: &mut String, id: &str, kind: &str, data: &str) {
    // Writing to a text does not fail.
    let _written = write!(text, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
}

/// A listener as the meter sees it.
struct Counted {
    app: App,
    slot: Option<OwnedSemaphorePermit>,
}

impl Counted {
    fn new(app: &App, slot: OwnedSemaphorePermit) -> Self {
        let counted = Self { app: app.clone(), slot: Some(slot) };
        counted.tell();
        counted
    }

    fn tell(&self) {
        let open = self.app.settings.listeners - self.app.listeners.available_permits();
        self.app.meter.listeners(open);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        drop(self.slot.take());
        self.tell();
    }
}
