//! One of the three networks: pictures in, scores, shifts and landmarks out.

use image::RgbImage;
use streamface_imgproc::resize_area;
use streamface_model::{ChannelOrder, Input, Layout, Network, Tensor};

use super::candidate::Candidate;
use super::{PROPOSAL_SCORE, WINDOW};
use crate::error::{Error, Result};

/// How the networks see pictures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) input: Input,
    /// Whether rows and columns are exchanged.
    pub(super) transposed: bool,
}

impl Form {
    /// Writes the numbers of a picture, three for each pixel.
    pub(super) fn write(self, picture: &RgbImage, slot: &mut [f32]) {
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let Input { layout, channels, mean, scale, .. } = self.input;
        let order = if channels == ChannelOrder::Bgr { [2, 1, 0] } else { [0, 1, 2] };
        for (at, pixel) in picture.as_raw().chunks_exact(3).enumerate() {
            let place = if self.transposed { at % w * h + at / w } else { at };
            for (channel, from) in order.into_iter().enumerate() {
                let v = (f32::from(pixel[from]) - mean[channel]) / scale[channel];
                match layout {
                    Layout::Nhwc => slot[3 * place + channel] = v,
                    Layout::Nchw => slot[channel * w * h + place] = v,
                }
            }
        }
    }
}

/// What the second or the third network says of a square.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) score: f32,
    pub(super) shift: [f32; 4],
    /// Five x, then five y, in sides of the square; zeros where the network places none.
    pub(super) landmarks: [f32; 10],
}

/// The second or the third network.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) network: Network,
    /// What errors call it.
    pub(super) name: String,
    /// Side of its input, pixels.
    pub(super) side: u32,
    pub(super) form: Form,
}

impl Stage {
    /// What it says of the square of a candidate.
    pub(super) fn look(&self, frame: &RgbImage, candidate: &Candidate) -> Result<Seen> {
        let picture = resize_area(frame, &candidate.bbox(), self.side, self.side);
        let mut input = vec![0.0; 3 * (self.side * self.side) as usize];
        self.form.write(&picture, &mut input);
        let outputs = self.network.run(&input)?;
        let outputs = Outputs { model: &self.name, form: self.form, outputs: &outputs };
        let [_, score] = outputs.one()?;
        let landmarks = if self.side == 48 { outputs.one()? } else { [0.0; 10] };
        Ok(Seen { score, shift: outputs.one()?, landmarks })
    }
}

/// The outputs of one run. Which is which is told by their numbers a place: 2 scores (of no face, of a face), 4
/// shifts, 10 landmarks; files differ in their order.
pub(super) struct Outputs<'a> {
    pub(super) model: &'a str,
    pub(super) form: Form,
    pub(super) outputs: &'a [Tensor],
}

