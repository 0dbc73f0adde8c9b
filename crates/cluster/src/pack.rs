//! Rows made ready for the kernel, and the cut that a dot product must reach for a pair to be a
//! candidate: proven to let every pair through whose exact distance is ≤ t.
//!
//! With u = 2⁻²⁴ a sum of d products in `f32`, in any order and with or without fused operations, is off
//! by at most γ·‖x‖·‖y‖, γ = d·u / (1 − d·u) (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1).
//! Rounding a row to `f32` moves it by at most u of its length. What is small beside these (`f64`
//! rounding, products u², underflow) is covered by taking γ for d + 4 and 1 % more, and by `TINY`.
//!
//! **Cosine**, rows scaled to length 1: computed dot ≥ cos − 2u − γ, so a pair within t has
//! dot ≥ 1 − t − (γ + 2u). Half of that is each row's cut; the sum of two is the pair's.
//!
//! **Euclidean**, rows moved by the mean, which changes no distance but makes lengths small, and scaled
//! to at most 1. With lengths a, b of the rounded rows, their distance is ≤ T + u(a + b) where T is the
//! scaled t with room for `f64` rounding, so with (a + b)² ≤ 2(a² + b²) and 2ab ≤ a² + b²
//!
//! computed dot ≥ (a² + b² − (T + u(a + b))²) / 2 − γ·ab ≥ h(a) + h(b),
//! h(a) = (a² − T²/2 − 2Tu·a − 2u²a² − γa²) / 2.
//!
//! Both cuts are lowered by 4u of themselves for being rounded to `f32` and added there.

use rayon::prelude::*;
use streamface_types::Metric;

use crate::exact::Exact;
use crate::kernel::Isa;

/// Half the spacing of `f32` at 1.
const U: f64 = 1.0 / (1 << 24) as f64;
/// More than all underflow of numbers scaled to about 1 can add up to.
const TINY: f64 = 7.9e-31; // 2^-100

/// Rows in panels. Takes as much memory as the rows themselves.
pub(crate) struct Packed {
    pub(crate) isa: Isa,
    rows: usize,
    dim: usize,
    /// Panel after panel; the last one filled up with zeros.
    data: Vec<f32>,
    /// A cut for each row; infinite for rows that only fill up a panel.
    cut: Vec<f32>,
}

