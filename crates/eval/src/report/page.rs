//! The page.
use std::io::{self, Write};

use super::html::Text;
use super::{Pictures, Report};

pub(super) fn write(report: &Report, out: &mut dyn Write, _: &mut dyn Pictures) -> io::Result<()> {
    write!(out, "<!doctype html><title>{}</title>", Text(&report.title))
}
