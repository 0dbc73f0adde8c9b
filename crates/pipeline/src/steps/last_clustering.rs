//! How a dataset was clustered last, which holds until another way is asked for.

use streamface_store::Dataset;

use crate::settings::record::read_record;
use crate::settings::{Method, MethodSettings, PeopleSettings};
use crate::{Error, Result};

/// The name of the original's scheme in the record.
pub(super) const COMPAT: &str = "compat";

/// What the record of a dataset says of its last clustering; nothing where there was none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LastClustering {
    threshold: Option<f64>,
    false_merges: Option<f64>,
    merging_threshold: Option<f64>,
    method: Option<Method>,
    neighbours: Option<usize>,
    compat: bool,
}

impl LastClustering {
    /// # Errors
    /// The record cannot be read, or has what no clustering wrote.
    pub(super) fn of(data: &Dataset) -> Result<Self> {
        let record = read_record(data)?;
        let Some(of) = record.get("cluster") else { return Ok(Self::default()) };
        let wrong = |key: &str, value: &str| {
            let path = data.metadata().join("settings.json");
            let said =
                format!("{}: cluster, {key} '{value}' is not what a clustering writes", path.display());
            Error::Input(format!("{said}; give --{key}, or remove the entry"))
        };
        let number = |key: &str| -> Result<Option<f64>> {
            let parse = |text: &String| {
                let number = text.parse::<f64>().ok().filter(|n| (0.0..=f64::MAX).contains(n));
                number.ok_or_else(|| wrong(key, text))
            };
            of.get(key).map(parse).transpose()
        };
        let name = of.get("method").map(String::as_str);
        let method = match name.filter(|name| *name != COMPAT) {
            Some(name) => {
                let found = Method::ALL.into_iter().find(|method| method.name() == name);
                Some(found.ok_or_else(|| wrong("method", name))?)
            }
            None => None,
        };
        let neighbours = of.get("neighbours");
        let neighbours =
            neighbours.map(|text| text.parse().map_err(|_| wrong("neighbours", text))).transpose()?;
        let false_merges = number("false-merges")?;
        Ok(Self {
            // Where merges were judged, the threshold was the model's.
            threshold: number("threshold")?.filter(|_| false_merges.is_none()),
            false_merges,
            merging_threshold: number("merging-threshold")?,
            method,
            neighbours,
            compat: name == Some(COMPAT),
        })
    }

    /// The threshold that it was given; none where it judged merges, or where there was none.
    pub(super) fn threshold(&self) -> Option<f64> {
        self.threshold
    }

    /// The budget within which it judged merges.
    pub(super) fn false_merges(&self) -> Option<f64> {
        self.false_merges
    }

    /// What was asked for, and for the rest what was done last.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where a clustering is to go on that was not by complete linkage.
    pub(super) fn complete(
        &self,
        data: &Dataset,
        people: &PeopleSettings,
        method: &MethodSettings,
    ) -> Result<(PeopleSettings, MethodSettings)> {
        let mut people = people.clone();
        if people.threshold.is_none() && people.false_merges.is_none() {
            (people.threshold, people.false_merges) = (self.threshold, self.false_merges);
        }
        people.merging_threshold = people.merging_threshold.or(self.merging_threshold);
        let mut method = method.clone();
        if method.method.is_none() && !method.compat {
            (method.method, method.compat) = (self.method, self.compat);
        }
        method.neighbours = method.neighbours.or(self.neighbours);
        if method.append && (method.compat || method.method() != Method::Complete) {
            let by = if method.compat { COMPAT } else { method.method().name() };
            let dir = data.root().display();
            return Err(Error::Mismatch(format!(
                "{dir} was clustered by '{by}', and --append goes on from complete linkage only; run streamface cluster \
                 {dir} --method complete first"
            )));
        }
        Ok((people, method))
    }
}
