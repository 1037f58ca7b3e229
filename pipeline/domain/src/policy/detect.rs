//! When a condition becomes an incident: levels, durations and shares, one section per type.
//!
//! Confidences are thousandths, angles milli-degrees, sizes thousandths of the picture or of a box.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::detections::ObjectClass;
use crate::time::Millis;

/// How long a condition must hold to open and must be gone to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Opens after this much media time...
    pub on_ms: Millis,
    /// ...of which at least this share of the *planned* time was seen and true.
    pub p_milli: u16,
    /// Closes after this much media time without it, seen or not.
    pub off_ms: Millis,
}

/// A level to open at and a laxer one to stay open at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    /// Opens from here on.
    pub on: i32,
    /// Stays open down to here.
    pub off: i32,
}

/// All conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detect {
    /// Nobody, and the place has changed.
    pub person_absent: PersonAbsentRules,
    /// At least two persons.
    pub multiple_persons: MultiplePersonsRules,
    /// Head and eyes together away from the screen.
    pub gaze_off_screen: GazeRules,
    /// The head alone turned far away.
    pub head_turned_away: HeadRules,
    /// Many short looks to the same place.
    pub repeated_glances: GlanceRules,
    /// A phone.
    pub phone_visible: PhoneRules,
    /// Other things.
    pub prohibited_object: ObjectRules,
    /// Somebody, but no usable face.
    pub face_not_detected: PlainRules,
    /// A face cut by the picture's edge.
    pub face_partial: FacePartialRules,
    /// A covered lens.
    pub camera_obstructed: PlainRules,
    /// Too dark or blurred.
    pub scene_unusable: PlainRules,
    /// Who sits there: `identity_mismatch`, `identity_switch`, `identity_unverifiable`.
    pub identity: IdentityRules,
    /// The picture stands.
    pub video_frozen: FrozenRules,
    /// Missing pieces.
    pub video_gap: GapRules,
    /// Bytes that no decoder accepts.
    pub media_undecodable: UndecodableRules,
}

/// A type whose condition has no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlainRules {
    /// Durations and share.
    pub window: Window,
}

/// `person_absent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonAbsentRules {
    /// Durations and share.
    pub window: Window,
    /// A head or body this confident says somebody is there: `on` while the incident is not open,
    /// `off` (higher, hence laxer) once it is.
    pub person_conf_milli: Levels,
    /// Second witness: cells of the candidate's seat that must differ from the seated reference.
    pub witness_share_milli: Levels,
    /// Second witness: luma levels from which a cell differs, after exposure is taken out.
    pub witness_luma: i32,
}

/// `multiple_persons`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiplePersonsRules {
    /// Durations and share.
    pub window: Window,
    /// Confidence of the second person's face.
    pub face_conf_milli: Levels,
    /// Confidence of the second person's body.
    pub body_conf_milli: Levels,
    /// The second person is at least this high in the picture.
    pub height_milli: u16,
    /// Poster filter: who never moves by this share of their own size...
    pub moves_milli: u16,
    /// ...and by this share of the picture is a picture on the wall. (Boxes of small faces jitter by more of
    /// their size.)
    pub moves_picture_milli: u16,
}

/// `gaze_off_screen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GazeRules {
    /// Durations and share.
    pub window: Window,
    /// Sideways, up or down from the session's on-screen centre, in milli-degrees.
    pub angle_mdeg: Levels,
}

/// `head_turned_away`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadRules {
    /// Durations and share.
    pub window: Window,
    /// To either side, in milli-degrees.
    pub yaw_mdeg: Levels,
    /// Upwards, in milli-degrees.
    pub pitch_up_mdeg: Levels,
}

/// `repeated_glances`. An excursion is off the screen by the level of `gaze_off_screen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlanceRules {
    /// So many excursions...
    pub count: u16,
    /// ...within this time...
    pub within_ms: Millis,
    /// ...each of at least so many samples...
    pub least_samples: u16,
    /// ...into the same sector of this width, in milli-degrees.
    pub sector_mdeg: i32,
    /// Not evaluated where samples are planned further apart than this.
    pub sparsest_interval_ms: Millis,
}

/// `phone_visible`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneRules {
    /// Whether phones are looked for at all.
    pub enabled: bool,
    /// Durations and share.
    pub window: Window,
    /// Confidence of the box.
    pub conf_milli: Levels,
}

/// `prohibited_object`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectRules {
    /// What is prohibited; empty: nothing is looked for.
    pub classes: Vec<ObjectClass>,
    /// Durations and share.
    pub window: Window,
    /// Confidence of the box.
    pub conf_milli: Levels,
}

/// `face_partial`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FacePartialRules {
    /// Durations and share.
    pub window: Window,
    /// Share of the face's box outside the picture.
    pub cut_milli: Levels,
}

/// When comparisons with the enrolled face become an incident. Similarities are cosines, in thousandths, and
/// mean something for one model only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityRules {
    /// Above: a match.
    pub high_milli: i32,
    /// Below: unlike. What lies between speaks neither for nor against anybody.
    pub low_milli: i32,
    /// `identity_mismatch`: so many comparisons in a row are no match, and unlike in their mean.
    pub mismatch_samples: u16,
    /// It is over after so many matches in a row; nobody is verified by fewer.
    pub match_samples: u16,
    /// `identity_switch`: so many unlike ones after as many matches, and nobody in view between.
    pub switch_samples: u16,
    /// `identity_unverifiable`: nothing could be compared for this media time.
    pub unverifiable_after_ms: Millis,
}

/// `video_frozen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrozenRules {
    /// Opens after this much media time. Longer than the 4 s for which a browser may hold a picture.
    pub on_ms: Millis,
    /// Closes after this much media time with a changing picture.
    pub off_ms: Millis,
    /// Most bits by which the picture's hash may differ from the start of the stretch.
    pub hash_distance: u8,
    /// Most luma levels by which any cell of the grid may differ from the start of the stretch.
    pub grid_luma: u8,
}

/// `video_gap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GapRules {
    /// A hole in media time longer than this.
    pub longer_than_ms: Millis,
}

/// `media_undecodable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndecodableRules {
    /// So many segments in a row...
    pub segments: u16,
    /// ...or this much media time.
    pub lost_ms: Millis,
}
