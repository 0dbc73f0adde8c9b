//! The stack machine, without the power to call anything.

mod lines;
mod make;

use std::collections::HashMap;
use std::io::Read;

use super::numpy::Dtype;
use super::object::{Global, Object, Pickle, Stored, StoredArray};
use super::op;

/// What a pickle may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest file, bytes. Default 8 GiB: some 1.7 million faces of 1024 numbers.
    pub length: u64,
    /// Memory for all objects, bytes. `None`, the default: 64 MiB, and 8 bytes for each of the file's.
    pub memory: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { length: 8 << 30, memory: None }
    }
}

impl Limits {
    /// The most memory that a file of `length` bytes may take.
    pub(crate) fn budget(&self, length: u64) -> u64 {
        self.memory.unwrap_or_else(|| length.saturating_mul(8).saturating_add(64 << 20))
    }
}

/// Why a pickle was not read.
#[derive(Debug, thiserror::Error)]
#[error("byte {at}: {why}")]
pub struct PickleError {
    /// Where the opcode begins, from 0.
    pub at: u64,
    /// What is wrong, after the name of the opcode; an unknown global is named.
    pub why: String,
}

/// What an object costs beside what it holds.
const OBJECT: u64 = std::mem::size_of::<Stored>() as u64;

impl Pickle {
    /// Reads a pickle of `length` bytes.
    ///
    /// # Errors
    /// [`PickleError`]: cut short, an opcode or name that is none of a features file's, more than the limits.
    pub fn read(input: impl Read, length: u64, limits: &Limits) -> Result<Self, PickleError> {
        if length > limits.length {
            let why = format!("{length} bytes are more than the {} that are read", limits.length);
            return Err(PickleError { at: 0, why });
        }
        let mut machine = Machine {
            input,
            at: 0,
            code: None,
            left: length,
            objects: vec![
                Stored::None,
                Stored::Bool(true),
                Stored::Bool(false),
                Stored::Tuple(Box::default()),
            ],
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            budget: limits.budget(length),
        };
        loop {
            let at = machine.at;
            match machine.step() {
                Ok(None) => {}
                Ok(Some(root)) => {
                    return Ok(Self { objects: machine.objects, root, budget: limits.budget(length) });
                }
                Err(why) => {
                    let named = machine.code.and_then(op::name);
                    return Err(PickleError {
                        at,
                        why: named.map_or(why.clone(), |name| format!("{name}: {why}")),
                    });
                }
            }
        }
    }
}

const NONE: Object = Object(0);
const TRUE: Object = Object(1);
const FALSE: Object = Object(2);
const EMPTY: Object = Object(3);

struct Machine<R> {
    input: R,
    at: u64,
    /// The opcode that is carried out; none at the end of the file.
    code: Option<u8>,
    left: u64,
    objects: Vec<Stored>,
    stack: Vec<Object>,
    marks: Vec<usize>,
    memo: HashMap<u32, Object>,
    budget: u64,
}

type Step<T> = Result<T, String>;

impl<R: Read> Machine<R> {
    fn take<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Step<()> {
        let n = bytes.len() as u64;
        if n > self.left {
            return Err(format!("cut short: {n} bytes should follow, {} do", self.left));
        }
        self.input.read_exact(bytes).map_err(|e| format!("cannot be read on: {e}"))?;
        self.at += n;
        self.left -= n;
        Ok(())
    }

    fn bytes(&mut self, len: u64) -> Step<Box<[u8]>> {
        if len > self.left {
            return Err(format!("cut short: {len} bytes should follow, {} do", self.left));
        }
        self.charge(len)?;
        // At most what is left of a file that is there.
        let mut bytes = vec![0; usize::try_from(len).map_err(|e| e.to_string())?];
        self.fill(&mut bytes)?;
        Ok(bytes.into())
    }

    fn text(&mut self, len: u64) -> Step<Object> {
        let text =
            String::from_utf8(self.bytes(len)?.into()).map_err(|_| "text that is not UTF-8".to_owned())?;
        self.push(Stored::Text(text.into()))
    }

    fn line(&mut self) -> Step<String> {
        let mut line = Vec::new();
        loop {
            match self.take::<1>()? {
                [b'\n'] => break,
                // No name that is known is half as long.
                _ if line.len() == 256 => return Err("a name of more than 256 bytes".into()),
                [byte] => line.push(byte),
            }
        }
        String::from_utf8(line).map_err(|_| "a name that is not UTF-8".into())
    }

    fn charge(&mut self, bytes: u64) -> Step<()> {
        let left = self.budget.checked_sub(bytes);
        self.budget = left.ok_or("makes more objects than a file of this length should")?;
        Ok(())
    }

