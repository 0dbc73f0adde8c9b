//! A snapshot: all of an index in one file, in large blocks that are read side by side.
//!
//! After the head, the CRC-32 of each block of 4 MiB (u32 each), then the blocks: labels (u64), counts (u32), sums (f64),
//! each for all people in a row; then ids (u64), persons (u32, their place among the people) and, where they are
//! kept, vectors (f32) of all members, person after person in the order they came. The looks are made anew.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use bytemuck::Pod;
use rayon::prelude::*;

use super::wire::{HEAD, Head, Kind};
use crate::index::{Index, Members, NONE};
use crate::wide::dot;
use crate::{Error, Label};

/// Bytes of a block.
const BLOCK: usize = 4 << 20;

/// A number as it lies in a file.
trait Number: Pod + Send + Sync + Default {
    fn little(self) -> Self;
}

macro_rules! number {
    ($($type:ty: $bits:ty),*) => {$(
        impl Number for $type {
            fn little(self) -> Self {
                // On most machines nothing happens.
                bytemuck::cast(bytemuck::cast::<$type, $bits>(self).to_le())
            }
        }
    )*};
}
number!(u32: u32, u64: u64, f32: u32, f64: u64);

/// The bytes of each part, in order.
fn parts(head: &Head) -> Option<[u64; 6]> {
    let (n, m, dim) = (head.people, head.members, head.settings.dim() as u64);
    let vectors = if head.settings.keeps_vectors() { m.checked_mul(dim)?.checked_mul(4)? } else { 0 };
    let sums = n.checked_mul(dim)?.checked_mul(8)?;
    Some([n.checked_mul(8)?, n.checked_mul(4)?, sums, m.checked_mul(8)?, m.checked_mul(4)?, vectors])
}

/// Blocks that a part takes: each begins a block of its own.
fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK as u64)
}

fn length(parts: &[u64; 6]) -> Option<u64> {
    let table = parts.iter().map(|&p| blocks(p)).sum::<u64>().checked_mul(4)?;
    parts.iter().try_fold(HEAD as u64 + table, |all, &p| all.checked_add(p))
}

/// Writes a file under another name, makes it last, and renames it.
pub(super) fn write(path: &Path, index: &Index, generation: u64, changes: u64) -> Result<u64, Error> {
    let io = Error::io(path);
    let part = path.with_extension("part");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&part).map_err(&io)?;
    let written = write_to(&file, path, index, generation, changes);
    let written = written.and_then(|length| {
        file.sync_all().map_err(&io)?;
        std::fs::rename(&part, path).map_err(&io)?;
        Ok(length)
    });
    if written.is_err() {
        // It is in no one's way; what went wrong is told already.
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn write_to(file: &File, path: &Path, index: &Index, generation: u64, changes: u64) -> Result<u64, Error> {
    let (people, members) = (&index.people, &index.members);
    let mut places: Vec<u32> = (0..people.places() as u32).filter(|&p| people.is_there(p as usize)).collect();
    // The same people give the same file, whatever became of others.
    places.sort_unstable_by_key(|&p| people.labels[p as usize]);
    let mut head = Head::new(Kind::Snapshot, *index.settings(), generation, changes);
    head.next_label = index.next_label;
    head.people = places.len() as u64;
    head.members = index.len() as u64;
    let parts = parts(&head).ok_or(Error::Full)?;
    head.length = length(&parts).ok_or(Error::Full)?;
    let count = parts.iter().map(|&p| blocks(p)).sum::<u64>() as usize;
    let io = Error::io(path);
    let mut out =
        Blocks { out: BufWriter::with_capacity(1 << 20, file), table: Vec::new(), block: 0, crc: None };
    let go = |out: &mut Blocks<'_>| -> io::Result<()> {
        out.out.seek(SeekFrom::Start((HEAD + 4 * count) as u64))?;
        let at = |p: &u32| *p as usize;
        out.part(places.iter().map(|p| people.labels[at(p)]))?;
        out.part(places.iter().map(|p| people.counts[at(p)]))?;
        out.rows(places.iter().map(|p| people.sum(at(p))))?;
        out.part(places.iter().flat_map(|p| members.of(people, at(p))).map(|m| members.ids[m as usize]))?;
        let each = places.iter().enumerate();
        out.part(each.flat_map(|(n, p)| members.of(people, at(p)).map(move |_| n as u32)))?;
        if index.settings().keeps_vectors() {
            let dim = index.settings().dim();
            let all = places.iter().flat_map(|p| members.of(people, at(p)));
            out.rows(all.map(|m| members.vector(m, dim)))?;
        }
        let table: Vec<u8> = out.table.iter().flat_map(|crc| crc.to_le_bytes()).collect();
        head.table = crc32fast::hash(&table);
        out.out.seek(SeekFrom::Start(0))?;
        out.out.write_all(&head.to_bytes())?;
        out.out.write_all(&table)?;
        out.out.flush()
    };
    let mut go = go;
    go(&mut out).map_err(&io)?;
    Ok(head.length)
}

