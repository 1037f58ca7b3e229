//! Checks what the types of a policy cannot: all problems at once, each with the field's name.

use std::fmt;

use super::{Charge, Levels, Points, Policy, Window};
use crate::time::Millis;

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Where, as in the file: `detect.person_absent.window.p_milli`.
    pub field: String,
    /// What is wrong, as a sentence without a full stop.
    pub problem: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for PolicyProblem {}

/// Longest window: bounds what has to be remembered of the past.
const LONGEST_WINDOW: Millis = Millis::from_secs(120);
/// Longest lateness: bounds what waits in the reorder buffer.
const LONGEST_LATENESS: Millis = Millis::from_secs(120);

impl Policy {
    /// Checks every field.
    ///
    /// # Errors
    /// All problems, in the order of the fields.
    pub fn validate(&self) -> Result<(), Vec<PolicyProblem>> {
        let mut found = Problems::default();
        self.check_head(&mut found);
        self.check_calibration(&mut found);
        self.check_detect(&mut found);
        check_points(&self.points, &mut found);
        if found.0.is_empty() { Ok(()) } else { Err(found.0) }
    }

    fn check_head(&self, found: &mut Problems) {
        let good_id = (1..=64).contains(&self.id.len())
            && self.id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        found.unless(good_id, "id", "must be 1 to 64 of a-z 0-9 -");
        found.unless(self.version > 0, "version", "must be at least 1");
        found.share("confidence_floor_milli", self.confidence_floor_milli);
        let timing = self.timing;
        found.within("timing.lateness_ms", timing.lateness_ms, Millis(0), LONGEST_LATENESS);
        found.within("timing.merge_gap_ms", timing.merge_gap_ms, Millis(0), LONGEST_WINDOW);
        found.within("timing.episode_gap_ms", timing.episode_gap_ms, timing.merge_gap_ms, Millis(600_000));
        found.within("timing.update_every_ms", timing.update_every_ms, Millis(1000), Millis(600_000));
        found.share("coverage.floor_milli", self.coverage.floor_milli);
        found.share("coverage.unseen_total_milli", self.coverage.unseen_total_milli);
        let stretch = self.coverage.unseen_stretch_ms;
        found.unless(stretch.0 > 0, "coverage.unseen_stretch_ms", "must be positive");
        let bands = self.bands;
        found.unless(bands.green_from <= 100, "bands.green_from", "must be at most 100");
        found.unless(bands.amber_from < bands.green_from, "bands.amber_from", "must be below green_from");
        for (index, pause) in self.accommodations.planned_breaks.iter().enumerate() {
            let field = format!("accommodations.planned_breaks[{index}]");
            found.unless(!pause.is_empty(), &field, "must end after it starts");
            found.unless(self.accommodations.breaks, &field, "needs `breaks = true`");
        }
    }

    fn check_calibration(&self, found: &mut Problems) {
        let rules = self.calibration;
        let refined = rules.refined_until_ms;
        found.within("calibration.usable_after_ms", rules.usable_after_ms, Millis(3000), refined);
        found.within("calibration.refined_until_ms", refined, Millis(3000), LONGEST_WINDOW);
        for (field, value, most) in [
            ("calibration.drift_mdeg_per_s", rules.drift_mdeg_per_s, 1000),
            ("calibration.prior_margin_mdeg", rules.prior_margin_mdeg, 60_000),
            ("calibration.yaw_mdeg_per_eye_width", rules.yaw_mdeg_per_eye_width, 1_000_000),
            ("calibration.pitch_mdeg_per_eye_width", rules.pitch_mdeg_per_eye_width, 1_000_000),
        ] {
            found.unless((0..=most).contains(&value), field, &format!("must be 0 to {most}"));
        }
        let prior = (-30_000..=30_000).contains(&rules.prior_pitch_mdeg);
        found.unless(prior, "calibration.prior_pitch_mdeg", "must be -30000 to 30000");
        found.share("calibration.eyes_open_milli", rules.eyes_open_milli);
    }

