//! How a score came about: the video, the policy, the models and the program, each with its hash, so
//! that the same score can be computed again.

use std::collections::BTreeSet;

use domain::messages::ModelRef;
use maud::{Markup, html};

use super::{SessionReport, words};

/// The video, in one line.
pub fn media(report: &SessionReport) -> String {
    let media = &report.media;
    let size = media.size.map(|(width, height)| format!("{width} × {height}"));
    let parts = [Some(words::length(media.duration)), size, media.codec.clone(), media.container.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Everything needed to compute the score again.
pub fn section(report: &SessionReport) -> Markup {
    let score = &report.score;
    let streams: BTreeSet<&str> =
        report.observations.iter().map(|observation| observation.stream.init_sha256.as_str()).collect();
    let models: BTreeSet<&ModelRef> =
        report.observations.iter().flat_map(|observation| &observation.models).collect();
    let pipelines: BTreeSet<(&str, &str)> = report
        .observations
        .iter()
        .map(|observation| (observation.pipeline.version.as_str(), observation.pipeline.config_hash.as_str()))
        .collect();
    html! {
        details.provenance {
            summary { "How this came about: video, policy, models, program" }
            dl {
                dt { "Session" } dd { code { (score.session) } }
                dt { "Video" }
                dd { (media(report)) @for hash in &streams { " " (sha256(hash)) } }
                dt { "Policy" }
                dd { (score.policy.id) ", version " (score.policy.version) " " (sha256(&score.policy.sha256)) }
                dt { "Models" }
                dd {
                    @if models.is_empty() { "none ran" }
                    @for model in &models {
                        div { (model.task) ": " (model.name) ", version " (model.version) " " (sha256(&model.sha256)) }
                    }
                }
                dt { "Program" }
                dd {
                    @for (version, settings) in &pipelines {
                        div { "invigilator " (version) ", settings " (sha256(settings)) }
                    }
                }
                dt { "Inputs" } dd { (sha256(&score.inputs_sha256)) }
                @if let Some(run) = &score.run { dt { "Computed" } dd { (run.computed_at) } }
            }
        }
    }
}

/// A digest, breakable anywhere.
fn sha256(hex: &str) -> Markup {
    html! { code.hash title="SHA-256" { (hex) } }
}
