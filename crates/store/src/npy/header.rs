//! The header of a `.npy` file: a Python dictionary with the keys `descr`, `fortran_order` and `shape`.

/// What to do instead.
pub(super) const SAVE: &str = "save a matrix with one vector a row: np.save(path, x.astype('f4'))";

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Type of the numbers, like `<f4`; of a structured one the list as it stands there.
    pub descr: String,
    /// Columns one after another instead of rows.
    pub fortran_order: bool,
    /// Length of each side.
    pub shape: Vec<u64>,
}

impl Header {
    /// Reads the dictionary; otherwise says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let broken = |what: &str| {
            let shown: String = text.trim_end().chars().take(120).collect();
            format!("its header {what}: {shown:?}; {SAVE}")
        };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let not_a_dictionary = || broken("is not a dictionary");
        let mut rest = text.trim().strip_prefix('{').ok_or_else(not_a_dictionary)?.trim_start();
        while rest != "}" {
            let (key, after) = quoted(rest).ok_or_else(not_a_dictionary)?;
            let after = after.trim_start().strip_prefix(':').ok_or_else(not_a_dictionary)?.trim_start();
            let (value, after) = value(after).ok_or_else(not_a_dictionary)?;
            match key {
                "descr" => descr = Some(quoted(value).map_or(value, |(inside, _)| inside).to_owned()),
                "fortran_order" => {
                    fortran_order = Some(match value {
                        "True" => true,
                        "False" => false,
                        _ => return Err(broken("has a fortran_order that is not True or False")),
                    });
                }
                "shape" => {
                    shape =
                        Some(tuple(value).ok_or_else(|| broken("has a shape that is not a tuple of sizes"))?);
                }
                _ => return Err(broken("has a key that does not belong there")),
            }
            let after = after.trim_start();
            rest = after.strip_prefix(',').unwrap_or(after).trim_start();
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Self { descr, fortran_order, shape }),
            _ => Err(broken("lacks descr, fortran_order or shape")),
        }
    }

    /// Rows and columns; otherwise says what the shape should be.
    pub fn matrix(&self) -> Result<(u64, u64), String> {
        let sides: Vec<String> = self.shape.iter().take(10).map(ToString::to_string).collect();
        let shown =
            if let [one] = &sides[..] { format!("({one},)") } else { format!("({})", sides.join(", ")) };
        match self.shape[..] {
            [rows, 0] if rows > 0 => Err(format!("its rows are empty: shape {shown}; {SAVE}")),
            [rows, dim] => Ok((rows, dim)),
            _ => Err(format!(
                "its shape {shown} has {} dimension{}, not 2; save a matrix with one vector a row: \
                 np.save(path, x.reshape(rows, -1).astype('f4'))",
                self.shape.len(),
                if self.shape.len() == 1 { "" } else { "s" }
            )),
        }
    }
}

/// A string in either quotes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// A value up to the comma or brace that ends it, and what follows.
fn value(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quote) = (0, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ',' | '}') if depth == 0 => return Some((text[..at].trim_end(), &text[at..])),
            (None, ')' | ']' | '}') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Sizes in brackets. Python 2 wrote an L after each.
fn tuple(text: &str) -> Option<Vec<u64>> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?.trim();
    let inside = inside.strip_suffix(',').unwrap_or(inside);
    if inside.is_empty() {
        return Some(Vec::new());
    }
    inside.split(',').map(|side| side.trim().trim_end_matches('L').parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries() {
        let header = |text: &str| Header::parse(text).map(|h| (h.descr, h.fortran_order, h.shape));
        let good = Ok(("<f4".to_owned(), false, vec![2, 3]));
        assert_eq!(header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n"), good);
        assert_eq!(header("{\"shape\":(2L,3L),\"descr\":\"<f4\",\"fortran_order\":False}"), good);
        let records =
            header("{'descr': [('a}', '<f4', (2,)), ('b', '<i4')], 'fortran_order': True, 'shape': ()}");
        assert_eq!(records, Ok(("[('a}', '<f4', (2,)), ('b', '<i4')]".to_owned(), true, vec![])));
        for bad in [
            "",
            "{",
            "{}",
            "[1]",
            "{'descr'",
            "{'descr': }",
            "{'descr': '<f4'}",
            "{'shape': (2, x)}",
            "{'shape': (-1, 2)}",
            "{'fortran_order': 1}",
            "{'x': 1}",
            "{'descr': '<f4",
            "{'é: 1}",
            "{'shape': (99999999999999999999, 2)}",
        ] {
            assert!(header(bad).unwrap_err().starts_with("its header "), "{bad}");
        }
    }
}
