//! How a source is gone through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use streamface_types::Timestamp;

use crate::error::{Error, Result};
use crate::filters::FilterSettings;

/// Settings of a capture. [`Settings::default`] is what the original does, where that makes sense.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The frame filters.
    pub filters: FilterSettings,
    /// Stop after this much: of the stream's own time for a file, of wall time for a live stream.
    pub limit: Option<Duration>,
    /// Reconnect to a live stream every so many keyframes; 0: never.
    pub reconnect_interval: u64,
    /// Longest wait for a connection.
    pub open_timeout: Duration,
    /// Longest wait for the next packet.
    pub read_timeout: Duration,
    /// Longest pause before connecting again. The first pause is a second, each one doubles.
    pub retry_pause: Duration,
    /// Attempts at the first connection.
    pub first_attempts: u32,
    /// Once connected, a stream that does not come back is given up after this; none for never.
    pub give_up_after: Option<Duration>,
    /// The time that a file's frames are named from, where the file does not say when it was made.
    pub start: Timestamp,
    /// Largest width or height of a picture, pixels.
    pub max_side: u32,
    /// Of a stream in several sizes, the highest that is no higher than this, pixels; none for the largest.
    pub height: Option<u32>,
    /// Lines `Name: value` that are sent with each HTTP request of a source, those for segments included.
    pub headers: Vec<String>,
    /// The user agent of HTTP requests; none for ffmpeg's own.
    pub user_agent: Option<String>,
    /// A stream whose keyframes are too few is decoded whole, and gives a frame each so often.
    pub interval: Duration,
    /// Begin a segmented live stream at its newest segment, where a recording begins some segments before.
    pub newest: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filters: FilterSettings::default(),
            limit: None,
            reconnect_interval: 500,
            open_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(30),
            retry_pause: Duration::from_secs(60),
            first_attempts: 3,
            give_up_after: None,
            start: Timestamp::default(),
            max_side: 8192,
            height: None,
            headers: Vec::new(),
            user_agent: None,
            interval: Duration::from_secs(2),
            newest: false,
        }
    }
}

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first that is out of its range.
    pub fn check(&self) -> Result<()> {
        self.filters.check()?;
        let wrong = |name, range, value: String| Err(Error::Setting { name, range, value });
        if self.first_attempts == 0 {
            return wrong("first_attempts", "at least 1", "0".into());
        }
        for (name, time) in [("open-timeout", self.open_timeout), ("read-timeout", self.read_timeout)] {
            if time < Duration::from_millis(100) {
                return wrong(name, "100ms or more", format!("{time:?}"));
            }
        }
        if self.interval < Duration::from_millis(1) {
            return wrong("interval", "1ms or more", format!("{:?}", self.interval));
        }
        if self.max_side == 0 || self.max_side > 32_768 {
            return wrong("max_side", "1 to 32768", self.max_side.to_string());
        }
        if self.height == Some(0) {
            return wrong("height", "1 or more", "0".into());
        }
        for header in &self.headers {
            // The value may be a secret, and is not repeated.
            let name = header.split_once(':').map(|(name, _)| name);
            let token = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            if !name.is_some_and(token) || header.contains(['\r', '\n', '\0']) {
                let value = format!("'{}'", name.unwrap_or("a line without a colon").escape_debug());
                return wrong("header", "one line 'Name: value'", value);
            }
        }
        if self.user_agent.as_ref().is_some_and(|agent| agent.contains(['\r', '\n', '\0'])) {
            return wrong("user-agent", "one line", "several".into());
        }
        Ok(())
    }
}

/// A flag that ends a capture between two frames, or inside a call that waits for the network.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// The flag itself, for a signal handler to set.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_one_line_each_and_their_values_are_not_repeated() {
        let with =
            |header: &str| Settings { headers: vec![header.to_owned()], ..Settings::default() }.check();
        with("Referer: https://host/page").unwrap();
        with("X-Empty:").unwrap();
        for wrong in ["secret", ": secret", "Two Words: secret", "A: secret\r\nB: x"] {
            let said = with(wrong).unwrap_err().to_string();
            assert!(said.contains("Name: value") && !said.contains("secret"), "{said}");
        }
        let agent = Settings { user_agent: Some("a\nb".into()), ..Settings::default() };
        assert!(agent.check().is_err());
        assert!(Settings { height: Some(0), ..Settings::default() }.check().is_err());
    }
}
