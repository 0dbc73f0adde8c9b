//! Which of several video streams is taken.

use ffmpeg_next::format::context::Input;
use ffmpeg_next::media;

/// A stream, as far as it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    index: usize,
    width: u32,
    height: u32,
    /// Bits per second that its playlist announces.
    bits: u64,
}

/// The number of the video stream to take, of those whose numbers are `usable`: of the variants of a playlist the
/// largest, and of those of one size the one with the most bits; of other files with several the one that ffmpeg takes.
/// With `height`, the highest that is no higher, else the lowest. None where there is none.
pub(crate) fn pick(input: &Input, usable: &[usize], height: Option<u32>) -> Option<usize> {
    let all: Vec<Candidate> = usable.iter().filter_map(|&index| candidate(input, index)).collect();
    if let Some(height) = height {
        return within(&all, height);
    }
    if is_playlist(input) {
        return largest(&all);
    }
    let best = input.streams().best(media::Type::Video).map(|stream| stream.index());
    best.filter(|best| usable.contains(best)).or_else(|| largest(&all))
}

/// Whether what is opened is a playlist, which names what is to be read.
pub(crate) fn is_playlist(input: &Input) -> bool {
    let format = input.format();
    format.name().split(',').any(|name| name == "hls" || name == "dash")
}

fn candidate(input: &Input, index: usize) -> Option<Candidate> {
    let stream = input.stream(index)?;
    // SAFETY: plain fields of the parameters, which live as long as the stream.
    let (width, height) = unsafe {
        let parameters = stream.parameters();
        let parameters = parameters.as_ptr();
        ((*parameters).width, (*parameters).height)
    };
    let announced = stream.metadata().get("variant_bitrate").and_then(|bits| bits.parse().ok());
    Some(Candidate {
        index,
        width: u32::try_from(width).unwrap_or(0),
        height: u32::try_from(height).unwrap_or(0),
        bits: announced.unwrap_or(0),
    })
}

fn largest(all: &[Candidate]) -> Option<usize> {
    // Of equals the first.
    let order =
        |c: &&Candidate| (u64::from(c.width) * u64::from(c.height), c.bits, std::cmp::Reverse(c.index));
    all.iter().max_by_key(order).map(|c| c.index)
}

fn within(all: &[Candidate], height: u32) -> Option<usize> {
    let low: Vec<Candidate> = all.iter().filter(|c| c.height <= height).copied().collect();
    if let Some(highest) = low.iter().map(|c| c.height).max() {
        return largest(&low.into_iter().filter(|c| c.height == highest).collect::<Vec<_>>());
    }
    let lowest = all.iter().map(|c| c.height).min()?;
    largest(&all.iter().filter(|c| c.height == lowest).copied().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_taken_or_the_highest_that_is_wanted() {
        let all: Vec<Candidate> =
            [(320, 180, 9), (1280, 720, 1), (1280, 720, 3), (640, 360, 2), (1280, 720, 3)]
                .into_iter()
                .zip(0..)
                .map(|((width, height, bits), index)| Candidate { index, width, height, bits })
                .collect();
        assert_eq!(largest(&all), Some(2));
        for (height, index) in [(2000, 2), (720, 2), (719, 3), (360, 3), (200, 0), (100, 0)] {
            assert_eq!(within(&all, height), Some(index), "{height}");
        }
        assert_eq!((largest(&[]), within(&[], 1)), (None, None));
    }
}
