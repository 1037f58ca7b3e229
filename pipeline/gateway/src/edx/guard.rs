//! Tokens of platforms: handed out for the secret that a platform shares with us, and asked for by everything else. They
//! are the gateway's own tokens of the role `service`, in the scheme of the header that platforms use, `JWT`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use reqwest::Url;
use serde::Serialize;

use super::Platform;
use crate::app::App;
use crate::auth::{Caller, Claims, Role};
use crate::clock;
use crate::error::Problem;
use crate::limits::body;

/// How long a token is good.
const LIFE_S: u64 = 3_600;
/// The largest form, in bytes.
const LARGEST_FORM: usize = 8 << 10;
/// How long a form may take.
const FORM_WITHIN: Duration = Duration::from_secs(10);

/// A token for a platform, RFC 6749.
#[derive(Debug, Serialize)]
pub struct AccessToken {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

/// `POST /edx/oauth2/access_token`
pub async fn token(State(app): State<App>, request: Request) -> Result<Json<AccessToken>, Problem> {
    let form = body::read(request.into_body(), LARGEST_FORM, FORM_WITHIN).await?;
    let form = Form::parse(&form)?;
    if form.get("grant_type").as_deref() != Some("client_credentials") {
        return Err(Problem::bad_request("the grant type is client_credentials"));
    }
    let (client, secret) = (form.get("client_id"), form.get("client_secret").unwrap_or_default());
    let platform = app.settings.platform(client.as_deref().unwrap_or_default());
    let Some(platform) = platform.filter(|platform| platform.knows(&secret)) else {
        return Err(Problem::no_token());
    };
    app.limits.requests.take(&(&platform.tenant, &platform.name, "token"), 1)?;
    let (name, tenant) = (platform.name.clone(), platform.tenant.clone());
    let claims = Claims::new(name, tenant, vec![Role::Service], clock::now_s() + LIFE_S);
    Ok(Json(AccessToken { access_token: app.keys.sign(&claims), token_type: "JWT", expires_in: LIFE_S }))
}

/// A form in the encoding of browsers.
struct Form(Url);

impl Form {
    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body).map_err(|_| Problem::bad_request("the body is no form"))?;
        let mut form = Url::parse("form:/").map_err(|_| Problem::internal())?;
        form.set_query(Some(text));
        Ok(Self(form))
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// A platform that asks.
pub struct Asking {
    /// Which one.
    pub platform: Arc<Platform>,
    /// The same as a caller, for the audit log.
    pub caller: Caller,
}

impl FromRequestParts<App> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(Problem::no_token()) };
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("JWT "));
        let token = token.ok_or_else(Problem::no_token)?;
        let claims = app.keys.verify(token.trim()).map_err(|_| Problem::no_token())?;
        let caller = Caller::new(&claims, Role::Service).ok_or_else(Problem::no_token)?;
        let platform = app.settings.platform(&caller.subject).ok_or_else(Problem::no_token)?;
        if !claims.roles.contains(&Role::Service) || caller.tenant != platform.tenant {
            return Err(Problem::no_token());
        }
        app.limits.requests.take(&(&caller.tenant, &caller.subject, &claims.session), 1)?;
        Ok(Self { platform, caller })
    }
}
