//! Opening a file or url with ffmpeg: options, protocols, and what went wrong.

mod addresses;
mod guard;
mod pick;
#[cfg(unix)]
mod pipe;
mod playlist;

use std::ffi::CString;
use std::fs::File;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ffmpeg::util::error::{ECONNREFUSED, EINVAL, EIO, ENOMEM};
use ffmpeg::{Dictionary, ffi, format};
use ffmpeg_next as ffmpeg;

use crate::deadline::Watch;
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::source::{FIND_STREAM, Location, host_of, scheme_of};

pub(crate) use guard::Guard;
use guard::Refusal;
pub(crate) use pick::{is_playlist, pick};

/// What may be opened on behalf of what: a local file that names a url must not make us fetch it.
const FILE_PROTOCOLS: &str = "file,crypto,data,subfile";
const PIPE_PROTOCOLS: &str = "pipe";
const URL_PROTOCOLS: &str =
    "http,https,httpproxy,tls,tcp,udp,rtp,srtp,rtsp,rtsps,rtmp,rtmps,rtmpt,srt,crypto,data,hls,mmsh,mmst";

/// An opened file or url. Fields are dropped in this order.
pub(crate) struct Opened {
    pub(crate) input: format::context::Input,
    pub(crate) guard: Arc<Guard>,
    /// A pipe that is read by its number, and so must stay open.
    _pipe: Option<File>,
}

/// Opens a file or url, and finds its streams.
///
/// # Errors
/// [`Error::Empty`], [`Error::Open`], [`Error::Connection`], [`Error::Playlist`], [`Error::WebPage`],
/// [`Error::Stopped`].
pub(crate) fn open(location: &Location, settings: &Settings, watch: &Watch) -> Result<Opened> {
    let shown = location.shown();
    let failed = |guard: Option<&Guard>, e| {
        let limit = settings.open_timeout;
        let ending = Ending { location, shown: &shown, guard, watch, limit, opening: true };
        ending.explain(e)
    };
    let mut pipe = None;
    let mut options = Dictionary::new();
    let address = match location {
        Location::Url(url) => {
            url_options(url, settings, &mut options);
            url.clone().into_bytes()
        }
        Location::File(path) => {
            pipe = file(path, &shown, settings, watch)?;
            options.set("protocol_whitelist", if pipe.is_some() { PIPE_PROTOCOLS } else { FILE_PROTOCOLS });
            match &pipe {
                #[cfg(unix)]
                Some(pipe) => pipe::address(pipe).into_bytes(),
                // Without the prefix, `12:30.mp4` would be a protocol.
                _ => [b"file:", path.as_os_str().as_encoded_bytes()].concat(),
            }
        }
    };
    let address = CString::new(address).map_err(|_| failed(None, ffmpeg::Error::InvalidData))?;
    open_input(&address, !location.is_url(), options, watch)
        .map(|(input, guard)| Opened { input, guard, _pipe: pipe })
        .map_err(|(e, guard)| failed(guard.as_deref(), e))
}

/// Checks a file; a pipe is opened here.
fn file(path: &Path, shown: &str, settings: &Settings, watch: &Watch) -> Result<Option<File>> {
    let Ok(meta) = std::fs::metadata(path) else { return Ok(None) };
    if meta.is_file() && meta.len() == 0 {
        return Err(Error::Empty(shown.to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if meta.file_type().is_fifo() {
            return pipe::open_pipe(path, watch, settings.open_timeout).map(Some);
        }
    }
    #[cfg(not(unix))]
    let _ = (settings, watch);
    Ok(None)
}

fn url_options(url: &str, settings: &Settings, options: &mut Dictionary<'_>) {
    options.set("protocol_whitelist", URL_PROTOCOLS);
    let micros = settings.read_timeout.as_micros().to_string();
    options.set("rw_timeout", &micros);
    let scheme = scheme_of(url);
    // To RTMP this option would mean: wait for others to connect.
    if ["rtsp", "rtsps", "udp", "srt"].contains(&scheme.as_str()) {
        options.set("timeout", &micros);
    }
    if settings.newest {
        options.set("live_start_index", "-1");
    }
    options.set("rtsp_transport", "tcp");
    // As the original asks for: connections that end with their segment, segments side by side.
    options.set("http_persistent", "0");
    options.set("http_multiple", "1");
    if let Some(agent) = &settings.user_agent {
        options.set("user_agent", agent);
    }
    if !settings.headers.is_empty() {
        let lines: String = settings.headers.iter().map(|header| format!("{header}\r\n")).collect();
        options.set("headers", &lines);
    }
}

type Failed = (ffmpeg::Error, Option<Arc<Guard>>);

/// Opens with options and a way to interrupt, which ffmpeg-next offers only one at a time.
fn open_input(
    address: &CString,
    local: bool,
    options: Dictionary<'_>,
    watch: &Watch,
) -> std::result::Result<(format::context::Input, Arc<Guard>), Failed> {
    // SAFETY: the calls are those of avformat's documentation. `avformat_open_input` frees the context
    // on failure and sets the pointer to null; on success `Input` owns it together with the guard
    // that keeps the callback alive. The dictionary is taken apart and put together again. The guard of playlists is
    // returned in both cases, so it outlives the context.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err((ffmpeg::Error::Other { errno: ENOMEM }, None));
        }
        let guard = Guard::install(context, local);
        let (watching, refusing) = (watch.clone(), Arc::clone(&guard));
        let interrupt = ffmpeg::util::interrupt::new(Box::new(move || {
            watching.stop.is_set() || watching.is_late() || refusing.has_refused()
        }));
        (*context).interrupt_callback = interrupt.interrupt;
        let mut options = options.disown();
        let opened =
            ffi::avformat_open_input(&mut context, address.as_ptr(), std::ptr::null_mut(), &mut options);
        drop(Dictionary::own(options));
        if opened < 0 {
            return Err((ffmpeg::Error::from(opened), Some(guard)));
        }
        let input = format::context::Input::wrap_with_interrupt(context, interrupt.guard);
        let found = ffi::avformat_find_stream_info(context, std::ptr::null_mut());
        if found < 0 || guard.has_refused() {
            drop(input);
            return Err((ffmpeg::Error::from(found.min(-1)), Some(guard)));
        }
        Ok((input, guard))
    }
}

