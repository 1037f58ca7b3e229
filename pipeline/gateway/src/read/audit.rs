//! `GET /v1/audit`: who did what, the newest first. That somebody has read it is in it, too.

use axum::Json;
use axum::extract::State;
use domain::messages::{Audit, AuditAction};
use domain::ports::Entry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Params, ask, cursor_of, place_of};
use crate::app::App;
use crate::audit::record;
use crate::auth::Caller;
use crate::error::Problem;
use crate::ingest::append;
use crate::store::tables::AuditPlace;

/// Entries of a page unless more are asked for.
const USUAL: usize = 100;
/// Entries of a page at most.
const MOST: usize = 500;

/// How many entries, and from where.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditParams {
    /// How many, 1 to 500; 100 by default.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of the audit log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditPage {
    /// The entries.
    pub items: Vec<Audit>,
    /// For the next page, if there is one.
    pub next_cursor: Option<String>,
}

/// `GET /v1/audit`
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<AuditParams>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = params.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_request(format!("the limit is 1 to {MOST}")));
    }
    let read = record(&caller, None, AuditAction::AuditRead, String::new())?;
    append(&app, Entry::Audit(read)).await?;
    let before: Option<AuditPlace> = params.cursor.as_deref().map(place_of).transpose()?;
    let mut entries = ask(&app, {
        let tenant = caller.tenant.clone();
        move |store| store.audit(&tenant, before, limit + 1)
    })
    .await?;
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| has_more).map(|(place, _)| cursor_of(place)).transpose()?;
    // What is about no session may be about any: it is not for those who may see some exams only.
    let mine = |audit: &Audit| match &audit.session {
        Some(session) => caller.may_touch(session),
        None => !caller.is_restricted(),
    };
    let items = entries.into_iter().map(|(_, audit)| audit).filter(mine).collect();
    Ok(Json(AuditPage { items, next_cursor: last }))
}
