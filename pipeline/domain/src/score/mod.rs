//! The score: from the recorded inputs of one session to incidents and an integrity score.
//!
//! **Input**: the records of a session from all topics ([`input`]): observations, markers, lifecycle
//! facts, reviews. **Output**: revisions of incidents, and revisions of the score, which names a reason
//! for every point. **Promises**:
//!
//! - *Pure*: a function of the records and the policy. No clock: time is media time, from the records.
//! - *Exact*: whole numbers from [`sample`] on; the same records give the same bytes on every machine.
//! - *Order does not matter*: records permuted within the lateness bound, or delivered twice, give the
//!   byte-identical final score.
//! - *Missing data never costs points*: a sample not seen votes against every incident and its time
//!   belongs to none. Coverage says what was missed.
//! - *A human decides*: identity incidents count nothing before, and whatever was dismissed stays so.
//! - *Bounded*: the state of a session ([`FoldState`]) holds what a successor needs and nothing more.
//!
//! The order of steps, and the file of each:
//!
//! 1. [`fold`] takes a record in. An observation becomes whole numbers ([`sample`]) and waits for its
//!    turn ([`reorder`]); facts and reviews are sets that know no order ([`lifecycle`], [`review`]).
//! 2. [`watch`] looks at segments in their order, cut into slots of media time ([`timeline`]):
//!    is the picture frozen ([`freeze`]), is something missing ([`gaps`], [`coverage`]), who is there
//!    ([`persons`], [`recall`], [`tracks`]), where does the candidate look ([`calibration`]), is the seat empty
//!    ([`witness`]); together: [`perception`].
//! 3. [`conditions`] says per type whether it holds in a slot; [`hysteresis`] and [`glances`] turn that
//!    into stretches that open, grow, merge and close; [`ledger`] keeps them.
//! 4. [`standing`] decides with how much of its time an incident counts; [`rule`] turns that into
//!    points; [`report`] and [`words`] make the messages; [`publish`] says what is new in them.
//! 5. [`refold`] does all of it again from the whole log, where that is asked for.
//!
//! Beside all this, [`telling`] says which sample of a segment a picture may be kept of.

#![allow(rustdoc::private_intra_doc_links, reason = "the map above names files, private ones too")]

mod calibration;
mod compact;
mod conditions;
mod coverage;
mod fold;
mod freeze;
mod gaps;
mod glances;
mod hysteresis;
mod identity;
mod input;
mod ledger;
pub(crate) mod lifecycle;
mod perception;
mod persons;
mod publish;
mod recall;
mod refold;
mod reorder;
mod report;
pub mod review;
pub mod rule;
mod sample;
pub mod standing;
mod state;
pub mod telling;
mod timeline;
mod trace;
mod tracks;
mod watch;
mod witness;
mod words;

pub use calibration::Direction;
pub use coverage::Unseen;
pub use fold::SessionFold;
pub use input::{Counters, Output, ScoreInput};
pub use perception::Gaze;
pub use state::{FoldState, STATE_VERSION};
pub use trace::SampleTrace;
