use std::path::Path as FilePath;

use domain::error::ErrorKind;
use tempfile::TempDir;

use super::super::keys::tests::{ONE, TWO, keys, with};
use super::*;

const SESSION: &str = "t1/e7/s42";

fn session() -> SessionId {
    SESSION.parse().unwrap()
}

fn vault(folder: &FilePath, tenants: TenantKeys) -> Vault {
    let place = format!("file://{}/", folder.display()).parse().unwrap();
    Vault::open(&place, Arc::new(tenants)).unwrap()
}

/// Another process with the same keys.
fn other(folder: &TempDir) -> Vault {
    vault(folder.path(), keys())
}

fn made(vault: &Vault) -> SessionKey {
    vault.wait(vault.key(&session())).unwrap()
}

fn found(vault: &Vault) -> Result<SessionKey, VaultError> {
    vault.wait(vault.existing(&session()))
}

fn are_alike(one: &SessionKey, other: &SessionKey) -> bool {
    other.open(b"place", &one.seal(b"place", b"plain").unwrap()).is_ok()
}

#[test]
fn all_processes_have_the_same_key_of_a_session_and_no_two_sessions_do() {
    let folder = tempfile::tempdir().unwrap();
    let vaults: Vec<Vault> = (0..8).map(|_| other(&folder)).collect();
    assert_eq!(found(&vaults[0]).unwrap_err(), VaultError::Missing, "to open something makes no key");
    // All at once: one of them makes it.
    let asked: Vec<_> = vaults.iter().map(|vault| vault.ask(&session(), Wish::New)).collect();
    let told: Vec<SessionKey> = asked.into_iter().map(|one| one.blocking_recv().unwrap().unwrap()).collect();
    assert!(told.iter().all(|key| are_alike(&told[0], key)));
    assert!(are_alike(&told[0], &found(&other(&folder)).unwrap()));
    assert!(vaults[0].at_hand(&session()).is_some());
    let another = vaults[0].wait(vaults[0].key(&"t1/e7/s43".parse().unwrap())).unwrap();
    assert!(!are_alike(&told[0], &another));
}

#[test]
fn a_key_that_is_destroyed_is_gone_and_there_is_never_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let vault = other(&folder);
    made(&vault);
    let file = folder.path().join("t1/e7/s42.key");
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(vault.wait(vault.destroy(&session())).unwrap());
    assert!(vault.at_hand(&session()).is_none());
    for vault in [vault, other(&folder)] {
        assert_eq!(vault.wait(vault.key(&session())).unwrap_err(), VaultError::Erased);
        let error = found(&vault).unwrap_err();
        assert_eq!((error.reason(), error.kind()), ("erased", ErrorKind::Poison));
        assert!(!vault.wait(vault.destroy(&session())).unwrap(), "there is none any more");
    }
    let after = std::fs::read_to_string(&file).unwrap();
    let wrapped = before.split('"').find(|text| text.len() > 40).unwrap();
    assert!(after.contains("erased") && !after.contains(wrapped), "{after}");
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no copy is left beside it");
}

#[test]
fn a_session_that_never_had_a_key_gets_none_once_it_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let vault = other(&folder);
    assert!(!vault.wait(vault.destroy(&session())).unwrap());
    assert_eq!(vault.wait(vault.key(&session())).unwrap_err(), VaultError::Erased);
}

#[test]
fn keys_of_tenants_are_replaced_by_new_ones_above_them() {
    let folder = tempfile::tempdir().unwrap();
    let (old, both, new) =
        (format!("t1 old {TWO}\n"), format!("t1 new {ONE}\nt1 old {TWO}\n"), format!("t1 new {ONE}\n"));
    let first = made(&vault(folder.path(), with(&old)));
    assert!(are_alike(&first, &found(&vault(folder.path(), with(&both))).unwrap()));
    let error = found(&vault(folder.path(), with(&new))).unwrap_err();
    assert_eq!(error, VaultError::NoTenantKey { tenant: "t1".to_owned(), key_id: "old".to_owned() });
    assert_eq!(error.kind(), ErrorKind::Transient, "somebody may put it back");
    let stranger = vault(folder.path(), with(&new));
    let error = stranger.wait(stranger.key(&"t9/e/s".parse().unwrap())).unwrap_err();
    assert_eq!(error.reason(), "no_tenant_key");
    // Another key under the same id.
    assert_eq!(
        found(&vault(folder.path(), with(&format!("t1 old {ONE}\n")))).unwrap_err(),
        VaultError::Unusable
    );
}

#[test]
fn what_lies_in_the_vault_is_the_sessions_own_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    made(&other(&folder));
    let file = |name: &str| folder.path().join(format!("t1/e7/{name}.key"));
    std::fs::copy(file("s42"), file("s43")).unwrap();
    let vault = other(&folder);
    let swapped = vault.wait(vault.existing(&"t1/e7/s43".parse().unwrap()));
    assert_eq!(swapped.unwrap_err(), VaultError::Unusable, "a key of one session is none of another");
    for damaged in ["", "{}", "{\"state\":\"kept\",\"key_id\":\"new\",\"nonce\":\"?\",\"wrapped\":\"\"}"] {
        std::fs::write(file("s42"), damaged).unwrap();
        let error = found(&other(&folder)).unwrap_err();
        assert_eq!((&error, error.kind()), (&VaultError::Unusable, ErrorKind::Transient), "{damaged}");
    }
}

#[test]
fn names_lead_nowhere_outside_the_vault() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault(&folder.path().join("vault"), with(&format!(".. one {ONE}\n")));
    vault.wait(vault.key(&"../../x".parse().unwrap())).unwrap();
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["vault"]);
}

#[test]
fn a_vault_that_does_not_answer_is_asked_again_and_sessions_that_are_known_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let vault = other(&folder);
    made(&vault);
    // A file in place of the folder: nothing can be read or put there.
    let (place, aside) = (folder.path().join("t1"), folder.path().join("aside"));
    std::fs::rename(&place, &aside).unwrap();
    std::fs::write(&place, "").unwrap();
    let error = found(&other(&folder)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    let known = vault.wait(vault.inner.answer(&session(), Wish::Existing));
    assert!(known.is_ok(), "it is used on: {known:?}");
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(&aside, &place).unwrap();
    assert!(found(&other(&folder)).is_ok());
}

#[test]
fn a_vault_is_where_something_can_be_put() {
    let place = "https://keys.example.org/".parse().unwrap();
    assert!(matches!(Vault::open(&place, Arc::default()), Err(OpenError::ReadOnly)));
}
