//! One upright decoded picture: planar YUV 4:2:0 bytes and how to read their colour.
//!
//! The decoder makes it, the models look at it, nothing keeps it. It carries no time: a
//! [`Frame`](crate::ports::Frame) says for which sample it stands.

/// Which matrix turns YUV into RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourMatrix {
    /// ITU-R BT.601, what webcams and standard definition use.
    #[default]
    Bt601,
    /// ITU-R BT.709, high definition.
    Bt709,
}

/// Which values of luma mean black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourRange {
    /// 16..=235, as video usually is.
    #[default]
    Limited,
    /// 0..=255, as JPEG is.
    Full,
}

/// An upright I420 picture: three tightly packed planes in one buffer (Y, then U, then V).
///
/// Chroma planes are `ceil(width / 2) x ceil(height / 2)`. Pixels are square as far as anyone here
/// cares: a pixel aspect ratio has been applied by the decoder.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    matrix: ColourMatrix,
    range: ColourRange,
    bytes: Vec<u8>,
}

/// The bytes do not make a picture of the stated size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {width}x{height} I420 picture needs {needed} bytes, got {got}")]
pub struct PictureSizeError {
    width: u32,
    height: u32,
    needed: usize,
    got: usize,
}

impl Picture {
    /// Takes the planes of a picture.
    ///
    /// # Errors
    /// If the size is zero or the buffer does not have exactly [`Picture::bytes_needed`] bytes.
    pub fn new(
        width: u32,
        height: u32,
        matrix: ColourMatrix,
        range: ColourRange,
        bytes: Vec<u8>,
    ) -> Result<Self, PictureSizeError> {
        let needed = Self::bytes_needed(width, height);
        if needed == 0 || bytes.len() != needed {
            return Err(PictureSizeError { width, height, needed, got: bytes.len() });
        }
        Ok(Self { width, height, matrix, range, bytes })
    }

    /// How many bytes the three planes of a picture of this size take.
    pub fn bytes_needed(width: u32, height: u32) -> usize {
        let (w, h) = (width as usize, height as usize);
        w * h + 2 * w.div_ceil(2) * h.div_ceil(2)
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// How to turn its YUV into RGB.
    pub fn matrix(&self) -> ColourMatrix {
        self.matrix
    }

    /// Which luma values are black and white.
    pub fn range(&self) -> ColourRange {
        self.range
    }

    /// The luma plane, `width * height` bytes, row by row.
    pub fn y(&self) -> &[u8] {
        &self.bytes[..self.luma_size()]
    }

    /// The blue-difference plane.
    pub fn u(&self) -> &[u8] {
        &self.bytes[self.luma_size()..self.luma_size() + self.chroma_size()]
    }

    /// The red-difference plane.
    pub fn v(&self) -> &[u8] {
        &self.bytes[self.luma_size() + self.chroma_size()..]
    }

    fn luma_size(&self) -> usize {
        self.width as usize * self.height as usize
    }

    fn chroma_size(&self) -> usize {
        (self.width as usize).div_ceil(2) * (self.height as usize).div_ceil(2)
    }
}

// Pixels must never reach a log, so `Debug` shows the shape alone.
impl std::fmt::Debug for Picture {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Picture({}x{} {:?} {:?})", self.width, self.height, self.matrix, self.range)
    }
}
