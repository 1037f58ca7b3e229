//! How all sessions stand, as far as the topics say it.
//!
//! In: records of segments, observations, incidents, scores. Out: per candidate how far they were
//! watched, their last score and incidents; for all together throughput and delay. Records of others are
//! passed over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::ids::SessionId;
use domain::messages::envelope::Message;
use domain::messages::{Incident, IncidentState, Observation, SEGMENT_TYPE, Score, ScoreStatus};
use domain::time::MediaMs;
use kafka::{Record, wire};
use uuid::Uuid;

use super::candidates::Candidate;
use crate::clock;

/// One candidate's session.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Who sits there.
    pub candidate: Candidate,
    /// How long the recording is.
    pub length: MediaMs,
    /// Up to where it was watched.
    pub watched: MediaMs,
    /// The last score.
    pub score: Option<Score>,
    /// The last revision of each incident.
    incidents: BTreeMap<Uuid, Incident>,
    /// When the segment that ends at an instant came to the broker, in milliseconds since 1970.
    arrived: BTreeMap<MediaMs, i64>,
}

impl Seat {
    /// A seat of which nothing has been heard.
    pub fn new(candidate: Candidate, length: MediaMs) -> Self {
        let (incidents, arrived) = (BTreeMap::new(), BTreeMap::new());
        Self { candidate, length, watched: MediaMs::ZERO, score: None, incidents, arrived }
    }

    /// Whether nothing more is to come.
    pub fn is_final(&self) -> bool {
        self.score.as_ref().is_some_and(|score| score.status == ScoreStatus::Final)
    }

    /// The incidents that stand, in order of time.
    pub fn incidents(&self) -> Vec<&Incident> {
        let stands = |incident: &&Incident| incident.state != IncidentState::Superseded;
        let mut incidents: Vec<&Incident> = self.incidents.values().filter(stands).collect();
        incidents.sort_by_key(|incident| (incident.start_ms, incident.kind, incident.incident_id));
        incidents
    }

    /// Those that go on.
    pub fn open_incidents(&self) -> Vec<&Incident> {
        let is_open =
            |incident: &&Incident| matches!(incident.state, IncidentState::Open | IncidentState::Updated);
        self.incidents().into_iter().filter(is_open).collect()
    }
}

/// All seats, and what they come to together.
#[derive(Debug, Clone)]
pub struct Board {
    /// In the order of the candidates.
    pub seats: Vec<Seat>,
    began: Instant,
    /// When the last score became final.
    ended: Option<Instant>,
    segments: u64,
    delays: Vec<Duration>,
}

impl Board {
    /// A board at the beginning of a run.
    pub fn new(seats: Vec<Seat>) -> Self {
        Self { seats, began: Instant::now(), ended: None, segments: 0, delays: Vec::new() }
    }

    /// Candidates begin now.
    pub fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// Takes in a record of any of the topics.
    pub fn record(&mut self, record: &Record) {
        match wire::kind(record) {
            Ok(SEGMENT_TYPE) => {
                if let Ok((header, _)) = wire::decode_segment(record) {
                    self.segment(&header.session, header.end_ms, record.timestamp_ms);
                }
            }
            Ok(Observation::TYPE) => {
                if let Ok(observation) = wire::decode::<Observation>(record) {
                    self.watched(&observation.session, observation.end_ms);
                }
            }
            Ok(Incident::TYPE) => {
                if let Ok(incident) = wire::decode(record) {
                    self.incident(incident);
                }
            }
            Ok(Score::TYPE) => {
                if let Ok(score) = wire::decode(record) {
                    self.score(score);
                }
            }
            _ => {}
        }
    }

    fn segment(&mut self, session: &SessionId, end: MediaMs, arrived: Option<i64>) {
        if let (Some(seat), Some(arrived)) = (self.seat(session), arrived) {
            seat.arrived.insert(end, arrived);
        }
    }

    fn watched(&mut self, session: &SessionId, end: MediaMs) {
        let Some(seat) = self.seat(session) else { return };
        seat.watched = seat.watched.max(end);
        self.segments += 1;
    }

    fn incident(&mut self, incident: Incident) {
        let Some(seat) = self.seat(&incident.session) else { return };
        let known = seat.incidents.get(&incident.incident_id).map(|known| known.rev);
        if known.is_none_or(|known| known < incident.rev) {
            seat.incidents.insert(incident.incident_id, incident);
        }
    }

    fn score(&mut self, score: Score) {
        let Some(seat) = self.seat(&score.session) else { return };
        // A score rests on the segment that ends at its watermark, and on those before.
        let arrived = seat.arrived.remove(&score.watermark_ms);
        seat.score = Some(score);
        self.delays.extend(arrived.map(clock::since_ms));
        if self.is_final() {
            self.ended.get_or_insert_with(Instant::now);
        }
    }

