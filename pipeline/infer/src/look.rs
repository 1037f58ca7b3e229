//! Pictures of several segments, model by model: which models each of them needs, and their runs.
//!
//! Here the models meet. A face is followed from the picture before where that is reliable
//! ([`follow`](crate::follow)), looked for otherwise; persons and objects are looked for when it is their
//! turn, whenever there is not exactly one face for sure (once, until the number of faces changes again), and
//! as long as somebody shows no face. Where what is expected is plain to see, a glance is enough: the same
//! models on fewer pixels.
//!
//! All pictures take a step before any takes the next one, so that a model runs many times in a row: its
//! weights are megabytes, and whatever ran in between has driven them out of the cache. The first pictures of
//! all segments go first, since the second ones build on them; the eyes, on which nothing builds, come last.
//! What is seen does not depend on it. [`work`](crate::work) is a picture on its way; each step is a file of
//! its own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::geometry::Rect;
use domain::observe::quality::QualityGate;
use domain::ports::{Attention, Look, Sight};

use crate::engine::Engine;
use crate::error::InferError;
use crate::face_finder::FaceFinder;
use crate::face_measure::FaceMeasure;
use crate::follow::{self, Followed};
use crate::models::nanodet::Kind;
use crate::models_in_use::ModelsInUse;
use crate::pixels::{Scratch, Size};
use crate::second_look;
use crate::settings::VisionSettings;
use crate::thing_finder::ThingFinder;
use crate::work::{Before, Work};

/// Everything that one thread needs to look at pictures.
#[derive(Debug)]
pub(crate) struct Looker {
    gate: QualityGate,
    faces: FaceFinder,
    things: ThingFinder,
    measure: FaceMeasure,
    max_measured_faces: usize,
    scratch: Scratch,
}

impl Looker {
    pub(crate) fn load(
        models: &ModelsInUse,
        engine: &Engine,
        settings: &VisionSettings,
    ) -> Result<Self, InferError> {
        Ok(Self {
            gate: settings.gate,
            faces: FaceFinder::load(models, engine, settings)?,
            things: ThingFinder::load(models, engine, settings)?,
            measure: FaceMeasure::load(models, engine)?,
            max_measured_faces: settings.max_measured_faces,
            scratch: Scratch::default(),
        })
    }

