//! Numbers and JSON as Python writes them, so that what the original wrote comes back byte for byte.

use std::io;

use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

/// A float as `repr` writes it: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on.
pub(crate) fn repr(v: f64) -> String {
    shortest(&format!("{v:e}"))
}

/// The same of a single-precision float, as NumPy and pandas write it.
pub(crate) fn repr_f32(v: f32) -> String {
    shortest(&format!("{v:e}"))
}

fn shortest(scientific: &str) -> String {
    let parts = scientific.split_once('e').and_then(|(m, e)| Some((m, e.parse::<i32>().ok()?)));
    // NaN and inf have no exponent.
    let Some((mantissa, exponent)) = parts else {
        return scientific.to_ascii_lowercase();
    };
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let digits: String = digits.chars().filter(|c| *c != '.').collect();
    let point = |digits: &str, at: usize| format!("{}.{}", &digits[..at], &digits[at..]);
    let body = match exponent {
        -4..0 => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        0..16 => {
            let whole = exponent as usize + 1;
            if digits.len() > whole {
                point(&digits, whole)
            } else {
                format!("{digits}{}.0", "0".repeat(whole - digits.len()))
            }
        }
        _ => {
            let mantissa = if digits.len() > 1 { point(&digits, 1) } else { digits };
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
    };
    format!("{sign}{body}")
}

/// `json.dumps(value, indent=4)`: ASCII only, floats as [`repr`].
struct Dumps(PrettyFormatter<'static>);

/// Writes `value` as `json.dump(value, file, indent=4)` does.
pub(crate) fn dump(out: &mut dyn io::Write, value: &impl serde::Serialize) -> io::Result<()> {
    let dumps = Dumps(PrettyFormatter::with_indent(b"    "));
    serde::Serialize::serialize(value, &mut Serializer::with_formatter(out, dumps))?;
    Ok(())
}

macro_rules! as_pretty {
    ($($name:ident($($arg:ident: $kind:ty),*);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, out: &mut W, $($arg: $kind),*) -> io::Result<()> {
            self.0.$name(out, $($arg),*)
        })*
    };
}

impl Formatter for Dumps {
    as_pretty! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
        write_char_escape(escape: CharEscape);
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(repr(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for c in text.chars() {
            if c.is_ascii() {
                out.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_writes_them() {
        // From CPython: [repr(v) for v in …], and str(numpy.float32(v)).
        let of = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-10.98, "-10.98"),
            (0.02, "0.02"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789.125, "123456789.125"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e100, "1.25e+100"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (v, text) in of {
            assert_eq!(repr(v), text);
        }
        assert_eq!(repr_f32(0.999_804_3), "0.9998043");
        assert_eq!(repr_f32(1.0), "1.0");
        assert_eq!(repr_f32(0.977_205_6), "0.9772056");
    }

    #[test]
    fn json_as_python_writes_it() {
        let mut out = Vec::new();
        let value = serde_json::json!({"a": [], "é\"": [1.0, null, "\u{1F600}"], "n": {}});
        dump(&mut out, &value).unwrap();
        let expected = "{\n    \"a\": [],\n    \"\\u00e9\\\"\": [\n        1.0,\n        null,\n        \
                        \"\\ud83d\\ude00\"\n    ],\n    \"n\": {}\n}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest::proptest! {
        #[test]
        fn floats_read_back(v in proptest::num::f64::ANY) {
            let back: f64 = repr(v).parse().unwrap();
            proptest::prop_assert!(back.to_bits() == v.to_bits() || v.is_nan());
        }
    }
}
