//! Steps in order, with the buffers that they use, made once.

mod make;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::fuse::{Steps, fuse};
use crate::graph::Graph;
use crate::layer::{Function, Order, Shape, Value, ValueId};
use crate::layout::{stored, write_tensor};
use crate::options::Options;
use crate::rows::{Rows, RowsMut};
use crate::segment::{Segment, Space};
use crate::stage::{Geometry, Stage};

/// Multiplications that take much longer than another thread takes to begin.
const WORTH_A_THREAD: usize = 1_000_000;

/// A part of a run, layers that are computed together, and its time.
#[derive(Clone, Debug)]
pub struct JobTime {
    /// The names of its layers.
    pub name: String,
    /// The shortest time of all runs.
    pub time: Duration,
    /// Multiplications.
    pub products: usize,
    /// Bytes of its weights, of what it reads and of what it writes; not of what stays between its layers.
    pub bytes: usize,
}

/// A network ready to run. Threads may share it: each run uses buffers of its own, which are kept for later runs.
#[derive(Debug)]
pub struct Plan {
    values: Vec<Value>,
    /// Numbers from a pixel to the next, of each picture.
    stored: Vec<usize>,
    stages: Vec<Stage>,
    /// Of each stage: its inputs, and its result.
    wires: Vec<(Vec<ValueId>, ValueId)>,
    jobs: Vec<Job>,
    outputs: Vec<ValueId>,
    /// The buffer of each value that has one, and the length of each buffer.
    buffers: Vec<Option<usize>>,
    lengths: Vec<usize>,
    /// Numbers of each ring, the most of all segments.
    rings: Vec<usize>,
    threads: usize,
    free: Mutex<Vec<Workspace>>,
}

/// Buffers of a run.
#[derive(Debug, Default)]
struct Workspace {
    buffers: Vec<Vec<f32>>,
    /// Of each thread.
    threads: Vec<Space>,
}

#[derive(Debug)]
enum Job {
    Segment(Segment),
    ToTensor { order: Order, first: usize, from: ValueId, to: ValueId, name: String },
    Function { function: Arc<dyn Function>, inputs: Vec<ValueId>, to: ValueId },
}

impl Plan {
    /// Plans the network.
    #[must_use]
    pub fn new(graph: Graph, options: Options) -> Self {
        let Steps { values, steps, outputs } = fuse(graph);
        let stored = stored(&values, &steps);
        let mut plan = Self {
            buffers: vec![None; values.len()],
            values,
            stored,
            outputs,
            threads: options.threads.max(1),
            stages: Vec::new(),
            wires: Vec::new(),
            jobs: Vec::new(),
            lengths: Vec::new(),
            rings: Vec::new(),
            free: Mutex::default(),
        };
        let jobs = plan.stages_of(steps, options);
        plan.make_segments(jobs);
        plan.assign_buffers();
        plan
    }

    /// The shape of each output.
    pub fn output_shapes(&self) -> impl Iterator<Item = &[usize]> {
        self.outputs.iter().map(|&o| self.tensor(o))
    }

