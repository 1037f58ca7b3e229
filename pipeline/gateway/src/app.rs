//! The table of routes, in the order in which a session meets them, and what handlers share.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};
use domain::desk::{CoverageView, IngestMs, ScoreRevision, StreamHealth, Timeline};
use domain::messages::{Incident, Review};
use domain::ports::{Position, Read, RecordLog};
use tokio::sync::{Notify, Semaphore, watch};

use crate::auth::{Keys, Role};
use crate::endpoint::Endpoint;
use crate::error::Problem;
use crate::events::{Ring, stream};
use crate::ingest::chunks::MEDIA_TYPES;
use crate::ingest::{chunks, sessions, tokens};
use crate::limits::Limits;
use crate::meter::Meter;
use crate::read::evidence::Pictures;
use crate::read::{Items, audit, evidence, exams, lists, session};
use crate::settings::GatewaySettings;
use crate::store::{Store, StoreError};
use crate::{clock, edx, headers, notice, openapi, pages, random, reviews, sign_in};

/// What handlers share.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    /// As the settings say.
    pub settings: GatewaySettings,
    /// What pages may do.
    pub content_policy: HeaderValue,
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
    /// What dashboards are shown.
    pub store: Arc<Store>,
    /// Where pictures of incidents are, if any are kept.
    pub pictures: Option<Arc<dyn Pictures>>,
    /// What happens, for those who listen.
    pub ring: Arc<Ring>,
    /// Room for listeners.
    pub listeners: Arc<Semaphore>,
    /// Whether the end was asked for.
    pub closing: watch::Receiver<bool>,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// If the system has no random numbers, or an origin is none.
    pub fn new(
        settings: GatewaySettings,
        keys: Arc<Keys>,
        log: Arc<dyn RecordLog>,
        meter: Arc<dyn Meter>,
        store: Arc<Store>,
        pictures: Option<Arc<dyn Pictures>>,
        closing: watch::Receiver<bool>,
    ) -> Result<Self, Problem> {
        Ok(Self(Arc::new(Parts {
            limits: Limits::new(&settings),
            listeners: Arc::new(Semaphore::new(settings.listeners)),
            ring: Arc::new(Ring::new(random::name()?)),
            key_wanted: Arc::default(),
            content_policy: headers::content_policy(&settings)?,
            settings,
            keys,
            log,
            meter,
            store,
            pictures,
            closing,
        })))
    }

    /// Takes in what was read from the log, and tells listeners. Not for the async runtime.
    ///
    /// # Errors
    /// If the store fails: the process has to end then.
    pub fn apply(&self, batch: Vec<(Position, Read)>) -> Result<(), StoreError> {
        let events = self.store.fold(batch, IngestMs(clock::now_ms()))?;
        self.ring.tell(events);
        Ok(())
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
    const EVERYBODY: &[Role] = &[];
    const CANDIDATE: &[Role] = &[Role::Candidate];
    const SERVICE: &[Role] = &[Role::Service];
    const SERVICE_OR_CANDIDATE: &[Role] = &[Role::Service, Role::Candidate];
    const WATCHERS: &[Role] = &[Role::Proctor, Role::Reviewer, Role::Admin];
    const REVIEWERS: &[Role] = &[Role::Reviewer, Role::Admin];
    const ADMIN: &[Role] = &[Role::Admin];
    let row = Endpoint::new;
    vec![
        row(Method::POST, "/v1/sessions", SERVICE, "Create a session", post(sessions::create))
            .takes::<sessions::NewSession>()
            .gives::<sessions::CreatedSession>(StatusCode::CREATED)
            .fails(&[404, 503]),
        row(
            Method::POST,
            "/v1/sessions/{id}/token",
            SERVICE_OR_CANDIDATE,
            "Make a new upload token",
            post(tokens::renew),
        )
        .gives::<tokens::UploadToken>(StatusCode::OK)
        .fails(&[503]),
        row(
            Method::PUT,
            "/v1/sessions/{id}/chunks/{n}",
            CANDIDATE,
            "Upload a chunk of video; the answer comes when it is safe",
            put(chunks::put),
        )
        .takes_bytes(&MEDIA_TYPES)
        .fails(&[410, 503]),
        row(
            Method::POST,
            "/v1/sessions/{id}/end",
            SERVICE_OR_CANDIDATE,
            "End a session",
            post(sessions::end),
        )
        .gives_nothing(StatusCode::ACCEPTED)
        .fails(&[503]),
        row(
            Method::POST,
            "/v1/sessions/{id}/breaks",
            SERVICE,
            "Begin or end a break",
            post(sessions::change_break),
        )
        .takes::<sessions::BreakChange>()
        .gives_nothing(StatusCode::ACCEPTED)
        .fails(&[503]),
        row(Method::GET, "/v1/exams", WATCHERS, "List exams", get(exams::list))
            .gives::<Items<exams::ExamSummary>>(StatusCode::OK),
        row(Method::GET, "/v1/sessions", WATCHERS, "List sessions", get(lists::list))
            .asks::<lists::ListParams>()
            .gives::<lists::SessionPage>(StatusCode::OK),
        row(Method::GET, "/v1/sessions.csv", REVIEWERS, "Export sessions", get(lists::export))
            .asks::<lists::ExportParams>()
            .gives_text(&["text/csv"])
            .fails(&[503]),
        row(Method::GET, "/v1/sessions/{id}", WATCHERS, "Read a session's page", get(session::page))
            .gives::<session::SessionView>(StatusCode::OK)
            .fails(&[503]),
        row(
            Method::GET,
            "/v1/sessions/{id}/scores",
            WATCHERS,
            "Read the revisions of a score",
            get(session::scores),
        )
        .gives::<Items<ScoreRevision>>(StatusCode::OK),
        row(
            Method::GET,
            "/v1/sessions/{id}/incidents",
            WATCHERS,
            "Read a session's incidents",
            get(session::incidents),
        )
        .gives::<Items<Incident>>(StatusCode::OK),
        row(
            Method::GET,
            "/v1/sessions/{id}/evidence",
            WATCHERS,
            "Read which pictures are kept of a session's incidents",
            get(evidence::list),
        )
        .gives::<Items<evidence::KeptPicture>>(StatusCode::OK)
        .fails(&[503]),
        row(
            Method::GET,
            "/v1/sessions/{id}/evidence/{name}",
            WATCHERS,
            "Look at a picture that is kept of an incident",
            get(evidence::open),
        )
        .gives_text(&["image/jpeg"])
        .fails(&[503]),
        row(
            Method::GET,
            "/v1/sessions/{id}/coverage",
            WATCHERS,
            "Read what was not seen, and why",
            get(session::coverage),
        )
        .gives::<CoverageView>(StatusCode::OK),
        row(
            Method::GET,
            "/v1/sessions/{id}/timeline",
            WATCHERS,
            "Read a session over media time",
            get(session::timeline),
        )
        .asks::<session::TimelineParams>()
        .gives::<Timeline>(StatusCode::OK),
        row(
            Method::GET,
            "/v1/sessions/{id}/health",
            WATCHERS,
            "Read how a session's stream is doing",
            get(session::health),
        )
        .gives::<StreamHealth>(StatusCode::OK),
        row(
            Method::GET,
            "/v1/sessions/{id}/reviews",
            WATCHERS,
            "Read what people decided",
            get(session::reviews),
        )
        .gives::<Items<Review>>(StatusCode::OK),
        row(
            Method::POST,
            "/v1/sessions/{id}/reviews",
            REVIEWERS,
            "Decide about a stretch of one type of incident",
            post(reviews::make),
        )
        .takes::<reviews::NewReview>()
        .gives::<Review>(StatusCode::CREATED)
        .fails(&[503]),
        row(Method::GET, "/v1/events", WATCHERS, "Listen to what happens", get(stream::listen))
            .asks::<stream::Filter>()
            .gives_text(&["text/event-stream"])
            .fails(&[404, 503]),
        row(Method::GET, "/v1/audit", ADMIN, "Read who did what", get(audit::list))
            .asks::<audit::AuditParams>()
            .gives::<audit::AuditPage>(StatusCode::OK)
            .fails(&[503]),
        row(
            Method::GET,
            "/v1/policies/{policy}/notice",
            EVERYBODY,
            "Read what is recorded and looked for under a policy",
            get(notice::read),
        )
        .gives::<notice::Notice>(StatusCode::OK)
        .fails(&[404]),
        row(Method::GET, "/v1/sign-in", EVERYBODY, "Read where people get their tokens", get(sign_in::read))
            .gives::<sign_in::SignIn>(StatusCode::OK),
        row(Method::GET, "/v1/openapi.json", EVERYBODY, "Read this description", get(openapi::read))
            .gives::<serde_json::Value>(StatusCode::OK),
    ]
}

/// Everything that is answered.
pub fn router(app: &App) -> Router {
    let router = endpoints().into_iter().fold(Router::new(), |router, row| row.add_to(router, app));
    router
        .merge(edx::router())
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
    static PATHS: LazyLock<Vec<&str>> =
        LazyLock::new(|| endpoints().iter().map(|row| row.path).chain(edx::PATHS).collect());
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