    fn push(&mut self, object: Stored) -> Step<Object> {
        self.charge(OBJECT)?;
        let number =
            u32::try_from(self.objects.len()).map_err(|_| "more than 4 billion objects".to_owned())?;
        self.objects.push(object);
        self.push_known(Object(number))
    }

    fn push_known(&mut self, object: Object) -> Step<Object> {
        self.charge(4)?;
        self.stack.push(object);
        Ok(object)
    }

    fn pop(&mut self) -> Step<Object> {
        // What lies below a mark is not to be had by one object alone.
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = if self.stack.len() > floor { self.stack.pop() } else { None };
        top.ok_or_else(|| "takes from an empty stack".into())
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Object>> {
        let mark = self.marks.pop().ok_or("no MARK before it")?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&self) -> Step<Object> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack.get(floor..).and_then(<[_]>::last).copied().ok_or_else(|| "the stack is empty".into())
    }

    fn at(&mut self, object: Object) -> &mut Stored {
        &mut self.objects[object.0 as usize]
    }

    fn put(&mut self, key: u32) -> Step<()> {
        let top = self.top()?;
        self.charge(16)?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Step<()> {
        let object = self.memo.get(&key).copied().ok_or_else(|| format!("nothing was put away as {key}"))?;
        self.push_known(object).map(drop)
    }

    fn tuple(&mut self, items: Vec<Object>) -> Step<()> {
        if items.is_empty() {
            return self.push_known(EMPTY).map(drop);
        }
        self.charge(4 * items.len() as u64)?;
        self.push(Stored::Tuple(items.into())).map(drop)
    }

    fn tuple_of(&mut self, n: usize) -> Step<()> {
        let mut items: Vec<Object> = (0..n).map(|_| self.pop()).collect::<Step<_>>()?;
        items.reverse();
        self.tuple(items)
    }

    fn integer(&mut self, len: u64) -> Step<()> {
        if len > 8 {
            return Err(format!("an integer of {len} bytes"));
        }
        let bytes = self.bytes(len)?;
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut all = [if negative { 0xff } else { 0 }; 8];
        all[..bytes.len()].copy_from_slice(&bytes);
        self.push(Stored::Int(i64::from_le_bytes(all))).map(drop)
    }

    fn global(&mut self, module: &str, name: &str) -> Step<()> {
        let global = Global::find(module, name).ok_or_else(|| {
            format!("names {module}.{name}, which is no part of a features file; nothing was run")
        })?;
        self.push(Stored::Global(global)).map(drop)
    }

    fn append(&mut self, items: &[Object]) -> Step<()> {
        self.charge(4 * items.len() as u64)?;
        let top = self.top()?;
        let Stored::List(list) = self.at(top) else { return Err("appends to what is no list".into()) };
        list.extend_from_slice(items);
        Ok(())
    }

    fn set_items(&mut self, items: &[Object]) -> Step<()> {
        self.charge(4 * items.len() as u64)?;
        let (pairs, odd) = items.as_chunks::<2>();
        if !odd.is_empty() {
            return Err("a key without a value".into());
        }
        let top = self.top()?;
        let Stored::Dict(dict) = self.at(top) else { return Err("sets items of what is no dict".into()) };
        dict.extend(pairs.iter().map(|&[k, v]| (k, v)));
        Ok(())
    }

    fn step(&mut self) -> Step<Option<Object>> {
        self.code = None;
        let [code] = self.take()?;
        self.code = Some(code);
        match code {
            op::PROTO => {
                let [version] = self.take()?;
                if version > 5 {
                    return Err(format!("protocol {version}; 0 to 5 are read"));
                }
            }
            op::FRAME => drop(self.take::<8>()?),
            op::STOP => {
                let root = self.pop()?;
                return if self.left == 0 {
                    Ok(Some(root))
                } else {
                    Err("STOP before the end of the file".into())
                };
            }
            op::MARK => {
                self.charge(8)?;
                self.marks.push(self.stack.len());
            }
            op::POP => drop(self.pop()?),
            op::POP_MARK => drop(self.pop_to_mark()?),
            op::DUP => drop(self.top().and_then(|top| self.push_known(top))?),
            op::NONE => drop(self.push_known(NONE)?),
            op::NEWTRUE => drop(self.push_known(TRUE)?),
            op::NEWFALSE => drop(self.push_known(FALSE)?),
            op::EMPTY_TUPLE => drop(self.push_known(EMPTY)?),
            op::BININT => {
                let v = i32::from_le_bytes(self.take()?);
                self.push(Stored::Int(v.into()))?;
            }
            op::BININT1 => {
                let [v] = self.take()?;
                self.push(Stored::Int(v.into()))?;
            }
            op::BININT2 => {
                let v = u16::from_le_bytes(self.take()?);
                self.push(Stored::Int(v.into()))?;
            }
            op::LONG1 => {
                let [len] = self.take()?;
                self.integer(len.into())?;
            }
            op::LONG4 => {
                let len = u32::from_le_bytes(self.take()?);
                self.integer(len.into())?;
            }
            op::BINFLOAT => {
                let v = f64::from_be_bytes(self.take()?);
                self.push(Stored::Float(v))?;
            }
            op::BINUNICODE => {
                let len = u32::from_le_bytes(self.take()?);
                self.text(len.into())?;
            }
            op::SHORT_BINUNICODE => {
                let [len] = self.take()?;
                self.text(len.into())?;
            }
            op::BINUNICODE8 => {
                let len = u64::from_le_bytes(self.take()?);
                self.text(len)?;
            }
            op::SHORT_BINBYTES => {
                let [len] = self.take()?;
                self.push_bytes(len.into())?;
            }
            op::BINBYTES => {
                let len = u32::from_le_bytes(self.take()?);
                self.push_bytes(len.into())?;
            }
            op::BINBYTES8 | op::BYTEARRAY8 => {
                let len = u64::from_le_bytes(self.take()?);
                self.push_bytes(len)?;
            }
            op::TUPLE1 => self.tuple_of(1)?,
            op::TUPLE2 => self.tuple_of(2)?,
            op::TUPLE3 => self.tuple_of(3)?,
            op::TUPLE => {
                let items = self.pop_to_mark()?;
                self.tuple(items)?;
            }
            op::SHORT_BINSTRING => {
                let [len] = self.take()?;
                self.push_string(len.into())?;
            }
            op::BINSTRING => {
                let len = i32::from_le_bytes(self.take()?);
                self.push_string(u64::try_from(len).map_err(|_| format!("a text of {len} bytes"))?)?;
            }
            op::INT | op::LONG | op::FLOAT | op::STRING | op::UNICODE | op::PUT | op::GET => {
                self.of_line(code)?;
            }
            op::LIST => {
                let items = self.pop_to_mark()?;
                self.charge(4 * items.len() as u64)?;
                self.push(Stored::List(items))?;
            }
            op::DICT => {
                let items = self.pop_to_mark()?;
                self.push(Stored::Dict(Vec::new()))?;
                self.set_items(&items)?;
            }
            op::EMPTY_LIST => drop(self.push(Stored::List(Vec::new()))?),
            op::APPEND => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            op::APPENDS => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            op::EMPTY_DICT => drop(self.push(Stored::Dict(Vec::new()))?),
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?;
            }
            op::SETITEMS => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            op::BINPUT => {
                let [key] = self.take()?;
                self.put(key.into())?;
            }
            op::LONG_BINPUT => {
                let key = u32::from_le_bytes(self.take()?);
                self.put(key)?;
            }
            op::MEMOIZE => {
                let key = u32::try_from(self.memo.len()).map_err(|e| e.to_string())?;
                self.put(key)?;
            }
            op::BINGET => {
                let [key] = self.take()?;
                self.recall(key.into())?;
            }
            op::LONG_BINGET => {
                let key = u32::from_le_bytes(self.take()?);
                self.recall(key)?;
            }
            op::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(&module, &name)?;
            }
            op::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |object: Object| {
                    let text = self.text_of(object).ok_or("a name that is no text")?;
                    Ok::<_, String>(text.chars().take(256).collect::<String>())
                };
                let (module, name) = (text(module)?, text(name)?);
                self.global(&module, &name)?;
            }
            op::REDUCE => {
                let (arguments, called) = (self.pop()?, self.pop()?);
                self.reduce(called, arguments)?;
            }
            op::BUILD => {
                let (state, object) = (self.pop()?, self.top()?);
                self.build(object, state)?;
            }
            _ => {
                return Err(match op::name(code) {
                    Some(_) => "an opcode that a features file has no use for".to_owned(),
                    None => format!("0x{code:02x} is no opcode: not a pickle, or broken"),
                });
            }
        }
        Ok(None)
    }

    fn push_string(&mut self, len: u64) -> Step<()> {
        let bytes = self.bytes(len)?;
        self.push(Stored::String(bytes)).map(drop)
    }

    fn push_bytes(&mut self, len: u64) -> Step<()> {
        let bytes = self.bytes(len)?;
        self.push(Stored::Bytes(bytes)).map(drop)
    }
}
