//! The opcodes of protocol 0, whose arguments are lines of text.

use std::io::Read;

use super::{FALSE, Machine, Step, Stored, TRUE, op};

/// Longest number, bytes.
const MAX_NUMBER: u64 = 64;

impl<R: Read> Machine<R> {
    /// The bytes up to the end of the line, without that.
    fn rest_of_line(&mut self, most: u64) -> Step<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.take::<1>()? {
                [b'\n'] => return Ok(line),
                _ if line.len() as u64 == most => return Err(format!("a line of more than {most} bytes")),
                [byte] => line.push(byte),
            }
            if line.len().is_multiple_of(4096) {
                self.charge(4096)?;
            }
        }
    }

    fn number_line(&mut self) -> Step<String> {
        let line = self.rest_of_line(MAX_NUMBER)?;
        String::from_utf8(line).map_err(|_| "a number that is no text".into())
    }

    pub(super) fn of_line(&mut self, code: u8) -> Step<()> {
        match code {
            op::INT | op::LONG => {
                let line = self.number_line()?;
                match (code, line.trim()) {
                    // How protocols before 2 spell truth.
                    (op::INT, "00") => self.push_known(FALSE)?,
                    (op::INT, "01") => self.push_known(TRUE)?,
                    (_, text) => {
                        let digits =
                            if code == op::LONG { text.strip_suffix('L').unwrap_or(text) } else { text };
                        let number =
                            digits.parse().map_err(|_| format!("'{digits}' is no integer of 64 bits"))?;
                        self.push(Stored::Int(number))?
                    }
                };
            }
            op::FLOAT => {
                let line = self.number_line()?;
                let number = line.trim().parse().map_err(|_| format!("'{line}' is no float"))?;
                self.push(Stored::Float(number))?;
            }
            op::STRING => {
                let line = self.rest_of_line(u64::MAX)?;
                let bytes = unescape(&line).ok_or("a text that is not in quotes, or broken")?;
                self.charge(bytes.len() as u64)?;
                self.push(Stored::String(bytes.into()))?;
            }
            op::UNICODE => {
                let line = self.rest_of_line(u64::MAX)?;
                let text = raw_unicode(&line).ok_or("a text with a broken escape")?;
                self.charge(text.len() as u64)?;
                self.push(Stored::Text(text.into()))?;
            }
            _ => {
                let line = self.number_line()?;
                let key =
                    line.trim().parse().map_err(|_| format!("'{line}' is no place to put a thing away"))?;
                if code == op::PUT { self.put(key)? } else { self.recall(key)? }
            }
        }
        Ok(())
    }
}

/// The bytes of a literal of Python 2, such as `'a\x00b'`.
fn unescape(literal: &[u8]) -> Option<Vec<u8>> {
    let literal = literal.trim_ascii();
    let quote = literal.first().filter(|q| matches!(q, b'\'' | b'"'))?;
    let mut rest = literal[1..].strip_suffix(&[*quote])?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let [code, after @ ..] = rest else { return None };
        rest = after;
        let byte = match code {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            b'\\' | b'\'' | b'"' => *code,
            b'x' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::try_from(digit_value(digits, 16)?).ok()?
            }
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|d| (b'0'..=b'7').contains(d)).count();
                let (digits, after) = rest.split_at(more);
                rest = after;
                (digit_value(&[&[*code], digits].concat(), 8)? & 0xff) as u8
            }
            // Python leaves what it does not know as it is.
            _ => {
                bytes.push(b'\\');
                *code
            }
        };
        bytes.push(byte);
    }
    Some(bytes)
}

/// Text in Python's `raw-unicode-escape`: Latin-1, other characters as `\uXXXX` or `\UXXXXXXXX`.
fn raw_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    // The first half of a character beyond 16 bits, as narrow builds of Python 2 wrote them.
    let mut half: Option<u32> = None;
    while let [first, after @ ..] = rest {
        let width = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => {
                text.push(char::from(*first));
                rest = after;
                continue;
            }
        };
        let code = digit_value(rest.get(2..2 + width)?, 16)?;
        rest = &rest[2 + width..];
        match (half.take(), code) {
            (Some(high), 0xdc00..0xe000) => {
                text.push(char::from_u32(0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00))?);
            }
            (None, 0xd800..0xdc00) => half = Some(code),
            (None, _) => text.push(char::from_u32(code)?),
            (Some(_), _) => return None,
        }
    }
    half.is_none().then_some(text)
}

fn digit_value(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, &digit| {
        value.checked_mul(radix)?.checked_add(char::from(digit).to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_python_2() {
        for (literal, bytes) in [
            (&br"'a'"[..], &b"a"[..]),
            (br#""it's""#, b"it's"),
            (br"'\x00\xff\n\\\'\t'", b"\x00\xff\n\\'\t"),
            (br"'\0\101\q'", b"\x00A\\q"),
            (br"''", b""),
        ] {
            assert_eq!(unescape(literal).as_deref(), Some(bytes), "{}", literal.escape_ascii());
        }
        for literal in [&b""[..], b"a", b"'a", b"'a\"", br"'\'", br"'\x1'", br"'\xg0'"] {
            assert_eq!(unescape(literal), None, "{}", literal.escape_ascii());
        }
    }

    #[test]
    fn text_of_protocol_0() {
        for (line, text) in [
            (&br"caf\u00e9 \U0001F600"[..], "café \u{1f600}"),
            (b"\xe9", "\u{e9}"),
            (br"\ud83d\ude00", "\u{1f600}"),
            (br"a\u005cb\n", "a\\b\\n"),
        ] {
            assert_eq!(raw_unicode(line).as_deref(), Some(text));
        }
        for line in [&br"\u12"[..], br"\ud83d", br"\ud83dx\u0041", br"\U00110000", br"\uzzzz"] {
            assert_eq!(raw_unicode(line), None, "{}", line.escape_ascii());
        }
    }
}
