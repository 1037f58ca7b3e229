//! The pure core of Invigilator: what a sample is, what was seen, what it means.
//!
//! A frame's way through this crate:
//!
//! 1. [`sampling`] decides which instants of a segment are looked at, before anything is decoded;
//! 2. [`picture`] is what the decoder hands over, [`detections`] what the models saw in it;
//! 3. [`observe`] turns both into one [`messages::Observation`] per segment, numbers only;
//! 4. [`score`] folds observations, markers, lifecycle facts and reviews of one session into
//!    incidents and an integrity score, under a [`policy`].
//!
//! Of samples that show something a picture may be kept: which one, of whom, and what it is called says [`evidence`].
//!
//! What comes out is shown to people by [`desk`] and told to learning platforms by [`lms`], in the [`words`] that
//! all of it is said in.
//!
//! [`upload`] puts what browsers send into order before it is cut. [`delivery`] keeps count of which records are
//! in work, so that none is given up before its result is safe.
//!
//! Nothing here reads a clock, a file, the environment or a random number, starts a thread, or links
//! a C library; time enters only as data. Adapters meet the core through [`ports`].

pub mod delivery;
pub mod desk;
pub mod detections;
pub mod error;
pub mod evidence;
pub mod geometry;
pub mod identity;
pub mod ids;
pub mod lms;
pub mod messages;
pub mod observe;
pub mod picture;
pub mod policy;
pub mod ports;
pub mod sampling;
pub mod score;
pub mod time;
pub mod upload;
pub mod words;
