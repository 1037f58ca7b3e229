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

use domain::ports::{AppendError, Entry};
use tokio::sync::oneshot;
use tokio::time::{Duration, timeout};

use crate::app::App;
use crate::error::Problem;

/// Later than the log itself gives up.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);
/// After how long a client that found the log full tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes entries and waits until all of them are safe.
///
/// # Errors
/// If one is not known to be safe: it may or may not be in the log. Sending it again does no harm.
pub(crate) async fn append(app: &App, entries: impl IntoIterator<Item = Entry>) -> Result<(), Problem> {
    let mut waiting = Vec::new();
    for entry in entries {
        let (tell, told) = oneshot::channel();
        // Nobody may be waiting any more.
        let acknowledged = Box::new(move |result| drop(tell.send(result)));
        app.log.append(entry, acknowledged).map_err(|_full| Problem::too_many(AGAIN))?;
        waiting.push(told);
    }
    for told in waiting {
        match timeout(ACKNOWLEDGED_WITHIN, told).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(AppendError::TooLarge { limit }))) => return Err(Problem::too_large(limit)),
            Ok(Ok(Err(AppendError::Failed { reason }))) => {
                tracing::warn!(reason, "an entry was not acknowledged");
                return Err(Problem::unavailable());
            }
            Ok(Err(_)) | Err(_) => return Err(Problem::unavailable()),
        }
    }
    Ok(())
}
