//! Sees what ffmpeg opens and reads on behalf of a source, so that playlists can be refused.
//!
//! Why here is `unsafe`: ffmpeg offers this as a callback that opens addresses (`AVFormatContext.io_open`). What is
//! opened is read through a function in its `AVIOContext`, which is wrapped until the first bytes have told that it is
//! no playlist.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ffmpeg_next::ffi;
use ffmpeg_next::util::error::EAGAIN;

use super::addresses::{Addresses, short};
use super::playlist::{Inspector, Look, Rules};

/// Most addresses that are noted as missing: those of a day.
const MAX_MISSING: usize = 50_000;

/// Watches over the playlists of one opened source. It must outlive the ffmpeg context that it is installed in.
#[derive(Debug)]
pub(crate) struct Guard {
    rules: Mutex<Rules>,
    refused: Mutex<Option<Refusal>>,
    open: Open,
    /// Whether the address that was asked for has been opened.
    opened: AtomicBool,
    /// Addresses that a playlist names and that could not be read to their end.
    missing: Mutex<BTreeSet<String>>,
}

type Open = Option<
    unsafe extern "C" fn(
        *mut ffi::AVFormatContext,
        *mut *mut ffi::AVIOContext,
        *const c_char,
        c_int,
        *mut *mut ffi::AVDictionary,
    ) -> c_int,
>;
type Read = unsafe extern "C" fn(*mut c_void, *mut u8, c_int) -> c_int;

/// A reading that is looked at.
struct Tap {
    guard: Weak<Guard>,
    context: usize,
    read: Read,
    inspector: Inspector,
    /// Whether this is the address that was asked for, and not one that a playlist names.
    first: bool,
    /// What is read from.
    url: String,
    /// Whether it has been looked at, and only its end matters.
    looked_at: bool,
}

/// Readings that are looked at, by the `opaque` that ffmpeg gives to the reading function.
static TAPS: Mutex<Option<HashMap<usize, Tap>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guard {
    /// A guard that is installed in `context`; `local` for a file of this machine.
    ///
    /// # Safety
    /// `context` is allocated and not yet opened, and is freed before the guard.
    pub(crate) unsafe fn install(context: *mut ffi::AVFormatContext, local: bool) -> Arc<Self> {
        // SAFETY: the caller's promise; these are plain fields, and the user's to set before opening.
        unsafe {
            let rules = Rules { addresses: Addresses::new(local), ..Rules::default() };
            let guard = Arc::new(Self {
                rules: Mutex::new(rules),
                refused: Mutex::default(),
                open: (*context).io_open,
                opened: AtomicBool::new(false),
                missing: Mutex::default(),
            });
            (*context).opaque = Arc::as_ptr(&guard).cast_mut().cast();
            (*context).io_open = Some(open);
            guard
        }
    }

    /// Why something must not be followed, where something was read that must not.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        lock(&self.refused).clone()
    }

    /// How many addresses that a playlist names could not be read to their end, and the first of them.
    pub(crate) fn missing(&self) -> Option<(usize, String)> {
        let missing = lock(&self.missing);
        Some((missing.len(), short(missing.first()?)))
    }

    /// Notes whether an address that a playlist names could be read: it may be tried more than once.
    fn note(&self, url: &str, is_missing: bool) {
        let mut missing = lock(&self.missing);
        if !is_missing {
            missing.remove(url);
        } else if missing.len() < MAX_MISSING {
            missing.insert(url.to_owned());
        }
    }

    /// Whether something was refused.
    pub(crate) fn has_refused(&self) -> bool {
        lock(&self.refused).is_some()
    }
}

/// Why something is not followed.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// The address is that of a page.
    Page,
    /// A playlist, and what is wrong with it.
    Playlist(String),
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What was opened and hardly read.
        if let Some(taps) = lock(&TAPS).as_mut() {
            taps.retain(|_, tap| tap.guard.strong_count() > 0);
        }
    }
}

