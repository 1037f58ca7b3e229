//! `invigilator.incident.v1`: one revision of one incident.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::PolicyRef;
use crate::evidence::Span;
use crate::ids::SessionId;
use crate::time::{Interval, MediaMs, Millis};

/// One revision of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// The same for all revisions, on every machine and every replay.
    pub incident_id: Uuid,
    /// Counts from 0; the highest one is the present state.
    pub rev: u32,
    /// The session it belongs to.
    pub session: SessionId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// Whether this type can cost points; fixed by `type`.
    pub class: IncidentClass,
    /// Open, growing, closed or replaced.
    pub state: IncidentState,
    /// Start of the condition.
    pub start_ms: MediaMs,
    /// End of the condition, so far.
    pub end_ms: MediaMs,
    /// Time within the interval in which the condition was really seen.
    pub duration_ms: Millis,
    /// Of the union of all incidents of this type, not of this one alone.
    pub severity: Severity,
    /// `severity` as a number for systems that want one: 0, 0.1, 0.15 or 0.25.
    pub severity_num: f32,
    /// Highest confidence over any on-window, 0..1.
    pub confidence: f32,
    /// Why, for people and for programs.
    pub reason: Reason,
    /// The samples it rests on.
    pub stats: SampleStats,
    /// Where the pictures are.
    pub media_refs: Vec<MediaRef>,
    /// On whose side the cause lies.
    pub attribution: Attribution,
    /// Whether it takes part in the score.
    pub counts: bool,
    /// Why it does or does not.
    pub counts_reason: CountsReason,
    /// The policy it was found under.
    pub policy: PolicyRef,
    /// `name@version` of the models whose output it rests on.
    pub models: Vec<String>,
    /// What a human decided about it.
    pub review: ReviewState,
    /// Wall-clock facts; absent in canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<IncidentRun>,
}

impl Incident {
    /// Where it shows; nowhere, if another incident stands for it.
    pub fn span(&self) -> Option<Span> {
        let segments = self.media_refs.iter().map(|reference| reference.sequence).collect();
        let span = Span { interval: Interval::new(self.start_ms, self.end_ms), segments };
        (self.state != IncidentState::Superseded).then_some(span)
    }
}

/// Everything that can be reported, in the order of the score table where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentType {
    /// At least two persons.
    MultiplePersons,
    /// Nobody, and the place where the candidate sat has changed.
    PersonAbsent,
    /// A phone, accumulated over time.
    PhoneVisible,
    /// Another thing that the policy lists.
    ProhibitedObject,
    /// Eyes and head together away from the screen.
    GazeOffScreen,
    /// The head alone turned far away.
    HeadTurnedAway,
    /// Many short looks to the same place.
    RepeatedGlances,
    /// Not the enrolled candidate.
    IdentityMismatch,
    /// A lasting change of person.
    IdentitySwitch,
    /// The same moving picture twice.
    ReplaySuspected,
    /// Somebody is there but no usable face.
    FaceNotDetected,
    /// The face is cut by the picture's edge.
    FacePartial,
    /// Identity could not be checked for long.
    IdentityUnverifiable,
    /// Near-uniform picture while bytes flow.
    CameraObstructed,
    /// Too dark, back-lit or blurred.
    SceneUnusable,
    /// The clock runs, the picture stands.
    VideoFrozen,
    /// Missing pieces.
    VideoGap,
    /// No bytes at all.
    StreamLost,
    /// Bytes that no decoder accepts.
    MediaUndecodable,
    /// Media clock and ingest clock disagree.
    ClockDiscontinuity,
}

/// What a type of incident can do to a score. Fixed by type, never by configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentClass {
    /// Can cost points.
    Evidence,
    /// What we could not see: never costs points.
    Coverage,
    /// Costs points only once a human confirmed it.
    Identity,
}

impl IncidentClass {
    /// As messages write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Coverage => "coverage",
            Self::Identity => "identity",
        }
    }
}

impl IncidentType {
    /// All types.
    pub const ALL: [Self; 20] = [
        Self::MultiplePersons,
        Self::PersonAbsent,
        Self::PhoneVisible,
        Self::ProhibitedObject,
        Self::GazeOffScreen,
        Self::HeadTurnedAway,
        Self::RepeatedGlances,
        Self::IdentityMismatch,
        Self::IdentitySwitch,
        Self::ReplaySuspected,
        Self::FaceNotDetected,
        Self::FacePartial,
        Self::IdentityUnverifiable,
        Self::CameraObstructed,
        Self::SceneUnusable,
        Self::VideoFrozen,
        Self::VideoGap,
        Self::StreamLost,
        Self::MediaUndecodable,
        Self::ClockDiscontinuity,
    ];

