//! `GET /v1/sign-in`: where people get their tokens. The dashboard takes them there and back (OpenID Connect,
//! authorization code with PKCE): `web/assets/sign-in.js`. What a token is worth, `auth` decides.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;

/// How the dashboard gets a token at the identity provider. It has no secret: it is a public client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Provider {
    /// Its address, as its tokens name it.
    pub issuer: String,
    /// Who the dashboard is, to the provider.
    pub client_id: String,
    /// What it asks for.
    pub scope: String,
    /// For whom it wants the token (RFC 8707); `null`: the provider knows.
    pub resource: Option<String>,
    /// Origins that the dashboard may ask besides the issuer's.
    #[serde(skip)]
    pub origins: Vec<String>,
}

impl Provider {
    /// Everything that the dashboard has to be able to ask, as its content security policy lists it.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        // The issuer is an address: that was checked.
        let host_at = self.issuer.find("://").map_or(0, |scheme| scheme + 3);
        let end = self.issuer[host_at..].find('/').map_or(self.issuer.len(), |path| host_at + path);
        std::iter::once(&self.issuer[..end]).chain(self.origins.iter().map(String::as_str))
    }
}

/// Where people get their tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SignIn {
    /// Who signs people in; `null`: nobody does, they are given tokens.
    pub provider: Option<Provider>,
}

/// `GET /v1/sign-in`
pub async fn read(State(app): State<App>) -> Json<SignIn> {
    Json(SignIn { provider: app.settings.provider.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_asked_at_its_origin() {
        let provider = |issuer: &str| Provider {
            issuer: issuer.to_owned(),
            client_id: "dashboard".to_owned(),
            scope: "openid".to_owned(),
            resource: None,
            origins: vec!["https://tokens.example.org".to_owned()],
        };
        for issuer in ["https://id.example.org:444", "https://id.example.org:444/realms/college"] {
            let sources: Vec<String> = provider(issuer).sources().map(str::to_owned).collect();
            assert_eq!(sources, ["https://id.example.org:444", "https://tokens.example.org"]);
        }
    }
}
