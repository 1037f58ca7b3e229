//! The way of a member of a course's staff to the dashboard: the platform vouches for them, for a minute, with the secret
//! that it shares with us. They see the exam that they came from, decide about incidents there, and nothing else.

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::app::App;
use crate::auth::caller::url_id;
use crate::auth::{Claims, Role};
use crate::clock;
use crate::error::Problem;

/// How long they may look.
const LIFE_S: u64 = 3_600;
/// The longest id of a person, in bytes.
const LONGEST_ID: usize = 128;

/// What is asked.
#[derive(Debug, Deserialize)]
pub struct Params {
    jwt: String,
}

/// What the platform says of a member of staff. Their name and address are not read.
#[derive(Debug, Deserialize)]
struct Vouched {
    user: User,
    #[serde(default)]
    exam_id: Option<String>,
    #[serde(default)]
    attempt_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct User {
    /// An opaque id, a text or a number.
    id: serde_json::Value,
}

/// `GET /edx/api/v1/instructor/{client}/?jwt=…`
pub async fn redirect(
    State(app): State<App>,
    Path(client): Path<String>,
    Query(params): Query<Params>,
) -> Result<Redirect, Problem> {
    let platform = app.settings.platform(&client).ok_or_else(Problem::not_found)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[&platform.name]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(platform.secret.as_bytes()).map_err(|_| Problem::internal())?;
    let vouched = decode::<Vouched>(&params.jwt, &key, &validation).map_err(|_| Problem::no_token())?.claims;
    let exam = vouched.exam_id.filter(|exam| platform.owns(exam));
    let exam = exam.ok_or_else(|| Problem::bad_request("begin with an exam: each has a dashboard"))?;
    let person = vouched.user.id.to_string();
    let person = person.trim_matches('"');
    if !(1..=LONGEST_ID).contains(&person.len()) {
        return Err(Problem::bad_request("the id of the person is none"));
    }
    let (staff, tenant) = (format!("{}-{person}", platform.name), platform.tenant.clone());
    let claims = Claims {
        exams: Some(vec![exam.clone()]),
        ..Claims::new(staff, tenant, vec![Role::Reviewer], clock::now_s() + LIFE_S)
    };
    let token = app.keys.sign(&claims);
    let session = vouched.attempt_id.and_then(|attempt| platform.session(&exam, &attempt));
    let page = match session {
        Some(session) => format!("/session/{}", url_id(&session)),
        None => "/".to_owned(),
    };
    Ok(Redirect::to(&format!("{}{page}#token={token}", platform.public_url)))
}
