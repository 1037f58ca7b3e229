//! Templates as they travel and rest: encrypted by AES-256-GCM with a key of the tenant. Session, id, model and
//! end of life are authenticated with them, so that a template opens for nobody else and for no longer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::identity::Embedding;
use domain::ids::SessionId;
use domain::messages::{Enrolment, Reference, SealedTemplate};
use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};

use super::keys::TenantKeys;

/// Why a template cannot be sealed or opened. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no such key.
    #[error("there is no key of tenant {tenant} (identity.keys_file)")]
    NoKey {
        /// The tenant.
        tenant: String,
    },
    /// The machine gives no random numbers.
    #[error("this machine gives no random numbers")]
    NoRandomNumbers,
    /// It was sealed with another key, for another session, or has been altered.
    #[error("a template does not open: it is of another session or key, or was altered")]
    DoesNotOpen,
}

impl SealError {
    /// A stable word, for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoKey { .. } => "enrolment_key",
            Self::NoRandomNumbers | Self::DoesNotOpen => "enrolment_sealed",
        }
    }
}

/// An id that no template has had before.
///
/// # Errors
/// If the machine gives no random numbers.
pub fn new_id() -> Result<String, SealError> {
    let mut id = [0; 8];
    SystemRandom::new().fill(&mut id).map_err(|_| SealError::NoRandomNumbers)?;
    Ok(format!("tpl-{:016x}", u64::from_be_bytes(id)))
}

/// Seals a face as the template `id` of a session.
///
/// # Errors
/// If the tenant has no key.
pub fn seal(
    keys: &TenantKeys,
    session: &SessionId,
    (id, face): (&str, &Embedding),
    expires_at: &str,
) -> Result<Enrolment, SealError> {
    let tenant = session.tenant();
    let key = keys.current(tenant).ok_or_else(|| SealError::NoKey { tenant: tenant.to_owned() })?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandomNumbers)?;
    let bound = bound_to(session, id, face.model(), expires_at);
    let mut bytes: Vec<u8> = face.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    key.key
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut bytes)
        .map_err(|_| SealError::DoesNotOpen)?;
    Ok(Enrolment {
        session: session.clone(),
        template: id.to_owned(),
        expires_at: expires_at.to_owned(),
        reference: Reference::Sealed(SealedTemplate {
            model: face.model().to_owned(),
            key_id: key.id.clone(),
            nonce: STANDARD.encode(nonce),
            ciphertext: STANDARD.encode(bytes),
        }),
    })
}

/// Opens the template `sealed` of a session, which is that of `enrolment`.
///
/// # Errors
/// If its key is not there, or it does not open with it.
pub fn open(
    keys: &TenantKeys,
    enrolment: &Enrolment,
    sealed: &SealedTemplate,
) -> Result<Embedding, SealError> {
    let Enrolment { session, template, expires_at, .. } = enrolment;
    let tenant = session.tenant();
    let key =
        keys.named(tenant, &sealed.key_id).ok_or_else(|| SealError::NoKey { tenant: tenant.to_owned() })?;
    let bound = bound_to(session, template, &sealed.model, expires_at);
    let opened = || {
        let nonce = Nonce::try_assume_unique_for_key(&STANDARD.decode(&sealed.nonce).ok()?).ok()?;
        let mut bytes = STANDARD.decode(&sealed.ciphertext).ok()?;
        let bytes = key.key.open_in_place(nonce, Aad::from(bound), &mut bytes).ok()?;
        let values =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        Embedding::new(sealed.model.clone(), values.collect())
    };
    opened().ok_or(SealError::DoesNotOpen)
}

/// What is authenticated beside the numbers. Lengths keep the parts apart.
fn bound_to(session: &SessionId, template: &str, model: &str, expires_at: &str) -> Vec<u8> {
    let parts = [session.as_str(), template, model, expires_at];
    parts.iter().flat_map(|part| format!("{}:{part}", part.len()).into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::keys::tests::keys;
    use super::*;

    const EXPIRES: &str = "2026-12-24T14:00:00Z";

    fn face() -> Embedding {
        Embedding::new("toy@1", vec![0.5, -0.25, 0.125, 1.0]).unwrap()
    }

    fn sealed(session: &str) -> Enrolment {
        seal(&keys(), &session.parse().unwrap(), ("tpl-1", &face()), EXPIRES).unwrap()
    }

    fn parts(enrolment: &mut Enrolment) -> &mut SealedTemplate {
        match &mut enrolment.reference {
            Reference::Sealed(sealed) => sealed,
            Reference::Photos(photos) => panic!("{photos:?}"),
        }
    }

    fn opened(mut enrolment: Enrolment) -> Result<Embedding, SealError> {
        let sealed = parts(&mut enrolment).clone();
        open(&keys(), &enrolment, &sealed)
    }

    #[test]
    fn what_is_sealed_opens_as_it_was() {
        assert!(opened(sealed("t1/e7/s42")).unwrap().similarity(&face()).unwrap() > 0.999_999);
        assert_ne!(sealed("t1/e7/s42"), sealed("t1/e7/s42"), "no two are alike");
        assert_ne!(new_id().unwrap(), new_id().unwrap());
    }

    #[test]
    fn nothing_else_opens() {
        let change = |change: fn(&mut Enrolment)| {
            let mut enrolment = sealed("t1/e7/s42");
            change(&mut enrolment);
            opened(enrolment).unwrap_err()
        };
        let changes: [fn(&mut Enrolment); 7] = [
            |one| one.session = "t1/e7/s43".parse().unwrap(),
            |one| one.template.push('x'),
            |one| one.expires_at = "2027-12-24T14:00:00Z".to_owned(),
            |one| parts(one).model = "toy@2".to_owned(),
            |one| parts(one).key_id = "old".to_owned(),
            |one| parts(one).nonce = "AAAA".to_owned(),
            |one| parts(one).ciphertext.replace_range(0..4, "AAAA"),
        ];
        for (index, changed) in changes.into_iter().enumerate() {
            assert_eq!(change(changed), SealError::DoesNotOpen, "change {index}");
        }
        assert!(matches!(change(|one| parts(one).key_id.clear()), SealError::NoKey { .. }));
        let stranger: SessionId = "t3/e7/s42".parse().unwrap();
        let sealed = seal(&keys(), &stranger, ("tpl-1", &face()), EXPIRES);
        assert!(matches!(sealed, Err(SealError::NoKey { .. })));
    }

    #[test]
    fn no_number_of_a_face_can_be_read_in_what_travels() {
        let text = serde_json::to_string(&sealed("t1/e7/s42")).unwrap();
        let plain: Vec<u8> = face().values().iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(!text.contains(&STANDARD.encode(&plain)[..16]));
    }
}
