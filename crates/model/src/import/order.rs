//! The order in which the nodes of a graph are made.

use std::collections::HashMap;

use tract_tflite::internal::*;

/// A node of a graph that was read from a file.
pub(super) trait InGraph {
    fn name(&self) -> &str;
    /// The nodes that it uses.
    fn uses(&self) -> impl Iterator<Item = &str>;
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    /// What it uses is being visited.
    Open,
    Done,
}

/// The nodes that `outputs` need, each after those that it uses.
pub(super) fn needed<'a, N: InGraph>(
    nodes: &'a [N],
    outputs: impl Iterator<Item = &'a str>,
) -> TractResult<Vec<&'a N>> {
    let mut places = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        ensure!(places.insert(node.name(), i).is_none(), "two nodes are called '{}'", node.name());
    }
    let place = |name: &str| places.get(name).copied();
    let mut states = vec![State::New; nodes.len()];
    let mut ordered = Vec::new();
    // Not by recursion, which a long graph would take too deep.
    let mut stack: Vec<usize> = outputs.filter_map(place).collect();
    stack.reverse();
    while let Some(&at) = stack.last() {
        if states[at] == State::Done {
            stack.pop();
            continue;
        }
        states[at] = State::Open;
        let before = stack.len();
        for name in nodes[at].uses() {
            let user = nodes[at].name();
            let used =
                place(name).with_context(|| format!("node '{user}' uses '{name}', which is not there"))?;
            match states[used] {
                State::Done => {}
                State::Open => bail!("node '{user}' uses '{name}', which needs it in turn"),
                State::New => stack.push(used),
            }
        }
        if stack.len() == before {
            states[at] = State::Done;
            ordered.push(&nodes[at]);
            stack.pop();
        }
    }
    Ok(ordered)
}