/// Opens as ffmpeg would, and sees to it that the first bytes are looked at.
unsafe extern "C" fn open(
    context: *mut ffi::AVFormatContext,
    io: *mut *mut ffi::AVIOContext,
    url: *const c_char,
    flags: c_int,
    options: *mut *mut ffi::AVDictionary,
) -> c_int {
    // SAFETY: `opaque` is the guard that `install` put there, which outlives the context; ffmpeg calls with valid
    // pointers, and sets `io` where it returns no error. The reference that is taken is given back by the Arc.
    unsafe {
        let guard = (*context).opaque.cast_const().cast::<Guard>();
        Arc::increment_strong_count(guard);
        let guard = Arc::from_raw(guard);
        let Some(open) = guard.open else { return ffi::AVERROR_EXIT };
        if guard.has_refused() {
            return ffi::AVERROR_EXIT;
        }
        let opened = open(context, io, url, flags, options);
        let url = CStr::from_ptr(url).to_string_lossy();
        if opened != ffi::AVERROR_EXIT && guard.opened.load(Relaxed) {
            guard.note(&url, opened < 0);
        }
        if opened >= 0 && flags & ffi::AVIO_FLAG_WRITE as c_int == 0 {
            tap(&guard, *io, &url);
        }
        opened
    }
}

/// Looks at what is read through `io` from now on.
///
/// # Safety
/// `io` is open and has not been read from.
unsafe fn tap(guard: &Arc<Guard>, io: *mut ffi::AVIOContext, url: &str) {
    // SAFETY: the caller's promise. Only the function is exchanged, for one that calls it with the same arguments.
    unsafe {
        let Some(read) = (*io).read_packet else { return };
        let inspector = Inspector::new(url);
        let first = !guard.opened.swap(true, Relaxed);
        let (url, context) = (url.to_owned(), io as usize);
        let tap =
            Tap { guard: Arc::downgrade(guard), context, read, inspector, first, url, looked_at: false };
        lock(&TAPS).get_or_insert_default().insert((*io).opaque as usize, tap);
        (*io).read_packet = Some(read_and_look);
    }
}

/// Reads as ffmpeg would, and looks at what came.
unsafe extern "C" fn read_and_look(opaque: *mut c_void, into: *mut u8, size: c_int) -> c_int {
    let key = opaque as usize;
    let known = lock(&TAPS).as_ref().and_then(|taps| taps.get(&key).map(|tap| (tap.read, tap.guard.clone())));
    let Some((read, Some(guard))) = known.map(|(read, guard)| (read, guard.upgrade())) else {
        return ffi::AVERROR_EXIT;
    };
    if guard.has_refused() {
        return ffi::AVERROR_EXIT;
    }
    // SAFETY: the function, and its arguments, are ffmpeg's own.
    let got = unsafe { read(opaque, into, size) };
    if got == ffi::AVERROR(EAGAIN) {
        return got;
    }
    let mut taps = lock(&TAPS);
    let Some(tap) = taps.as_mut().and_then(|taps| taps.get_mut(&key)) else { return got };
    let length = usize::try_from(got).unwrap_or(0);
    if length == 0 && !tap.first && got != ffi::AVERROR_EOF && got != ffi::AVERROR_EXIT {
        guard.note(&tap.url, true);
    }
    // SAFETY: ffmpeg has just written so many bytes there.
    let bytes = if length == 0 { &[][..] } else { unsafe { std::slice::from_raw_parts(into, length) } };
    let look = if tap.looked_at {
        Look::Done
    } else {
        tap.inspector.look(bytes, length == 0, &mut lock(&guard.rules))
    };
    let refusal = match look {
        Look::On => return got,
        Look::Page if tap.first => Refusal::Page,
        Look::Refused(why) => Refusal::Playlist(why),
        // What a server says in place of a segment is no reason to give a stream up.
        Look::Done | Look::Page => {
            if look == Look::Page {
                guard.note(&tap.url, true);
            }
            tap.looked_at = true;
            if tap.first || length == 0 {
                // SAFETY: the context is the one that this call reads for, so it is open.
                unsafe { (*(tap.context as *mut ffi::AVIOContext)).read_packet = Some(tap.read) };
                if let Some(taps) = taps.as_mut() {
                    taps.remove(&key);
                }
            }
            return got;
        }
    };
    drop(taps);
    lock(&guard.refused).get_or_insert(refusal);
    ffi::AVERROR_EXIT
}
