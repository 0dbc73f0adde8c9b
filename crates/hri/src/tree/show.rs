//! A tree as text, JSON and a graph.

use std::fmt::Write;

use super::{Tree, TreeNode};
use crate::index::Index;
use crate::{Label, Person};

impl Tree {
    /// One line for each group and person, children indented. Names are those of `index`, which the tree was made of.
    #[must_use]
    pub fn to_text(&self, index: &Index) -> String {
        let mut text = format!("{} people, {:.3} apart\n", self.people, self.distance);
        self.write_text(&mut text, "", index);
        text
    }

    fn write_text(&self, text: &mut String, before: &str, index: &Index) {
        for (at, child) in self.children.iter().enumerate() {
            let last = at + 1 == self.children.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            match child {
                TreeNode::Person(Person { label, members }) => {
                    let name = shown_name(index, *label);
                    let _ = writeln!(text, "{before}{branch}person {label}{name} ({members} vectors)");
                }
                TreeNode::Group(group) => {
                    let _ = writeln!(
                        text,
                        "{before}{branch}{} people, {:.3} apart",
                        group.people, group.distance
                    );
                    group.write_text(text, &format!("{before}{below}"), index);
                }
            }
        }
    }

    /// JSON: a group is `{"distance", "people", "parts"}`, a person is `{"label", "members"}`, with `"name"` where the person
    /// has one in `index`, which the tree was made of.
    #[must_use]
    pub fn to_json(&self, index: &Index) -> String {
        let mut text = String::new();
        self.write_json(&mut text, index);
        text.push('\n');
        text
    }

    fn write_json(&self, text: &mut String, index: &Index) {
        let _ = write!(text, "{{\"distance\":{},\"people\":{},\"parts\":[", self.distance, self.people);
        for (at, child) in self.children.iter().enumerate() {
            text.push_str(if at > 0 { "," } else { "" });
            match child {
                TreeNode::Person(p) => {
                    let _ = write!(text, "{{\"label\":{},\"members\":{}", p.label, p.members);
                    if let Some(name) = index.name(p.label) {
                        let _ = write!(text, ",\"name\":\"{}\"", json_escaped(name));
                    }
                    text.push('}');
                }
                TreeNode::Group(group) => group.write_json(text, index),
            }
        }
        text.push_str("]}");
    }

    /// A graph for Graphviz. Names are those of `index`, which the tree was made of.
    #[must_use]
    pub fn to_dot(&self, index: &Index) -> String {
        let mut text = String::from("digraph people {\n  rankdir=LR;\n  node [shape=box];\n");
        self.write_dot(&mut text, &mut 0, index);
        text.push_str("}\n");
        text
    }

    fn write_dot(&self, text: &mut String, next: &mut usize, index: &Index) -> usize {
        let own = *next;
        *next += 1;
        let _ = writeln!(
            text,
            "  g{own} [label=\"{} people\\n{:.3}\", shape=ellipse];",
            self.people, self.distance
        );
        for child in &self.children {
            match child {
                TreeNode::Person(Person { label, members }) => {
                    let name = shown_name(index, *label).replace('\\', "\\\\").replace('"', "\\\"");
                    let _ = writeln!(text, "  p{label} [label=\"person {label}{name}\\n{members}\"];");
                    let _ = writeln!(text, "  g{own} -> p{label};");
                }
                TreeNode::Group(group) => {
                    let inner = group.write_dot(text, next, index);
                    let _ = writeln!(text, "  g{own} -> g{inner};");
                }
            }
        }
        own
    }
}

/// A space and the name, without control characters; empty for a person without a name.
fn shown_name(index: &Index, label: Label) -> String {
    let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    index
        .name(label)
        .map(|name| std::iter::once(' ').chain(name.chars().map(plain)).collect())
        .unwrap_or_default()
}

fn json_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
