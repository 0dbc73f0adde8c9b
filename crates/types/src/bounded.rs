//! Readers that bound what a parser behind them takes at once: whoever wrote a file decides how long its rows and texts
//! are, and a parser keeps one of them in memory.

use std::io::{self, BufRead, Read};

/// Longest row of a table or line of a list, bytes.
pub const MAX_ROW: usize = 1 << 20;

/// Longest text in JSON, bytes.
pub const MAX_TEXT: usize = 16 << 20;

/// What a parser may read ahead of the row that it gives.
const AHEAD: usize = 64 << 10;

fn too_long(what: &str, limit: usize) -> io::Error {
    let why = format!("a {what} of more than {limit} bytes; is it the right file, and is a quote left open?");
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The bytes of a table, of which no row is longer than [`MAX_ROW`].
///
/// The parser calls [`Self::row_ends`] after each row; reading on for longer than that without a call is an error of the
/// kind [`io::ErrorKind::InvalidData`].
#[derive(Debug)]
pub struct BoundedRows<R> {
    input: R,
    left: usize,
}

impl<R> BoundedRows<R> {
    /// Around the bytes of a table.
    pub fn new(input: R) -> Self {
        Self { input, left: MAX_ROW + AHEAD }
    }

    /// A row was taken: the next one begins.
    pub fn row_ends(&mut self) {
        self.left = MAX_ROW + AHEAD;
    }

    /// What it is around.
    pub fn get_ref(&self) -> &R {
        &self.input
    }
}

impl<R: Read> Read for BoundedRows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A parser's own buffer is no larger than what it may read ahead.
        let most = buffer.len().min(AHEAD);
        let n = self.input.read(&mut buffer[..most])?;
        self.left = self.left.checked_sub(n).ok_or_else(|| too_long("row", MAX_ROW))?;
        Ok(n)
    }
}

/// The lines of a text, each at most [`MAX_ROW`] bytes long, without their ends. After an error there are no more.
///
/// # Errors
/// Those of reading; [`io::ErrorKind::InvalidData`] for a line that is too long or no UTF-8.
pub fn lines(mut input: impl BufRead) -> impl Iterator<Item = io::Result<String>> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut line = Vec::new();
        let read = input.by_ref().take(MAX_ROW as u64 + 1).read_until(b'\n', &mut line);
        let line = match read {
            Ok(0) => return None,
            Ok(n) if n > MAX_ROW => Err(too_long("line", MAX_ROW)),
            Ok(_) => {
                let end = line.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |at| at + 1);
                line.truncate(end);
                String::from_utf8(line)
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line that is not UTF-8"))
            }
            Err(e) => Err(e),
        };
        ended = line.is_err();
        Some(line)
    })
}

/// JSON as a parser of the standard (RFC 8259) takes it, from JSON as other programs write it: a byte order mark is passed
/// over, and `NaN`, `Infinity` and `-Infinity`, as Python writes them, become `null`. A text longer than [`MAX_TEXT`] is an
/// error of the kind [`io::ErrorKind::InvalidData`].
///
/// ```
/// use std::io::Read as _;
/// use streamface_types::bounded::JsonText;
///
/// let mut text = String::new();
/// JsonText::new(&b"\xef\xbb\xbf[NaN, -Infinity, \"NaN\", 1]"[..]).read_to_string(&mut text)?;
/// assert_eq!(text, "[null, null, \"NaN\", 1]");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonText<R> {
    input: R,
    /// What was read, as it goes on.
    ready: Vec<u8>,
    /// How much of it was given.
    given: usize,
    /// What may become one of [`WORDS`].
    begun: Vec<u8>,
    /// Length so far of the text that is open; none outside of texts.
    text: Option<usize>,
    escaped: bool,
    started: bool,
    ended: bool,
}

/// What Python writes for floats that are no numbers.
const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

impl<R: Read> JsonText<R> {
    /// Around the bytes of a JSON file.
    pub fn new(input: R) -> Self {
        Self {
            input,
            ready: Vec::new(),
            given: 0,
            begun: Vec::new(),
            text: None,
            escaped: false,
            started: false,
            ended: false,
        }
    }

    /// What it is around.
    pub fn get_ref(&self) -> &R {
        &self.input
    }

