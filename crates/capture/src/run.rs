//! Decoding of more than keyframes, where a keyframe alone is not enough.

use std::collections::VecDeque;

use ffmpeg::codec::discard::Discard;
use ffmpeg::{Packet, Rational, codec, decoder, ffi, frame};
use ffmpeg_next as ffmpeg;
use streamface_types::StreamTime;

/// A keyframe decoded alone.
pub(crate) enum Alone {
    Picture(frame::Video),
    /// The decoder took it, and has no picture without others.
    Nothing,
    Broken,
}

/// What a decoder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decodes {
    All,
    Keyframes,
    /// Keyframes without any error: others are [`Alone::Broken`].
    WholeKeyframes,
}

/// Opens a decoder.
///
/// # Errors
/// What ffmpeg reports.
pub(crate) fn open(
    parameters: codec::Parameters,
    time_base: Rational,
    max_side: u32,
    decodes: Decodes,
) -> Result<decoder::Video, ffmpeg::Error> {
    let mut context = codec::Context::from_parameters(parameters)?;
    // SAFETY: the context is ours and not yet opened; all are plain settings.
    unsafe {
        let context = context.as_mut_ptr();
        (*context).thread_count = 1;
        (*context).max_pixels = i64::from(max_side) * i64::from(max_side);
        if decodes != Decodes::All {
            (*context).get_buffer2 = Some(plain_buffer);
        }
        if decodes == Decodes::WholeKeyframes {
            (*context).err_recognition |= ffi::AV_EF_EXPLODE;
        }
    }
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(time_base);
    let mut decoder = decoder.video()?;
    if decodes != Decodes::All {
        decoder.skip_frame(Discard::NonKey);
    }
    Ok(decoder)
}

/// Gives a decoder a plain picture, where it would have an earlier one in its memory: what a damaged keyframe leaves out is then the same,
/// whatever was decoded before.
unsafe extern "C" fn plain_buffer(
    context: *mut ffi::AVCodecContext,
    frame: *mut ffi::AVFrame,
    flags: i32,
) -> i32 {
    // SAFETY: a decoder calls this with its own context and a frame whose format and size are set. What the default gives are
    // buffers of `size` bytes that nobody else holds yet.
    unsafe {
        let result = ffi::avcodec_default_get_buffer2(context, frame, flags);
        if result >= 0 {
            for buffer in (*frame).buf.iter().filter_map(|buffer| buffer.as_ref()) {
                std::ptr::write_bytes(buffer.data, 0x80, buffer.size as _);
            }
        }
        result
    }
}

/// One packet in, one picture out: a keyframe needs no other, so the decoder is drained and reset each time instead of
/// holding frames back for reordering.
pub(crate) fn alone(decoder: &mut decoder::Video, packet: &Packet) -> Alone {
    let mut picture = frame::Video::empty();
    let sent = decoder.send_packet(packet).and_then(|()| decoder.send_eof());
    let got = sent.and_then(|()| decoder.receive_frame(&mut picture));
    decoder.flush();
    match got {
        Ok(()) if !is_flawed(&picture) => Alone::Picture(picture),
        Err(ffmpeg::Error::Eof) => Alone::Nothing,
        Ok(()) | Err(_) => Alone::Broken,
    }
}

/// Whether a decoder says of its own picture that parts of it are guesses.
pub(crate) fn is_flawed(picture: &frame::Video) -> bool {
    // SAFETY: reads a plain field of a frame that we own.
    picture.is_corrupt() || unsafe { (*picture.as_ptr()).decode_error_flags } != 0
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The first picture that is shown and whole. It is the next keyframe that ends the search, unless `patient`.
    First {
        /// Whether the keyframe is itself not shown: it lies before the point where an edit begins.
        hidden: bool,
        patient: bool,
    },
    /// A picture each so often, last at `taken`. A `cold` run began without a keyframe: its pictures are whole when the
    /// encoder has refreshed all parts of them, which no decoder can tell.
    All { taken: Option<StreamTime>, cold: bool },
}

/// A decoder that is given every packet.
pub(crate) struct Run {
    decoder: decoder::Video,
    pub(crate) goal: Goal,
    /// Time of the first packet.
    pub(crate) from: StreamTime,
    frames: VecDeque<frame::Video>,
}

impl Run {
    pub(crate) fn new(mut decoder: decoder::Video, goal: Goal, from: StreamTime) -> Self {
        if matches!(goal, Goal::All { cold: true, .. }) {
            // SAFETY: both are flags that decoders read for each frame.
            unsafe {
                (*decoder.as_mut_ptr()).flags |= ffi::AV_CODEC_FLAG_OUTPUT_CORRUPT as i32;
                (*decoder.as_mut_ptr()).flags2 |= ffi::AV_CODEC_FLAG2_SHOW_ALL;
            }
        }
        Self { decoder, goal, from, frames: VecDeque::new() }
    }

    /// Decodes a packet. What it cannot decode it passes over.
    pub(crate) fn feed(&mut self, packet: &Packet) {
        let _ = self.decoder.send_packet(packet);
        self.receive();
    }

    /// Gets what the decoder holds back. Nothing can be fed after it.
    pub(crate) fn drain(&mut self) {
        let _ = self.decoder.send_eof();
        self.receive();
    }

    fn receive(&mut self) {
        loop {
            let mut picture = frame::Video::empty();
            if self.decoder.receive_frame(&mut picture).is_err() {
                return;
            }
            self.frames.push_back(picture);
        }
    }

    /// The next decoded frame.
    pub(crate) fn pop(&mut self) -> Option<frame::Video> {
        self.frames.pop_front()
    }
}