    /// Looks at the pictures of each segment; the answers are in their order.
    pub(crate) fn look(&mut self, segments: &[Vec<Look>]) -> Vec<Vec<Result<Sight, InferError>>> {
        let mut left: Vec<Before> = segments.iter().map(|_| Before::default()).collect();
        let mut done: Vec<Vec<Work<'_>>> = segments.iter().map(|_| Vec::new()).collect();
        let longest = segments.iter().map(Vec::len).max().unwrap_or_default();
        for index in 0..longest {
            let with_picture = (0..segments.len()).filter(|segment| index < segments[*segment].len());
            let (places, mut wave): (Vec<usize>, Vec<Work<'_>>) = with_picture
                .map(|segment| {
                    let before = std::mem::take(&mut left[segment]);
                    (segment, Work::begin(&segments[segment][index], before, &self.gate))
                })
                .unzip();
            for step in [Self::follow, Self::find, Self::look_for_things, Self::put_meshes, Self::settle] {
                wave.iter_mut().for_each(|work| work.take(|work| step(self, work)));
            }
            for (segment, mut work) in places.into_iter().zip(wave) {
                left[segment] = work.leaves();
                done[segment].push(work);
            }
        }
        done.iter_mut().flatten().for_each(|work| work.take(|work| self.measure(work)));
        done.into_iter().map(|segment| segment.into_iter().map(Work::told).collect()).collect()
    }

    /// Takes the one face of the picture before along, where the mesh finds it.
    fn follow(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        let Some(before) = work.followed.take() else { return Ok(()) };
        let picture = &work.look.picture;
        let Some(expected) = before.expected(Size::of(picture), &work.luma) else { return Ok(()) };
        let mut mesh = self.measure.mesh(picture, expected, &mut self.scratch)?;
        let Some(mut followed) = before.moved(&mesh) else { return Ok(()) };
        if followed.is_off_centre() {
            // Nearer to the edge of its crop a mesh is less exact, and half out of it wrong.
            mesh = self.measure.mesh(picture, followed.face(), &mut self.scratch)?;
            match followed.moved(&mesh) {
                Some(centred) if !centred.is_off_centre() => followed = centred,
                _ => return Ok(()),
            }
        }
        if follow::is_sure(&mesh) {
            work.meshed = vec![(followed.face().clone(), Some(mesh))];
            work.drop_incredible();
            work.followed = (!work.meshed.is_empty()).then(|| followed.onwards());
        }
        Ok(())
    }

    /// Looks for faces in the whole picture.
    fn find(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        if !work.is_to_be_searched() {
            return Ok(());
        }
        let picture = &work.look.picture;
        let expected = match work.attention {
            Attention::Unless { faces } => Some(faces),
            Attention::Thorough => work.is_routine.then_some(ALONE),
        };
        // Nobody is never plain to see.
        let at_a_glance = match expected.filter(|faces| *faces > 0 && !work.is_dim()) {
            Some(faces) => self.faces.glance(picture, faces, &mut self.scratch)?,
            None => None,
        };
        work.is_glanced_at = at_a_glance.is_some();
        work.found = match at_a_glance {
            Some(found) => found,
            None => self.faces.find(picture, work.is_dim(), &mut self.scratch)?,
        };
        Ok(())
    }

    /// Looks for persons and objects if attention demands it, and for faces that they lack.
    fn look_for_things(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        if !work.is_to_be_searched() {
            return Ok(());
        }
        let is_sure = work.found.iter().all(|face| face.conf >= second_look::SURE);
        if is_sure && work.attention == (Attention::Unless { faces: work.found.len() }) {
            return Ok(());
        }
        self.find_things(work)
    }

    /// Puts meshes on the largest faces.
    fn put_meshes(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        if !work.is_to_be_searched() {
            return Ok(());
        }
        let mut faces = std::mem::take(&mut work.found);
        faces.sort_by(|one, other| other.rect.area().total_cmp(&one.rect.area()));
        for (rank, face) in faces.into_iter().enumerate() {
            let mesh = match rank < self.max_measured_faces {
                true => Some(self.measure.mesh(&work.look.picture, &face, &mut self.scratch)?),
                false => None,
            };
            work.meshed.push((face, mesh));
        }
        work.drop_incredible();
        Ok(())
    }

    /// Looks again where the meshes leave another number of faces than was expected; decides what the next
    /// picture builds on.
    fn settle(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        if work.followed.is_some() || !work.is_looked_at() {
            return Ok(());
        }
        if work.things.is_none() && work.attention != (Attention::Unless { faces: work.meshed.len() }) {
            work.found = work.meshed.drain(..).map(|(face, _)| face).collect();
            self.find_things(work)?;
            self.put_meshes(work)?;
        }
        if let [(face, Some(mesh))] = work.meshed.as_slice()
            && !work.is_dim()
        {
            work.followed = Followed::begin(face, mesh, Size::of(&work.look.picture), &work.luma);
        }
        Ok(())
    }

    /// Measures the pose and the eyes of all faces with a mesh.
    fn measure(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        for (_, mesh) in &work.meshed {
            let measured = match mesh {
                Some(mesh) => self.measure.measure(&work.look.picture, mesh, &mut self.scratch)?,
                None => None,
            };
            work.measured.push(measured);
        }
        Ok(())
    }

    fn find_things(&mut self, work: &mut Work<'_>) -> Result<(), InferError> {
        let picture = work.look.picture.as_ref();
        let is_one_sure = matches!(work.found.as_slice(), [face] if face.conf >= second_look::SURE);
        let at_a_glance = match work.is_routine && is_one_sure && !work.is_dim() {
            true => self.things.glance(picture, &mut self.scratch)?,
            false => None,
        };
        let things = match at_a_glance {
            Some(things) => things,
            None => {
                if work.is_glanced_at {
                    work.found = self.faces.find(picture, work.is_dim(), &mut self.scratch)?;
                }
                self.things.look(picture, &mut self.scratch)?
            }
        };
        let persons: Vec<Rect> =
            things.iter().filter(|thing| thing.kind == Kind::Person).map(|thing| thing.rect).collect();
        let found = std::mem::take(&mut work.found);
        work.found = self.faces.look_again(picture, found, &persons, &mut self.scratch)?;
        work.things = Some(things);
        Ok(())
    }
}

/// Faces and persons in most pictures of an exam.
const ALONE: usize = 1;

/// Does a step of one picture; a panic becomes its error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, InferError>) -> Result<T, InferError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(InferError::Panicked { reason: message(panic.as_ref()) }))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use domain::error::ErrorKind;

    use super::*;

    #[test]
    fn a_panic_is_the_error_of_its_picture() {
        let error = guarded::<()>(|| panic!("row {} of {}", 7, 5)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poison);
        assert_eq!(error.to_string(), "looking at a picture panicked: row 7 of 5");
        assert!(guarded(|| Ok(3)).is_ok_and(|value| value == 3));
    }
}
