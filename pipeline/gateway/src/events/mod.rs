//! What happens, told to whoever listens (server-sent events).
//!
//! | File | Responsible for |
//! |---|---|
//! | [`ring`] | the newest events, for all listeners; what is too old is gone |
//! | [`stream`] | one listener: what of it concerns them, since when, heartbeats, the end |
//!
//! A listener holds no queue: it reads from the ring at its own speed. Whoever is too slow, or comes back too late, is
//! told to fetch anew.

pub mod ring;
pub mod stream;

pub use ring::{Event, Kind, Ring};
