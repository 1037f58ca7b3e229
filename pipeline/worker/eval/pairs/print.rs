//! An evaluation of pairs as text.

use std::fmt::{self, Display, Formatter};

use super::{PairsDataSet, PairsEvaluation};

impl Display for PairsEvaluation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let PairsDataSet { folder, form_sha256, persons, photographs, videos, samples, unusable } =
            &self.data_set;
        writeln!(out, "data set         {folder}: {persons} persons, {videos} videos")?;
        writeln!(out, "                 identities.csv  sha256 {}", short(form_sha256))?;
        writeln!(out, "                 {} of {} photographs are templates", photographs.0, photographs.1)?;
        write!(out, "                 {} of {} samples can be compared", samples.0, samples.1)?;
        unusable.iter().try_for_each(|(reason, count)| write!(out, "; {count} {reason}"))?;
        writeln!(out)?;
        let (model, program) = (&self.model, &self.program);
        writeln!(out, "operating point  invigilator {program}")?;
        let sha256 = short(&model.sha256);
        writeln!(
            out,
            "                 {}: {}@{}  sha256 {sha256}\n",
            model.task, model.name, model.version
        )?;
        self.figures.iter().try_for_each(|figure| write!(out, "{figure}"))?;
        writeln!(out, "\nlevels for a policy\n{}", self.thresholds)?;
        if !self.problems.is_empty() {
            writeln!(out, "not used")?;
            self.problems.iter().try_for_each(|problem| writeln!(out, "  {problem}"))?;
        }
        Ok(())
    }
}

/// The first digits of a hash.
fn short(hex: &str) -> &str {
    hex.get(..12).unwrap_or(hex)
}
