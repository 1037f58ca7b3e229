//! What the person model saw last, standing in until it looks again.
//!
//! While the number of faces stays the same, persons and objects are looked for every few seconds only. In
//! between, whoever was there without a face is taken to be there still, and so are objects: otherwise
//! somebody whose face is never seen would come and go with the model. Nothing is recalled across time that
//! was not seen, nor for longer than looks may be apart. A body seen while nobody showed a face may have been
//! the candidate's: once a face is back, it is nobody else's.

use serde::{Deserialize, Serialize};

use super::persons::Person;
use super::sample::{Body, Scene, Things};
use crate::time::{MediaMs, Millis};

/// The longest time between two looks for persons that settings allow, and half a second for samples that
/// come late.
pub(super) const STANDS_FOR: Millis = Millis(5500);

/// The last look for persons and objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recall {
    last: Option<Last>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    at: MediaMs,
    /// Whether anybody showed a face.
    with_face: bool,
    things: Things,
}

impl Recall {
    /// What stands for the persons and objects of a sample at which nobody looked for them.
    pub fn things(&self, at: MediaMs, scene: &Scene) -> Option<Things> {
        let last = self.last.as_ref().filter(|last| at - last.at <= STANDS_FOR)?;
        let is_candidate = !last.with_face && !scene.faces.is_empty();
        let bodies = if is_candidate { Vec::new() } else { last.things.bodies.clone() };
        Some(Things { bodies, objects: last.things.objects.clone() })
    }

    /// Time was not seen.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// Keeps what was seen at a look; `persons` is what became of it.
    pub fn keep(&mut self, at: MediaMs, scene: &Scene, things: &Things, persons: &[Person]) {
        let is_faceless = |body: &&Body| {
            persons.iter().any(|person| person.face.is_none() && person.body == Some(body.region))
        };
        let bodies = things.bodies.iter().filter(is_faceless).copied().collect();
        let things = Things { bodies, objects: things.objects.clone() };
        self.last = Some(Last { at, with_face: !scene.faces.is_empty(), things });
    }
}
