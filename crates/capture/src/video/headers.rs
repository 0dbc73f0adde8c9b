//! What keyframes say of the whole stream: parameter sets and sequence headers. A decoder keeps them, so a later keyframe may leave
//! them out. Keyframes that all say the same can be decoded by several decoders.

use ffmpeg::codec;
use ffmpeg_next as ffmpeg;

/// How headers are found in the packets of a video.
#[derive(Debug, PartialEq)]
pub(super) enum Headers {
    /// There are none that a later keyframe may leave out.
    None,
    /// Units of H.264 or HEVC.
    Units {
        hevc: bool,
        /// Bytes of the length before each; none where start codes part them.
        length: Option<usize>,
    },
    /// Sequence headers of MPEG-2.
    Sequence,
}

impl Headers {
    /// None for codecs whose keyframes may need each other.
    pub(super) fn of(parameters: &codec::Parameters) -> Option<Self> {
        // SAFETY: the parameters are those of an open stream; their `extradata` holds `extradata_size` bytes or is null.
        let extra = unsafe {
            let p = &*parameters.as_ptr();
            if p.extradata.is_null() || p.extradata_size <= 0 {
                &[]
            } else {
                std::slice::from_raw_parts(p.extradata, p.extradata_size as usize)
            }
        };
        Self::told(parameters.id(), extra)
    }

    fn told(codec: codec::Id, extra: &[u8]) -> Option<Self> {
        use codec::Id;
        // ffmpeg's own rules for the two ways of parting units.
        let length = |at: usize| extra.get(at).map(|b| usize::from(b & 3) + 1);
        Some(match codec {
            Id::H264 => Self::Units { hevc: false, length: length(4).filter(|_| extra.first() == Some(&1)) },
            Id::HEVC => {
                let is_box = matches!(extra, [a, b, c, _, ..] if *a > 0 || *b > 0 || *c > 1);
                Self::Units { hevc: true, length: length(21).filter(|_| is_box) }
            }
            Id::MPEG2VIDEO => Self::Sequence,
            Id::VP8 | Id::VP9 | Id::AV1 | Id::PRORES | Id::DNXHD => Self::None,
            _ => return None,
        })
    }

    /// The headers of a keyframe; none where they cannot be told.
    pub(super) fn read(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut found = Vec::new();
        match *self {
            Self::None => {}
            Self::Units { hevc, length } => {
                let is_header = |unit: &[u8]| match unit.first() {
                    Some(first) if hevc => (32..=34).contains(&(first >> 1 & 63)),
                    Some(first) => matches!(first & 31, 7 | 8 | 13 | 15),
                    None => false,
                };
                let mut add = |unit: &[u8]| {
                    if is_header(unit) {
                        found.extend_from_slice(&(unit.len() as u32).to_le_bytes());
                        found.extend_from_slice(unit);
                    }
                };
                match length {
                    Some(length) => each_by_length(packet, length, add)?,
                    None => parts(packet).for_each(&mut add),
                }
            }
            Self::Sequence => {
                // The extensions of a sequence are 1 and 2; those of a picture, which follow it, others.
                let headers =
                    parts(packet).filter(|part| matches!(part, [0xb3, ..] | [0xb5, 0x10..=0x2f, ..]));
                headers.for_each(|part| found.extend_from_slice(part));
                // Without them, what an earlier picture said of quantisation may still hold.
                if found.first() != Some(&0xb3) {
                    return None;
                }
            }
        }
        Some(found)
    }
}

/// Calls `add` with each unit; none where lengths and bytes do not agree.
fn each_by_length(mut packet: &[u8], width: usize, mut add: impl FnMut(&[u8])) -> Option<()> {
    while !packet.is_empty() {
        let (length, rest) = packet.split_at_checked(width)?;
        let length = length.iter().fold(0, |n, &b| n << 8 | usize::from(b));
        let (unit, rest) = rest.split_at_checked(length)?;
        add(unit);
        packet = rest;
    }
    Some(())
}

/// What stands between start codes, without zeros at its end.
fn parts(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    let next = |bytes: &[u8]| bytes.windows(3).position(|w| w == [0, 0, 1]);
    let mut rest = next(packet).map(|at| &packet[at + 3..]);
    std::iter::from_fn(move || {
        let from = rest.take()?;
        let end = next(from);
        rest = end.map(|at| &from[at + 3..]);
        let part = &from[..end.unwrap_or(from.len())];
        Some(&part[..part.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 4] = [0x67, 1, 2, 3];
    const PPS: [u8; 3] = [0x68, 9, 9];
    const SLICE: [u8; 5] = [0x65, 7, 7, 7, 7];

    fn by_length(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&(unit.len() as u32).to_be_bytes()[..], unit].concat()).collect()
    }

    fn by_codes(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect()
    }

    #[test]
    fn parameter_sets_are_found_both_ways_and_wherever_they_are() {
        let boxed = Headers::told(codec::Id::H264, &[1, 0x64, 0, 0x28, 0xff]).unwrap();
        let coded = Headers::told(codec::Id::H264, &[0, 0, 0, 1, 0x67]).unwrap();
        assert_eq!(boxed, Headers::Units { hevc: false, length: Some(4) });
        assert_eq!(coded, Headers::Units { hevc: false, length: None });
        let units: [&[u8]; 4] = [&SPS, &PPS, &SLICE, &PPS];
        let found = coded.read(&by_codes(&units)).unwrap();
        assert_eq!(boxed.read(&by_length(&units)).as_ref(), Some(&found));
        assert_eq!(found.len(), 4 * 3 + SPS.len() + 2 * PPS.len());
        assert_ne!(coded.read(&by_codes(&units[..3])), Some(found), "a second field has its own");
        assert_eq!(coded.read(&by_codes(&[&SLICE])), Some(Vec::new()));
        assert_eq!(boxed.read(&by_length(&units)[1..]), None, "no such lengths");
    }

    #[test]
    fn hevc_and_mpeg2_have_theirs_and_other_codecs_none() {
        let mut extra = vec![1; 22];
        extra[21] = 0xff;
        assert_eq!(
            Headers::told(codec::Id::HEVC, &extra),
            Some(Headers::Units { hevc: true, length: Some(4) })
        );
        let hevc = Headers::told(codec::Id::HEVC, &[]).unwrap();
        assert_eq!(hevc.read(&by_codes(&[&[0x42, 1], &[0x26, 1]])).unwrap(), [2, 0, 0, 0, 0x42, 1]);
        let mpeg2 = Headers::told(codec::Id::MPEG2VIDEO, &[]).unwrap();
        let picture: [&[u8]; 5] = [&[0xb3, 5], &[0xb5, 0x14], &[0xb8, 1], &[0, 1], &[0xb5, 0x80]];
        assert_eq!(mpeg2.read(&by_codes(&picture)).unwrap(), [0xb3, 5, 0xb5, 0x14]);
        assert_eq!(mpeg2.read(&by_codes(&picture[2..])), None);
        assert_eq!(Headers::told(codec::Id::VP9, &[]).unwrap().read(&[1, 2]), Some(Vec::new()));
        assert_eq!(Headers::told(codec::Id::MPEG4, &[]), None);
    }
}
