//! Settings of the steps that go through a source or its frames.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use streamface_capture as capture;
use streamface_detect::{DetectSettings, ExtractSettings as Gates};
use streamface_model::Manifest;
use streamface_store::FrameFormat;
use streamface_types::Timestamp;

use super::dataset::PeopleSettings;
use super::engine::EngineSettings;
use super::features::{AttributeSettings, FeatureSettings};
use super::values;
use super::{DEFAULT_DETECTOR, Settings};
use crate::threads::threads;
use crate::{Error, Result};

/// Which frames are kept, and how a source is gone through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FrameSettings {
    /// The name that frames carry; by default the file's name, or the url's host.
    pub name: Option<String>,
    /// How the pictures of kept frames are stored: `png` or `webp` without loss, `jpeg` with, or `none`. What is made of
    /// a frame while it is captured does not depend on it. Default `png`. Key `frames`.
    #[serde(rename = "frames")]
    pub format: FrameFormat,
    /// Stop after this much: of a file's own time, of a live stream's wall time. Default none. Key `for`.
    #[serde(rename = "for", with = "values::duration::optional")]
    pub limit: Option<Duration>,
    /// Drop a frame when more than this fraction of it lies on no edge; 0 to 1, default 0.95.
    pub empty_threshold: f64,
    /// Drop a frame when the variance of its Laplacian is below this; 0 or more, default 1e10.
    pub blur_threshold: f64,
    /// Drop a frame when it is more similar than this to the last kept one; 0 to 1, default 0.9.
    pub similarity_threshold: f64,
    /// Reconnect to a live stream every so many keyframes, 0 never; default 500.
    pub reconnect_interval: u64,
    /// Give a lost stream up after this long; default never.
    #[serde(with = "values::duration::optional")]
    pub give_up_after: Option<Duration>,
    /// Longest wait for a connection; 100 ms or more, default 60 s.
    #[serde(with = "values::duration")]
    pub open_timeout: Duration,
    /// Longest wait for data; 100 ms or more, default 30 s.
    #[serde(with = "values::duration")]
    pub read_timeout: Duration,
    /// Of a stream in several sizes, the highest that is no higher than this, pixels; 1 or more, default the largest.
    pub height: Option<u32>,
    /// Lines `Name: value` that are sent with each HTTP request for the source, those for segments included. Default
    /// none.
    pub header: Vec<String>,
    /// The user agent of HTTP requests for the source; default ffmpeg's own.
    pub user_agent: Option<String>,
    /// When a file was recorded, for the names of its frames; by default what the file says, else 1970.
    #[serde(with = "values::time::optional")]
    pub start_time: Option<Timestamp>,
}

impl Default for FrameSettings {
    fn default() -> Self {
        let d = capture::Settings::default();
        Self {
            name: None,
            format: FrameFormat::default(),
            limit: d.limit,
            empty_threshold: d.filters.empty_threshold,
            blur_threshold: d.filters.blur_threshold,
            similarity_threshold: d.filters.similarity_threshold,
            reconnect_interval: d.reconnect_interval,
            give_up_after: d.give_up_after,
            open_timeout: d.open_timeout,
            read_timeout: d.read_timeout,
            height: None,
            header: Vec::new(),
            user_agent: None,
            start_time: None,
        }
    }
}

impl FrameSettings {
    /// As the capture takes them, checked.
    pub(crate) fn capture(&self) -> Result<capture::Settings> {
        let d = capture::Settings::default();
        let settings = capture::Settings {
            filters: capture::FilterSettings {
                empty_threshold: self.empty_threshold,
                blur_threshold: self.blur_threshold,
                similarity_threshold: self.similarity_threshold,
            },
            limit: self.limit,
            reconnect_interval: self.reconnect_interval,
            give_up_after: self.give_up_after,
            open_timeout: self.open_timeout,
            read_timeout: self.read_timeout,
            height: self.height,
            headers: self.header.clone(),
            user_agent: self.user_agent.clone(),
            start: self.start_time.unwrap_or(d.start),
            ..d
        };
        settings.check()?;
        Ok(settings)
    }
}

impl Settings for FrameSettings {
    fn check(&self) -> Result<()> {
        self.capture().map(drop)
    }
}

/// Which detector is used, and which of its faces are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct FaceSettings {
    /// The detector, by the name of its manifest; default [`DEFAULT_DETECTOR`].
    pub detector: String,
    /// Long side of a frame as the detector sees it, pixels; 64 to 4096. Default the directory's own, else the
    /// model's.
    pub detect_size: Option<u32>,
    /// Least score of a face; 0 to 1, default the model's.
    pub score: Option<f32>,
    /// Take the landmarks of the first look: faster, and worse for large faces. Default false.
    pub no_second_look: bool,
    /// Least area of a face relative to its frame; 0 to 1, default 0.005.
    pub size_threshold: f32,
    /// Least length of the shorter side of a face, pixels of the frame; 0 to 4096. Default 16; in a directory from before
    /// there was such a gate 0.
    pub min_face: Option<u32>,
    /// Least variance of the Laplacian of a face; 0 or more, default 5e9.
    pub face_blur_threshold: f64,
}

impl Default for FaceSettings {
    fn default() -> Self {
        let gates = Gates::default();
        Self {
            detector: DEFAULT_DETECTOR.to_owned(),
            detect_size: None,
            score: None,
            no_second_look: false,
            size_threshold: gates.size_threshold,
            min_face: None,
            face_blur_threshold: gates.blur_threshold,
        }
    }
}

