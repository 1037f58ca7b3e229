//! Which instants of a segment are looked at: decided before decoding, recorded in the observation.
//!
//! A segment is looked at by its [`BasePlan`]: on a base grid, at keyframes only while its session is
//! [`Calm`], at fewer instants while this process has too much to do. When one of those samples is
//! [suspicious](Suspicion), the instants of the denser escalated grid are looked at as well, before anything
//! is published. Grids are multiples of their interval on the session's media clock, so that neighbouring
//! segments join without a seam. What is decided here rests on arguments alone; who calls it, and with what,
//! is recorded with the plan.

mod calm;
mod grid;
mod plan;
mod shedding;
mod suspicion;

pub use calm::Calm;
pub use grid::{SampleGrid, SampleGridError};
pub use plan::{BasePlan, Level, Pace};
pub use shedding::Shedding;
pub use suspicion::{Suspicion, is_somebody_faceless};