/// Writes parts, and notes the sums of their blocks.
struct Blocks<'a> {
    out: BufWriter<&'a File>,
    table: Vec<u32>,
    /// Bytes of the block so far.
    block: usize,
    crc: Option<crc32fast::Hasher>,
}

impl Blocks<'_> {
    fn part<T: Number>(&mut self, numbers: impl Iterator<Item = T>) -> io::Result<()> {
        let mut few: Vec<T> = Vec::with_capacity(4096);
        for number in numbers {
            few.push(number.little());
            if few.len() == few.capacity() {
                self.bytes(bytemuck::cast_slice(&few))?;
                few.clear();
            }
        }
        self.bytes(bytemuck::cast_slice(&few))?;
        self.end();
        Ok(())
    }

    fn rows<'r, T: Number>(&mut self, rows: impl Iterator<Item = &'r [T]>) -> io::Result<()> {
        let mut little = Vec::new();
        for row in rows {
            little.clear();
            little.extend(row.iter().map(|x| x.little()));
            self.bytes(bytemuck::cast_slice(&little))?;
        }
        self.end();
        Ok(())
    }

    fn bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.block));
            self.crc.get_or_insert_default().update(now);
            self.out.write_all(now)?;
            self.block += now.len();
            bytes = rest;
            if self.block == BLOCK {
                self.end();
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(crc) = self.crc.take() {
            self.table.push(crc.finalize());
        }
        self.block = 0;
    }
}

/// Reads a snapshot. The looks are not there yet.
///
/// # Errors
/// [`Error::Io`], [`Error::Format`], [`Error::Corrupt`].
pub(super) fn read(path: &Path) -> Result<(Head, Index), Error> {
    let io = Error::io(path);
    let head = super::log::read_head(path, Kind::Snapshot)?;
    let corrupt = |offset: u64, why: &str| Error::Corrupt {
        path: path.to_owned(),
        offset,
        why: format!("{why}; restore it from a copy"),
    };
    let file = File::open(path).map_err(&io)?;
    let there = file.metadata().map_err(&io)?.len();
    let parts = parts(&head).filter(|parts| length(parts) == Some(head.length));
    let parts = parts.ok_or_else(|| corrupt(48, "sizes that do not fit each other"))?;
    if there != head.length {
        return Err(corrupt(there.min(head.length), &format!("{there} bytes long, not {}", head.length)));
    }
    if head.people.max(head.members) >= u64::from(NONE) {
        return Err(Error::Full);
    }
    let count = parts.iter().map(|&p| blocks(p)).sum::<u64>() as usize;
    let mut table = vec![0_u8; 4 * count];
    read_at(&file, &mut table, HEAD as u64).map_err(&io)?;
    if crc32fast::hash(&table) != head.table {
        return Err(corrupt(HEAD as u64, "its table of blocks is not what was written"));
    }
    let sums: Vec<u32> = table.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let mut reader = Parts { file: &file, at: (HEAD + 4 * count) as u64, sums: &sums };
    let numbers = |bytes: u64, width: u64| (bytes / width) as usize;
    let bad = |bad: Bad| match bad {
        Bad::Io(source) => Error::Io { path: path.to_owned(), source },
        Bad::Sum(offset) => corrupt(offset, "a block is not what was written"),
    };
    let labels: Vec<Label> = reader.part(numbers(parts[0], 8)).map_err(bad)?;
    let counts: Vec<u32> = reader.part(numbers(parts[1], 4)).map_err(bad)?;
    let all_sums: Vec<f64> = reader.part(numbers(parts[2], 8)).map_err(bad)?;
    let ids: Vec<u64> = reader.part(numbers(parts[3], 8)).map_err(bad)?;
    let persons: Vec<u32> = reader.part(numbers(parts[4], 4)).map_err(bad)?;
    let vectors: Vec<f32> = reader.part(numbers(parts[5], 4)).map_err(bad)?;
    let index = assemble(&head, labels, counts, all_sums, ids, persons, vectors);
    index.map(|index| (head, index)).ok_or_else(|| corrupt(HEAD as u64, "parts that do not fit each other"))
}

