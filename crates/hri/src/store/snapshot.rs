//! A snapshot: a whole index in one file, in large blocks that are read in parallel.
//!
//! After the header comes the CRC-32 of each block of 4 MiB (u32 each), then seven sections. The first three are the labels
//! (u64), counts (u32) and sums (f64) of all people. The next three are the ids (u64), the persons (u32, an index into the
//! people) and, if they are kept, the vectors (f32) of all members, person by person in the order of insertion. The last has
//! what callers say of people and vectors (see `texts`). Filters are not stored; they are rebuilt on opening.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use bytemuck::Pod;
use rayon::prelude::*;
use streamface_kernels::dot_f64;

use super::header::{FileKind, HEADER_BYTES, Header};
use super::texts;
use crate::index::{Index, Members, NONE};
use crate::{Error, Label, Result};

/// Bytes of one block.
const BLOCK_BYTES: usize = 4 << 20;

/// A number that can be stored in a file.
trait Number: Pod + Send + Sync + Default {
    /// Converts from or to little-endian.
    fn little_endian(self) -> Self;
}

macro_rules! number {
    ($($type:ty: $bits:ty),*) => {$(
        impl Number for $type {
            fn little_endian(self) -> Self {
                // Does nothing on little-endian machines.
                bytemuck::cast(bytemuck::cast::<$type, $bits>(self).to_le())
            }
        }
    )*};
}
number!(u8: u8, u32: u32, u64: u64, f32: u32, f64: u64);

/// The number of bytes of each section, in order.
fn section_bytes(header: &Header) -> Option<[u64; 7]> {
    let (n, m, dim) = (header.people, header.members, header.settings.dim() as u64);
    let vectors = if header.settings.keeps_vectors() { m.checked_mul(dim)?.checked_mul(4)? } else { 0 };
    let sums = n.checked_mul(dim)?.checked_mul(8)?;
    Some([
        n.checked_mul(8)?,
        n.checked_mul(4)?,
        sums,
        m.checked_mul(8)?,
        m.checked_mul(4)?,
        vectors,
        header.texts,
    ])
}

/// The number of blocks of a section. Each section starts a new block.
fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES as u64)
}

fn file_bytes(sections: &[u64; 7]) -> Option<u64> {
    let table = sections.iter().map(|&p| blocks(p)).sum::<u64>().checked_mul(4)?;
    sections.iter().try_fold(HEADER_BYTES as u64 + table, |all, &p| all.checked_add(p))
}

/// Writes a snapshot to a temporary file, syncs it, and renames it. Returns its length in bytes.
pub(super) fn write(path: &Path, index: &Index, generation: u64, changes: u64) -> Result<u64> {
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
        // A leftover file does no harm, and the first error matters more.
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn write_to(file: &File, path: &Path, index: &Index, generation: u64, changes: u64) -> Result<u64> {
    let (people, members) = (&index.people, &index.members);
    let mut slots: Vec<u32> =
        (0..people.slots() as u32).filter(|&p| people.is_occupied(p as usize)).collect();
    // In the order of labels, so that the file does not depend on people who were removed.
    slots.sort_unstable_by_key(|&p| people.labels[p as usize]);
    let mut header = Header::new(FileKind::Snapshot, *index.settings(), generation, changes);
    header.next_label = index.next_label;
    header.people = slots.len() as u64;
    header.members = index.len() as u64;
    let texts = texts::write(index);
    header.texts = texts.len() as u64;
    let sections = section_bytes(&header).ok_or(Error::Full)?;
    header.length = file_bytes(&sections).ok_or(Error::Full)?;
    let count = sections.iter().map(|&p| blocks(p)).sum::<u64>() as usize;
    let io = Error::io(path);
    let mut out =
        BlockWriter { out: BufWriter::with_capacity(1 << 20, file), table: Vec::new(), block: 0, crc: None };
    let mut write_sections = |out: &mut BlockWriter<'_>| -> io::Result<()> {
        out.out.seek(SeekFrom::Start((HEADER_BYTES + 4 * count) as u64))?;
        let at = |p: &u32| *p as usize;
        out.column(slots.iter().map(|p| people.labels[at(p)]))?;
        out.column(slots.iter().map(|p| people.counts[at(p)]))?;
        out.rows(slots.iter().map(|p| people.sum(at(p))))?;
        out.column(
            slots.iter().flat_map(|p| members.of_person(people, at(p))).map(|m| members.ids[m as usize]),
        )?;
        let each = slots.iter().enumerate();
        out.column(each.flat_map(|(n, p)| members.of_person(people, at(p)).map(move |_| n as u32)))?;
        if index.settings().keeps_vectors() {
            let dim = index.settings().dim();
            let all = slots.iter().flat_map(|p| members.of_person(people, at(p)));
            out.rows(all.map(|m| members.vector(m, dim)))?;
        }
        out.rows(std::iter::once(&texts[..]))?;
        let table: Vec<u8> = out.table.iter().flat_map(|crc| crc.to_le_bytes()).collect();
        header.table = crc32fast::hash(&table);
        out.out.seek(SeekFrom::Start(0))?;
        out.out.write_all(&header.to_bytes())?;
        out.out.write_all(&table)?;
        out.out.flush()
    };
    write_sections(&mut out).map_err(&io)?;
    Ok(header.length)
}

