//! Reads, cuts and writes containers.
