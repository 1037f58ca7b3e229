//! The table of routes, in the order in which a session meets them, and what handlers share.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use domain::ports::RecordLog;
use tokio::sync::{Notify, watch};

use crate::auth::{Keys, Role};
use crate::endpoint::Endpoint;
use crate::error::Problem;
use crate::ingest::chunks::MEDIA_TYPES;
use crate::ingest::{chunks, sessions, tokens};
use crate::limits::Limits;
use crate::meter::Meter;
use crate::settings::GatewaySettings;
use crate::{headers, pages};

/// What handlers share.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    /// As the settings say.
    pub settings: GatewaySettings,
    /// Whom to believe.
    pub keys: Arc<Keys>,
    /// Told when a token names a key that is not known.
    pub key_wanted: Arc<Notify>,
    /// How much anybody may ask for.
    pub limits: Limits,
    /// Where to write.
    pub log: Arc<dyn RecordLog>,
    /// What is counted.
    pub meter: Arc<dyn Meter>,
    /// Whether the end was asked for.
    pub closing: watch::Receiver<bool>,
}

impl App {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// All routes but those of pages.
pub fn endpoints() -> Vec<Endpoint> {
    use Role::{Candidate, Service};
    vec![
        Endpoint::new(Method::POST, "/v1/sessions", &[Service], "Creates a session", post(sessions::create))
            .takes::<sessions::NewSession>()
            .gives::<sessions::CreatedSession>(StatusCode::CREATED)
            .fails(&[404, 503]),
        Endpoint::new(
            Method::POST,
            "/v1/sessions/{id}/token",
            &[Service, Candidate],
            "Makes a new upload token",
            post(tokens::renew),
        )
        .gives::<tokens::UploadToken>(StatusCode::OK),
        Endpoint::new(
            Method::PUT,
            "/v1/sessions/{id}/chunks/{n}",
            &[Candidate],
            "Takes a chunk of video, and answers when it is safe",
            put(chunks::put),
        )
        .takes_bytes(&MEDIA_TYPES)
        .gives_nothing(StatusCode::NO_CONTENT)
        .fails(&[503]),
        Endpoint::new(
            Method::POST,
            "/v1/sessions/{id}/end",
            &[Service, Candidate],
            "Ends a session: nothing more will be uploaded",
            post(sessions::end),
        )
        .gives_nothing(StatusCode::ACCEPTED)
        .fails(&[503]),
        Endpoint::new(
            Method::POST,
            "/v1/sessions/{id}/breaks",
            &[Service],
            "Begins or ends a break",
            post(sessions::change_break),
        )
        .takes::<sessions::BreakChange>()
        .gives_nothing(StatusCode::ACCEPTED)
        .fails(&[503]),
    ]
}

/// Everything that is answered.
pub fn router(app: &App) -> Router {
    let router = endpoints().into_iter().fold(Router::new(), |router, row| row.add_to(router, app));
    router
        .fallback(pages::serve)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(app.clone(), headers::secure))
        .layer(from_fn_with_state(app.clone(), measure))
        .with_state(app.clone())
}

async fn not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not_allowed", "this path has other methods")
}

/// Counts requests by the row that answered them; all pages are one row more.
async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().and_then(|path| known(path.as_str()));
    let response = next.run(request).await;
    let status = response.status().as_u16();
    app.meter.answered(method, route.unwrap_or("pages"), status, begun.elapsed());
    response
}

/// The path as the table has it: what lives as long as the program can be a label.
fn known(path: &str) -> Option<&'static str> {
    static PATHS: LazyLock<Vec<&str>> = LazyLock::new(|| endpoints().iter().map(|row| row.path).collect());
    PATHS.iter().copied().find(|known| *known == path)
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}
