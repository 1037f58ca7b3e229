//! One file per command: reads its arguments, asks the stages, and shows a person or a program what
//! came of it.
//!
//! | File | Command |
//! |---|---|
//! | [`analyze`] | `invigilator analyze FILE…` |
//! | [`demo`] | `invigilator demo` |
//! | [`publish`] | `invigilator publish FILE…` |
//! | [`upload`] | `invigilator upload FILE…` |
//! | [`worker`] | `invigilator worker` |
//! | [`gateway`] | `invigilator gateway`, `invigilator gateway token` |
//! | [`topics`] | `invigilator topics create`, `check`, `acls` |
//! | [`redrive`] | `invigilator redrive` |
//! | [`rescore`] | `invigilator rescore` |
//! | [`compare`] | `invigilator compare` |
//! | [`enroll`] | `invigilator enroll PHOTO…` |
//! | [`erase`] | `invigilator erase SESSION` |
//! | [`evidence`] | `invigilator evidence sweep` |
//! | [`eval`] | `invigilator eval DIR` |
//! | [`bench`] | `invigilator bench FILE…` |
//! | [`wave`] | `invigilator bench wave` |
//! | [`plan`] | `invigilator plan` |
//! | [`models`] | `invigilator models list`, `invigilator models verify` |
//! | [`check_config`] | `invigilator check-config` |
//! | [`doctor`] | `invigilator doctor` |
//!
//! Results go to stdout, everything else to stderr. Decides nothing about video, incidents or points.

pub mod analyze;
pub mod bench;
pub mod check_config;
pub mod compare;
pub mod demo;
pub mod doctor;
pub mod enroll;
pub mod erase;
pub mod eval;
pub mod evidence;
pub mod gateway;
pub mod models;
pub mod plan;
mod progress;
pub mod publish;
pub mod redrive;
pub mod rescore;
mod table;
pub mod topics;
pub mod upload;
mod wave;
pub mod worker;

use crate::exit::Failure;
use crate::settings::Settings;
use crate::settings::policy::LoadedPolicy;
use crate::workshop::Workshop;

/// The parts that files are analysed with; tells a person if they are not quite as wished for.
fn workshop(settings: Settings, judged_by: LoadedPolicy, trace: bool) -> Result<Workshop, Failure> {
    let workshop = Workshop::open(settings, judged_by, trace)?;
    if let Some(error) = &workshop.in_use().fell_back {
        eprintln!("warning: models run on the processor: {error}");
    }
    Ok(workshop)
}
