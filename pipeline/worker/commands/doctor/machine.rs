//! Checks of the machine: cores and instruction sets.

use super::Check;
use crate::settings::{Provider, Settings};

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    vec![processor(settings)]
}

/// Instruction sets that matter here, as far as this machine has them.
#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<&'static str> {
    let sets = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512-vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avx-vnni", std::arch::is_x86_feature_detected!("avxvnni")),
    ];
    sets.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn instruction_sets() -> Vec<&'static str> {
    let sets = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
    ];
    sets.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instruction_sets() -> Vec<&'static str> {
    Vec::new()
}

/// Which person model suits the processor: integer dot products are what makes INT8 worth while.
fn processor(settings: &Settings) -> Check {
    let name = "processor";
    let sets = instruction_sets();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = settings.infer.threads;
    let found = format!("{cores} cores, {threads} used; {}", sets.join(" "));
    let fast_int8 = sets.iter().any(|set| set.ends_with("vnni") || ["dotprod", "i8mm"].contains(set));
    let advised = if fast_int8 { "nanodet_g_int8" } else { "nanodet_g" };
    let model = settings.infer.person_model.as_str();
    if settings.infer.provider == Provider::Cuda {
        return Check::ok(name, found);
    }
    if model == advised || !["nanodet_g", "nanodet_g_int8"].contains(&model) {
        return Check::ok(name, format!("{found}; person_model = {model} suits it"));
    }
    let remedy = format!("infer.person_model = \"{advised}\" is faster here; keep it equal on all machines");
    Check::warn(name, format!("{found}; person_model = {model}"), remedy)
}
