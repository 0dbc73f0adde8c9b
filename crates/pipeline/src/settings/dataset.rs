//! Settings of the steps that turn faces into people.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streamface_cluster as cluster;
use streamface_model::Manifest;
use streamface_types::Metric;

use super::Settings;
use super::values::{self, Bytes, Rows};
use crate::clustering_method::Method;
use crate::threads::threads;
use crate::{Error, Result};

/// When faces are one person.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct PeopleSettings {
    /// Largest distance within a person's faces; 0 or more, for cosine up to 2. Default that of the dataset's last
    /// clustering, if one was given to it; else merges up to the model's threshold are judged one by one, see
    /// `false_merges`.
    pub threshold: Option<f64>,
    /// Number of wrong merges that may be expected; above 0, default that of the dataset's last clustering, else 0.5.
    /// Not with `threshold`.
    pub false_merges: Option<f64>,
    /// Mean distance below which two people tied by a temporal link are one; 0 or more, default that of the dataset's
    /// last clustering, else the model's.
    pub merging_threshold: Option<f64>,
}

impl PeopleSettings {
    /// With what the model recommends where nothing is said.
    pub(crate) fn resolve(&self, model: &Manifest) -> Result<(cluster::Settings, f64)> {
        self.check()?;
        let e = model.embedder()?;
        let linkage = cluster::Settings::new(e.metric, self.threshold.unwrap_or(e.threshold))?;
        Ok((linkage, self.merging_threshold.unwrap_or(e.merging_threshold)))
    }
}

impl Settings for PeopleSettings {
    fn check(&self) -> Result<()> {
        if self.threshold.is_some() && self.false_merges.is_some() {
            return Err(Error::Setting("threshold and false-merges exclude each other".to_owned()));
        }
        if let Some(n) = self.false_merges.filter(|n| !(*n > 0.0 && n.is_finite())) {
            return Err(Error::Setting(format!("false-merges must be a number above 0, not {n}")));
        }
        match self.merging_threshold {
            Some(t) if !(0.0..=f64::MAX).contains(&t) => {
                Err(Error::Setting(format!("merging-threshold must be 0 or more, not {t}")))
            }
            _ => Ok(()),
        }
    }
}

/// Which clustering is done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct MethodSettings {
    /// How faces become people; default as in the dataset's last clustering, else complete linkage.
    pub method: Option<Method>,
    /// Nearest neighbours that Infomap looks at; 1 or more, default as in the dataset's last clustering, else 20.
    pub neighbours: Option<usize>,
    /// The original's scheme: batches of 20,000, their means, then temporal links. Default false.
    pub compat: bool,
    /// Go on from the last clustering: compare only new faces with all; the same result as from scratch.
    /// Default false.
    pub append: bool,
}

impl MethodSettings {
    /// How faces become people.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method.unwrap_or_default()
    }

    /// Nearest neighbours that Infomap looks at.
    #[must_use]
    pub fn neighbours(&self) -> usize {
        self.neighbours.unwrap_or(20)
    }
}

impl Settings for MethodSettings {
    fn check(&self) -> Result<()> {
        if (self.compat || self.append) && self.method() != Method::Complete {
            return Err(Error::Setting("compat and append take no other method".to_owned()));
        }
        if self.compat && self.append {
            return Err(Error::Setting("compat and append exclude each other".to_owned()));
        }
        if self.neighbours == Some(0) {
            return Err(Error::Setting("neighbours must be 1 or more, not 0".to_owned()));
        }
        Ok(())
    }
}

/// What clustering may take.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Resources {
    /// Memory budget for links, bytes; does not affect the result. 1 MiB or more, default 2 GiB.
    pub memory: Option<Bytes>,
    /// Threads; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
}

impl Resources {
    pub(crate) fn limit(&self, settings: cluster::Settings) -> cluster::Settings {
        self.memory.map_or(settings, |bytes| settings.memory(bytes.0))
    }
}

impl Settings for Resources {
    fn check(&self) -> Result<()> {
        threads(self.threads).map(drop)
    }
}

/// Settings of [`crate::cluster`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterSettings {
    /// People.
    #[serde(flatten)]
    pub people: PeopleSettings,
    /// Method.
    #[serde(flatten)]
    pub method: MethodSettings,
    /// Faces that have a label and no embedding lose the label; otherwise they are an error. Key `discard-labels`,
    /// default false.
    #[serde(rename = "discard-labels")]
    pub discard_labels: bool,
    /// Resources.
    #[serde(flatten)]
    pub resources: Resources,
}

