//! Any policy that is accepted judges any session; any text is one or is refused.
#![no_main]

use domain::policy::Policy;
use fuzz::messages::{STANDARD, fold};
use fuzz::{Choices, change};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(policy) = toml::from_str::<Policy>(text)
    {
        let _problems = policy.validate();
    }
    let mut choices = Choices::new(bytes);
    let mut document = STANDARD.clone();
    change(&mut document, &mut choices);
    let Ok(policy) = serde_json::from_value::<Policy>(document) else { return };
    if policy.validate().is_ok() {
        fold(&policy, choices);
    }
});
