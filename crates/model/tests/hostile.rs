//! Thousands of damaged files of each format: an error or a network, never a panic, and no more memory than the
//! limits allow.

#![allow(clippy::unwrap_used)]

mod common;

use common::{keras_file, keras_layers, many_operations, most_memory, onnx_file, tflite_file};
use serde_json::{Value, json};
use streamface_model::{Format, Network};

/// Address space that loading may take beyond what was taken before.
const MOST_MEMORY: usize = 1 << 30;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// Loads it, and runs it if that succeeds.
fn attempt(format: Format, files: &[&[u8]], input: &[usize]) -> bool {
    let network = match Network::load("damaged", format, files, input) {
        Ok(network) => network,
        Err(e) => {
            // Our own importers say what is wrong; from tract's for ONNX and TensorFlow Lite, panics are caught.
            let caught = e.to_string().contains("panicked");
            assert!(!caught || [Format::Onnx, Format::Tflite].contains(&format), "{format:?}: {e}");
            return false;
        }
    };
    let _ = network.run(&vec![0.5; input.iter().product()]);
    true
}

/// A few bytes changed, removed or repeated.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(out.len());
        match random.below(6) {
            0 => out[at] ^= 1 << random.below(8),
            1 => out[at] = random.one_of(&[0, 1, 0x7f, 0x80, 0xff]),
            2 => out.truncate(at.max(1)),
            3 => {
                let end = (at + 1 + random.below(16)).min(out.len());
                out.drain(at..end);
            }
            4 => {
                let end = (at + 1 + random.below(16)).min(out.len());
                let part = out[at..end].to_vec();
                out.splice(at..at, part);
            }
            _ => {
                // A length or an offset that is far too large.
                let large = random.one_of(&[u64::MAX, 1 << 31, 1 << 29, 1 << 40, 0x7fff_ffff]).to_le_bytes();
                let width = random.one_of(&[4, 8]).min(out.len() - at);
                out[at..at + width].copy_from_slice(&large[..width]);
            }
        }
        if out.is_empty() {
            break;
        }
    }
    out
}

/// The checksums of an HDF5 file's superblock and object headers as they are to be, so that damage to what they cover
/// is not refused for them.
fn with_checksums(mut file: Vec<u8>) -> Vec<u8> {
    let write = |file: &mut [u8], start: usize, end: usize| {
        if let Some((head, sum)) =
            file.get_mut(start..end + 4).and_then(|f| f.split_at_mut_checked(end - start))
        {
            sum.copy_from_slice(&hdf5_writer::jenkins_lookup3(head).to_le_bytes());
        }
    };
    write(&mut file, 0, 44);
    let headers: Vec<usize> =
        file.windows(4).enumerate().filter(|(_, w)| w == b"OHDR").map(|(at, _)| at).collect();
    for start in headers {
        let Some(&flags) = file.get(start + 5) else { continue };
        let begin =
            start + 6 + if flags & 0x20 == 0 { 0 } else { 16 } + if flags & 0x10 == 0 { 0 } else { 4 };
        let width = 1 << (flags & 3);
        let Some(length) = file.get(begin..begin + width) else { continue };
        let length = length.iter().rev().fold(0_usize, |l, &b| l << 8 | usize::from(b));
        write(&mut file, start, (begin + width).saturating_add(length).min(1 << 32));
    }
    file
}

