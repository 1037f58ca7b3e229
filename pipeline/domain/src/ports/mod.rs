//! The seams between the core and its adapters, which do not know each other: `worker` joins them.
//!
//! | File | Between |
//! |---|---|
//! | [`vision`] | `decode`, which hands over pictures, and `infer`, which says what is in them |
//! | [`records`] | `gateway`, which takes requests and answers them, and `kafka`, which has the log |

pub mod records;
pub mod vision;

pub use records::*;
pub use vision::*;
