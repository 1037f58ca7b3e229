//! Encodes a picture as JPEG: shrunk, and straight from one kind of YUV to the other.

use domain::picture::{ColourMatrix, ColourRange, Picture};
use jpeg_encoder::{ColorType, Encoder, EncodingError};

/// The longer side of an encoded picture, in pixels, is at most this.
pub const LONGEST_SIDE: u32 = 640;
const QUALITY: u8 = 82;

/// The bytes of a JPEG file that shows `picture`.
///
/// # Errors
/// If the encoder refuses, which it does for sizes beyond its format alone.
pub fn encode(picture: &Picture) -> Result<Vec<u8>, EncodingError> {
    let (width, height) = shrunk_size(picture.width(), picture.height());
    let pixels = shrunk(picture, width, height);
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, QUALITY).encode(&pixels, width, height, ColorType::Ycbcr)?;
    Ok(bytes)
}

/// The same shape with its longer side within [`LONGEST_SIDE`].
fn shrunk_size(width: u32, height: u32) -> (u16, u16) {
    let longer = width.max(height);
    let fit = |side: u32| {
        let side = if longer > LONGEST_SIDE { side * LONGEST_SIDE / longer } else { side };
        u16::try_from(side.max(1)).unwrap_or(LONGEST_SIDE as u16)
    };
    (fit(width), fit(height))
}

/// Averages the pixels under each target pixel; interleaved full-range BT.601, as JPEG wants it.
fn shrunk(picture: &Picture, width: u16, height: u16) -> Vec<u8> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let (chroma_w, chroma_h) = (w.div_ceil(2), h.div_ceil(2));
    let (width, height) = (usize::from(width), usize::from(height));
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let luma = mean(picture.y(), (w, h), (x, y), (width, height));
            let blue = mean(picture.u(), (chroma_w, chroma_h), (x, y), (width, height));
            let red = mean(picture.v(), (chroma_w, chroma_h), (x, y), (width, height));
            let colour = to_jpeg([luma, blue, red], picture.matrix(), picture.range());
            pixels.extend(colour.map(|value| value.round().clamp(0.0, 255.0) as u8));
        }
    }
    pixels
}

/// Mean of the plane's pixels that lie under one target pixel; at least one does.
fn mean(plane: &[u8], size: (usize, usize), at: (usize, usize), target: (usize, usize)) -> f32 {
    let under = |position: usize, size: usize, target: usize| {
        let first = (position * size / target).min(size - 1);
        first..((position + 1) * size / target).clamp(first + 1, size)
    };
    let (columns, rows) = (under(at.0, size.0, target.0), under(at.1, size.1, target.1));
    let count = columns.len() * rows.len();
    let rows = rows.map(|row| &plane[row * size.0..][columns.clone()]);
    let sum: u32 = rows.flatten().map(|&value| u32::from(value)).sum();
    sum as f32 / count as f32
}

/// Any YUV as the full-range BT.601 of JPEG.
fn to_jpeg([luma, blue, red]: [f32; 3], matrix: ColourMatrix, range: ColourRange) -> [f32; 3] {
    let (luma, blue, red) = match range {
        ColourRange::Full => (luma, blue - 128.0, red - 128.0),
        ColourRange::Limited => {
            ((luma - 16.0) * 255.0 / 219.0, (blue - 128.0) * 255.0 / 224.0, (red - 128.0) * 255.0 / 224.0)
        }
    };
    match matrix {
        ColourMatrix::Bt601 => [luma, blue + 128.0, red + 128.0],
        // BT.709 to RGB to BT.601, multiplied out.
        ColourMatrix::Bt709 => [
            luma + 0.1016 * blue + 0.1961 * red,
            0.9899 * blue - 0.1107 * red + 128.0,
            -0.0725 * blue + 0.9834 * red + 128.0,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_shrink_to_fit_and_never_grow() {
        assert_eq!(shrunk_size(1920, 1080), (640, 360));
        assert_eq!(shrunk_size(480, 3000), (102, 640));
        assert_eq!(shrunk_size(321, 241), (321, 241));
    }

    #[test]
    fn black_white_and_grey_keep_their_meaning() {
        let grey = |luma| [luma, 128.0, 128.0];
        let rounded = |colour: [f32; 3]| colour.map(|value| value.round() as i32);
        for matrix in [ColourMatrix::Bt601, ColourMatrix::Bt709] {
            assert_eq!(rounded(to_jpeg(grey(16.0), matrix, ColourRange::Limited)), [0, 128, 128]);
            assert_eq!(rounded(to_jpeg(grey(235.0), matrix, ColourRange::Limited)), [255, 128, 128]);
            assert_eq!(rounded(to_jpeg(grey(90.0), matrix, ColourRange::Full)), [90, 128, 128]);
        }
    }

    #[test]
    fn bt709_red_is_still_red() {
        // Pure red is (54, 99, 256) in full-range BT.709 and (76, 85, 255.5) in BT.601.
        let red = to_jpeg([54.2, 98.8, 255.5], ColourMatrix::Bt709, ColourRange::Full);
        for (got, expected) in red.into_iter().zip([76.2, 85.0, 255.5]) {
            assert!((got - expected).abs() < 1.5, "{red:?}");
        }
    }

    #[test]
    fn odd_sizes_are_read_within_their_planes() {
        let bytes = vec![77; Picture::bytes_needed(1281, 721)];
        let picture = Picture::new(1281, 721, ColourMatrix::Bt709, ColourRange::Limited, bytes).unwrap();
        let jpeg = encode(&picture).unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
    }
}
