//! The kernels of convolutions beside sums that are written down as they are defined, on every instruction set.

use streamface_kernels::conv::{
    Activation, ByteOutput, BytePixels, ByteWeights, DepthwiseWeights, PackedWeights, Pairs, Pixels, Windows,
    accumulate, activate, byte_product, depthwise, larger, product, stored_channels,
};
use streamface_kernels::{Isa, SplitMix64};

struct Made(SplitMix64);

impl Made {
    fn below(&mut self, most: usize) -> usize {
        (self.0.next_u64() % most as u64) as usize
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.below(2001) as f32 / 1000.0 - 1.0).collect()
    }

    fn activation(&mut self, channels: usize) -> Activation {
        match self.below(5) {
            0 => Activation::None,
            1 => Activation::RELU,
            2 => Activation::Slopes(self.numbers(channels)),
            3 => Activation::Affine(self.numbers(channels), self.numbers(channels)),
            _ => Activation::HardSwish,
        }
    }
}

fn near(found: f32, expected: f64) -> bool {
    (f64::from(found) - expected).abs() <= 2e-5 * expected.abs().max(1.0)
}

fn applied(activation: &Activation, x: f64, channel: usize) -> f64 {
    f64::from(activation.of(x as f32, channel))
}

#[test]
fn products_are_what_they_are_defined_as() {
    for isa in Isa::available() {
        let mut made = Made(SplitMix64::new(7));
        for _ in 0..150 {
            let (channels, run, runs) = (1 + made.below(70), 1 + made.below(20), 1 + made.below(3));
            let (count, step) = (1 + made.below(33), 1 + made.below(25));
            let (weights, bias) = (made.numbers(runs * run * channels), made.numbers(channels));
            let packed = PackedWeights::new(isa, &weights, &bias, runs, run);
            let stored = stored_channels(channels);
            assert_eq!((packed.channels(), packed.stored()), (channels, stored));
            let input: Vec<Vec<f32>> = (0..runs).map(|_| made.numbers((count - 1) * step + run)).collect();
            let input: Vec<&[f32]> = input.iter().map(Vec::as_slice).collect();
            let out_step = stored + 8 * made.below(2);
            let residual = made.numbers(count * out_step);
            let added = (made.below(2) == 0).then_some(&residual[..]);
            let (before, after) = (made.activation(channels), made.activation(channels));
            let (padded, then) = (before.padded(stored), after.padded(stored));
            let mut out = vec![f32::NAN; count * out_step];
            let pixels = |count, runs| Pixels { count, runs, step, out_step, residual: added };
            product(&packed, &pixels(count, &input), &mut out, &padded, &then);
            for p in 0..count {
                for c in 0..channels {
                    let sum: f64 = (0..runs * run)
                        .map(|d| {
                            f64::from(input[d / run][p * step + d % run])
                                * f64::from(weights[d * channels + c])
                        })
                        .sum();
                    let sum = applied(&before, sum + f64::from(bias[c]), c);
                    let sum = sum + added.map_or(0.0, |r| f64::from(r[p * out_step + c]));
                    let (found, expected) = (out[p * out_step + c], applied(&after, sum, c));
                    assert!(near(found, expected), "{isa:?}: {found} for {expected}");
                }
            }
            // A pixel's numbers do not depend on how many pixels there are.
            let mut first = vec![f32::NAN; out_step];
            product(&packed, &pixels(1, &input), &mut first, &padded, &then);
            assert_eq!(first[..channels], out[..channels]);
        }
    }
}

#[test]
fn depthwise_convolutions_are_what_they_are_defined_as() {
    for isa in Isa::available() {
        let mut made = Made(SplitMix64::new(8));
        for _ in 0..200 {
            let (rows, columns, stride) = (1 + made.below(5), 1 + made.below(7), 1 + made.below(3));
            let (channels, width, before) = (1 + made.below(40), 1 + made.below(30), made.below(columns));
            // As many windows as touch the row.
            let count = 1 + made.below((width + before - 1) / stride + 1);
            let stored = stored_channels(channels);
            let (weights, bias) = (made.numbers(rows * columns * channels), made.numbers(channels));
            let packed = DepthwiseWeights::new(isa, &weights, &bias, rows, columns);
            assert_eq!((packed.stored(), packed.window()), (stored, (rows, columns)));
            let input: Vec<Option<Vec<f32>>> =
                (0..rows).map(|_| (made.below(4) > 0).then(|| made.numbers(width * stored))).collect();
            let under: Vec<Option<&[f32]>> = input.iter().map(Option::as_deref).collect();
            let activation = made.activation(channels);
            let mut out = vec![f32::NAN; count * stored];
            let windows = Windows { rows: &under, width, stride, before };
            depthwise(&packed, &windows, &mut out, &activation.padded(stored));
            for x in 0..count {
                for c in 0..channels {
                    let mut sum = f64::from(bias[c]);
                    for (r, row) in under.iter().enumerate() {
                        for k in 0..columns {
                            let at = (x * stride + k).checked_sub(before).filter(|&at| at < width);
                            let (Some(row), Some(at)) = (row, at) else { continue };
                            sum += f64::from(row[at * stored + c])
                                * f64::from(weights[(r * columns + k) * channels + c]);
                        }
                    }
                    let (found, expected) = (out[x * stored + c], applied(&activation, sum, c));
                    assert!(near(found, expected), "{isa:?}: {found} for {expected}");
                }
            }
        }
    }
}

