//! `GET /v1/exams`: exams, and how many of their sessions need somebody.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::desk::{SessionSummary, StreamState};
use domain::messages::Band;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Items, ask};
use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;

/// An exam.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ExamSummary {
    /// Its name.
    pub exam: String,
    /// How many sessions there are.
    pub sessions: usize,
    /// Of these: with video that comes.
    pub live: usize,
    /// With something seen that nobody has decided about.
    pub evidence: usize,
    /// With too little seen.
    pub coverage: usize,
    /// With an open problem of network, machine or platform.
    pub technical: usize,
    /// By band of the score.
    pub bands: Bands,
}

/// Numbers of sessions by band.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Bands {
    /// Little or nothing was noted.
    pub green: usize,
    /// Something was noted.
    pub amber: usize,
    /// Much was noted.
    pub red: usize,
    /// Too little was seen to say.
    pub grey: usize,
    /// There is no score yet.
    pub none: usize,
}

/// `GET /v1/exams`
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Items<ExamSummary>>, Problem> {
    let exams = ask(&app, move |store| {
        let mut exams: BTreeMap<String, ExamSummary> = BTreeMap::new();
        let index = store.index();
        for summary in index.of_tenant(&caller.tenant).filter(|summary| caller.may_touch_exam(&summary.exam))
        {
            exams.entry(summary.exam.clone()).or_default().count(summary);
        }
        Ok(exams)
    });
    let named = exams.await?.into_iter().map(|(exam, counts)| ExamSummary { exam, ..counts });
    Ok(Json(Items { items: named.collect() }))
}

impl ExamSummary {
    fn count(&mut self, summary: &SessionSummary) {
        self.sessions += 1;
        self.live += usize::from(summary.state == StreamState::Live);
        self.evidence += usize::from(summary.queues.evidence);
        self.coverage += usize::from(summary.queues.coverage);
        self.technical += usize::from(!summary.technical.is_empty());
        let band = match summary.band {
            Some(Band::Green) => &mut self.bands.green,
            Some(Band::Amber) => &mut self.bands.amber,
            Some(Band::Red) => &mut self.bands.red,
            Some(Band::Grey) => &mut self.bands.grey,
            None => &mut self.bands.none,
        };
        *band += 1;
    }
}
