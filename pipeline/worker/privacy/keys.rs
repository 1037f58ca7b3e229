//! The tenants' keys, from a file that only this program and whoever enrols may read.
//!
//! One key a line: `TENANT KEY-ID BASE64`, 32 bytes each; `#` begins a comment. The first key of a tenant seals,
//! all of them open: a new one goes above the old one, which is taken away when nothing sealed with it is left.
//! Whoever takes a key away makes all templates and sessions' keys unreadable that were sealed with it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cipher::Cipher;

/// The keys of all tenants.
#[derive(Default)]
pub struct TenantKeys {
    /// In the order of the file.
    keys: BTreeMap<String, Vec<TenantKey>>,
}

/// One key of a tenant.
pub(crate) struct TenantKey {
    pub id: String,
    pub cipher: Cipher,
}

/// No key of a tenant is called so: by this name a template says that it is sealed with the key of its session.
pub(crate) const OF_THE_SESSION: &str = "session";

/// A file of keys that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("cannot read the tenants' keys from {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is none. Never repeated: it may hold a key.
    #[error(
        "{}, line {line}: not `TENANT KEY-ID BASE64` with a key of 32 bytes, or an id that is taken",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl TenantKeys {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or a line is wrong.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let unreadable = |source| KeysError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|line| KeysError::Line { path: path.to_owned(), line })
    }

    /// Reads the text of a file; fails with the number of the first line that is wrong.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut keys = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                keys.add(line).ok_or(number + 1)?;
            }
        }
        Ok(keys)
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        let (tenant, id, key) = (words.next()?, words.next()?, words.next()?);
        let key = STANDARD.decode(key).ok()?;
        let cipher = Cipher::new(&key)?;
        let of_tenant = self.keys.entry(tenant.to_owned()).or_default();
        let is_free = id != OF_THE_SESSION && of_tenant.iter().all(|known| known.id != id);
        let is_new = words.next().is_none() && is_free;
        is_new.then(|| of_tenant.push(TenantKey { id: id.to_owned(), cipher }))
    }

    /// The key that seals for a tenant.
    pub(crate) fn current(&self, tenant: &str) -> Option<&TenantKey> {
        self.keys.get(tenant)?.first()
    }

    /// A key of a tenant.
    pub(crate) fn named(&self, tenant: &str, id: &str) -> Option<&TenantKey> {
        self.keys.get(tenant)?.iter().find(|key| key.id == id)
    }
}

/// Tells whose keys there are, never a key.
impl fmt::Debug for TenantKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self
            .keys
            .iter()
            .map(|(tenant, keys)| (tenant, keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>()));
        out.debug_map().entries(ids).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    pub(crate) const TWO: &str = "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=";

    /// Tenant `t1` has two keys, `t2` one.
    pub(crate) fn keys() -> TenantKeys {
        with(&format!("# of tests\nt1 new {ONE}\n\nt1 old {TWO}\nt2 new {TWO}\n"))
    }

    /// The keys of a file with this text.
    pub(crate) fn with(text: &str) -> TenantKeys {
        TenantKeys::parse(text).unwrap()
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let keys = keys();
        assert_eq!(keys.current("t1").unwrap().id, "new");
        assert!(keys.named("t1", "old").is_some());
        assert!(keys.named("t2", "old").is_none() && keys.current("t3").is_none());
        assert_eq!(format!("{keys:?}"), r#"{"t1": ["new", "old"], "t2": ["new"]}"#);
    }

    #[test]
    fn a_line_that_is_none_is_named_by_its_number_and_not_repeated() {
        for bad in [&format!("t1 new {}", &ONE[4..]), "t1 new", "t1 new !!", &format!("t1 new {ONE} more")] {
            assert_eq!(TenantKeys::parse(&format!("# keys\n{bad}")).unwrap_err(), 2, "{bad}");
        }
        assert_eq!(TenantKeys::parse(&format!("t1 a {ONE}\nt1 a {TWO}")).unwrap_err(), 2);
        assert_eq!(TenantKeys::parse(&format!("t1 session {ONE}")).unwrap_err(), 1);
        let error = KeysError::Line { path: "keys".into(), line: 2 }.to_string();
        assert!(!error.contains(ONE) && error.contains("line 2"));
    }
}
