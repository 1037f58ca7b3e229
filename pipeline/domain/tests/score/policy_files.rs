//! The policies in `config/policies` are valid, and a bad one is refused with all its problems at once.

use domain::messages::Accommodation;
use domain::policy::Policy;
use domain::time::Millis;

use crate::fixtures::{ACCOMMODATED, STANDARD, standard};

#[test]
fn every_file_is_a_valid_policy() {
    for text in [STANDARD, ACCOMMODATED] {
        let policy: Policy = toml::from_str(text).unwrap();
        assert_eq!(policy.validate(), Ok(()));
    }
}

#[test]
fn the_accommodated_policy_differs_in_accommodations_alone() {
    let accommodated: Policy = toml::from_str(ACCOMMODATED).unwrap();
    assert_eq!(
        accommodated.accommodations.granted(),
        [
            Accommodation::Breaks,
            Accommodation::ExtraTime,
            Accommodation::Paper,
            Accommodation::SecondPerson,
            Accommodation::HeadCovering
        ]
    );
    let Policy { id, accommodations, .. } = standard();
    assert_eq!(Policy { id, accommodations, ..accommodated }, standard());
}

#[test]
fn unknown_keys_and_fractions_are_refused() {
    for (good, bad) in [
        ("id = \"standard\"", "id = \"standard\"\nidd = 1"),
        ("off_ms = 3000", "off_ms = 3000, of_ms = 1"),
        ("cap_milli = 50000", "cap_milli = 50000.5"),
        ("breaks = false", "breaks = false\nglasses = true"),
    ] {
        let text = STANDARD.replacen(good, bad, 1);
        assert_ne!(text, STANDARD, "{good}");
        assert!(toml::from_str::<Policy>(&text).is_err(), "{bad}");
    }
}

#[test]
fn all_problems_are_named_at_once() {
    let mut policy = standard();
    policy.id = "Standard!".into();
    policy.bands.amber_from = 90;
    policy.detect.person_absent.window.p_milli = 1001;
    policy.detect.gaze_off_screen.angle_mdeg.off = 30_000;
    policy.detect.video_frozen.on_ms = Millis(4000);
    policy.points.person_absent.high = policy.points.person_absent.low;
    policy.points.looking_away_cap_milli = 20_001;
    let fields: Vec<String> =
        policy.validate().unwrap_err().into_iter().map(|problem| problem.field).collect();
    assert_eq!(
        fields,
        [
            "id",
            "bands.amber_from",
            "detect.person_absent.window.p_milli",
            "detect.gaze_off_screen.angle_mdeg",
            "detect.video_frozen.on_ms",
            "points.person_absent",
            "points.looking_away_cap_milli",
        ]
    );
}
