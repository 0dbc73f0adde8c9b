//! Chinese whispers: C. Biemann, *Chinese whispers: an efficient graph clustering algorithm and its
//! application to natural language processing problems* (TextGraphs 2006), as libraries for faces use it.

use super::graph::Graph;
use crate::labels;
use streamface_kernels::SplitMix64;

/// How long to whisper, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChineseWhispers {
    /// Rounds at most; it ends earlier when nothing changes. Some graphs never come to rest.
    pub rounds: usize,
    /// Seed of the order in which rows take their turn, another one each round.
    pub seed: u64,
}

impl Default for ChineseWhispers {
    /// 100 rounds, seed 0.
    fn default() -> Self {
        Self { rounds: 100, seed: 0 }
    }
}

/// Every row starts with a label of its own and takes, in turn, the one with the largest sum of weights
/// among its neighbours; of equal ones the smaller. Labels are numbered by first appearance.
///
/// Time: O(rounds · edges). It has no objective: another seed may give another partition.
#[must_use]
pub fn chinese_whispers(graph: &Graph, settings: &ChineseWhispers) -> Vec<u32> {
    let n = graph.rows();
    let mut random = SplitMix64::new(settings.seed);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut label = order.clone();
    let mut sum = vec![0.0; n];
    let mut heard = Vec::new();
    for _ in 0..settings.rounds {
        random.shuffle(&mut order);
        let mut changed = false;
        for &row in &order {
            for (other, weight) in graph.of(row as usize) {
                let said = label[other as usize];
                if sum[said as usize] == 0.0 {
                    heard.push(said);
                }
                sum[said as usize] += weight;
            }
            let mut best = (0.0, label[row as usize]);
            for said in heard.drain(..) {
                let weight = std::mem::take(&mut sum[said as usize]);
                if weight > best.0 || (weight == best.0 && said < best.1) {
                    best = (weight, said);
                }
            }
            changed |= best.1 != label[row as usize];
            label[row as usize] = best.1;
        }
        if !changed {
            break;
        }
    }
    labels::by_first_appearance(&label)
}
