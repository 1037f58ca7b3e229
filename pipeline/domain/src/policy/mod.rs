//! The policy: every number by which a session is judged, in one versioned file that travels with
//! every result as id, version and hash.
//!
//! Whole numbers only: milliseconds, milli-degrees, and thousandths of a whole (`milli`). What a type
//! of incident *can* do to a score (its class) is fixed by the type and deliberately not in here.
//! Does not read files: `worker` parses, [`Policy::validate`] checks.

mod detect;
mod points;
mod validate;

pub use detect::*;
pub use points::*;
pub use validate::PolicyProblem;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::messages::Accommodation;
use crate::time::{Interval, Millis};

/// Everything by which a session is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name: 1 to 64 of `a-z 0-9 -`.
    pub id: String,
    /// Counts up with every change of the file.
    pub version: u32,
    /// An incident less confident than this is listed and counts nothing.
    pub confidence_floor_milli: u16,
    /// Times that hold for all types.
    pub timing: Timing,
    /// How much must be seen.
    pub coverage: CoverageRules,
    /// Coarse reading of the score.
    pub bands: Bands,
    /// How the candidate's own "looking at the screen" is learned.
    pub calibration: CalibrationRules,
    /// When a condition becomes an incident.
    pub detect: Detect,
    /// What incidents cost.
    pub points: Points,
    /// What is kept of what was noted, for those who decide.
    #[serde(default)]
    pub evidence: EvidenceRules,
    /// What the session was granted beforehand.
    #[serde(default)]
    pub accommodations: Accommodations,
}

/// What is kept of what was noted, for those who decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRules {
    /// Pictures of flagged moments, encrypted, in which nobody can be recognised but the candidate. Where and for how
    /// long is for the settings to say; without a place there are none.
    pub pictures: bool,
}

/// Times that hold for all types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// How far, in media time, a record may come after later ones and still take its place.
    pub lateness_ms: Millis,
    /// Two incidents of a type closer than this are one, if the time between was seen.
    pub merge_gap_ms: Millis,
    /// The same type again within this time belongs to the same episode.
    pub episode_gap_ms: Millis,
    /// An open incident is reported again after this much media time.
    pub update_every_ms: Millis,
}

/// How much must be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoverageRules {
    /// Below this share of the expected time, nothing good can be vouched for.
    pub floor_milli: u16,
    /// A human should look when a single unexplained stretch is longer.
    pub unseen_stretch_ms: Millis,
    /// A human should look when more than this share is unexplained in total.
    pub unseen_total_milli: u16,
}

/// Coarse reading of the score: below `amber_from` is red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    /// Lowest integrity of green.
    pub green_from: u8,
    /// Lowest integrity of amber.
    pub amber_from: u8,
}

/// How the candidate's own "looking at the screen" is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationRules {
    /// Measured time from which the centre is used at all; before, looking away counts nothing.
    pub usable_after_ms: Millis,
    /// Measured time until which the centre is refined by the median; afterwards it only drifts.
    pub refined_until_ms: Millis,
    /// Fastest drift afterwards, in milli-degrees per second of measured on-screen time.
    pub drift_mdeg_per_s: i32,
    /// Centre of head pitch assumed before calibration: the mesh reads most frontal faces as lowered.
    pub prior_pitch_mdeg: i32,
    /// Added to every gaze and head threshold before calibration.
    pub prior_margin_mdeg: i32,
    /// Milli-degrees of gaze per eye width of iris offset to the side.
    pub yaw_mdeg_per_eye_width: i32,
    /// Milli-degrees of gaze per eye width of iris offset upwards or downwards.
    pub pitch_mdeg_per_eye_width: i32,
    /// Eyes less open than this (lid distance over eye width) are closed: only the head is read.
    pub eyes_open_milli: u16,
}

/// What the session was granted beforehand. A session's own start may grant more, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Accommodations {
    /// May leave: during `planned_breaks` and during breaks that the exam system records.
    pub breaks: bool,
    /// Agreed breaks, in media time.
    pub planned_breaks: Vec<Interval>,
    /// More time: the exam system sends a longer expected interval.
    pub extra_time: bool,
    /// Paper on the desk: looking down is fine.
    pub paper: bool,
    /// A helper in the room: a second person is listed and counts nothing.
    pub second_person: bool,
    /// A head covering: no rule of this version reads what it would hide; listed as honoured.
    pub head_covering: bool,
}

impl Accommodations {
    /// What is granted, in the order of messages.
    pub fn granted(&self) -> Vec<Accommodation> {
        let all = [
            (self.breaks, Accommodation::Breaks),
            (self.extra_time, Accommodation::ExtraTime),
            (self.paper, Accommodation::Paper),
            (self.second_person, Accommodation::SecondPerson),
            (self.head_covering, Accommodation::HeadCovering),
        ];
        all.into_iter().filter(|(granted, _)| *granted).map(|(_, what)| what).collect()
    }
}
