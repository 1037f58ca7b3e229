//! Headers of every answer: what browsers may do with it, and which pages may ask for it.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL,
    CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::Problem;
use crate::settings::GatewaySettings;

/// No script but our own files, no frame around us, nothing from elsewhere. What may be asked is added.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'none'; connect-src 'self'";
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const SAME_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What pages may do: the dashboard asks us, and whoever signs people in.
///
/// # Errors
/// If an origin cannot stand in a header.
pub fn content_policy(settings: &GatewaySettings) -> Result<HeaderValue, Problem> {
    let sources = settings.provider.iter().flat_map(|provider| provider.sources());
    let policy = sources.fold(CONTENT_POLICY.to_owned(), |policy, source| format!("{policy} {source}"));
    HeaderValue::try_from(policy).map_err(|_| Problem::internal())
}

/// Adds the headers, and answers browsers that ask whether a page may ask.
pub async fn secure(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = allowed_origin(&app, request.headers());
    let may_use_camera = request.uri().path().starts_with("/candidate");
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && request.uri().path().starts_with("/v1/");
    let mut response = if is_preflight { preflight(origin.is_some()) } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, app.content_policy.clone());
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(SAME_ORIGIN, "same-origin");
    let camera = if may_use_camera { "camera=(self)" } else { "camera=()" };
    let permissions = format!("{camera}, microphone=(), geolocation=(), display-capture=()");
    if let Ok(permissions) = HeaderValue::from_str(&permissions) {
        headers.insert(PERMISSIONS, permissions);
    }
    if app.settings.tls.is_some() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    // What a token was needed for stays with its bearer; files of pages say otherwise for themselves.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
    if !app.settings.cors_origins.is_empty() {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn allowed_origin(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let is_listed = app.settings.cors_origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes());
    is_listed.then(|| origin.clone())
}

fn preflight(is_allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if is_allowed {
        let headers = response.headers_mut();
        let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
        set(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT");
        set(
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, content-digest, chunk-begins, last-event-id",
        );
        set(ACCESS_CONTROL_MAX_AGE, "600");
    }
    response
}