/// Writes sections, and collects the checksums of their blocks.
struct BlockWriter<'a> {
    out: BufWriter<&'a File>,
    table: Vec<u32>,
    /// Number of bytes in the current block.
    block: usize,
    crc: Option<crc32fast::Hasher>,
}

impl BlockWriter<'_> {
    fn column<T: Number>(&mut self, numbers: impl Iterator<Item = T>) -> io::Result<()> {
        let mut buffer: Vec<T> = Vec::with_capacity(4096);
        for number in numbers {
            buffer.push(number.little_endian());
            if buffer.len() == buffer.capacity() {
                self.bytes(bytemuck::cast_slice(&buffer))?;
                buffer.clear();
            }
        }
        self.bytes(bytemuck::cast_slice(&buffer))?;
        self.end_block();
        Ok(())
    }

    fn rows<'r, T: Number>(&mut self, rows: impl Iterator<Item = &'r [T]>) -> io::Result<()> {
        let mut converted = Vec::new();
        for row in rows {
            converted.clear();
            converted.extend(row.iter().map(|x| x.little_endian()));
            self.bytes(bytemuck::cast_slice(&converted))?;
        }
        self.end_block();
        Ok(())
    }

    fn bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block));
            self.crc.get_or_insert_default().update(now);
            self.out.write_all(now)?;
            self.block += now.len();
            bytes = rest;
            if self.block == BLOCK_BYTES {
                self.end_block();
            }
        }
        Ok(())
    }

    fn end_block(&mut self) {
        if let Some(crc) = self.crc.take() {
            self.table.push(crc.finalize());
        }
        self.block = 0;
    }
}

/// Reads a snapshot. The filters are not built yet.
///
/// # Errors
/// [`Error::Io`], [`Error::Format`], [`Error::Corrupt`].
pub(super) fn read(path: &Path) -> Result<(Header, Index)> {
    let io = Error::io(path);
    let header = super::log::read_header(path, FileKind::Snapshot)?;
    let corrupt = |offset: u64, why: &str| Error::Corrupt {
        path: path.to_owned(),
        offset,
        why: format!("{why}; restore it from a backup"),
    };
    let file = File::open(path).map_err(&io)?;
    let actual = file.metadata().map_err(&io)?.len();
    let sections = section_bytes(&header).filter(|sections| file_bytes(sections) == Some(header.length));
    let sections = sections.ok_or_else(|| corrupt(48, "the sizes in the header contradict each other"))?;
    if actual != header.length {
        return Err(corrupt(
            actual.min(header.length),
            &format!("the file has {actual} bytes, not {}", header.length),
        ));
    }
    if header.people.max(header.members) >= u64::from(NONE) {
        return Err(Error::Full);
    }
    let count = sections.iter().map(|&s| blocks(s)).sum::<u64>() as usize;
    let mut table = vec![0_u8; 4 * count];
    read_at(&file, &mut table, HEADER_BYTES as u64).map_err(&io)?;
    if crc32fast::hash(&table) != header.table {
        return Err(corrupt(HEADER_BYTES as u64, "the checksum of the block table is wrong"));
    }
    let checksums: Vec<u32> = table.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let mut reader =
        SectionReader { file: &file, at: (HEADER_BYTES + 4 * count) as u64, checksums: &checksums };
    let numbers = |bytes: u64, width: u64| (bytes / width) as usize;
    let bad = |error: BlockError| match error {
        BlockError::Io(source) => Error::Io { path: path.to_owned(), source },
        BlockError::Checksum(offset) => corrupt(offset, "the checksum of a block is wrong"),
    };
    let labels: Vec<Label> = reader.section(numbers(sections[0], 8)).map_err(bad)?;
    let counts: Vec<u32> = reader.section(numbers(sections[1], 4)).map_err(bad)?;
    let all_sums: Vec<f64> = reader.section(numbers(sections[2], 8)).map_err(bad)?;
    let ids: Vec<u64> = reader.section(numbers(sections[3], 8)).map_err(bad)?;
    let persons: Vec<u32> = reader.section(numbers(sections[4], 4)).map_err(bad)?;
    let vectors: Vec<f32> = reader.section(numbers(sections[5], 4)).map_err(bad)?;
    let texts: Vec<u8> = reader.section(numbers(sections[6], 1)).map_err(bad)?;
    let index = assemble(&header, labels, counts, all_sums, ids, persons, vectors);
    index
        .and_then(|mut index| texts::read(&texts, &mut index).map(|()| (header, index)))
        .ok_or_else(|| corrupt(HEADER_BYTES as u64, "the sections contradict each other"))
}

