//! Deletes pictures that show no incident: a sample can look like one that never came about. Done a little after
//! the score of a session has become final: its last pictures may still be on their way. What comes later than that, or
//! cannot be deleted, stays until it is past its time.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use domain::evidence::{PictureName, Span};
use domain::ids::SessionId;

use super::store::{PictureStore, StoreError};
use crate::stages::Stop;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::{Metrics, PictureOutcome};

/// Sessions that wait to be tidied, at most: many exams end at the same minute.
pub(crate) const WAITING: usize = 4096;
/// How long pictures that were chosen may take to come.
const ON_THEIR_WAY: Duration = Duration::from_secs(10);

/// A session whose score is final, and where its incidents show.
pub(crate) struct Settled {
    session: SessionId,
    spans: Vec<Span>,
    at: Instant,
}

/// Where sessions are told of that are settled.
#[derive(Clone)]
pub(crate) struct Tidier(Sender<Settled>);

impl Tidier {
    pub(crate) fn new(to: Sender<Settled>) -> Self {
        Self(to)
    }

    /// Does not wait: what there is no room for stays until it is past its time.
    pub(crate) fn settle(&self, session: &SessionId, spans: Vec<Span>) {
        let settled = Settled { session: session.clone(), spans, at: Instant::now() };
        if self.0.try_send(settled).is_err() {
            tracing::debug!(%session, "pictures that show nothing stay until they are past their time");
        }
    }
}

/// Deletes what nobody needs.
pub(crate) struct Tidying<'a> {
    pub store: &'a PictureStore,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

impl Tidying<'_> {
    /// Tidies until nothing comes any more.
    pub(crate) fn run(self, from: &Receiver<Settled>) {
        let mut trouble = Trouble::default();
        while let Ok(settled) = from.recv() {
            // All of them wait equally long, so one after the other. Who ends waits for nothing.
            self.stop.wait((settled.at + ON_THEIR_WAY).saturating_duration_since(Instant::now()));
            if self.stop.is_immediate() {
                return;
            }
            match self.tidy(&settled) {
                Ok(deleted) => (0..deleted).for_each(|_| self.metrics.picture(PictureOutcome::ShowsNothing)),
                Err(error) if trouble.is_news() => {
                    tracing::warn!(%error, "pictures that show nothing stay until they are past their time");
                }
                Err(_) => {}
            }
        }
    }

    fn tidy(&self, settled: &Settled) -> Result<usize, StoreError> {
        let Settled { session, spans, .. } = settled;
        let names = self.store.list(session)?;
        let shows_nothing = |name: &PictureName| !spans.iter().any(|span| span.holds(name));
        let needless: Vec<PictureName> = names.into_iter().filter(shows_nothing).collect();
        self.store.delete(session, &needless)?;
        Ok(needless.len())
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;
    use domain::time::{Interval, MediaMs};

    use super::*;

    #[test]
    fn what_shows_an_incident_stays_and_the_rest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let place = format!("file://{}/", folder.path().display()).parse().unwrap();
        let store = PictureStore::open(&place, Duration::from_secs(86_400)).unwrap();
        let session: SessionId = "t1/e7/s42".parse().unwrap();
        let name = |text: &str| text.parse::<PictureName>().unwrap();
        for picture in ["0-2-4500", "0-30-60500", "1-30-190000"] {
            store.put(&session, &name(picture), b"sealed".to_vec()).unwrap();
        }
        let span =
            Span { interval: Interval::new(MediaMs(61_000), MediaMs(74_000)), segments: vec![30, 31, 32] };
        let (to, settled) = bounded(1);
        let tidier = Tidier::new(to);
        tidier.settle(&session, vec![span]);
        // There is no room for this one, and nobody waits.
        tidier.settle(&session, Vec::new());
        drop(tidier);
        let (metrics, stop) = (Metrics::new(), Stop::default());
        stop.drain();
        Tidying { store: &store, metrics: &metrics, stop: &stop }.run(&settled);
        assert_eq!(store.list(&session).unwrap(), [name("0-30-60500")]);
        let deleted = "invigilator_evidence_pictures_total{outcome=\"shows_nothing\"} 2";
        assert!(metrics.text().contains(deleted), "{}", metrics.text());
    }
}
