//! What incidents cost: the table of the score rule, in milli-points (1000 = one point of 100).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::messages::{IncidentType, Severity};

/// What each type costs, and what they cost together at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Row of `multiple_persons`.
    pub multiple_persons: Charge,
    /// Row of `person_absent`.
    pub person_absent: Charge,
    /// Row of `phone_visible`.
    pub phone_visible: Charge,
    /// Row of `prohibited_object`.
    pub prohibited_object: Charge,
    /// Row of `gaze_off_screen`.
    pub gaze_off_screen: Charge,
    /// Row of `head_turned_away`.
    pub head_turned_away: Charge,
    /// Row of `repeated_glances`; its levels start at a number of excursions.
    pub repeated_glances: Charge,
    /// Row of `identity_mismatch`, once confirmed.
    pub identity_mismatch: Charge,
    /// Row of `identity_switch`, once confirmed.
    pub identity_switch: Charge,
    /// Row of `replay_suspected`, once confirmed.
    pub replay_suspected: Charge,
    /// Most that gaze, head and glances cost together: looking away alone stays above.
    pub looking_away_cap_milli: i64,
}

/// One row: `min(cap, base of the severity + rate x total length)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Present if the type can be of low severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Level>,
    /// Present if the type can be of medium severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Level>,
    /// Present if the type can be of high severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Level>,
    /// Per second of the union of all incidents of the type.
    pub rate_milli_per_s: i64,
    /// Most that the type costs.
    pub cap_milli: i64,
}

/// From where a severity holds, and what it costs once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Total length of the type's union in milliseconds; for `repeated_glances` the number of
    /// excursions.
    pub from: i64,
    /// Charged once per type.
    pub base_milli: i64,
}

impl Points {
    /// The types that can cost points, in the table's order: remainders go to the first.
    pub const ORDER: [IncidentType; 10] = [
        IncidentType::MultiplePersons,
        IncidentType::PersonAbsent,
        IncidentType::PhoneVisible,
        IncidentType::ProhibitedObject,
        IncidentType::GazeOffScreen,
        IncidentType::HeadTurnedAway,
        IncidentType::RepeatedGlances,
        IncidentType::IdentityMismatch,
        IncidentType::IdentitySwitch,
        IncidentType::ReplaySuspected,
    ];

    /// The row of a type; `None` for coverage, which never costs points.
    pub fn charge(&self, kind: IncidentType) -> Option<&Charge> {
        match kind {
            IncidentType::MultiplePersons => Some(&self.multiple_persons),
            IncidentType::PersonAbsent => Some(&self.person_absent),
            IncidentType::PhoneVisible => Some(&self.phone_visible),
            IncidentType::ProhibitedObject => Some(&self.prohibited_object),
            IncidentType::GazeOffScreen => Some(&self.gaze_off_screen),
            IncidentType::HeadTurnedAway => Some(&self.head_turned_away),
            IncidentType::RepeatedGlances => Some(&self.repeated_glances),
            IncidentType::IdentityMismatch => Some(&self.identity_mismatch),
            IncidentType::IdentitySwitch => Some(&self.identity_switch),
            IncidentType::ReplaySuspected => Some(&self.replay_suspected),
            IncidentType::FaceNotDetected
            | IncidentType::FacePartial
            | IncidentType::IdentityUnverifiable
            | IncidentType::CameraObstructed
            | IncidentType::SceneUnusable
            | IncidentType::VideoFrozen
            | IncidentType::VideoGap
            | IncidentType::StreamLost
            | IncidentType::MediaUndecodable
            | IncidentType::ClockDiscontinuity => None,
        }
    }
}

impl Charge {
    /// The levels that exist, mildest first.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = (Severity, Level)> {
        let all = [(Severity::Low, self.low), (Severity::Medium, self.medium), (Severity::High, self.high)];
        all.into_iter().filter_map(|(severity, level)| level.map(|level| (severity, level)))
    }

    /// The gravest level that `extent` (milliseconds, or excursions) reaches; the mildest at least.
    pub fn level(&self, extent: i64) -> (Severity, Level) {
        let reached = self.levels().rev().find(|(_, level)| extent >= level.from);
        let mildest = || self.levels().next();
        // A validated row has at least one level.
        reached.or_else(mildest).unwrap_or((Severity::Low, Level { from: 0, base_milli: 0 }))
    }
}