impl Packed {
    pub(crate) fn new(exact: &Exact, metric: Metric, threshold: f64, isa: Isa) -> Self {
        let (rows, dim) = (exact.rows().len(), exact.rows().dim());
        let lanes = isa.panel();
        let panels = rows.div_ceil(lanes);
        let mut data = vec![0.0; panels * lanes * dim];
        let mut cut = vec![f32::INFINITY; panels * lanes];
        let (centre, scale) = match metric {
            Metric::Euclidean => centre_and_scale(exact),
            _ => (Vec::new(), 1.0),
        };
        let prepare = |i: usize, put: &mut dyn FnMut(usize, f32)| {
            let row = exact.rows().row(i).iter().map(|&x| f64::from(x)).enumerate();
            if metric == Metric::Euclidean {
                row.for_each(|(k, x)| put(k, ((x - centre[k]) * scale) as f32));
            } else if exact.norm(i) > 0.0 {
                row.for_each(|(k, x)| put(k, (x / exact.norm(i)) as f32));
            }
        };
        let bound = Bound::new(metric, dim, threshold * scale);
        data.par_chunks_mut((lanes * dim).max(1)).zip(cut.par_chunks_mut(lanes)).enumerate().for_each(
            |(panel, (data, cut))| {
                let first = panel * lanes;
                for lane in 0..lanes.min(rows - first) {
                    let mut square = 0.0;
                    prepare(first + lane, &mut |k, x| {
                        square += f64::from(x) * f64::from(x);
                        data[k * lanes + lane] = x;
                    });
                    cut[lane] = bound.cut(square);
                }
            },
        );
        Self { isa, rows, dim, data, cut }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn panels(&self) -> usize {
        self.cut.len() / self.isa.panel()
    }

    /// Calls `found(i, j)` for the candidates i < j with i in panels `from..to`, for each i with
    /// ascending j.
    pub(crate) fn candidates(&self, from: usize, to: usize, mut found: impl FnMut(u32, u32)) {
        let (lanes, group) = (self.isa.panel(), self.isa.group());
        let size = lanes * self.dim;
        // The rows' panels stay in the second-level cache while the other panels stream by.
        for right in from..self.panels() {
            let panel = &self.data[right * size..(right + 1) * size];
            let panel_cut = &self.cut[right * lanes..(right + 1) * lanes];
            for left in from..to.min(right + 1) {
                for start in (0..lanes).step_by(group) {
                    let first = left * lanes + start;
                    let rows = &self.data[left * size + start..(left + 1) * size];
                    let cut = &self.cut[first..first + group];
                    let hits = self.isa.tile(self.dim, rows, panel, cut, panel_cut);
                    if hits == [0; crate::kernel::MAX_GROUP] {
                        continue;
                    }
                    for (i, mut bits) in (first..).zip(hits) {
                        if left == right {
                            // Below and on the diagonal.
                            bits &= !0_u64 << (i - right * lanes) << 1;
                        }
                        while bits != 0 {
                            let j = right * lanes + bits.trailing_zeros() as usize;
                            bits &= bits - 1;
                            found(i as u32, j as u32);
                        }
                    }
                }
            }
        }
    }
}

/// The cut of a row of given squared length; see the module's page.
struct Bound {
    metric: Metric,
    threshold: f64,
    gamma: f64,
}

impl Bound {
    fn new(metric: Metric, dim: usize, threshold: f64) -> Self {
        let du = (dim as f64 + 4.0) * U;
        // Beyond that the bound says nothing and all pairs are candidates.
        let gamma = if du < 0.5 { 1.01 * du / (1.0 - du) } else { f64::INFINITY };
        let in_f64 = (2.0 * dim as f64 + 16.0) * f64::EPSILON;
        let threshold = match metric {
            // Scaled distances are at most 2√d: what is far beyond may as well be finite when squared.
            Metric::Euclidean => (threshold * (1.0 + in_f64)).min(1e100) + TINY,
            _ => threshold + in_f64 + TINY,
        };
        Self { metric, threshold, gamma }
    }

    fn cut(&self, square: f64) -> f32 {
        let (t, gamma) = (self.threshold, self.gamma);
        if gamma.is_infinite() {
            return f32::NEG_INFINITY;
        }
        let cut = match self.metric {
            Metric::Euclidean => {
                let spread =
                    t * t / 2.0 + 2.0 * t * (1.01 * U) * square.sqrt() + (gamma + 3.0 * U * U) * square;
                (square - spread) / 2.0
            }
            _ => (1.0 - t - gamma) / 2.0,
        };
        (cut - 4.0 * U * cut.abs() - TINY) as f32
    }
}

/// The mean of the rows, and the factor that brings the largest number to 1. Any point would do for
/// a centre; the rounding of the mean does no harm.
fn centre_and_scale(exact: &Exact) -> (Vec<f64>, f64) {
    let mut centre = vec![0.0; exact.rows().dim()];
    for row in exact.rows().rows() {
        centre.iter_mut().zip(row).for_each(|(c, &x)| *c += f64::from(x));
    }
    let n = exact.rows().len().max(1) as f64;
    centre.iter_mut().for_each(|c| *c /= n);
    let offsets = exact.rows().rows().flat_map(|row| row.iter().zip(&centre));
    let largest = offsets.map(|(&x, c)| (f64::from(x) - c).abs()).fold(0.0, f64::max);
    (centre, if largest > 0.0 { 1.0 / largest } else { 1.0 })
}
