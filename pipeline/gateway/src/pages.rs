//! The dashboard, the candidate's page and the client: files of `web/`, built into the program.
//!
//! `/` and `/session/…` are the dashboard, a path that ends in `/` is the `index.html` there, everything else is the
//! file of that name. Browsers ask each time whether a file has changed, and mostly get no for an answer.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::messages::canonical::sha256_hex;

use crate::error::Problem;

/// Paths and contents.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web.rs"));
/// The entity tag of each.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    FILES.iter().map(|(_, content)| format!("\"{}\"", &sha256_hex(content)[..32])).collect()
});

/// Answers whatever is not in the table of routes.
pub async fn serve(request: Request) -> Result<Response, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::not_found());
    }
    let path = match request.uri().path() {
        path if path.starts_with("/session/") => "/index.html".to_owned(),
        path if path.ends_with('/') => format!("{path}index.html"),
        path => path.to_owned(),
    };
    let index = FILES.iter().position(|(name, _)| *name == path).ok_or_else(Problem::not_found)?;
    let ((name, content), tag) = (FILES[index], &TAGS[index]);
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, HeaderValue::from_str(tag).map_err(|_| Problem::internal())?);
    let has_it = |value: &HeaderValue| value.to_str().is_ok_and(|tags| tags.contains(tag.as_str()));
    if request.headers().get_all(IF_NONE_MATCH).iter().any(has_it) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    Ok((headers, content).into_response())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
