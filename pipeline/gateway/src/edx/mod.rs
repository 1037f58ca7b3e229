//! What an Open edX platform asks of its proctoring back end: the REST contract of its application `edx-proctoring`.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`platform`] | platforms that the operator knows, and the ids of their exams and attempts |
//! | [`guard`] | tokens: handing them out, and letting in whoever has one |
//! | [`exams`] | exams, and how the back end is configured |
//! | [`attempts`] | attempts: sessions of ours |
//! | [`instructor`] | the way of a member of staff to the dashboard |
//!
//! No state is kept: ids say what they stand for. Names and addresses of people, which platforms send along, are not
//! read. The contract is the platform's, so these routes are not in our own table; what platforms are told later is in
//! `subscribers::edx`.

pub mod attempts;
pub mod exams;
pub mod guard;
pub mod instructor;
pub mod platform;

use axum::Router;
use axum::routing::{get, post};

pub use platform::Platform;

use crate::app::App;

/// All paths, as metrics name them.
pub const PATHS: [&str; 8] = [
    "/edx/oauth2/access_token",
    "/edx/api/v1/config/",
    "/edx/api/v1/exam/",
    "/edx/api/v1/exam/{exam}/",
    "/edx/api/v1/exam/{exam}/attempt/",
    "/edx/api/v1/exam/{exam}/attempt/{attempt}/",
    "/edx/api/v1/instructor/{client}/",
    "/edx/api/v1/user/{user}/",
];

/// The routes. Without a platform nobody gets a token for them.
pub fn router() -> Router<App> {
    let [token, config, new_exam, exam, new_attempt, attempt, instructor, user] = PATHS;
    Router::new()
        .route(token, post(guard::token))
        .route(config, get(exams::config))
        .route(new_exam, post(exams::create))
        .route(exam, post(exams::update).get(exams::read))
        .route(new_attempt, post(attempts::create))
        .route(attempt, get(attempts::read).patch(attempts::update).delete(attempts::remove))
        .route(instructor, get(instructor::redirect))
        .route(user, axum::routing::delete(exams::retire_user))
}
