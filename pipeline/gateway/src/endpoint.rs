//! One row of the table of routes: method, path, who is let in, and what goes in and out. The router, the OpenAPI
//! document and the tests are all made from these rows.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::app::App;
use crate::auth::Role;
use crate::auth::guard::{Gate, admit};

/// Makes the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A body that goes in or out.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    /// Its content types.
    pub types: &'static [&'static str],
    /// Its schema, if it is JSON.
    pub schema: Option<SchemaOf>,
}

/// A row.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who is let in; nobody needs a token where this is empty.
    pub roles: &'static [Role],
    /// What it does, in one sentence without a full stop.
    pub summary: &'static str,
    /// Schema of an object with all query parameters.
    pub query: Option<SchemaOf>,
    /// What goes in.
    pub takes: Option<Content>,
    /// The status of success, and what goes out.
    pub gives: (StatusCode, Option<Content>),
    /// Further statuses of failure, besides those that follow from the rest.
    pub fails: &'static [u16],
    handler: MethodRouter<App>,
}

impl Endpoint {
    /// A row whose success has no body.
    pub fn new(
        method: Method,
        path: &'static str,
        roles: &'static [Role],
        summary: &'static str,
        handler: MethodRouter<App>,
    ) -> Self {
        let gives = (StatusCode::NO_CONTENT, None);
        Self { method, path, roles, summary, query: None, takes: None, gives, fails: &[], handler }
    }

    /// With query parameters.
    pub fn asks<T: JsonSchema>(self) -> Self {
        Self { query: Some(|generator| generator.root_schema_for::<T>()), ..self }
    }

    /// With a JSON body.
    pub fn takes<T: JsonSchema>(self) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        Self { takes: Some(Content { types: &["application/json"], schema: Some(schema) }), ..self }
    }

    /// With a body of bytes.
    pub fn takes_bytes(self, types: &'static [&'static str]) -> Self {
        Self { takes: Some(Content { types, schema: None }), ..self }
    }

    /// Answers with JSON.
    pub fn gives<T: JsonSchema>(self, status: StatusCode) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        let content = Content { types: &["application/json"], schema: Some(schema) };
        Self { gives: (status, Some(content)), ..self }
    }

    /// Answers with something else.
    pub fn gives_text(self, types: &'static [&'static str]) -> Self {
        Self { gives: (StatusCode::OK, Some(Content { types, schema: None })), ..self }
    }

    /// Answers without a body.
    pub fn gives_nothing(self, status: StatusCode) -> Self {
        Self { gives: (status, None), ..self }
    }

    /// Fails in these ways, too.
    pub fn fails(self, fails: &'static [u16]) -> Self {
        Self { fails, ..self }
    }

    /// Adds the row to a router, behind the guard if it has roles.
    pub(crate) fn add_to(self, router: Router<App>, app: &App) -> Router<App> {
        let handler = if self.roles.is_empty() {
            self.handler
        } else {
            let gate = Gate { app: app.clone(), path: self.path, roles: self.roles };
            self.handler.layer(from_fn_with_state(gate, admit))
        };
        router.route(self.path, handler)
    }
}
