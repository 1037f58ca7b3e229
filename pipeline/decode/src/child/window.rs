//! Looks at a few bytes of a file here and there, on the way through it, without reading them one by one.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::source::read_at;

const WINDOW_BYTES: usize = 64 << 10;

/// A file and the part of it that was read last.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<File>,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
    reads: u64,
}

impl Window {
    pub(super) fn new(file: Arc<File>, size: u64) -> Self {
        Self { file, size, start: 0, bytes: Vec::new(), reads: 0 }
    }

    /// How many bytes the file has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How often the file was read.
    pub(super) fn reads(&self) -> u64 {
        self.reads
    }

    /// The bytes from `offset` on: at least `length`, or all that are left.
    pub(super) fn look(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = length.min(left);
        let is_seen = offset >= self.start && offset - self.start + length as u64 <= self.bytes.len() as u64;
        if !is_seen {
            self.bytes = read_at(&self.file, offset, length.max(WINDOW_BYTES.min(left)))?;
            self.start = offset;
            self.reads += 1;
            if self.bytes.len() < length {
                // Somebody shortened it meanwhile.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }
}

#[cfg(test)]
pub(in crate::child) mod tests {
    use std::io::Write;

    use super::*;

    /// A file with these bytes.
    pub(in crate::child) fn window(bytes: &[u8]) -> Window {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Window::new(Arc::new(file), bytes.len() as u64)
    }

    #[test]
    fn every_place_shows_its_bytes() {
        let bytes: Vec<u8> = (0..200_000u32).map(|index| (index % 251) as u8).collect();
        let mut window = window(&bytes);
        for offset in [0, 5, 65_530, 65_536, 3, 199_999, 200_000] {
            let expected = &bytes[offset..(offset + 20).min(bytes.len())];
            let seen = window.look(offset as u64, 20).unwrap();
            assert!(seen.starts_with(expected), "{offset}");
        }
        assert!(window.look(70_000, 100_000).unwrap().starts_with(&bytes[70_000..170_000]));
        assert_eq!(window.look(300_000, 20).unwrap(), [0u8; 0]);
    }
}