fn assemble(
    head: &Head,
    labels: Vec<Label>,
    counts: Vec<u32>,
    sums: Vec<f64>,
    ids: Vec<u64>,
    persons: Vec<u32>,
    vectors: Vec<f32>,
) -> Option<Index> {
    let mut index = Index::new(head.settings);
    let (dim, n) = (head.settings.dim(), labels.len());
    index.next_label = head.next_label;
    let people = &mut index.people;
    let ascending = labels.is_sorted_by(|a, b| a < b) && labels.last().is_none_or(|&l| l < head.next_label);
    if !ascending || counts.contains(&0) {
        return None;
    }
    people.by_label = labels.iter().enumerate().map(|(place, &label)| (label, place as u32)).collect();
    people.squares = sums.par_chunks_exact(dim).map(|sum| dot(sum, sum)).collect();
    people.ends = vec![(NONE, NONE); n];
    (people.labels, people.counts, people.sums) = (labels, counts, sums);
    // Members lie person after person: a chain is a stretch of them.
    let m = ids.len() as u32;
    let mut seen = vec![0_u32; n];
    let mut members = Members { vectors, ..Members::default() };
    members.next = (0..m)
        .map(|k| if persons.get(k as usize + 1) == Some(&persons[k as usize]) { k + 1 } else { NONE })
        .collect();
    members.before = (0..m)
        .map(|k| if k > 0 && persons[k as usize - 1] == persons[k as usize] { k - 1 } else { NONE })
        .collect();
    if !persons.is_sorted() {
        return None;
    }
    for (k, &person) in persons.iter().enumerate() {
        let (first, last) = people.ends.get_mut(person as usize)?;
        if *first == NONE {
            *first = k as u32;
        }
        *last = k as u32;
        seen[person as usize] += 1;
    }
    members.by_id = ids.iter().enumerate().map(|(place, &id)| (id, place as u32)).collect();
    if seen != people.counts || members.by_id.len() != ids.len() {
        return None;
    }
    (members.ids, members.person) = (ids, persons);
    index.members = members;
    Some(index)
}

enum Bad {
    Io(io::Error),
    /// The block that begins here.
    Sum(u64),
}

struct Parts<'a> {
    file: &'a File,
    at: u64,
    sums: &'a [u32],
}

impl Parts<'_> {
    /// The next part, of `count` numbers, its blocks on all cores.
    fn part<T: Number>(&mut self, count: usize) -> Result<Vec<T>, Bad> {
        let mut numbers = vec![T::default(); count];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut numbers);
        let length = bytes.len() as u64;
        let (sums, rest) = self.sums.split_at(blocks(length) as usize);
        let (file, at) = (self.file, self.at);
        let read = |(block, (bytes, &sum)): (usize, (&mut [u8], &u32))| {
            let offset = at + (block * BLOCK) as u64;
            read_at(file, bytes, offset).map_err(Bad::Io)?;
            if crc32fast::hash(bytes) == sum { Ok(()) } else { Err(Bad::Sum(offset)) }
        };
        // The first of several errors, so that it is the same each time.
        let results: Vec<Result<(), Bad>> =
            bytes.par_chunks_mut(BLOCK).zip(sums).enumerate().map(read).collect();
        results.into_iter().collect::<Result<(), Bad>>()?;
        if cfg!(target_endian = "big") {
            numbers.par_iter_mut().for_each(|x| *x = x.little());
        }
        self.at += length;
        self.sums = rest;
        Ok(numbers)
    }
}

fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
    }
    #[cfg(windows)]
    {
        let (mut done, mut at) = (0, at);
        while done < bytes.len() {
            match std::os::windows::fs::FileExt::seek_read(file, &mut bytes[done..], at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => (done, at) = (done + read, at + read as u64),
            }
        }
        Ok(())
    }
}
