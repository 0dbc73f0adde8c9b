//! Escaping. Everything that is not the page's own markup goes through [`Text`] or
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

/// A variance of a Laplacian: three digits, a power of ten where it is long.
pub(crate) struct Blur(pub f64);

impl Display for Blur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() >= 1e5 { write!(f, "{:.2e}", self.0) } else { write!(f, "{:.1}", self.0) }
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
    fn long_variances_are_powers_of_ten() {
        assert_eq!(Blur(699081636599.1665).to_string(), "6.99e11");
        assert_eq!(Blur(25.04).to_string(), "25.0");
    }
}