/// One value anywhere in a JSON replaced.
fn damage_json(value: &mut Value, random: &mut Random) {
    let children: usize = match value {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    if children == 0 || random.below(12) == 0 {
        *value = random.one_of(&[
            json!(null),
            json!(true),
            json!(-1),
            json!(0),
            json!(1 << 30),
            json!(1_u64 << 62),
            json!(1e300),
            json!(""),
            json!("x"),
            json!("sum"),
            json!("-9223372036854775808"),
            json!("4294967296"),
            json!([]),
            json!({}),
            json!([[]]),
            json!("U0FNRQ=="),
            json!(["x", "x", "x", "x"]),
            json!([0, 0]),
            json!([2_000_000_000, 2_000_000_000]),
        ]);
        return;
    }
    match value {
        Value::Array(list) if random.below(10) == 0 => {
            let copy = random.one_of(list);
            list.push(copy);
        }
        Value::Array(list) => damage_json(&mut list[random.below(children)], random),
        Value::Object(map) => {
            let key = map.keys().nth(random.below(children)).unwrap().clone();
            if random.below(12) == 0 {
                map.remove(&key);
            } else {
                damage_json(&mut map[&key], random);
            }
        }
        _ => {}
    }
}

#[test]
fn damaged_files_of_every_format() {
    let before = most_memory();
    let mut random = Random(7);
    let graph = many_operations();
    let text = graph.json().to_string();
    let input = [1, 8, 8, 3];
    assert!(attempt(Format::Tfjs, &[text.as_bytes(), &graph.bytes], &input));
    let mut loaded = 0;
    for _ in 0..3000 {
        let mut json = graph.json();
        for _ in 0..=random.below(2) {
            damage_json(&mut json, &mut random);
        }
        loaded += usize::from(attempt(Format::Tfjs, &[json.to_string().as_bytes(), &graph.bytes], &input));
    }
    assert!(
        (50..2900).contains(&loaded),
        "the damage is too great or too small to test anything: {loaded} loaded"
    );
    for _ in 0..2000 {
        attempt(Format::Tfjs, &[&damage(text.as_bytes(), &mut random), &graph.bytes], &input);
    }
    for _ in 0..300 {
        attempt(Format::Tfjs, &[text.as_bytes(), &damage(&graph.bytes, &mut random)], &input);
    }

    let keras = keras_file(&keras_layers(), None);
    assert_eq!(with_checksums(keras.clone()), keras);
    assert!(attempt(Format::Keras, &[&keras], &[1, 6, 6, 2]));
    for _ in 0..3000 {
        attempt(Format::Keras, &[&with_checksums(damage(&keras, &mut random))], &[1, 6, 6, 2]);
    }
    let onnx = onnx_file(&[1, 4, 6, 6]);
    assert!(attempt(Format::Onnx, &[&onnx], &[1, 3, 8, 8]));
    for _ in 0..3000 {
        attempt(Format::Onnx, &[&damage(&onnx, &mut random)], &[1, 3, 8, 8]);
    }
    let grown = most_memory() - before;
    assert!(grown < MOST_MEMORY, "{grown} bytes more");

    let tflite = tflite_file();
    assert!(attempt(Format::Tflite, &[&tflite], &[1, 8, 8, 3]));
    for _ in 0..3000 {
        attempt(Format::Tflite, &[&damage(&tflite, &mut random)], &[1, 8, 8, 3]);
    }
    let grown = most_memory() - before;
    assert!(grown < MOST_MEMORY, "{grown} bytes more");
}

/// A weight whose header says that it has 2³¹ numbers, and so 8 GB.
#[test]
fn a_keras_file_of_some_kilobytes_does_not_make_gigabytes() {
    let file = keras_file(&keras_layers(), None);
    // The lengths of the last weight, 3 and 2, of 8 bytes each; the first one's are 3, 3, 2 and 3.
    let (three, two) = (3_u64.to_le_bytes(), 2_u64.to_le_bytes());
    let at = (8..file.len() - 16)
        .find(|&at| file[at..at + 16] == [three, two].concat()[..] && file[at - 8..at] != three);
    let at = at.unwrap();
    let mut claimed = file.clone();
    claimed[at..at + 8].copy_from_slice(&(1_u64 << 30).to_le_bytes());
    let before = most_memory();
    let said = Network::load("small", Format::Keras, &[with_checksums(claimed)], &[1, 6, 6, 2]).unwrap_err();
    assert!(said.to_string().contains("node 'dense_9' (Dense): weight 'dense_9/kernel:0'"), "{said}");
    assert!(most_memory() - before < MOST_MEMORY, "the claim was believed");
}

#[test]
fn an_onnx_file_of_a_kilobyte_does_not_make_gigabytes() {
    for shape in [&[1 << 29][..], &[1 << 40, 1 << 40], &[i64::MIN], &[-1, 1 << 31], &[1 << 14, 1 << 14]] {
        let said =
            Network::load("small", Format::Onnx, &[onnx_file(shape)], &[1, 3, 8, 8]).unwrap_err().to_string();
        assert!(said.contains("'made_zeros' (ConstantOfShape)"), "{said}");
    }
}
