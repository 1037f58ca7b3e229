//! `GET /v1/sessions` and `GET /v1/sessions.csv`: sessions by filter, in order, in pages, or all as a table.
//!
//! Pages go on behind the last session of the page before. While sessions change their places, one may come twice or
//! be missed; the stream of events tells of all changes.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use domain::desk::{Queue, SessionSummary, StreamState};
use domain::messages::AuditAction;
use domain::ports::Entry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Params, ask, cursor_of, place_of};
use crate::app::App;
use crate::audit::record;
use crate::auth::Caller;
use crate::error::Problem;
use crate::ingest::append;
use crate::store::index::{BandFilter, Place, Query, Sort};

/// Sessions of a page unless more are asked for.
const USUAL: usize = 50;
/// Sessions of a page at most.
const MOST: usize = 200;
/// Names are no longer.
const LONGEST_NAME: usize = 128;

/// Which sessions, in what order, and how many.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListParams {
    /// Only this exam.
    pub exam: Option<String>,
    /// Only those whose stream is so.
    pub state: Option<StreamState>,
    /// Only this band; `none`: without a score.
    pub band: Option<BandFilter>,
    /// Only those in this list of work.
    pub queue: Option<Queue>,
    /// Only those with this in the name.
    #[schemars(length(max = 128))]
    pub q: Option<String>,
    /// The order; `priority` by default.
    pub sort: Option<Sort>,
    /// How many, 1 to 200; 50 by default.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionPage {
    /// The sessions.
    pub items: Vec<SessionSummary>,
    /// How many there are on all pages.
    pub total: usize,
    /// For the next page, if there is one.
    pub next_cursor: Option<String>,
}

/// `GET /v1/sessions`
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<SessionPage>, Problem> {
    let limit = params.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_request(format!("the limit is 1 to {MOST}")));
    }
    let after: Option<Place> = params.cursor.as_deref().map(place_of).transpose()?;
    let query = query_of(params)?;
    if after.as_ref().is_some_and(|place| !query.sort.has(place)) {
        return Err(Problem::bad_request("the cursor is none of this list"));
    }
    let page = ask(&app, move |store| {
        let may_see = |summary: &SessionSummary| caller.may_touch_exam(&summary.exam);
        let page = store.index().page(&caller.tenant, may_see, &query, after.as_ref(), limit);
        let items: Vec<SessionSummary> = page.items.iter().map(|summary| (**summary).clone()).collect();
        Ok((items, page.total, page.next))
    });
    let (items, total, next) = page.await?;
    let next_cursor = next.map(|place| cursor_of(&place)).transpose()?;
    Ok(Json(SessionPage { items, total, next_cursor }))
}

fn query_of(params: ListParams) -> Result<Query, Problem> {
    if params.q.as_ref().is_some_and(|name| name.len() > LONGEST_NAME) {
        return Err(Problem::bad_request("no name is that long"));
    }
    Ok(Query {
        exam: params.exam,
        state: params.state,
        band: params.band,
        queue: params.queue,
        name: params.q.filter(|name| !name.is_empty()),
        sort: params.sort.unwrap_or_default(),
    })
}

/// Which sessions to export.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportParams {
    /// Only this exam.
    pub exam: Option<String>,
    /// Only those whose stream is so.
    pub state: Option<StreamState>,
    /// Only this band; `none`: without a score.
    pub band: Option<BandFilter>,
    /// Only those in this list of work.
    pub queue: Option<Queue>,
}

/// `GET /v1/sessions.csv`
pub async fn export(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ExportParams>,
) -> Result<(HeaderMap, Vec<u8>), Problem> {
    let detail = params.exam.as_ref().map(|exam| format!("exam {exam}")).unwrap_or_default();
    let audit = record(&caller, None, AuditAction::Exported, detail.chars().take(LONGEST_NAME).collect())?;
    append(&app, Entry::Audit(audit)).await?;
    let ExportParams { exam, state, band, queue } = params;
    let query = Query { exam, state, band, queue, ..Query::default() };
    let table = ask(&app, move |store| {
        let may_see = |summary: &SessionSummary| caller.may_touch_exam(&summary.exam);
        let page = store.index().page(&caller.tenant, may_see, &query, None, usize::MAX);
        Ok(table(page.items.iter().map(|summary| &**summary)))
    });
    let table = table.await?.ok_or_else(Problem::internal)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let name = HeaderValue::from_static("attachment; filename=\"sessions.csv\"");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok((headers, table))
}

/// Sessions as a table: one a row, in the order in which they come.
fn table<'a>(sessions: impl Iterator<Item = &'a SessionSummary>) -> Option<Vec<u8>> {
    const HEAD: [&str; 16] = [
        "session",
        "exam",
        "name",
        "state",
        "started_at",
        "updated_at",
        "media_ms",
        "integrity",
        "band",
        "review_priority",
        "evidence",
        "coverage_milli",
        "queue",
        "headline",
        "policy",
        "human_review_required",
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEAD).ok()?;
    for session in sessions {
        let row = serde_json::to_value(session).ok()?;
        let cell = |name: &&str| match &row[*name] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => harmless(text),
            other => other.to_string(),
        };
        writer.write_record(HEAD.iter().map(cell)).ok()?;
    }
    writer.into_inner().ok()
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert!(harmless(formula).starts_with('\''), "{formula}");
        }
        assert_eq!(harmless("t1/e1/s1"), "t1/e1/s1");
    }
}
