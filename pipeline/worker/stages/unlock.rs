//! What a segment lacks until it can be decoded, and how what is sealed is opened with the key of its session: media,
//! and who is expected. Not responsible for having keys and media: ingest has what is at hand, fetch the rest.

use std::sync::Arc;

use domain::messages::{Enrolment, Reference as Enrolled};

use super::dead_letter::Rejected;
use super::decode::{SegmentMedia, Taken};
use super::enrolments::Enrolments;
use crate::identity::{Template, seal};
use crate::media::Reference;
use crate::privacy::{Protection, SessionKey, payload};
use crate::telemetry::metrics::{Metrics, Stage};

/// What a segment lacks.
#[derive(Debug, Default)]
pub(super) struct Lacks {
    /// Its media are elsewhere.
    pub media: Option<Reference>,
    /// They are sealed, wherever they are.
    pub is_sealed: bool,
    /// Who is expected is not known yet.
    pub enrolment: Option<Arc<Enrolment>>,
}

impl Lacks {
    /// Whether it takes the key of the session.
    pub(super) fn key(&self) -> bool {
        self.is_sealed || self.enrolment.is_some()
    }
}

/// What opens.
#[derive(Clone, Copy)]
pub(super) struct Unlock<'a> {
    pub protection: &'a Protection,
    pub enrolments: &'a Enrolments,
    pub metrics: &'a Metrics,
}

impl Unlock<'_> {
    /// Opens what is sealed. Media that do not open are missing for good; an enrolment that does not leaves nobody to
    /// compare with, which the score tells.
    pub(super) fn open(&self, segment: &mut Taken, lacks: &Lacks, key: &SessionKey) {
        if let Some(enrolment) = &lacks.enrolment {
            let template = Arc::new(self.template(enrolment, key));
            self.enrolments.opened(segment.place.partition(), enrolment, &template);
            segment.template = Some(template);
        }
        if lacks.is_sealed {
            let sealed = match &segment.media {
                SegmentMedia::Inline => segment.place.inline_media(),
                SegmentMedia::Fetched(media) => media,
                SegmentMedia::Missing(_) => return,
            };
            segment.media = match key.open(&payload::of_segment(&segment.header), sealed) {
                Ok(media) => SegmentMedia::Fetched(media),
                Err(error) => {
                    let (reason, detail) = (error.reason(), error.to_string());
                    SegmentMedia::Missing(Rejected { stage: Stage::Fetch, reason, detail, attempts: 1 })
                }
            };
        }
    }

    /// The key cannot be had for so long that only the enrolment is done without: nobody is compared with it.
    pub(super) fn give_up(&self, segment: &mut Taken, lacks: &Lacks, rejected: &Rejected) {
        if let Some(enrolment) = &lacks.enrolment {
            self.metrics.refused("enrolment_key");
            let session = &enrolment.session;
            tracing::error!(%session, reason = rejected.reason, "nobody can be verified in a segment");
            segment.template = Some(Arc::new(Template { id: enrolment.template.clone(), face: None }));
        }
    }

    fn template(&self, enrolment: &Enrolment, key: &SessionKey) -> Template {
        let face = match &enrolment.reference {
            Enrolled::Sealed(sealed) => {
                let opened = seal::open((self.protection.tenants(), Some(key)), enrolment, sealed);
                let opened = opened.inspect_err(|error| {
                    self.metrics.refused(error.reason());
                    tracing::error!(session = %enrolment.session, %error, "nobody can be verified in this session");
                });
                opened.ok()
            }
            Enrolled::Photos(_) => None,
        };
        Template { id: enrolment.template.clone(), face }
    }
}