fn assemble(
    header: &Header,
    labels: Vec<Label>,
    counts: Vec<u32>,
    sums: Vec<f64>,
    ids: Vec<u64>,
    persons: Vec<u32>,
    vectors: Vec<f32>,
) -> Option<Index> {
    let mut index = Index::new(header.settings);
    let (dim, n) = (header.settings.dim(), labels.len());
    index.next_label = header.next_label;
    let people = &mut index.people;
    let ascending = labels.is_sorted_by(|a, b| a < b) && labels.last().is_none_or(|&l| l < header.next_label);
    if !ascending || counts.contains(&0) {
        return None;
    }
    people.by_label = labels.iter().enumerate().map(|(slot, &label)| (label, slot as u32)).collect();
    people.squares = sums.par_chunks_exact(dim).map(|sum| dot_f64(sum, sum)).collect();
    people.chains = vec![(NONE, NONE); n];
    (people.labels, people.counts, people.sums) = (labels, counts, sums);
    // Members are stored person by person, so the list of a person is a range.
    let m = ids.len() as u32;
    let mut member_counts = vec![0_u32; n];
    let mut members = Members { vectors, ..Members::default() };
    members.next = (0..m)
        .map(|k| if persons.get(k as usize + 1) == Some(&persons[k as usize]) { k + 1 } else { NONE })
        .collect();
    members.previous = (0..m)
        .map(|k| if k > 0 && persons[k as usize - 1] == persons[k as usize] { k - 1 } else { NONE })
        .collect();
    if !persons.is_sorted() {
        return None;
    }
    for (k, &person) in persons.iter().enumerate() {
        let (first, last) = people.chains.get_mut(person as usize)?;
        if *first == NONE {
            *first = k as u32;
        }
        *last = k as u32;
        member_counts[person as usize] += 1;
    }
    members.by_id = ids.iter().enumerate().map(|(slot, &id)| (id, slot as u32)).collect();
    if member_counts != people.counts || members.by_id.len() != ids.len() {
        return None;
    }
    (members.ids, members.person) = (ids, persons);
    index.members = members;
    Some(index)
}

enum BlockError {
    Io(io::Error),
    /// Offset of the block.
    Checksum(u64),
}

/// Reads the sections in order.
struct SectionReader<'a> {
    file: &'a File,
    at: u64,
    /// Of the blocks that are not read yet.
    checksums: &'a [u32],
}

impl SectionReader<'_> {
    /// Reads the next section, of `count` numbers, on all cores.
    fn section<T: Number>(&mut self, count: usize) -> Result<Vec<T>, BlockError> {
        let mut numbers = vec![T::default(); count];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut numbers);
        let length = bytes.len() as u64;
        let (checksums, rest) = self.checksums.split_at(blocks(length) as usize);
        let (file, at) = (self.file, self.at);
        let read = |(block, (bytes, &checksum)): (usize, (&mut [u8], &u32))| {
            let offset = at + (block * BLOCK_BYTES) as u64;
            read_at(file, bytes, offset).map_err(BlockError::Io)?;
            if crc32fast::hash(bytes) == checksum { Ok(()) } else { Err(BlockError::Checksum(offset)) }
        };
        // Collected first, so that the first of several errors is returned each time.
        let results: Vec<Result<(), BlockError>> =
            bytes.par_chunks_mut(BLOCK_BYTES).zip(checksums).enumerate().map(read).collect();
        results.into_iter().collect::<Result<(), BlockError>>()?;
        if cfg!(target_endian = "big") {
            numbers.par_iter_mut().for_each(|x| *x = x.little_endian());
        }
        self.at += length;
        self.checksums = rest;
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
