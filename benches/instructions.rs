//! The gate of `make test` on speed: how many instructions the pure parts take for fixed inputs, counted by
//! valgrind and compared with `instructions.json`.
//!
//! `make gate` runs it; `make gate-update` writes the budgets anew, to be reviewed like code. A part that takes
//! 5 % more than its budget fails. Instructions, because they do not depend on what else the machine does; and
//! of parts that know no clock, thread or randomness. What they do depend on:
//!
//! - the compiler: under another one than that of the budgets a part may take 25 % more;
//! - instruction sets: valgrind offers AVX2 at most, whatever the processor has, and hides the instructions for
//!   SHA. The C library is kept from choosing its `memcpy` by the processor. A processor without AVX2 has other
//!   counts;
//! - the architecture: there are budgets for those alone that `instructions.json` names.
//!
//! The other half of the gate, the work that decoders and models do, is `tests/bench.rs`.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "../pipeline/domain/tests/score/builder.rs"]
mod builder;
#[allow(dead_code)]
#[path = "../pipeline/domain/tests/score/fixtures.rs"]
mod fixtures;
#[path = "instructions/parts.rs"]
mod parts;

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

/// How much more than its budget a part may take.
const TOLERANCE: f64 = 0.05;
/// The same under another compiler.
const TOLERANCE_OF_STRANGERS: f64 = 0.25;

/// What the C library may not use: then it copies with the instructions that all processors have.
const COPY_ALIKE: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512VL,-ERMS,-FSRM";

/// The budgets of one architecture.
#[derive(Default, Serialize, Deserialize)]
struct Budgets {
    compiler: String,
    instructions: BTreeMap<String, u64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, name] = arguments.as_slice()
        && mode == "part"
    {
        parts::run(name);
        return ExitCode::SUCCESS;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/instructions.json");
    let mut all: BTreeMap<String, Budgets> =
        std::fs::read_to_string(&file).map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
    let counted = match counted() {
        Ok(counted) => counted,
        Err(problem) => {
            eprintln!("gate: {problem}");
            return ExitCode::FAILURE;
        }
    };
    if std::env::var_os("UPDATE_BUDGETS").is_some() {
        all.insert(ARCH.to_owned(), counted);
        std::fs::write(&file, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
        return ExitCode::SUCCESS;
    }
    let Some(budgets) = all.get(ARCH) else {
        println!("gate: benches/instructions.json has no budgets for {ARCH}: nothing to compare with");
        return ExitCode::SUCCESS;
    };
    if is_within(budgets, &counted) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares, and says what came of it.
fn is_within(budgets: &Budgets, counted: &Budgets) -> bool {
    let is_same = budgets.compiler == counted.compiler;
    let tolerance = if is_same { TOLERANCE } else { TOLERANCE_OF_STRANGERS };
    if !is_same {
        println!(
            "gate: budgets are those of {}, this is {}: 25 % are allowed",
            budgets.compiler, counted.compiler
        );
    }
    let mut is_good = true;
    println!("{:<10}{:>16}{:>16}{:>9}", "part", "budget", "instructions", "");
    for (part, count) in &counted.instructions {
        let budget = budgets.instructions.get(part).copied().unwrap_or_default();
        let change = *count as f64 / budget.max(1) as f64 - 1.0;
        let verdict = match change {
            _ if budget == 0 => "has no budget: make gate-update",
            change if change > tolerance => "TOO MUCH",
            change if change < -tolerance => "better: make gate-update keeps it so",
            _ => "",
        };
        is_good &= budget > 0 && change <= tolerance;
        println!("{part:<10}{budget:>16}{count:>16}{:>+8.1} %  {verdict}", change * 100.0);
    }
    if !is_good {
        println!(
            "gate: find out what became slower (valgrind --tool=callgrind); if it has to be, `make gate-update`"
        );
    }
    is_good
}

/// Counts the instructions of all parts.
fn counted() -> Result<Budgets, String> {
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map_err(|error| format!("rustc cannot be asked for its version: {error}"))?;
    let compiler = String::from_utf8_lossy(&compiler.stdout).trim().to_owned();
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let count = |name: &str| Ok((name.to_owned(), count(&this, name)?));
    Ok(Budgets {
        compiler,
        instructions: parts::NAMES.iter().map(|name| count(name)).collect::<Result<_, String>>()?,
    })
}

/// Counts those of one part, in a process of its own.
fn count(this: &PathBuf, name: &str) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // From when the part begins to when it ends: not what gets its input ready.
        .arg(format!("--toggle-collect=*{}*", parts::REGION))
        .arg(this)
        .args(["part", name])
        .env("GLIBC_TUNABLES", COPY_ALIKE)
        .output()
        .map_err(|error| format!("valgrind cannot be run ({error}): make setup-system"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    match collected {
        Some(count) if count > 0 && output.status.success() => Ok(count),
        _ => Err(format!("valgrind counted nothing in `{name}`:\n{said}")),
    }
}
