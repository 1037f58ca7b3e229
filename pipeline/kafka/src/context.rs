//! What all clients have in common: how they are made, where their tokens come from, what they log.

use std::error::Error;
use std::ffi::CString;
use std::sync::{Mutex, PoisonError};

use rdkafka::admin::AdminClient;
use rdkafka::bindings;
use rdkafka::client::{Client, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext};

use crate::connection::Connection;
use crate::error::KafkaError;
use crate::token::{Token, TokenFile};

/// What the library calls back. Clients differ in what an error means to them, and in callbacks that only
/// some have: those are implemented for `Context<K>`, each beside its `K`.
pub(crate) struct Context<K> {
    tokens: Option<TokenFile>,
    pub own: K,
}

/// How a client takes the errors that the library tells of by itself.
pub(crate) trait Errors: Send + Sync + 'static {
    fn error(&self, error: LibraryError, reason: &str);
}

impl<K: Errors> ClientContext for Context<K> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(level, facility, line);
    }

    fn error(&self, error: LibraryError, reason: &str) {
        self.own.error(error, reason);
    }

    /// Asked for by a client that is polled, when most of the last token's life is over.
    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let file = self.tokens.as_ref().ok_or("no file of tokens")?;
        let token = file.token().inspect_err(|error| tracing::error!(%error, "there is no token"))?;
        let lifetime_ms = milliseconds(&token);
        Ok(OAuthToken { token: token.text, principal_name: token.principal, lifetime_ms })
    }
}

/// Makes a client, and gives it its first token. `action` completes "cannot ...".
pub(crate) fn create<K: Errors, T: Native<K>>(
    connection: &Connection,
    config: &ClientConfig,
    action: &'static str,
    own: K,
) -> Result<T, KafkaError> {
    let context = Context { tokens: connection.token_file().map(TokenFile::new), own };
    let client: T =
        config.create_with_context(context).map_err(|error| KafkaError::from_library(action, error))?;
    authorize(client.native())?;
    Ok(client)
}

/// Gives a client the token that there is now: without one it does not even connect, and it asks for one
/// only while it is polled.
pub(crate) fn authorize<K: Errors>(client: &Client<Context<K>>) -> Result<(), KafkaError> {
    match &client.context().tokens {
        Some(file) => set_token(client, &file.token()?),
        None => Ok(()),
    }
}

#[allow(unsafe_code, reason = "the library's admin client never asks for a token and cannot be polled")]
fn set_token<C: ClientContext>(client: &Client<C>, token: &Token) -> Result<(), KafkaError> {
    const ACTION: &str = "use a token";
    let text = |text: &str| {
        CString::new(text).map_err(|_| KafkaError::refused(ACTION, RDKafkaErrorCode::InvalidArgument))
    };
    let (value, principal) = (text(&token.text)?, text(&token.principal)?);
    let mut problem = [0; 512];
    // SAFETY: the client is alive, the library copies both texts, and writes no more of what is wrong than
    // there is room for; there are no extensions.
    let result = unsafe {
        bindings::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            value.as_ptr(),
            milliseconds(token),
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            problem.as_mut_ptr(),
            problem.len(),
        )
    };
    match result {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(KafkaError::refused(ACTION, code.into())),
    }
}

fn milliseconds(token: &Token) -> i64 {
    i64::try_from(token.expires.as_millis()).unwrap_or(i64::MAX)
}

/// A client of whatever kind.
pub(crate) trait Native<K: Errors>: FromClientConfigAndContext<Context<K>> {
    fn native(&self) -> &Client<Context<K>>;
}

impl<K: Errors> Native<K> for AdminClient<Context<K>> {
    fn native(&self) -> &Client<Context<K>> {
        self.inner()
    }
}

impl<K: Errors> Native<K> for BaseConsumer<Context<K>>
where
    Context<K>: ConsumerContext,
{
    fn native(&self) -> &Client<Context<K>> {
        self.client()
    }
}

impl<K: Errors> Native<K> for BaseProducer<Context<K>>
where
    Context<K>: ProducerContext,
{
    fn native(&self) -> &Client<Context<K>> {
        self.client()
    }
}

impl<K: Errors> Native<K> for ThreadedProducer<Context<K>>
where
    Context<K>: ProducerContext,
{
    fn native(&self) -> &Client<Context<K>> {
        self.client()
    }
}

/// Hands on what the client library logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logging;

impl Errors for Logging {
    fn error(&self, error: LibraryError, reason: &str) {
        tracing::warn!(target: "librdkafka", %error, reason, "client error");
    }
}

impl ProducerContext for Context<Logging> {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Remembers why brokers refuse a client: what is asked for in vain only says that nobody answers.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Option<Refusal>>);

/// Why brokers refuse a client, or a client refuses brokers.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// Wrong name or password, or a token that is not accepted.
    Credentials(RDKafkaErrorCode),
    /// Not the certificate of a broker that is trusted.
    Certificate(String),
}

impl Refusals {
    /// The last one, once.
    pub(crate) fn take(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Errors for Refusals {
    fn error(&self, error: LibraryError, reason: &str) {
        tracing::warn!(target: "librdkafka", %error, reason, "client error");
        let refusal = match error.rdkafka_error_code() {
            Some(code @ (RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed)) => {
                Refusal::Credentials(code)
            }
            // Other failures of TLS may be a broker that is going down.
            Some(RDKafkaErrorCode::SSL) if reason.contains("certificate verify failed") => {
                Refusal::Certificate(reason.to_owned())
            }
            _ => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
    }
}

impl ProducerContext for Context<Refusals> {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// One line of the client library.
fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => tracing::error!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{line}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{line}"),
    }
}