    /// The class of this type.
    pub const fn class(self) -> IncidentClass {
        match self {
            Self::MultiplePersons
            | Self::PersonAbsent
            | Self::PhoneVisible
            | Self::ProhibitedObject
            | Self::GazeOffScreen
            | Self::HeadTurnedAway
            | Self::RepeatedGlances => IncidentClass::Evidence,
            Self::IdentityMismatch | Self::IdentitySwitch | Self::ReplaySuspected => IncidentClass::Identity,
            Self::FaceNotDetected
            | Self::FacePartial
            | Self::IdentityUnverifiable
            | Self::CameraObstructed
            | Self::SceneUnusable
            | Self::VideoFrozen
            | Self::VideoGap
            | Self::StreamLost
            | Self::MediaUndecodable
            | Self::ClockDiscontinuity => IncidentClass::Coverage,
        }
    }

    /// The name that messages use, e.g. `multiple_persons`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiplePersons => "multiple_persons",
            Self::PersonAbsent => "person_absent",
            Self::PhoneVisible => "phone_visible",
            Self::ProhibitedObject => "prohibited_object",
            Self::GazeOffScreen => "gaze_off_screen",
            Self::HeadTurnedAway => "head_turned_away",
            Self::RepeatedGlances => "repeated_glances",
            Self::IdentityMismatch => "identity_mismatch",
            Self::IdentitySwitch => "identity_switch",
            Self::ReplaySuspected => "replay_suspected",
            Self::FaceNotDetected => "face_not_detected",
            Self::FacePartial => "face_partial",
            Self::IdentityUnverifiable => "identity_unverifiable",
            Self::CameraObstructed => "camera_obstructed",
            Self::SceneUnusable => "scene_unusable",
            Self::VideoFrozen => "video_frozen",
            Self::VideoGap => "video_gap",
            Self::StreamLost => "stream_lost",
            Self::MediaUndecodable => "media_undecodable",
            Self::ClockDiscontinuity => "clock_discontinuity",
        }
    }
}

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// First revision while it lasts.
    Open,
    /// Later revision while it lasts.
    Updated,
    /// It is over.
    Closed,
    /// Merged into another incident.
    Superseded,
}

/// How grave; follows the total length of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Coverage: nothing to weigh.
    Info,
    /// Short.
    Low,
    /// Longer.
    Medium,
    /// Longest.
    High,
}

/// Why, in three forms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Stable word for programs.
    pub code: String,
    /// Figures that belong to the code.
    pub params: Map<String, Value>,
    /// A sentence for people.
    pub text: String,
}

/// Samples within an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SampleStats {
    /// Planned samples.
    pub planned: u32,
    /// Of these, valid.
    pub valid: u32,
    /// Of these, with the condition.
    #[serde(rename = "true")]
    pub matched: u32,
}

/// A segment that shows an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaRef {
    /// Topic without prefix.
    pub topic: String,
    /// Sequence of the segment.
    pub sequence: u64,
}

/// On whose side the cause of an incident lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// In front of the camera.
    Candidate,
    /// Network, browser or machine.
    It,
    /// Ours.
    Platform,
    /// Cannot be told.
    Unknown,
}

/// Why an incident counts or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountsReason {
    /// It counts: class evidence.
    Evidence,
    /// It counts: a human confirmed it.
    Confirmed,
    /// Coverage never counts.
    Coverage,
    /// Identity without a human's confirmation.
    AwaitingReview,
    /// A human dismissed it.
    Dismissed,
    /// Below the policy's confidence floor.
    LowConfidence,
    /// An accommodation of this session allows it.
    Accommodated,
    /// The candidate's own "looking at the screen" was not known yet.
    Uncalibrated,
    /// The picture stood still: nothing was seen.
    Frozen,
    /// Outside the time for which video was expected.
    Unexpected,
    /// The session was judged again, and this was not found any more.
    Superseded,
}

/// What humans decided about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewState {
    /// The last decision.
    pub state: ReviewStatus,
    /// Who, as an opaque id.
    pub by: Option<String>,
    /// When, RFC 3339, as recorded in the review.
    pub at: Option<String>,
    /// Their words.
    pub note: Option<String>,
}

/// State of review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Nobody decided yet.
    Unreviewed,
    /// It happened.
    Confirmed,
    /// It did not, or it is fine.
    Dismissed,
    /// Decided before, open again.
    Reopened,
}

impl ReviewState {
    /// Nobody decided yet.
    pub const fn unreviewed() -> Self {
        Self { state: ReviewStatus::Unreviewed, by: None, at: None, note: None }
    }
}

/// Wall-clock facts of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentRun {
    /// When it was found, RFC 3339.
    pub detected_at: String,
    /// Media time from the start of the condition to the sample that opened the incident.
    pub time_to_flag_ms: Millis,
}