impl Outputs<'_> {
    /// The output of `N` numbers in all.
    fn one<const N: usize>(&self) -> Result<[f32; N]> {
        let found = self.outputs.iter().find(|o| o.shape().last() == Some(&N) && o.len() == N);
        let numbers = found.and_then(|o| o.as_slice()).and_then(|s| s.try_into().ok());
        numbers.ok_or_else(|| self.wrong(format!("[1, {N}]")))
    }

    /// Where the first network sees a face in a picture of so many pixels: `make` gets column and row of the window,
    /// its score and its shift.
    pub(super) fn proposals(
        &self,
        (width, height): (u32, u32),
        make: impl Fn(usize, usize, f32, [f32; 4]) -> Candidate,
    ) -> Result<Vec<Candidate>> {
        let layout = self.form.input.layout;
        // The output of so many numbers a window, with its numbers of rows and columns.
        let map = |numbers: usize| {
            self.outputs.iter().find_map(|o| {
                let (count, high, wide) = match (layout, o.shape()) {
                    (Layout::Nhwc, &[1, high, wide, count]) | (Layout::Nchw, &[1, count, high, wide]) => {
                        (count, high, wide)
                    }
                    _ => return None,
                };
                (count == numbers).then_some(((wide, high), o.as_slice()?))
            })
        };
        // Windows that reach over the edge are in the outputs of some files.
        let windows = |side: u32| side.saturating_sub(WINDOW) as usize / 2 + 1;
        let fit = |side: u32, found: usize| (windows(side)..=windows(side) + 1).contains(&found);
        let turned = |(wide, high)| if self.form.transposed { (high, wide) } else { (wide, high) };
        let (Some((plane, scores)), Some((same, shifts))) = (map(2), map(4)) else {
            return Err(self.wrong("2 scores and 4 shifts a window".into()));
        };
        let (columns, rows) = turned(plane);
        if plane != same || !fit(width, columns) || !fit(height, rows) {
            return Err(self.wrong(format!("{} x {} windows", windows(width), windows(height))));
        }
        let value = |map: &[f32], numbers: usize, place: usize, which: usize| match layout {
            Layout::Nhwc => map[numbers * place + which],
            Layout::Nchw => map[which * columns * rows + place],
        };
        let mut found = Vec::new();
        for at in 0..columns * rows {
            let (x, y) = (at % columns, at / columns);
            let place = if self.form.transposed { x * rows + y } else { at };
            let score = value(scores, 2, place, 1);
            if score > PROPOSAL_SCORE {
                found.push(make(x, y, score, std::array::from_fn(|i| value(shifts, 4, place, i))));
            }
        }
        Ok(found)
    }

    fn wrong(&self, expected: String) -> Error {
        let shapes: Vec<_> = self.outputs.iter().map(|o| o.shape().to_vec()).collect();
        Error::Output { model: self.model.to_owned(), found: format!("{shapes:?}"), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn form(layout: Layout, channels: ChannelOrder, transposed: bool) -> Form {
        Form {
            input: Input { layout, channels, mean: [1.0, 2.0, 3.0], scale: [2.0; 3], standardise: false },
            transposed,
        }
    }

    #[test]
    fn rows_and_columns_are_exchanged_where_the_networks_want_it() {
        // Red counts the columns, blue the rows.
        let picture = RgbImage::from_fn(3, 2, |x, y| Rgb([10 * x as u8, 0, 10 * y as u8]));
        let mut slot = [0.0; 18];
        form(Layout::Nhwc, ChannelOrder::Rgb, true).write(&picture, &mut slot);
        // (column, row) in the order (0, 0), (0, 1), (1, 0), …
        let reds: Vec<f32> = slot.iter().step_by(3).copied().collect();
        assert_eq!(reds, [0.0, 0.0, 10.0, 10.0, 20.0, 20.0].map(|v| (v - 1.0) / 2.0));
        form(Layout::Nchw, ChannelOrder::Bgr, false).write(&picture, &mut slot);
        assert_eq!(slot[..6], [0.0, 0.0, 0.0, 10.0, 10.0, 10.0].map(|v| (v - 1.0) / 2.0));
        assert_eq!(slot[12..], [0.0, 10.0, 20.0, 0.0, 10.0, 20.0].map(|v| (v - 3.0) / 2.0));
    }

    #[test]
    fn proposals_are_read_at_their_place_in_either_order_of_axes_and_outputs() {
        // Three columns, two rows; a face in column 2, row 1.
        let make = |x: usize, y: usize, score, shift| Candidate {
            corner: [x as f32, y as f32],
            side: [1.0; 2],
            score,
            shift,
        };
        for (layout, transposed) in
            [(Layout::Nhwc, true), (Layout::Nhwc, false), (Layout::Nchw, true), (Layout::Nchw, false)]
        {
            let (wide, high, x, y) = if transposed { (2, 3, 1, 2) } else { (3, 2, 2, 1) };
            let map = |channels: usize, values: &[f32]| {
                let shape = match layout {
                    Layout::Nhwc => vec![1, high, wide, channels],
                    Layout::Nchw => vec![1, channels, high, wide],
                };
                let mut map = Tensor::zeros(shape);
                for (c, &v) in values.iter().enumerate() {
                    match layout {
                        Layout::Nhwc => map[[0, y, x, c]] = v,
                        Layout::Nchw => map[[0, c, y, x]] = v,
                    }
                }
                map
            };
            let outputs = [map(4, &[0.1, 0.2, 0.3, 0.4]), map(2, &[0.2, 0.8])];
            let form = form(layout, ChannelOrder::Rgb, transposed);
            let read = Outputs { model: "x", form, outputs: &outputs };
            let found = read.proposals((16, 14), make).unwrap();
            assert_eq!(found, [make(2, 1, 0.8, [0.1, 0.2, 0.3, 0.4])], "{layout:?} {transposed}");
            assert!(matches!(read.proposals((20, 14), make), Err(Error::Output { .. })));
            assert!(matches!(read.one::<2>(), Err(Error::Output { .. })));
        }
    }
}