    fn more(&mut self) -> io::Result<()> {
        let mut chunk = vec![0; AHEAD];
        let mut n = 0;
        // The mark has three bytes.
        while n < 3 {
            match self.input.read(&mut chunk[n..]) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let mut bytes = &chunk[..n];
        if !std::mem::replace(&mut self.started, true) {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        self.ready.clear();
        self.given = 0;
        bytes.iter().try_for_each(|&byte| self.take(byte))?;
        if n == 0 {
            self.ended = true;
            self.ready.append(&mut self.begun);
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) -> io::Result<()> {
        if let Some(length) = &mut self.text {
            *length += 1;
            if *length > MAX_TEXT {
                return Err(too_long("text", MAX_TEXT));
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.text = None,
                _ => {}
            }
            self.ready.push(byte);
            return Ok(());
        }
        if !self.begun.is_empty() || matches!(byte, b'N' | b'I' | b'-') {
            self.begun.push(byte);
            if WORDS.contains(&&self.begun[..]) {
                self.begun.clear();
                self.ready.extend(b"null");
                return Ok(());
            }
            if WORDS.iter().any(|word| word.starts_with(&self.begun)) {
                return Ok(());
            }
            self.begun.pop();
            self.ready.append(&mut self.begun);
        }
        if byte == b'"' {
            self.text = Some(0);
        }
        self.ready.push(byte);
        Ok(())
    }
}

impl<R: Read> Read for JsonText<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.more()?;
        }
        let n = buffer.len().min(self.ready.len() - self.given);
        buffer[..n].copy_from_slice(&self.ready[self.given..][..n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, so that words are parted.
    struct Drop<'a>(&'a [u8]);

    impl Read for Drop<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buffer.len()).min(1);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn json(text: &[u8]) -> String {
        let (mut whole, mut parted) = (String::new(), String::new());
        JsonText::new(text).read_to_string(&mut whole).unwrap();
        JsonText::new(Drop(text)).read_to_string(&mut parted).unwrap();
        assert_eq!(whole, parted);
        whole
    }

    #[test]
    fn what_python_writes_becomes_json() {
        for (text, expected) in [
            ("\u{feff}{}", "{}"),
            ("[NaN,Infinity,-Infinity,-1,-0.5]", "[null,null,null,-1,-0.5]"),
            (r#"{"NaN": "-Infinity", "a\"NaN": NaN}"#, r#"{"NaN": "-Infinity", "a\"NaN": null}"#),
            (r#"["\\", NaN]"#, r#"["\\", null]"#),
            ("Na", "Na"),
            ("-", "-"),
            ("-\"NaN\"", "-\"NaN\""),
            ("NNaN", "NNaN"),
            ("", ""),
        ] {
            assert_eq!(json(text.as_bytes()), expected);
        }
    }

    #[test]
    fn a_text_without_end_is_no_memory_without_end() {
        let endless = b"[\"".chain(io::repeat(b'x'));
        let said = io::copy(&mut JsonText::new(endless), &mut io::sink()).unwrap_err();
        assert!(said.to_string().contains("text of more than"), "{said}");
        let many = b"[".chain(io::repeat(b'1').take(40 << 20));
        assert!(io::copy(&mut JsonText::new(many), &mut io::sink()).is_ok(), "numbers are no text");
    }

    #[test]
    fn rows_and_lines_are_bounded() {
        let mut rows = BoundedRows::new(io::repeat(b'x'));
        let said = io::copy(&mut rows, &mut io::sink()).unwrap_err();
        assert!(said.to_string().contains("row of more than 1048576 bytes"), "{said}");
        let mut rows = BoundedRows::new(io::repeat(b'x'));
        let mut half = vec![0; MAX_ROW / 2];
        for _ in 0..8 {
            rows.read_exact(&mut half).unwrap();
            rows.row_ends();
        }
        let text: Vec<_> = lines(&b"a\r\n\nb"[..]).map(Result::unwrap).collect();
        assert_eq!(text, ["a", "", "b"]);
        let endless = io::BufReader::new(io::repeat(b'x'));
        let read: Vec<_> = lines(endless).collect();
        assert!(matches!(&read[..], [Err(e)] if e.to_string().contains("line of more than")), "{read:?}");
        assert!(lines(&b"a\n\xff\nb"[..]).nth(1).unwrap().is_err());
    }
}