    fn check_detect(&self, found: &mut Problems) {
        let detect = &self.detect;
        for (name, window) in [
            ("person_absent", detect.person_absent.window),
            ("multiple_persons", detect.multiple_persons.window),
            ("gaze_off_screen", detect.gaze_off_screen.window),
            ("head_turned_away", detect.head_turned_away.window),
            ("phone_visible", detect.phone_visible.window),
            ("prohibited_object", detect.prohibited_object.window),
            ("face_not_detected", detect.face_not_detected.window),
            ("face_partial", detect.face_partial.window),
            ("camera_obstructed", detect.camera_obstructed.window),
            ("scene_unusable", detect.scene_unusable.window),
        ] {
            found.window(name, window);
        }
        let persons = &detect.multiple_persons;
        for (field, levels, most) in [
            ("person_absent.witness_share_milli", detect.person_absent.witness_share_milli, 1000),
            ("multiple_persons.face_conf_milli", persons.face_conf_milli, 1000),
            ("multiple_persons.body_conf_milli", persons.body_conf_milli, 1000),
            ("gaze_off_screen.angle_mdeg", detect.gaze_off_screen.angle_mdeg, 90_000),
            ("head_turned_away.yaw_mdeg", detect.head_turned_away.yaw_mdeg, 90_000),
            ("head_turned_away.pitch_up_mdeg", detect.head_turned_away.pitch_up_mdeg, 90_000),
            ("phone_visible.conf_milli", detect.phone_visible.conf_milli, 1000),
            ("prohibited_object.conf_milli", detect.prohibited_object.conf_milli, 1000),
            ("face_partial.cut_milli", detect.face_partial.cut_milli, 1000),
        ] {
            found.levels(field, levels, most);
        }
        let Levels { on, off } = detect.person_absent.person_conf_milli;
        let laxer = 0 < on && on <= off && off <= 1000;
        let problem = "must be above 0, `off` not below `on`, at most 1000";
        found.unless(laxer, "detect.person_absent.person_conf_milli", problem);
        let luma = detect.person_absent.witness_luma;
        found.unless((1..=128).contains(&luma), "detect.person_absent.witness_luma", "must be 1 to 128");
        found.share("detect.multiple_persons.height_milli", persons.height_milli);
        found.share("detect.multiple_persons.moves_milli", persons.moves_milli);
        found.share("detect.multiple_persons.moves_picture_milli", persons.moves_picture_milli);

        let glances = detect.repeated_glances;
        let few = (2..=64).contains(&glances.count);
        found.unless(few, "detect.repeated_glances.count", "must be 2 to 64");
        let samples = (1..=16).contains(&glances.least_samples);
        found.unless(samples, "detect.repeated_glances.least_samples", "must be 1 to 16");
        let sector = (5000..=90_000).contains(&glances.sector_mdeg);
        found.unless(sector, "detect.repeated_glances.sector_mdeg", "must be 5000 to 90000");
        let hour = Millis::from_secs(3600);
        found.within("detect.repeated_glances.within_ms", glances.within_ms, Millis(1000), hour);
        let sparsest = glances.sparsest_interval_ms;
        found.within("detect.repeated_glances.sparsest_interval_ms", sparsest, Millis(100), Millis(2000));

        let identity = detect.identity;
        let apart = -1000 < identity.low_milli
            && identity.low_milli <= identity.high_milli
            && identity.high_milli < 1000;
        let problem = "`low_milli` must be above -1000 and not above `high_milli`, and that below 1000";
        found.unless(apart, "detect.identity", problem);
        for (field, samples, least) in [
            // Never a verdict of one picture, nor of a blink.
            ("detect.identity.mismatch_samples", identity.mismatch_samples, 4),
            ("detect.identity.match_samples", identity.match_samples, 2),
            ("detect.identity.switch_samples", identity.switch_samples, 3),
        ] {
            found.unless((least..=16).contains(&samples), field, &format!("must be {least} to 16"));
        }
        let after = identity.unverifiable_after_ms;
        found.within("detect.identity.unverifiable_after_ms", after, Millis::from_secs(60), hour);

        // A browser may hold a picture for 4 s when nothing moves.
        found.within("detect.video_frozen.on_ms", detect.video_frozen.on_ms, Millis(4001), LONGEST_WINDOW);
        found.within("detect.video_frozen.off_ms", detect.video_frozen.off_ms, Millis(0), LONGEST_WINDOW);
        let hash = detect.video_frozen.hash_distance <= 8;
        found.unless(hash, "detect.video_frozen.hash_distance", "must be at most 8");
        let grid = detect.video_frozen.grid_luma <= 8;
        found.unless(grid, "detect.video_frozen.grid_luma", "must be at most 8");
        let gap = detect.video_gap.longer_than_ms;
        found.within("detect.video_gap.longer_than_ms", gap, Millis(1), hour);
        let undecodable = detect.media_undecodable;
        found.unless(undecodable.segments > 0, "detect.media_undecodable.segments", "must be positive");
        found.within("detect.media_undecodable.lost_ms", undecodable.lost_ms, Millis(1), hour);
    }
}

