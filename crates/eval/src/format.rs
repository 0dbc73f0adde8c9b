//! Numbers as people read them.

use std::fmt::{self, Display, Write as _};

/// A count with thousands set apart by commas.
#[derive(Debug, Clone, Copy)]
pub struct Count(pub u64);

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
#[derive(Debug, Clone, Copy)]
pub struct Plural(pub usize, pub &'static str);

impl Display for Plural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Count(self.0 as u64), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// A score of 0 to 1 to some digits. It reads as 0 or 1 only where it is: `0.99999` to three digits is `0.99999`, and
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

/// A share as people read it: `0.13 %`, and a power of ten where that is too small.
#[must_use]
pub fn share(rate: f64) -> String {
    if rate == 0.0 {
        return "0 %".to_owned();
    }
    if rate < 1e-9 {
        return "under 1e-9".to_owned();
    }
    let percent = 100.0 * rate;
    if percent < 0.001 {
        return format!("{rate:.1e}");
    }
    // Two digits that count, and never a rounded-up 100.
    let digits = (1.0 - percent.log10().floor()).clamp(0.0, 4.0) as usize;
    let digits = if percent > 99.0 && percent < 100.0 { 2 } else { digits };
    format!("{percent:.digits$} %")
}

/// A time with its unit: `45 s`, `2 min`, `1.50 h`, `1,235 h`.
#[must_use]
pub fn duration(hours: f64) -> String {
    match hours {
        h if h >= 100.0 => format!("{} h", Count(h.round() as u64)),
        h if h >= 10.0 => format!("{h:.1} h"),
        h if h >= 1.0 => format!("{h:.2} h"),
        h if h >= 1.0 / 60.0 => format!("{:.0} min", 60.0 * h),
        h => format!("{:.0} s", 3600.0 * h),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1000, 1234567].map(|n| Count(n).to_string()), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(Plural(1, "face").to_string() + &Plural(2000, "face").to_string(), "1 face2,000 faces");
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

    #[test]
    fn shares_in_words() {
        let cases = [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.25, "25 %"),
            (0.0312, "3.1 %"),
            (0.00123, "0.12 %"),
            (0.0000499, "0.0050 %"),
            (2.1e-7, "2.1e-7"),
            (3e-20, "under 1e-9"),
            (0.99987, "99.99 %"),
            (0.5, "50 %"),
        ];
        for (rate, text) in cases {
            assert_eq!(share(rate), text);
        }
    }

    #[test]
    fn durations() {
        assert_eq!(
            [0.0, 0.0125, 0.0335, 0.5, 1.5, 12.34, 1234.5].map(duration),
            ["0 s", "45 s", "2 min", "30 min", "1.50 h", "12.3 h", "1,235 h"]
        );
    }
}
