//! Escaping and numbers. Everything that is not the page's own markup goes through [`Text`] or
//! [`Url`].

use std::fmt::{self, Display, Write as _};

/// Text for an element or a double-quoted attribute. Control characters, which HTML does not allow,
/// become U+FFFD.
pub(crate) struct Text<T>(pub T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escape(f), "{}", self.0)
    }
}

/// [`Text`] that may be broken after each `/` and `_`, as paths must be where room is scarce.
pub(crate) struct Breaking<'a>(pub &'a str);

impl Display for Breaking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['/', '_']) {
            let end = if part.ends_with(['/', '_']) { "<wbr>" } else { "" };
            write!(f, "{}{end}", Text(part))?;
        }
        Ok(())
    }
}

struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escape<'_, '_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for c in s.chars() {
            match c {
                '&' => self.0.write_str("&amp;"),
                '<' => self.0.write_str("&lt;"),
                '>' => self.0.write_str("&gt;"),
                '"' => self.0.write_str("&quot;"),
                '\'' => self.0.write_str("&#39;"),
                '\n' => self.0.write_str("&#10;"),
                c if c.is_control() => self.0.write_char('\u{fffd}'),
                c => self.0.write_char(c),
            }?;
        }
        Ok(())
    }
}

/// A relative path as a url: every byte but letters, digits and `-_.~/` percent-encoded, so that it
/// can neither leave the attribute nor name a scheme.
pub(crate) struct Url<T>(pub T);

impl<T: Display> Display for Url<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for b in self.0.to_string().bytes() {
            if b.is_ascii_alphanumeric() || b"-_.~/".contains(&b) {
                f.write_char(char::from(b))?;
            } else {
                write!(f, "%{b:02X}")?;
            }
        }
        Ok(())
    }
}

/// A count with thousands set apart by commas.
pub(crate) struct Count(pub u64);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(c)?;
        }
        Ok(())
    }
}

/// `1 face`, `2 faces`.
pub(crate) struct Plural(pub usize, pub &'static str);

impl Display for Plural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Count(self.0 as u64), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// A variance of a Laplacian: three digits, a power of ten where it is long.
pub(crate) struct Blur(pub f64);

impl Display for Blur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() >= 1e5 { write!(f, "{:.2e}", self.0) } else { write!(f, "{:.1}", self.0) }
    }
}

/// A score of 0 to 1 to some digits. It reads as 0 or 1 only where it is: `.99999` to three digits is `0.99999`, and
/// what would take more than three digits beyond those is `over 0.999`.
#[derive(Debug, Clone, Copy)]
pub struct Digits(pub f64, pub usize);

impl Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bounded(self.0, self.1, 1.0))
    }
}

/// A share of 0 to 1 as a percentage on one line, to some digits, which reads as 0 or 100 only where it is.
#[derive(Debug, Clone, Copy)]
pub struct Percent(pub f64, pub usize);

impl Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\u{a0}%", bounded(100.0 * self.0, self.1, 100.0))
    }
}

/// A number that takes as many digits as set it apart from 0 and from `top`, up to three more than `digits`.
fn bounded(value: f64, digits: usize, top: f64) -> String {
    let to = |digits: usize| format!("{value:.digits$}");
    let reads_as = |bound: f64, text: &str| value != bound && text.parse() == Ok(bound);
    let apart = |text: &String| !(reads_as(0.0, text) || reads_as(top, text));
    if let Some(text) = (digits..=digits + 3).map(to).find(apart) {
        return text;
    }
    let least = 0.1_f64.powi(digits as i32);
    if value.abs() < least {
        format!("under {least:.digits$}")
    } else {
        format!("over {:.digits$}", top - least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_text() {
        let hostile = "<a href=\"x\" on='y'>&\0\u{1b}\n";
        let shown = Text(hostile).to_string();
        assert_eq!(shown, "&lt;a href=&quot;x&quot; on=&#39;y&#39;&gt;&amp;\u{fffd}\u{fffd}&#10;");
        assert_eq!(Breaking("a/<b>_c").to_string(), "a/<wbr>&lt;b&gt;_<wbr>c");
        assert_eq!(
            Url("faces/ä b?#%\"'<javascript:.png").to_string(),
            "faces/%C3%A4%20b%3F%23%25%22%27%3Cjavascript%3A.png"
        );
    }

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1000, 1234567].map(|n| Count(n).to_string()), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(Plural(1, "face").to_string() + &Plural(2000, "face").to_string(), "1 face2,000 faces");
        assert_eq!(Blur(699081636599.1665).to_string(), "6.99e11");
        assert_eq!(Blur(25.04).to_string(), "25.0");
    }

    #[test]
    fn only_what_is_perfect_reads_so() {
        let five = [1.0, 0.999_996, 0.999_94, 0.5, 1.0 - 1e-9, 1e-12, 0.0].map(|v| Digits(v, 5).to_string());
        assert_eq!(
            five,
            ["1.00000", "0.999996", "0.99994", "0.50000", "over 0.99999", "under 0.00001", "0.00000"]
        );
        assert_eq!(Digits(-0.25, 2).to_string(), "-0.25");
        let percent = [1.0, 0.999_98, 0.999_999_99, 0.9989, 3e-5, 1e-9, 0.0];
        assert_eq!(
            percent.map(|v| Percent(v, 2).to_string().replace('\u{a0}', " ")),
            ["100.00 %", "99.998 %", "over 99.99 %", "99.89 %", "0.003 %", "under 0.01 %", "0.00 %"]
        );
    }
}
