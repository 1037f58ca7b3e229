//! Checks of the machine: cores, instruction sets, and what the kernel offers to confine decoders.

use std::fs;
use std::path::Path;

use super::Check;
use crate::settings::Settings;

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    vec![processor(settings), seccomp(), landlock(), user_namespaces()]
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
    if model == advised || !["nanodet_g", "nanodet_g_int8"].contains(&model) {
        return Check::ok(name, format!("{found}; person_model = {model} suits it"));
    }
    let remedy = format!("infer.person_model = \"{advised}\" is faster here; keep it equal on all machines");
    Check::warn(name, format!("{found}; person_model = {model}"), remedy)
}

fn seccomp() -> Check {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if actions.contains("kill_process") {
        Check::ok("seccomp", "filters can be set")
    } else {
        Check::warn(
            "seccomp",
            "not offered by this kernel",
            "decoders cannot be confined to few system calls",
        )
    }
}

fn landlock() -> Check {
    let remedy =
        "decoders cannot be kept from files by Landlock; Linux 5.13 or newer with lsm=landlock has it";
    match fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(modules) if modules.split(',').any(|module| module.trim() == "landlock") => {
            Check::ok("Landlock", "enabled")
        }
        Ok(modules) => Check::warn("Landlock", format!("not among {}", modules.trim()), remedy),
        Err(_) => Check::warn("Landlock", "unknown: /sys/kernel/security is not mounted", remedy),
    }
}

fn user_namespaces() -> Check {
    let name = "user namespaces";
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let most = number("/proc/sys/user/max_user_namespaces");
    let unprivileged = number("/proc/sys/kernel/unprivileged_userns_clone").unwrap_or(1);
    let restricted = number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").unwrap_or(0);
    let exists = Path::new("/proc/self/ns/user").exists();
    if exists && most != Some(0) && unprivileged == 1 && restricted == 0 {
        Check::ok(name, "can be made")
    } else {
        let remedy = "decoders keep the network of this process unless it is confined from outside";
        Check::warn(name, "not available to this user", remedy)
    }
}
