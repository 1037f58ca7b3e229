//! The hash of the settings that can change an observation. Two observations with equal hashes were
//! made under equal settings, on whatever machine, with however many threads.

use domain::identity::Cadence;
use domain::messages::canonical;
use domain::observe::Reporting;
use domain::observe::quality::QualityGate;
use domain::sampling::Suspicion;
use serde::Serialize;

use super::Provider;
use super::raw::{RawSampling, RawSettings};

/// Everything that counts. Left out on purpose: paths, threads, children and timeouts, which change how
/// fast an observation is made, and the policy, which has a hash of its own.
#[derive(Serialize)]
struct Fingerprint<'a> {
    sampling: &'a RawSampling,
    suspicion: &'a Suspicion,
    quality: &'a QualityGate,
    observe: &'a Reporting,
    identity: &'a Cadence,
    decode: Accepted,
    infer: Looking<'a>,
}

#[derive(Serialize)]
struct Accepted {
    longer_side: u32,
    shorter_side: u32,
    max_hours: u16,
}

#[derive(Serialize)]
struct Looking<'a> {
    provider: Provider,
    person_model: &'a str,
    accept_research_models: bool,
    max_measured_faces: u16,
    max_second_looks: u16,
}

/// SHA-256 of the canonical JSON, lower-case hex. The provider is the one that models really run on: it changes
/// how floats are rounded.
pub(super) fn of(raw: &RawSettings, provider: Provider) -> String {
    let identity = super::validate::cadence(&raw.identity);
    let counted = Fingerprint {
        sampling: &raw.sampling,
        suspicion: &raw.suspicion,
        quality: &raw.quality,
        observe: &raw.observe,
        identity: &identity,
        decode: Accepted {
            longer_side: raw.decode.longer_side,
            shorter_side: raw.decode.shorter_side,
            max_hours: raw.decode.max_hours,
        },
        infer: Looking {
            provider,
            person_model: &raw.infer.person_model,
            accept_research_models: raw.infer.accept_research_models,
            max_measured_faces: raw.infer.max_measured_faces,
            max_second_looks: raw.infer.max_second_looks,
        },
    };
    canonical::sha256_hex(&canonical::bytes(&counted))
}

#[cfg(test)]
mod tests {
    use crate::settings::{Override, Settings, Sources};

    fn hash_with(key: &'static str, value: impl Into<toml::Value>) -> String {
        let arguments = vec![Override { argument: "test", key, value: value.into() }];
        Settings::load(&Sources { arguments, ..Sources::default() }).unwrap().config_hash
    }

    #[test]
    fn only_what_can_change_an_observation_changes_the_hash() {
        let default = Settings::defaults().config_hash;
        assert_eq!(hash_with("infer.threads", 3), default);
        assert_eq!(hash_with("decode.stall_timeout_ms", 5000), default);
        assert_eq!(hash_with("infer.models_dir", "elsewhere"), default);
        assert_ne!(hash_with("sampling.base_fps", 2.0), default);
        assert_ne!(hash_with("quality.dark_luma_p90", 10), default);
        assert_ne!(hash_with("infer.person_model", "nanodet_g"), default);
    }

    #[test]
    fn who_falls_back_has_the_hash_of_those_who_never_wanted_more() {
        let with = |pairs: &[(&'static str, &str)]| {
            let argument = |(key, value): &(&'static str, &str)| Override {
                argument: "test",
                key,
                value: (*value).into(),
            };
            let arguments = pairs.iter().map(argument).collect();
            Settings::load(&Sources { arguments, ..Sources::default() }).unwrap()
        };
        let cpu = with(&[("infer.person_model", "nanodet_g")]);
        let cuda = with(&[("infer.person_model", "nanodet_g"), ("infer.provider", "cuda")]);
        assert_ne!(cuda.config_hash, cpu.config_hash);
        assert_eq!(cuda.config_hash_on_cpu, cpu.config_hash);
        assert_eq!(cpu.config_hash_on_cpu, cpu.config_hash);
    }
}
