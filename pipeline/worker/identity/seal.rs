//! Templates as they travel and rest: encrypted with the key of their session, or where sessions have none with a key
//! of the tenant. Session, id, model and end of life are authenticated with them, so that a template opens for nobody
//! else and for no longer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::identity::Embedding;
use domain::ids::SessionId;
use domain::messages::{Enrolment, Reference, SealedTemplate};

use crate::privacy::cipher::{self, SealError, Sealed, bound};
use crate::privacy::keys::OF_THE_SESSION;
use crate::privacy::{SessionKey, TenantKeys};

/// Why a template cannot be sealed or opened. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no such key.
    #[error("there is no key of tenant {tenant} (privacy.keys_file)")]
    NoKey {
        /// The tenant.
        tenant: String,
    },
    /// It is sealed with the key of its session, which is not there.
    #[error("there is no key of the session that the template is sealed with")]
    NoSessionKey,
    /// It cannot be sealed, or does not open.
    #[error("a template: {0}")]
    Seal(#[from] SealError),
}

impl TemplateError {
    /// A stable word, for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoKey { .. } | Self::NoSessionKey => "enrolment_key",
            Self::Seal(_) => "enrolment_sealed",
        }
    }
}

/// An id that no template has had before.
///
/// # Errors
/// If the machine gives no random numbers.
pub fn new_id() -> Result<String, TemplateError> {
    let id: [u8; 8] = cipher::random()?;
    Ok(format!("tpl-{:016x}", u64::from_be_bytes(id)))
}

/// Seals a face as the template `id` of a session: with the session's key if it has one, else with the tenant's.
///
/// # Errors
/// If the tenant has no key.
pub fn seal(
    (tenants, key): (&TenantKeys, Option<&SessionKey>),
    session: &SessionId,
    (id, face): (&str, &Embedding),
    expires_at: &str,
) -> Result<Enrolment, TemplateError> {
    let (key_id, cipher) = match key {
        Some(key) => (OF_THE_SESSION, key.cipher()),
        None => {
            let tenant = session.tenant();
            let no_key = || TemplateError::NoKey { tenant: tenant.to_owned() };
            let key = tenants.current(tenant).ok_or_else(no_key)?;
            (key.id.as_str(), &key.cipher)
        }
    };
    let bytes: Vec<u8> = face.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    let Sealed { nonce, ciphertext } =
        cipher.seal(&bound(&[session.as_str(), id, face.model(), expires_at]), &bytes)?;
    Ok(Enrolment {
        session: session.clone(),
        template: id.to_owned(),
        expires_at: expires_at.to_owned(),
        reference: Reference::Sealed(SealedTemplate {
            model: face.model().to_owned(),
            key_id: key_id.to_owned(),
            nonce: STANDARD.encode(nonce),
            ciphertext: STANDARD.encode(ciphertext),
        }),
    })
}

/// Whether it takes the key of its session to open a template.
pub fn is_of_session(sealed: &SealedTemplate) -> bool {
    sealed.key_id == OF_THE_SESSION
}

/// Opens the template `sealed` of a session, which is that of `enrolment`.
///
/// # Errors
/// If its key is not there, or it does not open with it.
pub fn open(
    (tenants, key): (&TenantKeys, Option<&SessionKey>),
    enrolment: &Enrolment,
    sealed: &SealedTemplate,
) -> Result<Embedding, TemplateError> {
    let Enrolment { session, template, expires_at, .. } = enrolment;
    let cipher = if is_of_session(sealed) {
        key.ok_or(TemplateError::NoSessionKey)?.cipher()
    } else {
        let tenant = session.tenant();
        let no_key = || TemplateError::NoKey { tenant: tenant.to_owned() };
        &tenants.named(tenant, &sealed.key_id).ok_or_else(no_key)?.cipher
    };
    let decoded = STANDARD.decode(&sealed.nonce).ok().zip(STANDARD.decode(&sealed.ciphertext).ok());
    let (nonce, ciphertext) = decoded.ok_or(SealError::DoesNotOpen)?;
    let bound_to = bound(&[session.as_str(), template, &sealed.model, expires_at]);
    let bytes = cipher.open(&bound_to, &nonce, ciphertext)?;
    let values = bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    let face = Embedding::new(sealed.model.clone(), values.collect());
    Ok(face.ok_or(SealError::DoesNotOpen)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::keys::tests::keys;

    const EXPIRES: &str = "2026-12-24T14:00:00Z";

    fn face() -> Embedding {
        Embedding::new("toy@1", vec![0.5, -0.25, 0.125, 1.0]).unwrap()
    }

    fn sealed(session: &str) -> Enrolment {
        seal((&keys(), None), &session.parse().unwrap(), ("tpl-1", &face()), EXPIRES).unwrap()
    }

    fn parts(enrolment: &mut Enrolment) -> &mut SealedTemplate {
        match &mut enrolment.reference {
            Reference::Sealed(sealed) => sealed,
            Reference::Photos(photos) => panic!("{photos:?}"),
        }
    }

    fn opened(enrolment: Enrolment) -> Result<Embedding, TemplateError> {
        opened_with(None, enrolment)
    }

    fn opened_with(key: Option<&SessionKey>, mut enrolment: Enrolment) -> Result<Embedding, TemplateError> {
        let sealed = parts(&mut enrolment).clone();
        open((&keys(), key), &enrolment, &sealed)
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
            assert_eq!(change(changed), SealError::DoesNotOpen.into(), "change {index}");
        }
        assert!(matches!(change(|one| parts(one).key_id.clear()), TemplateError::NoKey { .. }));
        let stranger: SessionId = "t3/e7/s42".parse().unwrap();
        let sealed = seal((&keys(), None), &stranger, ("tpl-1", &face()), EXPIRES);
        assert!(matches!(sealed, Err(TemplateError::NoKey { .. })));
    }

    #[test]
    fn a_template_of_a_session_with_a_key_opens_with_that_key_alone() {
        let [key, other] = [SessionKey::of([1; 32]), SessionKey::of([2; 32])];
        let session = "t1/e7/s42".parse().unwrap();
        let sealed = seal((&keys(), Some(&key)), &session, ("tpl-1", &face()), EXPIRES).unwrap();
        assert!(opened_with(Some(&key), sealed.clone()).is_ok());
        assert_eq!(opened_with(Some(&other), sealed.clone()), Err(SealError::DoesNotOpen.into()));
        assert_eq!(opened_with(None, sealed), Err(TemplateError::NoSessionKey), "no tenant's key opens it");
    }

    #[test]
    fn no_number_of_a_face_can_be_read_in_what_travels() {
        let text = serde_json::to_string(&sealed("t1/e7/s42")).unwrap();
        let plain: Vec<u8> = face().values().iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(!text.contains(&STANDARD.encode(&plain)[..16]));
    }
}
