//! The candidate's side: sessions and their tokens, chunks of video, breaks, the end.
//!
//! No state of a session is kept: what is acknowledged is in the log, and the worker makes sense of it. So it does
//! not matter which of several gateways a request comes to.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`sessions`] | sessions, their ends and breaks |
//! | [`tokens`] | upload tokens |
//! | [`chunks`] | video |

pub mod chunks;
pub mod sessions;
pub mod tokens;

use domain::messages::Audit;
use domain::ports::{AppendError, Entry};
use tokio::sync::oneshot;
use tokio::time::{Duration, timeout};

use crate::app::App;
use crate::error::Problem;

/// Longer than the log takes to give up, unless an operator has it wait longer.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);
/// After how long a client that found the log full tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes an entry and waits until it is safe.
///
/// # Errors
/// If it is not known to be safe: it may or may not be in the log. Sending it again does no harm.
pub(crate) async fn append(app: &App, entry: Entry) -> Result<(), Problem> {
    append_holding(app, entry, ()).await
}

/// Writes who does it, and only when that is safe what they do: nothing happens that the audit log does not know of.
///
/// # Errors
/// As [`append`]. The audit log may name an act that did not happen.
pub(crate) async fn act(app: &App, audit: Audit, entry: Entry) -> Result<(), Problem> {
    append(app, Entry::Audit(audit)).await?;
    append(app, entry).await
}

/// The same as [`append`]; what is held is let go when the log has told what became of the entry, whether or not
/// anybody still waits for it.
pub(crate) async fn append_holding(
    app: &App,
    entry: Entry,
    held: impl Send + 'static,
) -> Result<(), Problem> {
    let (tell, told) = oneshot::channel();
    let acknowledged = Box::new(move |result| {
        drop(held);
        // Nobody may be waiting any more.
        drop(tell.send(result));
    });
    app.log.append(entry, acknowledged).map_err(|_full| Problem::too_many(AGAIN))?;
    match timeout(ACKNOWLEDGED_WITHIN, told).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(AppendError::TooLarge { limit }))) => Err(Problem::too_large(limit)),
        Ok(Ok(Err(AppendError::Erased))) => Err(Problem::erased()),
        Ok(Ok(Err(AppendError::Failed { reason }))) => {
            tracing::warn!(reason, "an entry was not acknowledged");
            Err(Problem::unavailable())
        }
        Ok(Err(_)) | Err(_) => Err(Problem::unavailable()),
    }
}
