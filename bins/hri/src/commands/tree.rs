//! `hri tree`.

use std::io::Write;

use anyhow::Result;

use crate::args::{Form, Tree};

pub(crate) fn run(args: &Tree) -> Result<()> {
    let (index, _) = super::index::load(&args.directory)?;
    let tree = hri::Tree::of(&index, args.people, args.step)?;
    let text = match args.form {
        Form::Text => tree.to_text(&index),
        Form::Json => tree.to_json(&index),
        Form::Dot => tree.to_dot(&index),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
