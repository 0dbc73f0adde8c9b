//! HTML pages of what a run found and of how good it is: one file a page, which loads nothing from elsewhere.
//!
//! | module | page | what |
//! |---|---|---|
//! | `run` | `report.html` | [`Report`]: the people of a run |
//! | `evaluation` | `evaluate.html` | [`Evaluation`]: how good a clustering looks without truth, and its likely errors |
//! | `comparison` | `score.html` | [`Comparison`]: two labellings of the same faces side by side |
//! | `stats` | `stats.html` | [`StatsPage`]: what is in datasets |
//! | `study` | `study.html` | [`StudyPage`]: which threshold suits a collection |
//! | `verification` | `verify.html` | [`VerificationPage`]: how well distances tell people apart |
//! | `layout`, `html` | | what all pages have: head, tables, tiles; escaping |
//! | `faces`, `picture` | | rows of thumbnails; [`Pictures`]: where they come from |
//! | `chart` | | charts as inline SVG |
//! | `said` | | what models say of a person |
//!
//! ```
//! use streamface_report::{Face, NoPictures, Person, Report};
//! let face = Face { id: "news_face_0".parse()?, score: 0.97, blur: None, quality: None, place: None };
//! let person = Person { label: streamface_types::Label(0), name: None, faces: vec![face], attributes: Default::default() };
//! let report = Report { title: "The news".to_owned(), people: vec![person], ..Report::default() };
//! let mut page = Vec::new();
//! report.render(&mut page, &mut NoPictures)?;
//! assert!(String::from_utf8(page)?.contains("<h3>Person 0</h3>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Styles, scripts and thumbnails are inside the page, and its content security policy forbids everything else.
//! Same input, same bytes: no page holds the time of its making.

mod chart;
mod comparison;
mod error;
mod evaluation;
mod faces;
mod html;
mod layout;
mod picture;
mod run;
mod said;
mod stats;
mod study;
mod verification;

pub use comparison::{Comparison, ComparisonLimits};
pub use error::{Error, Result};
pub use evaluation::{Evaluation, EvaluationLimits, ReviewLinks};
pub use picture::{Folder, FromBytes, NoPictures, Pictures, THUMBNAIL_SIDE, thumbnail};
pub use run::{Face, Frame, Limits, Model, Person, Report, Stage};
pub use stats::StatsPage;
pub use study::StudyPage;
pub use verification::{PairSide, ShownPair, VerificationPage};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
