//! What differs between two sides: scores session by session, incidents type by type. Pure.

use std::collections::BTreeMap;

use domain::ids::SessionId;
use domain::messages::{Band, Incident, IncidentType};
use domain::time::Interval;
use serde::Serialize;

use super::sides::Judged;

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Differences {
    /// Sessions that are final on both sides: all that follows is about these.
    pub sessions: usize,
    /// Sessions that are final on the side that counts alone.
    pub only_counting: usize,
    /// Sessions that are final in the shadow alone.
    pub only_shadow: usize,
    /// Sessions with the same integrity, the same band and the same points.
    pub equal: usize,
    /// Sessions by their bands on both sides.
    pub bands: Vec<BandChange>,
    /// The shadow's integrity less the one that counts; `None` if no session has both.
    pub integrity: Option<Spread>,
    /// Sessions of which one side alone says an integrity.
    pub integrity_on_one_side: usize,
    /// Incidents by type.
    pub incidents: BTreeMap<IncidentType, OfType>,
    /// Sessions with the largest differences, first the largest.
    pub largest: Vec<SessionId>,
}

/// So many sessions have these bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BandChange {
    /// On the side that counts.
    pub counting: Band,
    /// In the shadow.
    pub shadow: Band,
    /// How many.
    pub sessions: usize,
}

/// How values are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub sessions: usize,
    /// The lowest.
    pub low: i32,
    /// 5 of 100 lie below.
    pub p5: i32,
    /// Half of them do.
    pub median: i32,
    /// 95 of 100 do.
    pub p95: i32,
    /// The highest.
    pub high: i32,
    /// Their mean.
    pub mean: f64,
}

/// Incidents of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OfType {
    /// That both sides have: their times meet.
    pub both: usize,
    /// That the side has alone that counts.
    pub only_counting: usize,
    /// That the shadow has alone.
    pub only_shadow: usize,
}

/// So many sessions are named.
const NAMED: usize = 10;
/// All bands, best first.
const BANDS: [Band; 4] = [Band::Green, Band::Amber, Band::Red, Band::Grey];

impl Differences {
    /// Compares the sessions that both sides have.
    pub(super) fn between(
        counting: &BTreeMap<SessionId, Judged>,
        shadow: &BTreeMap<SessionId, Judged>,
    ) -> Self {
        let pairs: Vec<(&SessionId, &Judged, &Judged)> =
            counting.iter().filter_map(|(id, judged)| Some((id, judged, shadow.get(id)?))).collect();
        let mut all = Self {
            sessions: pairs.len(),
            only_counting: counting.len() - pairs.len(),
            only_shadow: shadow.len() - pairs.len(),
            ..Self::default()
        };
        let mut steps: Vec<(i32, &SessionId)> = Vec::new();
        for (id, one, other) in &pairs {
            all.equal += usize::from(is_equal(one, other));
            match (one.score.integrity, other.score.integrity) {
                (Some(one), Some(other)) => steps.push((i32::from(other) - i32::from(one), id)),
                (None, None) => {}
                _ => all.integrity_on_one_side += 1,
            }
            all.add_incidents(&one.incidents, &other.incidents);
        }
        let both = |one: Band, other: Band| {
            let has = |(_, left, right): &&(_, &Judged, &Judged)| {
                left.score.band == one && right.score.band == other
            };
            pairs.iter().filter(has).count()
        };
        let cells = BANDS.into_iter().flat_map(|one| BANDS.map(|other| (one, other)));
        all.bands = cells
            .map(|(counting, shadow)| BandChange { counting, shadow, sessions: both(counting, shadow) })
            .filter(|change| change.sessions > 0)
            .collect();
        steps.sort_by_key(|(step, _)| *step);
        all.integrity = Spread::of(&steps.iter().map(|(step, _)| *step).collect::<Vec<_>>());
        steps.sort_by_key(|(step, id)| (-step.abs(), *id));
        let changed = steps.iter().filter(|(step, _)| *step != 0);
        all.largest = changed.take(NAMED).map(|(_, id)| (*id).clone()).collect();
        all
    }

    /// Share of the sessions whose scores are not equal, in percent.
    pub fn changed_percent(&self) -> f64 {
        100.0 * (self.sessions - self.equal) as f64 / self.sessions.max(1) as f64
    }

    /// Sessions whose band is another one.
    pub fn other_band(&self) -> usize {
        self.bands
            .iter()
            .filter(|change| change.counting != change.shadow)
            .map(|change| change.sessions)
            .sum()
    }

