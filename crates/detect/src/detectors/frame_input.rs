//! Whole frames through a network that takes them at many sizes: planes of colours, sides that are multiples of 32.

use image::RgbImage;
use streamface_imgproc::resize_bilinear_planar;
use streamface_model::{ChannelOrder, Input, Layout, Manifest, NetworkOptions};
use streamface_types::{BoundingBox, Detection, Landmarks};

use super::sized_networks::SizedNetworks;
use crate::error::{Error, Result};

/// The networks of a model of one file.
///
/// # Errors
/// [`Error::Unfit`] where the manifest says more files, grey, or another order of axes.
pub(super) fn networks(model: &Manifest, weights: Vec<Vec<u8>>) -> Result<SizedNetworks> {
    let unfit = |why: &str| Error::Unfit { model: model.name.clone(), why: why.into() };
    if model.input.layout != Layout::Nchw {
        return Err(unfit("its input is not nchw"));
    }
    if model.input.channels == ChannelOrder::Gray {
        return Err(unfit("it sees colours, not grey"));
    }
    let ([file], Ok([weights])) = (&model.weights[..], <[Vec<u8>; 1]>::try_from(weights)) else {
        return Err(unfit("it has one weight file"));
    };
    Ok(SizedNetworks::new(&model.name, file.format, Layout::Nchw, NetworkOptions::of(model), weights))
}

/// Width and height of the network's input for a frame: the long side `size` or the frame's own, both
/// rounded up to a multiple of 32.
pub(super) fn input_size(w: u32, h: u32, size: u32) -> (u32, u32) {
    let long = w.max(h);
    let scale = f64::from(size.min(long)) / f64::from(long);
    let side = |s: u32| ((f64::from(s) * scale).round() as u32).max(1).next_multiple_of(32);
    (side(w), side(h))
}

/// The picture resized to `size`, as the network's input.
pub(super) fn planar(picture: &RgbImage, (w, h): (u32, u32), form: &Input) -> Vec<f32> {
    let plane = w as usize * h as usize;
    let mut input = vec![0.0; 3 * plane];
    resize_bilinear_planar(picture, w, h, &mut input);
    if form.channels == ChannelOrder::Bgr {
        let (red, rest) = input.split_at_mut(plane);
        red.swap_with_slice(&mut rest[plane..]);
    }
    if form.mean != [0.0; 3] || form.scale != [1.0; 3] {
        for (plane, (mean, scale)) in input.chunks_exact_mut(plane).zip(form.mean.into_iter().zip(form.scale))
        {
            plane.iter_mut().for_each(|v| *v = (*v - mean) / scale);
        }
    }
    input
}

/// Detections in pixels of the network's input, in those of the frame.
pub(super) fn in_frame(mut found: Vec<Detection>, size: (u32, u32), frame: (u32, u32)) -> Vec<Detection> {
    let (sx, sy) = (frame.0 as f32 / size.0 as f32, frame.1 as f32 / size.1 as f32);
    for face in &mut found {
        let b = &mut face.bbox;
        *b = BoundingBox::new(b.x * sx, b.y * sy, b.w * sx, b.h * sy);
        face.landmarks = Landmarks(face.landmarks.0.map(|[x, y]| [x * sx, y * sy]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn sizes_round_up_and_small_frames_are_not_enlarged() {
        assert_eq!(input_size(1920, 1080, 640), (640, 384));
        assert_eq!(input_size(1920, 1080, 1920), (1920, 1088));
        assert_eq!(input_size(250, 250, 640), (256, 256));
        assert_eq!(input_size(1080, 1920, 640), (384, 640));
        assert_eq!(input_size(8192, 1, 640), (640, 32));
    }

    #[test]
    fn each_channel_has_its_mean_and_scale_in_the_order_of_the_channels() {
        let picture = RgbImage::from_pixel(32, 32, Rgb([10, 20, 30]));
        let mut form = Input {
            layout: Layout::Nchw,
            channels: ChannelOrder::Bgr,
            mean: [1.0, 2.0, 3.0],
            scale: [1.0, 2.0, 1.0],
            standardise: false,
        };
        let firsts = |form: &Input| {
            let input = planar(&picture, (32, 32), form);
            [input[0], input[1024], input[2048]]
        };
        assert_eq!(firsts(&form), [29.0, 9.0, 7.0]);
        form.channels = ChannelOrder::Rgb;
        assert_eq!(firsts(&form), [9.0, 9.0, 27.0]);
    }
}
