//! An embedding of a face, and the similarity of two.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a face lies in the space of one model, as a vector of length one.
#[derive(Clone, PartialEq)]
pub struct Embedding {
    model: String,
    values: Vec<f32>,
}

/// Similarities between which a comparison leaves doubt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Above: the same person.
    pub high: f32,
    /// Below: another person.
    pub low: f32,
}

impl Embedding {
    /// What a model (`name@version`) answered, brought to length one; `None` if that cannot be done: it is
    /// empty, all zero, or holds what is no number.
    pub fn new(model: impl Into<String>, mut values: Vec<f32>) -> Option<Self> {
        let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !length.is_normal() {
            return None;
        }
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        Some(Self { model: model.into(), values })
    }

    /// The direction in the middle of several embeddings of one person; `None` if there are none, they are of
    /// different models, or they cancel out.
    pub fn mean(of: &[Self]) -> Option<Self> {
        let first = of.first()?;
        let mut sum = vec![0.0; first.values.len()];
        for embedding in of {
            if !embedding.is_comparable(first) {
                return None;
            }
            for (sum, value) in sum.iter_mut().zip(&embedding.values) {
                *sum += value;
            }
        }
        Self::new(first.model.clone(), sum)
    }

    /// `name@version` of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The vector, to be sealed.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Cosine of the angle between both, -1..1; `None` if they are of different models.
    pub fn similarity(&self, other: &Self) -> Option<f32> {
        let product = |(one, other): (&f32, &f32)| f64::from(*one) * f64::from(*other);
        let cosine = || self.values.iter().zip(&other.values).map(product).sum::<f64>();
        self.is_comparable(other).then(|| cosine().clamp(-1.0, 1.0) as f32)
    }

    fn is_comparable(&self, other: &Self) -> bool {
        self.model == other.model && self.values.len() == other.values.len()
    }
}

/// Tells what it is, never the numbers: they are biometric data.
impl fmt::Debug for Embedding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Embedding({}, {} numbers)", self.model, self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> Embedding {
        Embedding::new("toy@1", values.to_vec()).unwrap()
    }

    #[test]
    fn only_the_direction_matters() {
        let near = |one: f32, other: f32| (one - other).abs() < 1e-6;
        assert!(near(of(&[3.0, 4.0]).similarity(&of(&[30.0, 40.0])).unwrap(), 1.0));
        assert!(near(of(&[1.0, 0.0]).similarity(&of(&[0.0, 2.0])).unwrap(), 0.0));
        assert!(near(of(&[1.0, 0.0]).similarity(&of(&[-5.0, 0.0])).unwrap(), -1.0));
    }

    #[test]
    fn models_are_not_compared_with_each_other() {
        let other = Embedding::new("toy@2", vec![1.0, 0.0]).unwrap();
        assert_eq!(of(&[1.0, 0.0]).similarity(&other), None);
        assert_eq!(of(&[1.0, 0.0]).similarity(&of(&[1.0, 0.0, 0.0])), None);
        assert_eq!(Embedding::mean(&[of(&[1.0, 0.0]), other]), None);
    }

    #[test]
    fn what_has_no_direction_is_no_embedding() {
        for values in [vec![], vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert_eq!(Embedding::new("toy@1", values), None);
        }
        assert_eq!(Embedding::mean(&[of(&[1.0, 0.0]), of(&[-1.0, 0.0])]), None);
        assert_eq!(Embedding::mean(&[]), None);
    }

    #[test]
    fn no_number_is_ever_printed() {
        assert_eq!(format!("{:?}", of(&[0.6, 0.8])), "Embedding(toy@1, 2 numbers)");
    }
}