    fn add_incidents(&mut self, counting: &[Incident], shadow: &[Incident]) {
        let mut left: Vec<&Incident> = shadow.iter().collect();
        for incident in counting {
            let of_type = self.incidents.entry(incident.kind).or_default();
            let partner = left.iter().position(|other| meet(incident, other));
            match partner {
                Some(index) => {
                    left.swap_remove(index);
                    of_type.both += 1;
                }
                None => of_type.only_counting += 1,
            }
        }
        for incident in left {
            self.incidents.entry(incident.kind).or_default().only_shadow += 1;
        }
    }
}

/// Whether two scores say the same; which policy or models did is another matter.
fn is_equal(one: &Judged, other: &Judged) -> bool {
    let said = |judged: &Judged| {
        let score = &judged.score;
        let points = score.contributions.iter().map(|each| (each.kind, each.applied_milli));
        (score.integrity, score.band, points.collect::<Vec<_>>())
    };
    said(one) == said(other)
}

fn meet(one: &Incident, other: &Incident) -> bool {
    let time = |incident: &Incident| Interval::new(incident.start_ms, incident.end_ms);
    one.kind == other.kind
        && (!time(one).intersection(time(other)).is_empty() || one.start_ms == other.start_ms)
}

impl Spread {
    /// Of sorted values, if there are any.
    fn of(sorted: &[i32]) -> Option<Self> {
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let sum: i64 = sorted.iter().map(|value| i64::from(*value)).sum();
        let mean = sum as f64 / sorted.len() as f64;
        Some(Self { sessions: sorted.len(), low, p5: at(5), median: at(50), p95: at(95), high, mean })
    }
}

#[cfg(test)]
mod tests {
    use domain::messages::{Marker, MarkerKind, SessionEvent, SessionFact};
    use domain::score::{Output, ScoreInput, SessionFold};
    use domain::time::{MediaMs, Millis};

    use super::*;
    use crate::settings::policy;

    /// A session of which nothing was seen.
    fn judged(id: &str) -> (SessionId, Judged) {
        let loaded = policy::load("standard").unwrap();
        let id: SessionId = id.parse().unwrap();
        let mut fold = SessionFold::new(loaded.policy, loaded.reference, id.clone());
        let expected = Some(Interval::new(MediaMs(0), MediaMs(0)));
        fold.push(ScoreInput::SessionFact(&SessionFact {
            session: id.clone(),
            media_ms: MediaMs(0),
            event: SessionEvent::Ended { expected },
        }));
        let marker = Marker {
            session: id.clone(),
            kind: MarkerKind::Idle,
            media_ms: MediaMs(0),
            silent_ms: Millis(0),
        };
        let said = fold.push(ScoreInput::Marker(&marker)).pop();
        let Some(Output::Score(score)) = said else { panic!("no score: {said:?}") };
        (id, Judged { score: *score, incidents: Vec::new() })
    }

    fn with(mut judged: Judged, integrity: Option<u8>, band: Band) -> Judged {
        (judged.score.integrity, judged.score.band) = (integrity, band);
        judged
    }

    #[test]
    fn scores_are_compared_session_by_session() {
        let side = |scores: &[(&str, Option<u8>, Band)]| -> BTreeMap<SessionId, Judged> {
            let session = |(name, integrity, band): &(&str, Option<u8>, Band)| {
                let (id, judged) = judged(&format!("t/e/{name}"));
                (id, with(judged, *integrity, *band))
            };
            scores.iter().map(session).collect()
        };
        let (green, amber, grey) = (Band::Green, Band::Amber, Band::Grey);
        let counting = side(&[
            ("a", Some(100), green),
            ("b", Some(90), green),
            ("c", Some(70), amber),
            ("d", None, grey),
            ("gone", Some(1), Band::Red),
        ]);
        let shadow = side(&[
            ("a", Some(100), green),
            ("b", Some(80), amber),
            ("c", Some(72), amber),
            ("d", Some(100), green),
        ]);
        let all = Differences::between(&counting, &shadow);
        assert_eq!((all.sessions, all.only_counting, all.only_shadow), (4, 1, 0));
        assert_eq!((all.equal, all.other_band(), all.integrity_on_one_side), (1, 2, 1));
        assert_eq!(all.changed_percent(), 75.0);
        let spread = all.integrity.unwrap();
        assert_eq!((spread.low, spread.median, spread.high, spread.sessions), (-10, 0, 2, 3));
        assert_eq!(all.largest.iter().map(SessionId::as_str).collect::<Vec<_>>(), ["t/e/b", "t/e/c"]);
        let moved = BandChange { counting: green, shadow: amber, sessions: 1 };
        assert!(all.bands.contains(&moved), "{:?}", all.bands);
        assert_eq!(Differences::between(&BTreeMap::new(), &shadow).changed_percent(), 0.0);
    }
}