    fn seat(&mut self, session: &SessionId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.candidate.session() == *session)
    }

    /// Whether every score is final.
    pub fn is_final(&self) -> bool {
        self.seats.iter().all(Seat::is_final)
    }

    /// Names of candidates whose score is not final.
    pub fn not_final(&self) -> Vec<&'static str> {
        self.seats.iter().filter(|seat| !seat.is_final()).map(|seat| seat.candidate.name).collect()
    }

    /// Figures of the run so far.
    pub fn totals(&self) -> Totals {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        Totals {
            final_scores: self.seats.iter().filter(|seat| seat.is_final()).count(),
            segments: self.segments,
            watched: Duration::from_millis(self.seats.iter().map(|seat| seat.watched.0.max(0) as u64).sum()),
            took: self.ended.map_or_else(|| self.began.elapsed(), |ended| ended - self.began),
            median_delay: delays.get(delays.len() / 2).copied(),
            longest_delay: delays.last().copied(),
        }
    }
}

/// Figures of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Sessions whose score is final.
    pub final_scores: usize,
    /// Segments that were observed.
    pub segments: u64,
    /// Media time that was watched, of all candidates together.
    pub watched: Duration,
    /// Time since the candidates began, until every score was final.
    pub took: Duration,
    /// From the arrival of a segment at the broker to the score that takes it into account, half of them.
    pub median_delay: Option<Duration>,
    /// All of them.
    pub longest_delay: Option<Duration>,
}

impl Totals {
    /// Segments a second.
    pub fn segment_rate(&self) -> f64 {
        self.segments as f64 / self.took.as_secs_f64().max(0.001)
    }

    /// Seconds of video a second.
    pub fn media_rate(&self) -> f64 {
        self.watched.as_secs_f64() / self.took.as_secs_f64().max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::candidates;
    use super::*;

    fn board() -> Board {
        let names = ["calm".to_owned(), "covered".to_owned()];
        let candidates = candidates::choose(Path::new("clips"), &names).unwrap();
        Board::new(candidates.into_iter().map(|candidate| Seat::new(candidate, MediaMs(60_000))).collect())
    }

    fn score(of: &Board, seat: usize, status: ScoreStatus) -> Score {
        let score: Score =
            serde_json::from_str(include_str!("../../../tests/data/messages/score.v1.json")).unwrap();
        Score { session: of.seats[seat].candidate.session(), status, watermark_ms: MediaMs(4_000), ..score }
    }

    #[test]
    fn it_is_over_when_every_score_is_final_and_strangers_do_not_count() {
        let mut board = board();
        let stranger = Score { session: "t/e/s".parse().unwrap(), ..score(&board, 0, ScoreStatus::Final) };
        board.score(stranger);
        board.score(score(&board, 0, ScoreStatus::Final));
        board.score(score(&board, 1, ScoreStatus::Provisional));
        assert_eq!((board.is_final(), board.not_final()), (false, vec!["covered"]));
        board.score(score(&board, 1, ScoreStatus::Final));
        assert_eq!((board.is_final(), board.totals().final_scores), (true, 2));
    }

    #[test]
    fn a_delay_is_from_the_segment_to_the_score_that_rests_on_it() {
        let mut board = board();
        let session = board.seats[0].candidate.session();
        let second_ago = std::time::SystemTime::now() - Duration::from_secs(1);
        let arrived = second_ago.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
        board.segment(&session, MediaMs(2_000), Some(0));
        board.segment(&session, MediaMs(4_000), Some(arrived));
        assert_eq!(board.totals().median_delay, None);
        board.score(score(&board, 0, ScoreStatus::Provisional));
        let delay = board.totals().median_delay.unwrap();
        assert!((900..10_000).contains(&delay.as_millis()), "{delay:?}");
    }

    #[test]
    fn the_last_revision_of_an_incident_stands() {
        let mut board = board();
        let incident: Incident =
            serde_json::from_str(include_str!("../../../tests/data/messages/incident.v1.json")).unwrap();
        let session = board.seats[1].candidate.session();
        let revision = |rev, state| Incident { session: session.clone(), rev, state, ..incident.clone() };
        board.incident(revision(0, IncidentState::Open));
        assert_eq!(board.seats[1].open_incidents().len(), 1);
        board.incident(revision(2, IncidentState::Closed));
        board.incident(revision(1, IncidentState::Updated));
        assert_eq!((board.seats[1].open_incidents().len(), board.seats[1].incidents().len()), (0, 1));
        board.incident(revision(3, IncidentState::Superseded));
        assert!(board.seats[1].incidents().is_empty());
        assert!(board.seats[0].incidents().is_empty());
    }

    #[test]
    fn what_was_watched_adds_up() {
        let mut board = board();
        let sessions = board.seats.iter().map(|seat| seat.candidate.session()).collect::<Vec<_>>();
        for (session, end) in [(0, 2_000), (0, 4_000), (1, 2_000), (0, 4_000)] {
            board.watched(&sessions[session], MediaMs(end));
        }
        let totals = board.totals();
        assert_eq!((totals.segments, totals.watched), (4, Duration::from_secs(6)));
    }
}
