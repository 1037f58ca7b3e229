//! Which template is compared with which video: all with all, but none with a video made from its photograph.

use domain::identity::Embedding;

use super::curve::Score;
use super::faces::Sample;
use super::labels::Labelled;

/// A photograph that may serve as a reference.
#[derive(Debug)]
pub(super) struct Template<'a> {
    pub of: &'a Labelled,
    pub embedding: Embedding,
}

/// A video and its samples.
#[derive(Debug)]
pub(super) struct Video<'a> {
    pub of: &'a Labelled,
    pub samples: Vec<Sample>,
}

/// One template with all samples of one video that allow it.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub template: &'a Labelled,
    pub video: &'a Labelled,
    /// In order of media time.
    pub similarities: Vec<f32>,
}

/// Compares all templates with all videos.
pub(super) fn compare<'a>(templates: &[Template<'a>], videos: &[Video<'a>]) -> Vec<Comparison<'a>> {
    let mut compared = Vec::with_capacity(templates.len() * videos.len());
    for video in videos {
        let samples: Vec<&Embedding> = video.samples.iter().flatten().collect();
        for template in templates {
            if video.of.made_from.as_ref() == Some(&template.of.file) {
                continue;
            }
            let similarity = |sample: &&Embedding| template.embedding.similarity(sample);
            let similarities = samples.iter().filter_map(similarity).collect();
            compared.push(Comparison { template: template.of, video: video.of, similarities });
        }
    }
    compared
}

impl Comparison<'_> {
    /// Whether both are of one person.
    pub fn is_genuine(&self) -> bool {
        self.template.person == self.video.person
    }

    /// Each sample by itself.
    pub fn single(&self) -> impl Iterator<Item = Score> + '_ {
        self.similarities.iter().map(|similarity| self.score(f64::from(*similarity)))
    }

    /// The mean of all samples; `None` if there are fewer than it takes.
    pub fn fused(&self, least: usize) -> Option<Score> {
        (self.similarities.len() >= least).then(|| self.score(mean(&self.similarities)))
    }

    /// Whether the first samples, as many as the score fuses, would be taken for another person's by its rule:
    /// none reaches `high`, and their mean lies below `low`; `None` if there are fewer.
    pub fn is_mismatch(&self, samples: usize, (low, high): (f64, f64)) -> Option<bool> {
        let first = self.similarities.get(..samples)?;
        let is_match = |similarity: &f32| f64::from(*similarity) >= high;
        Some(mean(first) < low && !first.iter().any(is_match))
    }

    fn score(&self, similarity: f64) -> Score {
        Score { similarity, template: self.template.person, sample: self.video.person }
    }
}

fn mean(similarities: &[f32]) -> f64 {
    similarities.iter().copied().map(f64::from).sum::<f64>() / similarities.len().max(1) as f64
}
