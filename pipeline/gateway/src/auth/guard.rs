//! The one place where requests are let in: token, role, how often, and whether the session of the path is one
//! that the caller may touch. Every route with roles is behind it (see `app.rs`), so no handler can forget to ask.
//!
//! What is not the caller's to know does not exist: foreign sessions are 404, whether there are such or not.

use axum::extract::{RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;

use super::caller::{Caller, Target, session_of};
use super::claims::{Claims, Role};
use crate::app::App;
use crate::audit;
use crate::error::Problem;

/// What a route asks of its callers.
#[derive(Clone)]
pub struct Gate {
    /// Everything there is.
    pub app: App,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who is let in.
    pub roles: &'static [Role],
}

/// Lets a request in, or answers it.
pub async fn admit(
    State(gate): State<Gate>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let claims = believed(&gate.app, request.headers())?;
    let fitting = gate.roles.iter().copied().find(|role| claims.roles.contains(role));
    // Whoever may not do this is written down in a role that they have.
    let role = fitting.or(claims.roles.first().copied()).ok_or_else(Problem::forbidden)?;
    let caller = Caller::new(&claims, role).ok_or_else(Problem::no_token)?;
    gate.app.limits.requests.take(&(&caller.tenant, &caller.subject, &claims.session), 1)?;
    let named = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| session_of(id));
    let problem = match &named {
        _ if fitting.is_none() => Some(Problem::forbidden()),
        Some(session) if !session.as_ref().is_some_and(|session| caller.may_touch(session)) => {
            Some(Problem::not_found())
        }
        _ => None,
    };
    if let Some(problem) = problem {
        let session = named.flatten();
        audit::refused(&gate.app, &caller, session.as_ref(), request.method(), gate.path);
        return Err(problem);
    }
    if let Some(session) = named.flatten() {
        request.extensions_mut().insert(Target(session));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// What the token of a request says.
fn believed(app: &App, headers: &HeaderMap) -> Result<Claims, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Problem::no_token()) };
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(Problem::no_token)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::no_token());
    }
    app.keys.verify(token.trim()).map_err(|denied| {
        tracing::debug!(reason = denied.reason, "a token was not accepted");
        if denied.is_key_unknown {
            app.key_wanted.notify_one();
        }
        Problem::no_token()
    })
}