#[test]
fn activations_and_pools_are_what_they_are_defined_as() {
    let mut made = Made(SplitMix64::new(9));
    for isa in Isa::available() {
        for _ in 0..20 {
            let (channels, pixels) = (1 + made.below(30), 1 + made.below(9));
            let stored = stored_channels(channels);
            let activation = made.activation(channels);
            let numbers = made.numbers(pixels * stored);
            let mut out = numbers.clone();
            activate(isa, &activation.padded(stored), stored, &mut out);
            for p in 0..pixels {
                for c in 0..channels {
                    let expected = applied(&activation, f64::from(numbers[p * stored + c]), c);
                    assert!(near(out[p * stored + c], expected));
                }
            }
        }
    }
    let row = [1.0, -1.0, 5.0, 2.0, 3.0, 9.0];
    let pairs = Pairs { out: 1, from: 0, stride: 2, count: 1, channels: 2 };
    let (mut most, mut sum) = ([4.0, 4.0, 0.0, 0.0], [4.0, 4.0, 1.0, 1.0]);
    larger(&mut most, &row, pairs);
    accumulate(&mut sum, &row, Pairs { from: 1, ..pairs });
    assert_eq!((most, sum), ([4.0, 4.0, 1.0, 0.0], [4.0, 4.0, 6.0, 3.0]));
}

#[test]
#[should_panic(expected = "runs of 12 numbers")]
fn a_run_that_is_too_short_is_refused() {
    let packed = PackedWeights::new(Isa::detect(), &[1.0; 4], &[0.0], 1, 4);
    let pixels = Pixels { count: 3, runs: &[&[0.0; 11]], step: 4, out_step: 8, residual: None };
    product(&packed, &pixels, &mut [0.0; 24], &Activation::None, &Activation::None);
}

#[test]
fn products_in_whole_numbers_are_near_and_the_same_everywhere() {
    let mut made = Made(SplitMix64::new(10));
    for _ in 0..60 {
        let (channels, depth, count) = (1 + made.below(70), 8 * (1 + made.below(20)), 1 + made.below(33));
        let stored = stored_channels(channels);
        let (weights, bias) = (made.numbers(depth * channels), made.numbers(channels));
        let mut input = made.numbers(count * depth);
        // A pixel of one number, and one that lies far from 0.
        input[..depth].fill(0.25);
        input[(count - 1) * depth..].iter_mut().for_each(|x| *x += 3.0);
        let residual = made.numbers(count * stored);
        let added = (made.below(2) == 0).then_some(&residual[..]);
        let mut results = Vec::new();
        for isa in Isa::available() {
            let packed = ByteWeights::new(isa, &weights, &bias, depth);
            assert_eq!((packed.channels(), packed.products()), (channels, depth * channels));
            let (mut pixels, mut out) = (BytePixels::default(), vec![f32::NAN; count * stored]);
            pixels.take(isa, &input, depth, true);
            assert_eq!(pixels.count(), count);
            let mut output = ByteOutput { out: &mut out, step: stored, residual: added };
            byte_product(&packed, &pixels, &mut output, &Activation::None, &Activation::RELU);
            for (p, pixel) in out.chunks(stored).enumerate() {
                for (c, &found) in pixel[..channels].iter().enumerate() {
                    let products = (0..depth)
                        .map(|d| f64::from(input[p * depth + d]) * f64::from(weights[d * channels + c]));
                    let rest = f64::from(bias[c]) + added.map_or(0.0, |r| f64::from(r[p * stored + c]));
                    let expected = (products.sum::<f64>() + rest).max(0.0);
                    // Steps of 2/255 and 1/127 at most, each off by half of one, in any direction.
                    let most = 5.0 * (depth as f64).sqrt() * (4.0 / 127.0 + 4.0 / 254.0);
                    let off = (f64::from(found) - expected).abs();
                    assert!(off <= most, "{isa:?}: {found} for {expected} of {depth}");
                }
            }
            results.push(out);
        }
        // Whole numbers are the same everywhere; scales are multiplied in one step or in two.
        for other in &results[1..] {
            for (a, b) in results[0].iter().zip(other) {
                assert!((a - b).abs() <= 1e-3 || a.is_nan(), "{a} and {b}");
            }
        }
    }
}
