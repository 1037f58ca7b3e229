//! The keys of uploads: asked for when a record needs one, and asked for again until it is there or is known to be
//! destroyed. Never waits: the partition does, and the others go on.

use std::time::{Duration, Instant};

use domain::ids::SessionId;
use kafka::{Record, wire};
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

use crate::privacy::{Protection, SessionKey, VaultError, Wish};
use crate::telemetry::logs::Trouble;

/// How long it is waited before a vault that fails is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the cutter of one partition knows of keys.
pub(super) struct Keys {
    protection: Protection,
    asked: Option<Asked>,
    trouble: Trouble,
}

/// A key that is waited for: records of a partition wait for one at a time.
struct Asked {
    session: SessionId,
    answer: Receiver<Result<SessionKey, VaultError>>,
    /// When it is asked for again.
    again: Option<Instant>,
}

/// What a record is taken in with.
pub(super) enum Found {
    /// No key is needed.
    None,
    Key(SessionKey),
    /// The session was erased.
    Destroyed,
}

impl Keys {
    pub(super) fn new(protection: Protection) -> Self {
        Self { protection, asked: None, trouble: Trouble::default() }
    }

    /// The key that a record is opened, and what comes of it sealed with; `None` while it is not there.
    pub(super) fn of(&mut self, record: &Record) -> Option<Found> {
        let wish = match wire::is_sealed(&record.headers) {
            Ok(true) => Some(Wish::Existing),
            Ok(false) => self.protection.wish_to_write(),
            // It is set aside.
            Err(_) => None,
        };
        let session = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse::<SessionId>().ok());
        let (Some(wish), Some(session)) = (wish, session) else { return Some(Found::None) };
        if let Some(key) = self.protection.at_hand(&session) {
            return Some(Found::Key(key));
        }
        let is_due = |asked: &Asked| asked.again.is_some_and(|again| Instant::now() >= again);
        if self.asked.as_ref().is_none_or(|asked| asked.session != session || is_due(asked)) {
            let answer = self.protection.ask(&session, wish);
            self.asked = Some(Asked { session, answer, again: None });
        }
        let asked = self.asked.as_mut().filter(|asked| asked.again.is_none())?;
        let answer = match asked.answer.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Empty) => return None,
            // Never, as long as there is a vault to be asked.
            Err(TryRecvError::Closed) => Err(VaultError::NoVault),
        };
        asked.again = Some(Instant::now() + PAUSE);
        match answer {
            Ok(key) => {
                self.asked = None;
                Some(Found::Key(key))
            }
            Err(VaultError::Erased) => {
                self.asked = None;
                Some(Found::Destroyed)
            }
            Err(error) => {
                if self.trouble.is_news() {
                    let session = &asked.session;
                    tracing::error!(%session, %error, "a key cannot be had: its partition waits");
                }
                None
            }
        }
    }
}