impl FaceSettings {
    /// As detection and extraction take them.
    pub(crate) fn extraction(&self, model: &Manifest) -> Result<(DetectSettings, Gates)> {
        let mut detect = DetectSettings::recommended(model)?;
        detect.size = self.detect_size.unwrap_or(detect.size);
        detect.score = self.score.unwrap_or(detect.score);
        if self.no_second_look {
            detect.second_look = None;
        }
        let gates = Gates {
            size_threshold: self.size_threshold,
            min_face: self.min_face.unwrap_or(Gates::default().min_face),
            blur_threshold: self.face_blur_threshold,
            ..Gates::default()
        };
        Ok((detect, gates))
    }
}

impl Settings for FaceSettings {
    /// The detector's own ranges are checked where it is loaded.
    fn check(&self) -> Result<()> {
        self.extraction(&Manifest::find(&self.detector)?).map(drop)
    }
}

/// How work on frames is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct WorkSettings {
    /// Threads for decoding, networks, crops and images; 1 to 1024, default the processors there are.
    pub threads: Option<usize>,
    /// Keyframes that are committed together; 1 to 100,000, default 50. A process that is killed loses at most
    /// these.
    pub batch_size: usize,
}

impl Default for WorkSettings {
    fn default() -> Self {
        Self { threads: None, batch_size: 50 }
    }
}

impl Settings for WorkSettings {
    fn check(&self) -> Result<()> {
        threads(self.threads)?;
        if !(1..=100_000).contains(&self.batch_size) {
            return Err(Error::Setting(format!("batch-size must be 1 to 100000, not {}", self.batch_size)));
        }
        Ok(())
    }
}

/// Settings of [`crate::capture`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CaptureSettings {
    /// Frames.
    #[serde(flatten)]
    pub frames: FrameSettings,
    /// Work.
    #[serde(flatten)]
    pub work: WorkSettings,
}

impl Settings for CaptureSettings {
    fn check(&self) -> Result<()> {
        self.frames.check()?;
        self.work.check()
    }
}

/// Settings of [`crate::extract`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExtractSettings {
    /// Faces.
    #[serde(flatten)]
    pub faces: FaceSettings,
    /// What runs the networks.
    #[serde(flatten)]
    pub engine: EngineSettings,
    /// Work.
    #[serde(flatten)]
    pub work: WorkSettings,
}

impl Settings for ExtractSettings {
    fn check(&self) -> Result<()> {
        self.faces.check()?;
        self.engine.check()?;
        self.work.check()
    }
}

/// Settings of [`crate::run`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RunSettings {
    /// Frames.
    #[serde(flatten)]
    pub frames: FrameSettings,
    /// Faces.
    #[serde(flatten)]
    pub faces: FaceSettings,
    /// Features.
    #[serde(flatten)]
    pub features: FeatureSettings,
    /// Attributes.
    #[serde(flatten)]
    pub attributes: AttributeSettings,
    /// People.
    #[serde(flatten)]
    pub people: PeopleSettings,
    /// What runs the networks.
    #[serde(flatten)]
    pub engine: EngineSettings,
    /// Work.
    #[serde(flatten)]
    pub work: WorkSettings,
}

impl Settings for RunSettings {
    fn check(&self) -> Result<()> {
        self.frames.check()?;
        self.faces.check()?;
        self.features.check()?;
        self.people.check()?;
        self.engine.check()?;
        self.work.check()
    }
}

/// Whom a watch knows, and where it tells what it sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct OutletSettings {
    /// Datasets whose people are known, by their review where there is one. Default none.
    pub people: Vec<PathBuf>,
    /// Where what is seen is kept; by default `watch-NAME`.
    pub out: Option<PathBuf>,
    /// Largest distance from the mean of a person's faces; 0 to 2, default the model's match threshold.
    pub threshold: Option<f64>,
    /// A person has left when not seen for this long; default 5 s.
    #[serde(with = "values::duration")]
    pub patience: Duration,
    /// Events are appended to this file, one JSON object a line. Default none.
    pub events: Option<PathBuf>,
    /// Events are posted to this address, as `{"events": [...]}`. Default none.
    pub webhook: Option<String>,
    /// Where the page listens; default 127.0.0.1, any free port.
    pub listen: SocketAddr,
    /// No page. Default false.
    pub no_page: bool,
}

impl Default for OutletSettings {
    fn default() -> Self {
        Self {
            people: Vec::new(),
            out: None,
            threshold: None,
            patience: Duration::from_secs(5),
            events: None,
            webhook: None,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            no_page: false,
        }
    }
}

/// Settings of [`crate::watch()`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchSettings {
    /// Whom it knows, and where it tells what it sees.
    #[serde(flatten)]
    pub outlets: OutletSettings,
    /// Frames.
    #[serde(flatten)]
    pub frames: FrameSettings,
    /// Faces.
    #[serde(flatten)]
    pub faces: FaceSettings,
    /// Features.
    #[serde(flatten)]
    pub features: FeatureSettings,
    /// What runs the networks.
    #[serde(flatten)]
    pub engine: EngineSettings,
    /// Work.
    #[serde(flatten)]
    pub work: WorkSettings,
}

impl Settings for WatchSettings {
    fn check(&self) -> Result<()> {
        self.frames.check()?;
        self.faces.check()?;
        self.features.check()?;
        self.engine.check()?;
        self.work.check()
    }
}
