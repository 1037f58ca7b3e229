//! The door for browsers: candidates' uploads in, dashboards out, a human in charge.
//!
//! A request's way, and with it a newcomer's map:
//!
//! | Module | Responsible for |
//! |---|---|
//! | [`server`] | connections: how many, how slow, TLS, the end |
//! | [`app`] | the table of routes, and what handlers share |
//! | [`endpoint`] | one row of it |
//! | [`headers`] | what browsers may do with an answer |
//! | [`auth`] | tokens, roles, whose session it is: the one place where requests are let in |
//! | [`limits`] | how much anybody may ask for |
//! | [`ingest`] | sessions, chunks of video, breaks, ends → the log |
//! | [`reviews`] | what people decide → the log |
//! | [`audit`] | who did what → the log |
//! | [`store`] | the log → what dashboards are shown |
//! | [`read`] | lists, sessions, timelines, tables |
//! | [`events`] | what happens, as it happens |
//! | [`subscribers`] | other systems that are told of results |
//! | [`edx`] | what an Open edX platform asks of its proctoring back end |
//! | [`notice`] | what a candidate is told before the exam |
//! | [`openapi`] | the description of all this, from the table of routes |
//! | [`pages`] | dashboard, candidate's page, client: the files of `web/` |
//! | [`error`] | what went wrong, as clients see it |
//!
//! The log is behind [`domain::ports::RecordLog`] and [`App::apply`]: this crate knows no broker. It judges nothing:
//! what it shows is what the log says.

pub mod app;
pub mod audit;
pub mod auth;
mod clock;
pub mod edx;
pub mod endpoint;
pub mod error;
pub mod events;
pub mod headers;
pub mod ingest;
pub mod limits;
pub mod meter;
pub mod notice;
pub mod openapi;
pub mod pages;
mod random;
pub mod read;
pub mod reviews;
pub mod server;
pub mod settings;
pub mod sign_in;
pub mod store;
pub mod subscribers;

pub use app::{App, endpoints, router};
pub use meter::Meter;
pub use read::evidence::{Pictures, Unavailable};
pub use server::{Server, ServerError};
pub use settings::GatewaySettings;
pub use store::{Retention, Store, StoreError};
pub use subscribers::{Subscribers, SubscribersError};
