//! Charts as inline SVG, coloured by the page's style.
//!
//! | file | what |
//! |---|---|
//! | `axis` | [`Axis`]: from where to where, by equal steps or by powers of ten |
//! | `frame` | [`Frame`]: the drawing's own units, grid and marks |
//! | `lines` | [`Chart`]: series over an axis of numbers |
//! | `bars` | [`bars`] and [`line`]: counts, one after another |
//! | `cloud` | [`cloud`]: counts over two numbers |
//! | `chart.css` | the look |

mod axis;
mod bars;
mod cloud;
mod frame;
mod lines;

pub(crate) use axis::{Axis, percent_tick, plain, plain_percent, plain_tick, rate_tick};
pub(crate) use bars::{Bar, Caption, bars, line, size_bins};
pub(crate) use cloud::{Cell, cloud};
pub(crate) use lines::{Chart, Mark, Series, Style};

/// To stand after the page's own style.
pub(crate) const STYLE: &str = include_str!("chart.css");
