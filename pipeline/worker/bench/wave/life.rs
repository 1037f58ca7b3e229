//! A candidate's life in the exam, decided by the seed and the candidate's number alone: when they come, who they
//! are, what happens to them, and what their connection does to what is seen of them.
//!
//! Half of them sit and write. To the others something happens, several times if there is time: they leave, somebody
//! comes, they look aside, it gets dark, the camera is covered, the picture freezes, nobody finds their face. Some
//! are granted a break, some are not whom the enrolment expects, and of some the last segment never comes.

use domain::ids::SessionId;
use domain::messages::Accommodation;
use domain::time::{MediaMs, Millis};
use fastrand::Rng;

use super::Wave;

/// Everybody is in the same exam of one tenant.
const EXAM: &str = "wave/exam";
/// How long a break takes, in seconds.
const BREAK_S: std::ops::Range<i64> = 20..60;

/// What one candidate will do.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// The session.
    pub session: SessionId,
    /// Decides everything that is not written down here.
    pub(super) seed: u64,
    /// When it begins, counted from the beginning of the wave.
    pub begins: Millis,
    /// How long it takes.
    pub length: Millis,
    /// What they and their room look like.
    pub(super) looks: Looks,
    /// Where they are compared with an enrolment: how alike.
    pub(super) likeness: Option<f32>,
    /// What they were granted.
    pub granted: Vec<Accommodation>,
    /// What happens, in order; nothing in between.
    pub(super) scenes: Vec<Scene>,
    /// Its last segment never comes: only a clock can say that it is over.
    pub(super) is_cut_off: bool,
}

/// What somebody and their room look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Looks {
    /// Luma of the wall, and how it changes from left to right.
    pub wall: u8,
    pub slope: u8,
    /// Left and upper edge of the face.
    pub face: (f32, f32),
    /// Head towards the screen, in degrees.
    pub yaw: f32,
    pub pitch: f32,
}

/// Something that happens for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scene {
    pub from: MediaMs,
    pub until: MediaMs,
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// Nobody is at the desk.
    Away,
    /// A second person.
    Company,
    /// The head is turned far to a side.
    LooksAside,
    /// Too dark to see.
    Dark,
    /// A hand on the lens.
    Covered,
    /// One and the same picture.
    Frozen,
    /// Somebody sits there whose face is not found.
    Faceless,
    /// A break that was granted: there is no video.
    Break,
}

const HAPPENINGS: [Happening; 7] = [
    Happening::Away,
    Happening::Company,
    Happening::LooksAside,
    Happening::Dark,
    Happening::Covered,
    Happening::Frozen,
    Happening::Faceless,
];

impl Life {
    /// The life of a candidate.
    ///
    /// # Panics
    /// Never: their names are names of sessions.
    pub fn of(wave: &Wave, number: u32) -> Self {
        let seed = mix(wave.seed, u64::from(number));
        let mut dice = Rng::with_seed(seed);
        let begins = Millis(dice.i64(0..wave.within.0.max(1)));
        // An exam ends for everybody; who is done hands in a little earlier.
        let early = Millis(dice.i64(0..(wave.lasts.0 / 8).clamp(1, 60_000)));
        let length = Millis((wave.lasts - begins - early).0.max(wave.segment.0) / 1000 * 1000);
        let has_break = dice.u32(0..100) < 3 && length > Millis::from_secs(150);
        let scenes = if dice.bool() { scenes(&mut dice, length, has_break) } else { Vec::new() };
        let has_break = scenes.iter().any(|scene| scene.what == Happening::Break);
        Self {
            session: format!("{EXAM}/candidate-{number:06}").parse().expect("a name of a session"),
            seed,
            begins,
            length,
            looks: Looks {
                wall: dice.u8(55..110),
                slope: dice.u8(4..14),
                face: (0.30 + dice.f32() * 0.16, 0.16 + dice.f32() * 0.12),
                yaw: dice.f32() * 16.0 - 8.0,
                pitch: dice.f32() * 14.0,
            },
            likeness: match dice.u32(0..100) {
                0..60 => None,
                60..99 => Some(0.958 + dice.f32() * 0.03),
                _ => Some(0.88 + dice.f32() * 0.03),
            },
            granted: if has_break { vec![Accommodation::Breaks] } else { Vec::new() },
            scenes,
            is_cut_off: dice.u32(0..100) == 0,
        }
    }

    /// What happens at a moment; `None`: somebody sits and writes.
    pub(super) fn scene(&self, at: MediaMs) -> Option<&Scene> {
        self.scenes.iter().find(|scene| scene.from <= at && at < scene.until)
    }

    /// Chance that is the same each time it is asked for, of something that has a number.
    pub(super) fn dice(&self, what: u64) -> Rng {
        Rng::with_seed(mix(self.seed, what))
    }
}

/// What happens in a life of this length; a break is in the middle and on whole ten seconds, where segments end.
fn scenes(dice: &mut Rng, length: Millis, has_break: bool) -> Vec<Scene> {
    let seconds = length.0 / 1000;
    let mut scenes = Vec::new();
    let mut now = dice.i64(3..(seconds / 2).clamp(4, 60));
    let mut add = |from: i64, until: i64, what| {
        scenes.push(Scene { from: MediaMs(from * 1000), until: MediaMs(until * 1000), what });
    };
    let pause = (has_break).then(|| (seconds / 20 * 10, seconds / 20 * 10 + dice.i64(BREAK_S) / 10 * 10));
    while now < seconds {
        let until = (now + dice.i64(4..40)).min(seconds);
        let what = dice.choice(HAPPENINGS).unwrap_or(Happening::Away);
        if pause.is_none_or(|(from, to)| until <= from || now >= to) {
            add(now, until, what);
        }
        now = until + dice.i64(10..(seconds / 2).clamp(11, 150));
    }
    if let Some((from, until)) = pause {
        add(from, until, Happening::Break);
    }
    scenes.sort_by_key(|scene| scene.from);
    scenes
}

/// Two numbers into one that looks like neither.
pub(super) fn mix(one: u64, other: u64) -> u64 {
    Rng::with_seed(one ^ other.wrapping_mul(0x9E37_79B9_7F4A_7C15)).u64(..)
}
