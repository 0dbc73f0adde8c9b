//! From steps to jobs and their buffers.

use std::collections::HashMap;

use super::{Job, Plan};
use crate::fuse::{Step, Work};
use crate::layer::ValueId;
use crate::options::Options;
use crate::segment::Segment;
use crate::stage::{Geometry, Stage};

impl Plan {
    /// Makes the stages; each that is none yet becomes a job, in order.
    pub(super) fn stages_of(&mut self, steps: Vec<Step>, options: Options) -> Vec<Result<usize, Job>> {
        let mut order = Vec::new();
        for step in steps {
            let (inputs, output) = (step.inputs.clone(), step.output);
            order.push(match &step.work {
                Work::ToTensor { order, first } => {
                    let (order, first, name) = (*order, *first, step.name.clone());
                    Err(Job::ToTensor { order, first, from: inputs[0], to: output, name })
                }
                Work::Function(function) => {
                    Err(Job::Function { function: function.clone(), inputs, to: output })
                }
                _ => {
                    let from: Vec<Geometry> = inputs.iter().map(|&i| self.geometry(i)).collect();
                    self.stages.extend(Stage::new(step, options, &from, self.geometry(output)));
                    self.wires.push((inputs, output));
                    Ok(self.stages.len() - 1)
                }
            });
        }
        order
    }

    /// Puts stages that follow each other into segments, as long as that is faster.
    pub(super) fn make_segments(&mut self, order: Vec<Result<usize, Job>>) {
        let mut users: HashMap<ValueId, usize> = HashMap::new();
        for job in &order {
            let inputs = match job {
                Ok(stage) => &self.wires[*stage].0[..],
                Err(Job::Function { inputs, .. }) => inputs,
                Err(Job::ToTensor { from, .. }) => std::slice::from_ref(from),
                Err(Job::Segment(_)) => &[],
            };
            inputs.iter().for_each(|&i| *users.entry(i).or_default() += 1);
        }
        let mut open: Option<Segment> = None;
        for job in order {
            match job {
                Ok(stage) => {
                    let joined = open.as_ref().and_then(|segment| {
                        let last = *segment.stages.last()?;
                        let follows =
                            self.wires[stage].0[0] == self.wires[last].1 && users[&self.wires[last].1] == 1;
                        let stages = segment.stages.iter().copied().chain([stage]).collect();
                        follows.then(|| Segment::new(&self.stages, stages, self.threads)).flatten()
                    });
                    if joined.is_none() {
                        self.jobs.extend(open.take().map(Job::Segment));
                    }
                    open = joined.or_else(|| Segment::new(&self.stages, vec![stage], self.threads));
                }
                Err(other) => {
                    self.jobs.extend(open.take().map(Job::Segment));
                    self.jobs.push(other);
                }
            }
        }
        self.jobs.extend(open.map(Job::Segment));
    }

    /// What a job reads.
    pub(super) fn inputs(&self, job: &Job) -> Vec<ValueId> {
        match job {
            Job::Segment(segment) => {
                let first = self.wires[segment.stages[0]].0[0];
                let others = segment.stages.iter().flat_map(|&s| self.wires[s].0.iter().skip(1).copied());
                [first].into_iter().chain(others).collect()
            }
            Job::ToTensor { from, .. } => vec![*from],
            Job::Function { inputs, .. } => inputs.clone(),
        }
    }

    /// The value that a job makes.
    pub(super) fn output(&self, job: &Job) -> ValueId {
        match job {
            Job::Segment(segment) => self.wires[segment.last()].1,
            Job::ToTensor { to, .. } | Job::Function { to, .. } => *to,
        }
    }

    /// Gives each value a buffer that no value has which is still needed.
    pub(super) fn assign_buffers(&mut self) {
        let ends: Vec<_> = self.jobs.iter().map(|job| (self.inputs(job), self.output(job))).collect();
        let mut last_use: HashMap<ValueId, usize> = HashMap::new();
        for (j, (inputs, _)) in ends.iter().enumerate() {
            last_use.extend(inputs.iter().map(|&i| (i, j)));
        }
        last_use.extend(self.outputs.iter().map(|&o| (o, usize::MAX)));
        let mut free: Vec<usize> = Vec::new();
        for (j, (inputs, output)) in ends.iter().enumerate() {
            let length = self.length(*output);
            // The smallest that is large enough, else the largest.
            let fits = |&(_, &b): &(usize, &usize)| self.lengths[b] >= length;
            let best = free.iter().enumerate().filter(fits).min_by_key(|(_, b)| self.lengths[**b]);
            let best = best.or_else(|| free.iter().enumerate().max_by_key(|(_, b)| self.lengths[**b]));
            let buffer = match best.map(|(at, _)| at) {
                Some(at) => free.swap_remove(at),
                None => {
                    self.lengths.push(0);
                    self.lengths.len() - 1
                }
            };
            self.lengths[buffer] = self.lengths[buffer].max(length);
            self.buffers[output.0] = Some(buffer);
            for input in inputs {
                if last_use.get(input) == Some(&j) {
                    last_use.remove(input);
                    free.extend(self.buffers[input.0]);
                }
            }
            // What nothing uses is free again at once.
            if !last_use.contains_key(output) {
                free.push(buffer);
            }
        }
        for job in &self.jobs {
            let Job::Segment(segment) = job else { continue };
            for (r, length) in segment.ring_lengths(&self.stages).enumerate() {
                if self.rings.len() <= r {
                    self.rings.push(0);
                }
                self.rings[r] = self.rings[r].max(length);
            }
        }
    }
}