fn check_points(points: &Points, found: &mut Problems) {
    for kind in Points::ORDER {
        if let Some(charge) = points.charge(kind) {
            check_charge(kind.name(), charge, found);
        }
    }
    // Looking away alone never goes below 80, whatever a policy says.
    let cap = points.looking_away_cap_milli;
    found.unless((0..=20_000).contains(&cap), "points.looking_away_cap_milli", "must be 0 to 20000");
}

fn check_charge(name: &str, charge: &Charge, found: &mut Problems) {
    let field = format!("points.{name}");
    let levels: Vec<_> = charge.levels().map(|(_, level)| level).collect();
    found.unless(!levels.is_empty(), &field, "needs at least one of low, medium, high");
    // Otherwise a longer incident could cost less than a shorter one.
    let rising =
        levels.windows(2).all(|pair| pair[0].from < pair[1].from && pair[0].base_milli <= pair[1].base_milli);
    found.unless(rising, &field, "a graver level must start later and cost no less");
    let sane = levels.iter().all(|level| level.from >= 0 && (0..=100_000).contains(&level.base_milli));
    found.unless(sane, &field, "`from` must not be negative, `base_milli` must be 0 to 100000");
    let rate = (0..=100_000).contains(&charge.rate_milli_per_s);
    found.unless(rate, &field, "`rate_milli_per_s` must be 0 to 100000");
    found.unless((0..=100_000).contains(&charge.cap_milli), &field, "`cap_milli` must be 0 to 100000");
}

#[derive(Default)]
struct Problems(Vec<PolicyProblem>);

impl Problems {
    fn unless(&mut self, fine: bool, field: &str, problem: &str) {
        if !fine {
            self.0.push(PolicyProblem { field: field.to_owned(), problem: problem.to_owned() });
        }
    }

    fn share(&mut self, field: &str, milli: u16) {
        self.unless(milli <= 1000, field, "must be at most 1000");
    }

    fn within(&mut self, field: &str, value: Millis, least: Millis, most: Millis) {
        let problem = format!("must be {} to {}", least.0, most.0);
        self.unless((least..=most).contains(&value), field, &problem);
    }

    fn window(&mut self, name: &str, window: Window) {
        let field = format!("detect.{name}.window");
        self.within(&format!("{field}.on_ms"), window.on_ms, Millis(1), LONGEST_WINDOW);
        self.within(&format!("{field}.off_ms"), window.off_ms, Millis(1), LONGEST_WINDOW);
        let share = (1..=1000).contains(&window.p_milli);
        self.unless(share, &format!("{field}.p_milli"), "must be 1 to 1000");
    }

    fn levels(&mut self, field: &str, levels: Levels, most: i32) {
        let fine = 0 < levels.off && levels.off <= levels.on && levels.on <= most;
        let problem = format!("must be above 0, `off` not above `on`, at most {most}");
        self.unless(fine, &format!("detect.{field}"), &problem);
    }
}
