//! Text that may be broken, urls, and numbers that only pages show.

use std::fmt::{self, Display, Write as _};

use maud::{Markup, html};

/// Text that may be broken after each `/` and `_`, as paths must be where room is scarce.
pub(crate) fn breaking(text: &str) -> Markup {
    html! {
        @for part in text.split_inclusive(['/', '_']) {
            (part)
            @if part.ends_with(['/', '_']) { wbr; }
        }
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

/// Where a link leads: an address of the web as it is, anything else as a relative path.
pub(crate) fn link(to: &str) -> String {
    let web = ["http://", "https://"].iter().any(|scheme| to.starts_with(scheme));
    if web { to.to_owned() } else { Url(to).to_string() }
}

/// A variance of a Laplacian: three digits, a power of ten where it is long.
pub(crate) struct Blur(pub f64);

impl Display for Blur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() >= 1e5 { write!(f, "{:.2e}", self.0) } else { write!(f, "{:.1}", self.0) }
    }
}

/// A number with its own minus sign, which is as long as a plus, in place of a hyphen.
pub(crate) fn minus(number: impl Display) -> String {
    number.to_string().replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_can_be_broken_and_urls_are_encoded() {
        assert_eq!(breaking("a/<b>_c").0, "a/<wbr>&lt;b&gt;_<wbr>c");
        assert_eq!(
            Url("faces/ä b?#%\"'<javascript:.png").to_string(),
            "faces/%C3%A4%20b%3F%23%25%22%27%3Cjavascript%3A.png"
        );
    }

    #[test]
    fn links_are_web_addresses_or_paths() {
        assert_eq!(link("https://host/a b.mp4"), "https://host/a b.mp4");
        assert_eq!(link("../a b.mp4"), "../a%20b.mp4");
        for scheme in ["javascript:alert(1)", "data:text/html,x", "HTTP:x", "file:///etc/passwd"] {
            assert!(!link(scheme).contains(':'), "{scheme}");
        }
    }

    #[test]
    fn long_variances_are_powers_of_ten() {
        assert_eq!(Blur(699081636599.1665).to_string(), "6.99e11");
        assert_eq!(Blur(25.04).to_string(), "25.0");
    }
}
