//! Objects are looked for only where the policy says so; a face cut by the picture's edge is a hint.

use domain::detections::ObjectClass;
use domain::messages::IncidentType::{self, FacePartial, PhoneVisible, ProhibitedObject};
use domain::policy::Policy;

use crate::builder::{Script, session};
use crate::fixtures::{run, standard};

fn kinds(policy: &Policy, script: Script) -> Vec<IncidentType> {
    run(policy, &session().seated(20).then(script).seated(20).observations()).kinds()
}

fn phone(seconds: i64, conf: f32) -> Script {
    session().object(seconds, ObjectClass::Phone, conf)
}

#[test]
fn the_standard_policy_looks_for_no_object() {
    assert_eq!(kinds(&standard(), phone(60, 0.9)), []);
    assert_eq!(kinds(&standard(), session().object(60, ObjectClass::Book, 0.9)), []);
}

#[test]
fn a_phone_is_evidence_only_when_accumulated() {
    let mut policy = standard();
    policy.detect.phone_visible.enabled = true;
    assert_eq!(kinds(&policy, phone(9, 0.9)), []);
    assert_eq!(kinds(&policy, phone(12, 0.45)), []);
    assert_eq!(kinds(&policy, phone(12, 0.9)), [PhoneVisible]);
}

#[test]
fn a_listed_object_is_reported_and_others_are_not() {
    let mut policy = standard();
    policy.detect.prohibited_object.classes = vec![ObjectClass::Book];
    assert_eq!(kinds(&policy, session().object(8, ObjectClass::Book, 0.7)), [ProhibitedObject]);
    assert_eq!(kinds(&policy, session().object(8, ObjectClass::Laptop, 0.7)), []);
    assert_eq!(kinds(&policy, session().object(8, ObjectClass::Book, 0.55)), []);
}

#[test]
fn a_face_cut_by_the_edge_is_a_hint_after_twenty_seconds() {
    assert_eq!(kinds(&standard(), session().half_out(18)), []);
    assert_eq!(kinds(&standard(), session().half_out(22)), [FacePartial]);
}