impl Settings for ClusterSettings {
    fn check(&self) -> Result<()> {
        self.people.check()?;
        self.method.check()?;
        self.resources.check()
    }
}

/// Settings of [`crate::cluster_vectors`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterVectorsSettings {
    /// The distance; default cosine.
    #[serde(with = "values::metric")]
    pub metric: Metric,
    /// Largest distance within a cluster; 0 or more, for cosine up to 2. There is no default: 0 joins equal
    /// vectors only.
    pub threshold: f64,
    /// Where the merges are kept between runs, for `append`. Default nowhere.
    pub state: Option<PathBuf>,
    /// Method.
    #[serde(flatten)]
    pub method: MethodSettings,
    /// Resources.
    #[serde(flatten)]
    pub resources: Resources,
}

impl Settings for ClusterVectorsSettings {
    fn check(&self) -> Result<()> {
        if self.state.is_some() && (self.method.compat || self.method.method() != Method::Complete) {
            return Err(Error::Setting(
                "--state is for what --append goes on from, which is complete linkage: leave it out with another \
                 method"
                    .to_owned(),
            ));
        }
        self.method.check()?;
        self.resources.check()
    }
}

/// Settings of [`crate::cluster_join`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct JoinSettings {
    /// The distance; default cosine.
    #[serde(with = "values::metric")]
    pub metric: Metric,
    /// Largest distance; 0 or more, for cosine up to 2. There is no default: 0 finds equal vectors only.
    pub threshold: f64,
    /// Rows of one block; default all.
    pub rows: Option<Rows>,
    /// Rows of the other block; default those of `rows`.
    pub cols: Option<Rows>,
    /// Resources.
    #[serde(flatten)]
    pub resources: Resources,
}

impl Settings for JoinSettings {
    fn check(&self) -> Result<()> {
        self.resources.check()
    }
}

/// Settings of [`crate::cluster_link`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LinkSettings {
    /// Largest distance within a cluster; at most that of the joins, which is the default.
    pub threshold: Option<f64>,
    /// Resources.
    #[serde(flatten)]
    pub resources: Resources,
}

impl Settings for LinkSettings {
    fn check(&self) -> Result<()> {
        self.resources.check()
    }
}

/// Settings of [`crate::review`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ReviewSettings {
    /// Address and port; port 0 takes a free one. Default 127.0.0.1:7373.
    pub listen: SocketAddr,
    /// Names that the server answers to beside its address: that of a proxy, say. Key `name`.
    #[serde(rename = "name")]
    pub names: Vec<String>,
    /// Who answers, unless the page says otherwise. Default someone.
    pub who: String,
    /// Largest cosine distance of the means of two people who are asked about; 0 to 2, default 0.8.
    pub max: f64,
    /// Most pairs that are asked about, the nearest; default 500,000.
    pub most: usize,
    /// Two faces of one frame may be one person. The dataset remembers it; default what it was told before, else false.
    pub same_frame: Option<bool>,
}

impl Default for ReviewSettings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 7373).into(),
            names: Vec::new(),
            who: "someone".to_owned(),
            max: 0.8,
            most: 500_000,
            same_frame: None,
        }
    }
}

impl Settings for ReviewSettings {
    fn check(&self) -> Result<()> {
        use streamface_annotate::AUTO;
        if !(0.0..=2.0).contains(&self.max) {
            return Err(Error::Setting(format!(
                "max must be a cosine distance from 0 to 2, not {}",
                self.max
            )));
        }
        if self.who == AUTO || self.who.chars().any(char::is_control) {
            let said = format!("who must be a name other than '{AUTO}', without control characters");
            return Err(Error::Setting(said));
        }
        Ok(())
    }
}

/// Settings of [`crate::finalize`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FinalizeSettings {
    /// Write `labeled_faces/` anew, by these labels. Default false.
    pub folders: bool,
    /// People with as many faces in the original's order, not in that of their labels before. The dataset remembers it;
    /// default what it was told before, else false.
    pub compat: Option<bool>,
    /// Two faces of one frame may be one person. The dataset remembers it; default what it was told before, else false.
    pub same_frame: Option<bool>,
}

impl Settings for FinalizeSettings {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
