//! The videos and photos that frames came from.

use std::collections::HashMap;

use maud::{Markup, html};

use crate::html::link;

/// What frames came from, each once.
#[derive(Default)]
pub(super) struct Origins<'a> {
    all: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Origins<'a> {
    /// The place of one in the list.
    pub fn place(&mut self, origin: &'a str) -> usize {
        let next = self.all.len();
        let place = *self.places.entry(origin).or_insert(next);
        if place == next {
            self.all.push(origin);
        }
        place
    }

    /// The list that the script takes links from.
    pub fn list(&self) -> Markup {
        html! {
            @if !self.all.is_empty() {
                ol id="origins" hidden { @for origin in &self.all { li { a href=(link(origin)) { "source" } } } }
            }
        }
    }
}
