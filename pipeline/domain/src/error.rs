//! What an error means for the work in hand: every adapter's error type says its [`ErrorKind`].

/// Decides what happens to the input that caused an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input itself is bad and will be bad again: dead letter, placeholder, go on.
    Poison,
    /// The surroundings failed for now: back off and try the same input again.
    Transient,
    /// This process cannot do its work: stop with a message for the operator.
    Fatal,
}
