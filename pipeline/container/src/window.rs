//! The part of a stream that has come but is not done with.

/// Bytes of a stream, with the place where reading is.
///
/// Bytes already read stay until they are released, so that a reader that finds itself lost can go back.
#[derive(Debug, Default)]
pub(crate) struct Window {
    bytes: Vec<u8>,
    /// Place of `bytes[0]` in the stream.
    base: u64,
    /// Where reading is, in the stream; beyond what has come while a part is skipped.
    position: u64,
    /// Everything before is done with.
    released: u64,
}

impl Window {
    /// A window on a stream that is read on from a place in it.
    pub(crate) fn at(position: u64) -> Self {
        Self { bytes: Vec::new(), base: position, position, released: position }
    }

    /// Gives up everything that has come: what comes next does not follow it.
    pub(crate) fn clear(&mut self) {
        *self = Self::at(self.base + self.bytes.len() as u64);
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the next piece of the stream.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let done = self.released.saturating_sub(self.base).min(self.bytes.len() as u64) as usize;
        // Moving what is left is worth its while only now and then: pieces may be single bytes.
        if done >= self.bytes.len() / 2 {
            self.bytes.drain(..done);
            self.base += done as u64;
        }
        if self.bytes.is_empty() {
            // Nothing is kept of what is skipped.
            let skipped = (self.released - self.base).min(piece.len() as u64);
            self.base += skipped;
            self.bytes.extend_from_slice(&piece[skipped as usize..]);
        } else {
            self.bytes.extend_from_slice(piece);
        }
    }

    /// What has come from the place where reading is.
    pub(crate) fn rest(&self) -> &[u8] {
        let read = self.position.saturating_sub(self.base).min(self.bytes.len() as u64);
        &self.bytes[read as usize..]
    }

    /// Where reading is, in bytes from the start of the stream.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether everything that was stepped over has come, and nothing is left to read.
    pub(crate) fn is_read_to_the_end(&self) -> bool {
        self.position == self.base + self.bytes.len() as u64
    }

    /// Steps over the next `count` bytes, come or still to come.
    pub(crate) fn skip(&mut self, count: u64) {
        self.position = self.position.saturating_add(count);
        if self.position > self.base + self.bytes.len() as u64 {
            self.released = self.position;
        }
    }

    /// Gives up what was read.
    pub(crate) fn release(&mut self) {
        self.released = self.position;
    }

    /// Where the last release was; what has come since is still there.
    pub(crate) fn released(&self) -> u64 {
        self.released
    }

    /// Goes back to just after the point of the last release, as far as its bytes are there.
    pub(crate) fn rewind(&mut self) {
        self.position = self.position.min(self.released + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_not_kept() {
        let mut window = Window::default();
        window.push(b"abc");
        window.skip(10);
        for _ in 0..4 {
            window.push(b"..");
        }
        assert!(window.bytes.len() <= 3, "{window:?}");
        window.push(b"xyz");
        assert_eq!((window.rest(), window.position()), (&b".xyz"[..], 10));
    }

    #[test]
    fn what_was_read_comes_back_until_it_is_released() {
        let mut window = Window::default();
        window.push(b"abcdef");
        window.skip(1);
        window.release();
        window.skip(4);
        window.push(b"g");
        assert_eq!(window.rest(), b"fg");
        window.rewind();
        assert_eq!((window.rest(), window.position()), (&b"cdefg"[..], 2));
    }
}
