//! Sessions of any messages that can be read are folded.
#![no_main]

use std::sync::LazyLock;

use domain::policy::Policy;
use fuzz::Choices;
use fuzz::messages::{STANDARD, fold};
use libfuzzer_sys::fuzz_target;

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| serde_json::from_value(STANDARD.clone()).expect("the standard policy is one"));

fuzz_target!(|bytes: &[u8]| fold(&POLICY, Choices::new(bytes)));
