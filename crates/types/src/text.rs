//! Texts that other programs write, brought to one spelling: names of people, whole numbers, columns of tables.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// A person's name in the spelling in which names are compared: canonically composed (NFC, Unicode Standard Annex 15), so
/// that `Zoë` is one name whether a program writes its last letter as one character or as two; without blanks at its ends.
///
/// ```
/// use streamface_types::text::name;
///
/// assert_eq!(name("Zoe\u{308} "), name("Zo\u{eb}"));
/// ```
#[must_use]
pub fn name(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// The spellings of a file's name under which it may lie on disk: as it is, composed (NFC), decomposed (NFD).
#[must_use]
pub fn spellings(name: &str) -> Vec<String> {
    let mut all = vec![name.to_owned()];
    if !name.is_ascii() {
        for other in [name.nfc().collect::<String>(), name.nfd().collect()] {
            if !all.contains(&other) {
                all.push(other);
            }
        }
    }
    all
}

/// The whole number that a text is: spelled plainly (`7`, `-1`), or as a program writes it that keeps all numbers of a
/// column as floats (`7.0`, `-1.0`). Other spellings (`07`, `+7`, `7e0`) are texts.
///
/// ```
/// use streamface_types::text::whole_number;
///
/// assert_eq!([whole_number("2"), whole_number("2.0"), whole_number("-1.00")], [Some(2), Some(2), Some(-1)]);
/// assert_eq!([whole_number("02"), whole_number("2.5"), whole_number("2.")], [None; 3]);
/// ```
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    let plain = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    if plain == "-0" && plain.len() < text.len() {
        return Some(0);
    }
    plain.parse::<i64>().ok().filter(|n| n.to_string() == plain)
}

/// A float as the whole number that it is, if it is one that floats hold exactly.
#[must_use]
pub fn whole_float(number: f64) -> Option<i64> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// What separates the fields of a table whose header is this line: of comma, semicolon, tab and bar the one that comes most
/// often outside quotes; the comma where none does.
///
/// ```
/// use streamface_types::text::separator;
///
/// assert_eq!([separator(b"name;label"), separator(b"a,\"b;c;d\""), separator(b"name")], [b';', b',', b',']);
/// ```
#[must_use]
pub fn separator(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for &byte in header {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(of, _)| *of == byte).for_each(|(_, n)| *n += 1),
        }
    }
    // The first of equals: the comma before the others.
    let mut best = counts[0];
    for count in counts {
        if count.1 > best.1 {
            best = count;
        }
    }
    best.0
}

/// How a table begins: its separator, and the bytes before its header. Spreadsheets may name the separator in a line of
/// its own, `sep=;`.
#[must_use]
pub fn dialect(start: &[u8]) -> (u8, usize) {
    if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', by, rest @ ..] = start {
        for end in [&b"\r\n"[..], b"\n"] {
            if rest.starts_with(end) {
                return (*by, 5 + end.len());
            }
        }
    }
    (separator(start), 0)
}

/// The name of a column as it is compared: lower case, blanks and hyphens as underscores.
#[must_use]
pub fn column(header: &str) -> String {
    let header = header.trim_start_matches('\u{feff}').trim().to_lowercase();
    header.chars().map(|c| if c == ' ' || c == '-' { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_name() {
        for (text, spelled) in
            [("Zoe\u{308}", "Zo\u{eb}"), (" Ada\t", "Ada"), ("e\u{301}e\u{301}", "\u{e9}\u{e9}"), ("", "")]
        {
            assert_eq!(name(text), spelled);
        }
        assert_eq!(spellings("Zo\u{eb}"), ["Zo\u{eb}", "Zoe\u{308}"]);
        assert_eq!(spellings("Zoe\u{308}"), ["Zoe\u{308}", "Zo\u{eb}"]);
        assert_eq!(spellings("Ada"), ["Ada"]);
    }

    #[test]
    fn whole_numbers_and_texts() {
        for (text, number) in [("0", 0), ("0.0", 0), ("-0.0", 0), ("-1.0", -1), ("12.000", 12)] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
        for text in
            ["", ".", ".0", "1.", "1.50", "01.0", "+1", "-0", "1e3", "nan", "1.0.0", "99999999999999999999"]
        {
            assert_eq!(whole_number(text), None, "{text}");
        }
        assert_eq!([whole_float(2.0), whole_float(2.5), whole_float(1e300)], [Some(2), None, None]);
        assert_eq!([whole_float(f64::NAN), whole_float(f64::INFINITY)], [None, None]);
    }

    #[test]
    fn separators_and_columns() {
        for (header, by) in [
            ("a;b,c;d", b';'),
            ("a\tb\tc", b'\t'),
            ("a|b", b'|'),
            ("a,b;c", b','),
            ("\"x;y;z\",b", b','),
            ("a\n;;;;", b','),
        ] {
            assert_eq!(separator(header.as_bytes()), by, "{header}");
        }
        assert_eq!(dialect(b"sep=|\r\na|b\n"), (b'|', 7));
        assert_eq!(dialect(b"sep=x,label\n"), (b',', 0));
        assert_eq!([column("\u{feff} Image Path"), column("Label")], ["image_path", "label"]);
    }
}
