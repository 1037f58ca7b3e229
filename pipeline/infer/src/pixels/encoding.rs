//! From packed RGB bytes to what a model takes. The models of set-up take the bytes as they are, for their
//! graphs do the rest; one that an operator brings may want floats, another order of colours, or planes.

use super::Size;
use crate::manifest::TensorContract;

/// How a picture goes into a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Encoding {
    /// As packed RGB bytes.
    Bytes,
    /// As floats.
    Floats(Floats),
}

/// `(byte - mean) / divisor`, in one order or another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Floats {
    planar: bool,
    /// Which of red, green and blue comes first, second and third.
    order: [usize; 3],
    mean: [f32; 3],
    divisor: [f32; 3],
}

impl Encoding {
    /// What an input asks for; `None` if the program cannot give it.
    pub(crate) fn of(input: &TensorContract) -> Option<Self> {
        let planar = match input.layout.as_deref() {
            Some("NHWC") => false,
            Some("NCHW") => true,
            _ => return None,
        };
        let order = match input.colour.as_deref() {
            Some("RGB") => [0, 1, 2],
            Some("BGR") => [2, 1, 0],
            _ => return None,
        };
        let is_plain = !planar && order == [0, 1, 2] && input.mean.is_none() && input.divisor.is_none();
        let (mean, divisor) = (input.mean.unwrap_or([0.0; 3]), input.divisor.unwrap_or([1.0; 3]));
        match input.dtype.as_str() {
            "uint8" if is_plain => Some(Self::Bytes),
            "float32" if divisor.iter().all(|divisor| divisor.is_normal()) => {
                Some(Self::Floats(Floats { planar, order, mean, divisor }))
            }
            _ => None,
        }
    }
}

impl Floats {
    /// The dimensions of so many pictures.
    pub(crate) fn shape(&self, pictures: usize, size: Size) -> [usize; 4] {
        match self.planar {
            true => [pictures, 3, size.height, size.width],
            false => [pictures, size.height, size.width, 3],
        }
    }

    /// Writes pictures of a size.
    pub(crate) fn encode(&self, pixels: &[u8], size: Size, out: &mut Vec<f32>) {
        out.clear();
        let value = |pixel: &[u8], place: usize| {
            (f32::from(pixel[self.order[place]]) - self.mean[place]) / self.divisor[place]
        };
        for picture in pixels.chunks_exact(size.pixels() * 3) {
            match self.planar {
                true => (0..3).for_each(|place| {
                    out.extend(picture.chunks_exact(3).map(|pixel| value(pixel, place)));
                }),
                false => out.extend(
                    picture.chunks_exact(3).flat_map(|pixel| (0..3).map(move |place| value(pixel, place))),
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(dtype: &str, layout: &str, colour: &str, mean: Option<[f32; 3]>) -> TensorContract {
        TensorContract {
            name: "input".to_owned(),
            dtype: dtype.to_owned(),
            shape: Vec::new(),
            layout: Some(layout.to_owned()),
            colour: Some(colour.to_owned()),
            mean,
            divisor: mean.map(|_| [2.0; 3]),
        }
    }

    fn encoded(layout: &str, colour: &str, mean: [f32; 3]) -> ([usize; 4], Vec<f32>) {
        let Some(Encoding::Floats(floats)) = Encoding::of(&input("float32", layout, colour, Some(mean)))
        else {
            panic!("floats are known")
        };
        let mut out = vec![9.0];
        floats.encode(&[1, 2, 3, 11, 12, 13], Size::new(2, 1), &mut out);
        (floats.shape(1, Size::new(2, 1)), out)
    }

    #[test]
    fn means_are_those_of_the_colours_in_their_order() {
        let rgb = encoded("NHWC", "RGB", [1.0, 0.0, 0.0]);
        assert_eq!(rgb, ([1, 1, 2, 3], vec![0.0, 1.0, 1.5, 5.0, 6.0, 6.5]));
        let bgr = encoded("NCHW", "BGR", [1.0, 0.0, 0.0]);
        assert_eq!(bgr, ([1, 3, 1, 2], vec![1.0, 6.0, 1.0, 6.0, 0.5, 5.5]));
    }

    #[test]
    fn what_cannot_be_given_is_refused() {
        assert_eq!(Encoding::of(&input("uint8", "NHWC", "RGB", None)), Some(Encoding::Bytes));
        assert_eq!(Encoding::of(&input("uint8", "NCHW", "RGB", None)), None);
        assert_eq!(Encoding::of(&input("uint8", "NHWC", "BGR", None)), None);
        assert_eq!(Encoding::of(&input("float16", "NHWC", "RGB", None)), None);
        assert_eq!(Encoding::of(&input("float32", "NHWC", "grey", None)), None);
    }
}
