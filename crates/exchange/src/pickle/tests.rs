//! Hand-made programs, every prefix, flipped bytes.

use super::*;

fn read(bytes: &[u8]) -> Result<Pickle, PickleError> {
    Pickle::read(bytes, bytes.len() as u64, &Limits::default())
}

fn refused(bytes: &[u8], words: &str) {
    let said = read(bytes).unwrap_err().to_string();
    assert!(said.contains(words), "'{words}' is not in: {said}");
}

fn sample() -> Vec<u8> {
    let mut w = Writer::new(Vec::new()).unwrap();
    let faces = [("a_face_0.png", 1_u16), ("b_face_0.png", 2)];
    w.dict(faces.into_iter(), |w, (name, i)| {
        w.text(name)?;
        w.begin_tuple()?;
        w.array(&[f32::from(i), -0.5, 1e-20])?;
        w.dict(["age"].iter(), |w, key| {
            w.shared_text(key)?;
            w.float(0.25)
        })?;
        w.scalar(0.125 * f64::from(i))?;
        w.none()?;
        w.end_tuple()
    })
    .unwrap();
    w.finish().unwrap()
}

#[test]
fn what_is_written_reads_back() {
    let pickle = read(&sample()).unwrap();
    let Node::Dict(items) = pickle.get(pickle.root()) else { panic!() };
    assert_eq!(items.len(), 2);
    assert_eq!(pickle.get(items[1].0), Node::Text("b_face_0.png"));
    let Node::Sequence(parts) = pickle.get(items[1].1) else { panic!() };
    let Node::Array(array) = pickle.get(parts[0]) else { panic!() };
    assert_eq!((array.shape, array.to_f32()), (&[3][..], vec![2.0, -0.5, 1e-20]));
    let Node::Dict(age) = pickle.get(parts[1]) else { panic!() };
    assert_eq!((pickle.get(age[0].0), pickle.get(age[0].1)), (Node::Text("age"), Node::Float(0.25)));
    assert_eq!((pickle.get(parts[2]), pickle.get(parts[3])), (Node::Float(0.25), Node::None));
}

#[test]
fn newer_protocols_and_numpys() {
    // pickle.dumps({"a": numpy.arange(3, dtype="f4"), "l": 5}, 4) of CPython 3.11 and NumPy 2.4.
    let four = b"\x80\x04\x95\xa3\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x03\x85\x94h\x05\x8c\x05dtype\x94\x93\x94\x8c\x02f4\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x89C\x0c\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x94t\x94b\x8c\x01l\x94K\x05u.";
    let pickle = read(four).unwrap();
    let Node::Dict(items) = pickle.get(pickle.root()) else { panic!() };
    let Node::Array(array) = pickle.get(items[0].1) else { panic!() };
    assert_eq!(array.to_f32(), [0.0, 1.0, 2.0]);
    // numpy._core.numeric._frombuffer, as protocol 5 has it.
    let five = b"\x80\x05\x8c\x13numpy._core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94(\x96\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02f4\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bK\x02\x85\x94\x8c\x01C\x94t\x94R\x94.";
    let pickle = read(five).unwrap();
    let Node::Array(array) = pickle.get(pickle.root()) else { panic!() };
    assert_eq!(array.to_f32(), [1.0, 2.0]);
}

#[test]
fn nothing_is_run() {
    refused(b"\x80\x03cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "os.system");
    refused(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval");
    refused(b"\x80\x03cnumpy.testing\nrun\n.", "numpy.testing.run");
    refused(b"\x80\x02(I1\n.", "opcode INT");
    refused(b"(ios\nsystem\n.", "opcode INST");
    refused(b"\x80\x02Pid\n.", "opcode PERSID");
    refused(b"\x80\x02cnumpy\nndarray\n)\x81.", "opcode NEWOBJ");
    // Even a known name makes only what it is there for.
    refused(b"\x80\x02cnumpy\nndarray\n)R.", "makes no data");
    refused(b"\x80\x02K\x01)R.", "calls what is no name");
}

#[test]
fn what_is_broken_is_named() {
    refused(b"", "cut short");
    refused(b"PK\x03\x04", "opcode PERSID");
    refused(b"\xff", "0xff is no opcode");
    refused(b"\x80\x06.", "protocol 6");
    refused(b".", "empty stack");
    refused(b"N.N", "before the end");
    refused(b"h\x07.", "as 7");
    refused(b"(Nt(u.", "no dict");
    refused(b"}(Nu.", "key without a value");
    refused(b"X\xff\xff\xff\xffa", "4294967295 bytes should follow, 1 do");
    refused(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "cut short");
    refused(b"N(0.", "empty stack");
    let mut long = b"c".to_vec();
    long.extend([b'a'; 1000]);
    refused(&long, "more than 256 bytes");
    // An array that says more than its bytes hold, also where the product wraps around.
    let array = |side: &[u8]| {
        [
            b"cnumpy.core.numeric\n_frombuffer\n(C\x04\0\0\0\0cnumpy\ndtype\nX\x02\0\0\0f4\x89\x88\x87R(",
            side,
            b"tX\x01\0\0\0CtR.",
        ]
        .concat()
    };
    assert!(read(&array(b"K\x01")).is_ok());
    refused(&array(b"K\x02"), "shape [2]");
    refused(&array(b"\x8a\x08\x01\0\0\0\0\0\0\x40"), "shape [4611686018427387905]");
    refused(&array(b"J\xff\xff\xff\xff"), "side of -1");
}

#[test]
fn memory_is_bounded() {
    // Each byte asks for a new object.
    let greedy = vec![b']'; 1 << 20];
    let limits = Limits { memory: Some(1 << 20), ..Limits::default() };
    let said = Pickle::read(&greedy[..], 1 << 20, &limits).unwrap_err();
    assert!(said.why.contains("more objects") && said.at < 1 << 15, "{said}");
    assert_eq!(Limits::default().budget(1000), (64 << 20) + 8000);
    let deep = [vec![b'('; 1 << 20], vec![b't'; 1 << 20], b".".to_vec()].concat();
    assert!(read(&deep).is_ok(), "depth costs nothing");
    // A dict within itself.
    let pickle = read(b"}q\0X\x01\0\0\0ah\0s.").unwrap();
    let Node::Dict(items) = pickle.get(pickle.root()) else { panic!() };
    assert_eq!(items[0].1, pickle.root());
    let small = Limits { length: 3, memory: None };
    assert!(Pickle::read(&b"NNN."[..], 4, &small).unwrap_err().why.contains("more than the 3"));
}

#[test]
fn every_prefix_and_every_flip() {
    let whole = sample();
    for len in 0..whole.len() {
        assert!(read(&whole[..len]).is_err(), "{len} bytes");
    }
    let mut bytes = whole.clone();
    for at in 0..whole.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let _ = read(&bytes);
            bytes[at] ^= 1 << bit;
        }
        let was = std::mem::replace(&mut bytes[at], 0xff);
        let _ = read(&bytes);
        bytes[at] = was;
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        changes in proptest::collection::vec((proptest::num::u16::ANY, proptest::num::u8::ANY), 0..12),
    ) {
        let _ = read(&noise);
        let mut bytes = sample();
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        let _ = read(&bytes);
    }
}
