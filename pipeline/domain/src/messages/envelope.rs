//! CloudEvents 1.0 in structured mode: how a message looks as one line of JSON.
//!
//! The optional `time` attribute is left out: it would be the only wall-clock value outside `run`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CutState, Enrolment, Incident, Marker, Observation, Rescore, Review, Score, SessionFact, UploadFact,
    canonical,
};

/// Version of the CloudEvents specification.
pub const SPEC_VERSION: &str = "1.0";

/// Content type of every message.
pub const JSON: &str = "application/json";

/// A CloudEvent around one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent<T> {
    /// Always `1.0`.
    pub specversion: String,
    /// See [`event_id`].
    pub id: String,
    /// URI-reference of the producer.
    pub source: String,
    /// `invigilator.<message>.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The session.
    pub subject: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The message.
    pub data: T,
}

/// A message that travels as the data of a CloudEvent.
pub trait Message: Serialize {
    /// CloudEvents type.
    const TYPE: &'static str;

    /// CloudEvents subject: the session.
    fn subject(&self) -> &str;

    /// Checks what a message from outside must hold before anything is computed from it.
    ///
    /// # Errors
    /// The first rule that it breaks, as a sentence without a full stop.
    fn validate(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl<T: Message> CloudEvent<T> {
    /// Wraps a message.
    pub fn wrap(source: &str, data: T) -> Self {
        Self {
            specversion: SPEC_VERSION.to_owned(),
            id: event_id(T::TYPE, &data),
            source: source.to_owned(),
            kind: T::TYPE.to_owned(),
            subject: data.subject().to_owned(),
            datacontenttype: JSON.to_owned(),
            data,
        }
    }
}

/// The id of an event: the same for the same content. SHA-256 of type and canonical data, first 32 hex
/// digits.
pub fn event_id(kind: &str, data: &impl Serialize) -> String {
    let mut identity = kind.as_bytes().to_vec();
    identity.push(b'\n');
    identity.extend(canonical::bytes(data));
    let mut id = canonical::sha256_hex(&identity);
    id.truncate(32);
    id
}

macro_rules! messages {
    ($($message:ty => $kind:literal $(, by $check:path)?;)*) => {
        $(impl Message for $message {
            const TYPE: &'static str = $kind;

            fn subject(&self) -> &str {
                self.session.as_str()
            }

            $(fn validate(&self) -> Result<(), &'static str> {
                $check(self)
            })?
        })*
    };
}

messages! {
    Observation => "invigilator.observation.v1", by Observation::check;
    Incident => "invigilator.incident.v1";
    Score => "invigilator.score.v1";
    Marker => "invigilator.marker.v1", by Marker::check;
    Rescore => "invigilator.rescore.v1";
    SessionFact => "invigilator.session.v1", by SessionFact::check;
    Review => "invigilator.review.v1";
    UploadFact => "invigilator.upload.v1";
    CutState => "invigilator.cut-state.v1", by CutState::check;
    Enrolment => "invigilator.enrolment.v1", by Enrolment::check;
}
