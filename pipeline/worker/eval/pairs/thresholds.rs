//! Levels for a policy, and what they were set on: a level without that is a number.

use std::fmt::{self, Display, Formatter};

use domain::messages::ModelRef;
use serde::Serialize;

use super::figures::Measured;
use super::{FUSED, PairsDataSet};

/// What goes into `[detect.identity]` of a policy, for one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thresholds {
    /// Above: the enrolled person.
    pub high_milli: i32,
    /// Below: unlike.
    pub low_milli: i32,
    /// Samples that are fused.
    pub mismatch_samples: usize,
    /// `name@version` of the model; similarities of another one mean something else.
    pub model: String,
    /// Its SHA-256.
    pub model_sha256: String,
    /// Where they were set.
    pub set_on: SetOn,
}

/// The data that levels were set on, and what they do there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetOn {
    /// SHA-256 of the form that says who is in which file.
    pub form_sha256: String,
    /// Persons.
    pub persons: usize,
    /// Comparisons of one person, and between two.
    pub comparisons: (usize, usize),
    /// Share of others who match, fused, at the upper level.
    pub fmr: f64,
    /// Share of the right ones who do not.
    pub fnmr: f64,
}

impl Thresholds {
    pub(super) fn of(measured: &Measured, model: &ModelRef, data: &PairsDataSet) -> Self {
        let milli = |similarity: f64| (similarity * 1000.0).round() as i32;
        Self {
            high_milli: milli(measured.at.threshold),
            low_milli: milli(measured.low),
            mismatch_samples: FUSED,
            model: format!("{}@{}", model.name, model.version),
            model_sha256: model.sha256.clone(),
            set_on: SetOn {
                form_sha256: data.form_sha256.clone(),
                persons: data.persons,
                comparisons: measured.compared,
                fmr: measured.at.fmr,
                fnmr: measured.at.fnmr,
            },
        }
    }
}

/// As a part of a policy.
impl Display for Thresholds {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let SetOn { form_sha256, persons, comparisons: (genuine, others), fmr, fnmr } = &self.set_on;
        writeln!(out, "# Levels of similarity of {}, sha256 {}.", self.model, self.model_sha256)?;
        writeln!(out, "# Set by `invigilator eval --pairs` on identities with sha256 {form_sha256}:")?;
        writeln!(
            out,
            "# {persons} persons, {genuine} comparisons of one person and {others} between two, each of {FUSED} \
             fused samples or more;\n# there {:.2} % of others match, and {:.2} % of the right ones do not.",
            fmr * 100.0,
            fnmr * 100.0
        )?;
        writeln!(out, "[detect.identity]\nhigh_milli = {}\nlow_milli = {}", self.high_milli, self.low_milli)?;
        writeln!(out, "mismatch_samples = {}", self.mismatch_samples)
    }
}