/// What a call into ffmpeg that failed was about.
pub(crate) struct Ending<'a> {
    pub(crate) location: &'a Location,
    pub(crate) shown: &'a str,
    pub(crate) guard: Option<&'a Guard>,
    pub(crate) watch: &'a Watch,
    /// The time that was allowed.
    pub(crate) limit: Duration,
    /// Whether this was about opening, not about reading.
    pub(crate) opening: bool,
}

impl Ending<'_> {
    /// Turns ffmpeg's code into what happened, and what to do.
    pub(crate) fn explain(&self, e: ffmpeg::Error) -> Error {
        if self.watch.stop.is_set() {
            return Error::Stopped;
        }
        let what: Box<str> = self.shown.into();
        match self.guard.and_then(Guard::refused) {
            Some(Refusal::Playlist(why)) => return Error::Playlist { what, why },
            Some(Refusal::Page) if self.location.is_url() => {
                let why = "the server sends a web page, not a video; ".to_owned() + FIND_STREAM;
                return Error::WebPage { what, why };
            }
            Some(Refusal::Page) => return Error::Open { what, why: "a web page, not a video".to_owned() },
            None => {}
        }
        let seconds = self.limit.as_secs_f64();
        match self.location {
            Location::File(_) => Error::Open { what, why: self.why_no_file(e, seconds) },
            // The same each time, so there is nothing to try again.
            Location::Url(_) if self.opening && e == (ffmpeg::Error::Other { errno: EINVAL }) => {
                let why = "the address, or one that the server leads to, is none that is opened".to_owned();
                Error::Open { what, why }
            }
            Location::Url(url) => Error::Connection { what, why: self.why_no_url(url, e, seconds) },
        }
    }

    fn why_no_file(&self, e: ffmpeg::Error, seconds: f64) -> String {
        match e {
            _ if self.watch.is_late() => format!("nothing came within {seconds} s"),
            ffmpeg::Error::InvalidData => {
                "not a video that ffmpeg can read (broken, cut short, or another kind of file)".to_owned()
            }
            e => format!("cannot be read: {e}"),
        }
    }

    fn why_no_url(&self, url: &str, e: ffmpeg::Error, seconds: f64) -> String {
        match e {
            _ if self.watch.is_over() => "no answer within the time of --for".to_owned(),
            _ if self.watch.is_late() => format!("no answer within {seconds} s"),
            ffmpeg::Error::Other { errno: ECONNREFUSED } => {
                "connection refused; is the server running, and the port right?".to_owned()
            }
            ffmpeg::Error::Other { errno: EIO } if !self.opening => "the connection broke off".to_owned(),
            ffmpeg::Error::Other { errno: EIO } => unknown_host(url).unwrap_or_else(|| {
                "the connection failed or broke off (input/output error); is the address right?".to_owned()
            }),
            ffmpeg::Error::Eof => "the server sends nothing".to_owned(),
            ffmpeg::Error::HttpNotFound => "the server answers 404: no such stream".to_owned(),
            ffmpeg::Error::HttpUnauthorized | ffmpeg::Error::HttpForbidden => format!(
                "the server refuses ({e}); does the url need a token or a password, or the request a header \
                 (--header, --user-agent)?"
            ),
            ffmpeg::Error::HttpBadRequest => {
                "the server answers 400: it does not understand the request; is the address whole?".to_owned()
            }
            ffmpeg::Error::HttpOther4xx => {
                "the server refuses the request (an answer from 402 to 499, such as 410: gone, \
                                            or 429: too many requests); is the address still right?"
                    .to_owned()
            }
            ffmpeg::Error::HttpServerError => {
                "the server has an error of its own (an answer from 500 to 599); try again later".to_owned()
            }
            ffmpeg::Error::InvalidData => {
                let missing = self.guard.and_then(Guard::missing).map(|(count, first)| {
                    format!(
                        "; {count} of what its playlist names could not be fetched, the first of them {first}"
                    )
                });
                format!(
                    "what the server sends is no video that ffmpeg can read{}",
                    missing.unwrap_or_default()
                )
            }
            ffmpeg::Error::ProtocolNotFound => "ffmpeg knows no such protocol".to_owned(),
            e => format!("{e}"),
        }
    }
}

/// What to say where the host of a url has no address; ffmpeg reports that as an input/output error.
fn unknown_host(url: &str) -> Option<String> {
    let (host, port) = host_of(url);
    if host.is_empty() {
        return Some("the address names no host".to_owned());
    }
    if host.parse::<IpAddr>().is_ok() || (host, port.unwrap_or(80)).to_socket_addrs().is_ok() {
        return None;
    }
    Some(format!("the host '{host}' is not known; is the name right, and is there a network?"))
}