    /// Runs the network on `input`, the numbers of its input in row-major order: the numbers of each output.
    ///
    /// # Errors
    /// [`Error::Input`] where the length is wrong, [`Error::Layer`] where a function fails.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        self.run_watched(input, |_, work| work())
    }

    /// Runs the network on `input` and lets `watch` run each job, which it is told the names of.
    pub(crate) fn run_watched(
        &self,
        input: &[f32],
        mut watch: impl FnMut(usize, &mut dyn FnMut() -> Result<()>) -> Result<()>,
    ) -> Result<Vec<Vec<f32>>> {
        let wanted = self.tensor(ValueId(0)).iter().product();
        if input.len() != wanted {
            return Err(Error::Input { given: input.len(), wanted });
        }
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut space = kept.unwrap_or_else(|| self.workspace());
        let mut result = Ok(());
        for (j, job) in self.jobs.iter().enumerate() {
            result = watch(j, &mut || self.run_job(job, input, &mut space));
            if result.is_err() {
                break;
            }
        }
        let outputs = result.map(|()| {
            let numbers = |&o: &ValueId| self.numbers(o, input, &space.buffers).to_vec();
            self.outputs.iter().map(numbers).collect()
        });
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(space);
        outputs
    }

    fn tensor(&self, id: ValueId) -> &[usize] {
        match &self.values[id.0] {
            Value::Tensor(shape) => shape,
            Value::Picture(_) => &[],
        }
    }

    fn geometry(&self, id: ValueId) -> Geometry {
        let none = Shape { images: 0, rows: 0, columns: 0, channels: 0 };
        let shape = if let Value::Picture(shape) = self.values[id.0] { shape } else { none };
        Geometry { shape, stored: self.stored[id.0] }
    }

    /// Numbers of a value in its buffer.
    fn length(&self, id: ValueId) -> usize {
        match &self.values[id.0] {
            Value::Tensor(shape) => shape.iter().product(),
            Value::Picture(_) => self.geometry(id).rows() * self.geometry(id).len(),
        }
    }

    fn numbers<'a>(&self, id: ValueId, input: &'a [f32], buffers: &'a [Vec<f32>]) -> &'a [f32] {
        match self.buffers[id.0] {
            Some(buffer) => &buffers[buffer][..self.length(id)],
            None => input,
        }
    }

    fn workspace(&self) -> Workspace {
        Workspace {
            buffers: self.lengths.iter().map(|&l| vec![0.0; l]).collect(),
            threads: (0..self.threads).map(|_| Space::new(&self.rings)).collect(),
        }
    }

    fn run_job(&self, job: &Job, input: &[f32], space: &mut Workspace) -> Result<()> {
        let to = self.output(job);
        let Some(buffer) = self.buffers[to.0] else { return Ok(()) };
        // Taken out, so that it can be written while the others are read.
        let mut out = std::mem::take(&mut space.buffers[buffer]);
        let numbers = &mut out[..self.length(to)];
        let result = match job {
            Job::Segment(segment) => {
                self.run_segment(segment, input, &space.buffers, &mut space.threads, numbers);
                Ok(())
            }
            Job::ToTensor { order, first, from, .. } => {
                let channels = match *self.tensor(to) {
                    [_, c] => c,
                    [_, c, _, _] if *order == Order::ChannelsFirst => c,
                    [.., c] => c,
                    [] => 0,
                };
                let picture = self.numbers(*from, input, &space.buffers);
                write_tensor(self.geometry(*from), *order, *first, channels, picture, numbers);
                Ok(())
            }
            Job::Function { function, inputs, .. } => {
                let inputs: Vec<(&[usize], &[f32])> = inputs
                    .iter()
                    .map(|&i| (self.tensor(i), self.numbers(i, input, &space.buffers)))
                    .collect();
                function
                    .call(&inputs, numbers)
                    .map_err(|why| Error::Layer { name: function.name().to_owned(), why })
            }
        };
        space.buffers[buffer] = out;
        result
    }

    fn run_segment(
        &self,
        segment: &Segment,
        input: &[f32],
        buffers: &[Vec<f32>],
        spaces: &mut [Space],
        out: &mut [f32],
    ) {
        let whole = |id: ValueId| {
            let of = self.geometry(id);
            Rows { numbers: self.numbers(id, input, buffers), len: of.len(), slots: of.rows().max(1) }
        };
        let from = whole(self.wires[segment.stages[0]].0[0]);
        let others: Vec<Vec<Rows<'_>>> = segment
            .stages
            .iter()
            .map(|&s| self.wires[s].0[1..].iter().map(|&i| whole(i)).collect())
            .collect();
        let to = self.stages[segment.last()].to;
        let (rows, len) = (to.rows(), to.len());
        let products: usize = segment.stages.iter().map(|&s| self.stages[s].products()).sum();
        let threads = self.threads.min(rows).min(products / WORTH_A_THREAD).max(1);
        let run = |rows: std::ops::Range<usize>, space: &mut Space, numbers: &mut [f32]| {
            let mut out = RowsMut { numbers, len, slots: rows.len(), first: rows.start };
            segment.run(&self.stages, rows, &from, &others, space, &mut out);
        };
        if threads == 1 {
            run(0..rows, &mut spaces[0], out);
            return;
        }
        rayon::in_place_scope(|scope| {
            let (mut rest, mut at) = (out, 0);
            for (t, space) in spaces[..threads].iter_mut().enumerate() {
                let end = rows * (t + 1) / threads;
                let (mine, others) = std::mem::take(&mut rest).split_at_mut((end - at) * len);
                rest = others;
                let (range, run) = (at..end, &run);
                at = end;
                if t + 1 == threads {
                    run(range, space, mine);
                } else {
                    scope.spawn(move |_| run(range, space, mine));
                }
            }
        });
    }

    /// What each job does, with no time yet.
    pub(crate) fn jobs_without_times(&self) -> Vec<JobTime> {
        let of = |job: &Job| {
            let (inputs, output) = (self.inputs(job), self.output(job));
            let numbers: usize = inputs.iter().chain([&output]).map(|&id| self.length(id)).sum();
            let (name, products, weights) = match job {
                Job::Segment(segment) => {
                    let stages = || segment.stages.iter().map(|&s| &self.stages[s]);
                    let names: Vec<&str> = stages().map(|s| s.name.as_str()).collect();
                    let weights = stages().map(Stage::weights).sum();
                    (names.join(" + "), stages().map(Stage::products).sum(), weights)
                }
                Job::ToTensor { name, .. } => (name.clone(), 0, 0),
                Job::Function { function, .. } => (function.name().to_owned(), 0, 0),
            };
            JobTime { name, time: Duration::MAX, products, bytes: numbers * size_of::<f32>() + weights }
        };
        self.jobs.iter().map(of).collect()
    }
}
