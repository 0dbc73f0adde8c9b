//! `hri tree`.

use std::io::Write;

use anyhow::Result;
use hri::Store;

use crate::args::{Form, Tree};

pub(crate) fn run(args: &Tree) -> Result<()> {
    let (index, _) = Store::load(&args.directory)?;
    let tree = hri::Tree::of(&index, args.people, args.step)?;
    let text = match args.form {
        Form::Text => tree.to_text(),
        Form::Json => tree.to_json(),
        Form::Dot => tree.to_dot(),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
