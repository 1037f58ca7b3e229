//! The proctor's side: what dashboards are shown. All of it is read from the store; nothing is decided here.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`exams`] | exams and how many of their sessions need somebody |
//! | [`lists`] | sessions: filters, order, pages, and as CSV |
//! | [`session`] | one session: its page, and the parts of it alone |
//! | [`evidence`] | pictures that are kept of its incidents |
//! | [`audit`] | who did what |

pub mod audit;
pub mod evidence;
pub mod exams;
pub mod lists;
pub mod session;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::desk::SessionDesk;
use domain::ids::SessionId;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::Problem;
use crate::store::{Store, StoreError};

/// Query parameters.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let read = Query::try_from_uri(&parts.uri);
        read.map(|Query(read)| Self(read)).map_err(|error| Problem::bad_request(error.body_text()))
    }
}

/// A list of everything there is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Items<T> {
    /// What there is.
    pub items: Vec<T>,
}

/// Where a page begins, as clients pass it back: they need not know what is in it.
fn cursor_of(place: &impl Serialize) -> Result<String, Problem> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).map_err(|_| Problem::internal())?))
}

/// Where a page begins.
fn place_of<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bad = || Problem::bad_request("the cursor is none of this list");
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    serde_json::from_slice(&json).map_err(|_| bad())
}

/// Asks the store on a thread that may wait.
pub(crate) async fn ask<T: Send + 'static>(
    app: &App,
    question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    let answer = tokio::task::spawn_blocking(move || question(&app.store)).await;
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store does not answer");
            Err(Problem::internal())
        }
        // It panicked, or the process ends.
        Err(_) => Err(Problem::internal()),
    }
}

/// Looks at a session's desk.
pub(crate) async fn look<T: Send + 'static>(
    app: &App,
    session: SessionId,
    view: impl FnOnce(&SessionDesk) -> T + Send + 'static,
) -> Result<T, Problem> {
    ask(app, move |store| store.look(&session, view)).await?.ok_or_else(Problem::not_found)
}
