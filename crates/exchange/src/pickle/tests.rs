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

/// pickle.dumps of CPython 3.11 and NumPy 2.4 of one face, its embedding `numpy.array([0.5, -2, 1e-3], "f2")`.
#[test]
fn old_protocols_halves_and_other_dicts() {
    let all = [
        // dict, protocol 0
        &b"(dp0\nVa_face_0.png\np1\n(cnumpy._core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nc_codecs\nencode\np5\n(Vb\np6\nVlatin1\np7\ntp8\nRp9\ntp10\nRp11\n(I1\n(I3\ntp12\ncnumpy\ndtype\np13\n(Vf2\np14\nI00\nI01\ntp15\nRp16\n(I3\nV<\np17\nNNNI-1\nI-1\nI0\ntp18\nbI00\ng5\n(V\\u00008\\u0000\xc0\x19\x14\np19\ng7\ntp20\nRp21\ntp22\nb(dp23\nVage\np24\n(dp25\nV0-2\np26\nF0.25\nss(dp27\ncnumpy._core.multiarray\nscalar\np28\n(g13\n(Vf8\np29\nI00\nI01\ntp30\nRp31\n(I3\ng17\nNNNI-1\nI-1\nI0\ntp32\nbg5\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\xc0?\np33\ng7\ntp34\nRp35\ntp36\nRp37\nNtp38\ns."[..],
        // dict, protocol 1
        &b"}q\x00X\x0c\x00\x00\x00a_face_0.pngq\x01(cnumpy._core.multiarray\n_reconstruct\nq\x02(cnumpy\nndarray\nq\x03(K\x00tq\x04c_codecs\nencode\nq\x05(X\x01\x00\x00\x00bq\x06X\x06\x00\x00\x00latin1q\x07tq\x08Rq\ttq\nRq\x0b(K\x01(K\x03tq\x0ccnumpy\ndtype\nq\r(X\x02\x00\x00\x00f2q\x0eI00\nI01\ntq\x0fRq\x10(K\x03X\x01\x00\x00\x00<q\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x12bI00\nh\x05(X\x07\x00\x00\x00\x008\x00\xc3\x80\x19\x14q\x13h\x07tq\x14Rq\x15tq\x16b}q\x17X\x03\x00\x00\x00ageq\x18}q\x19X\x03\x00\x00\x000-2q\x1aG?\xd0\x00\x00\x00\x00\x00\x00ss}q\x1bcnumpy._core.multiarray\nscalar\nq\x1c(h\r(X\x02\x00\x00\x00f8q\x1dI00\nI01\ntq\x1eRq\x1f(K\x03h\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq bh\x05(X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x80?q!h\x07tq\"Rq#tq$Rq%Ntq&s."[..],
        // dict, protocol 2
        &b"\x80\x02}q\x00X\x0c\x00\x00\x00a_face_0.pngq\x01(cnumpy._core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q\x04c_codecs\nencode\nq\x05X\x01\x00\x00\x00bq\x06X\x06\x00\x00\x00latin1q\x07\x86q\x08Rq\t\x87q\nRq\x0b(K\x01K\x03\x85q\x0ccnumpy\ndtype\nq\rX\x02\x00\x00\x00f2q\x0e\x89\x88\x87q\x0fRq\x10(K\x03X\x01\x00\x00\x00<q\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x12b\x89h\x05X\x07\x00\x00\x00\x008\x00\xc3\x80\x19\x14q\x13h\x07\x86q\x14Rq\x15tq\x16b}q\x17X\x03\x00\x00\x00ageq\x18}q\x19X\x03\x00\x00\x000-2q\x1aG?\xd0\x00\x00\x00\x00\x00\x00ss}q\x1bcnumpy._core.multiarray\nscalar\nq\x1ch\rX\x02\x00\x00\x00f8q\x1d\x89\x88\x87q\x1eRq\x1f(K\x03h\x11NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq bh\x05X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x80?q!h\x07\x86q\"Rq#\x86q$Rq%Ntq&s."[..],
        // dict, protocol 4
        &b"\x80\x04\x95\x02\x01\x00\x00\x00\x00\x00\x00}\x94\x8c\x0ca_face_0.png\x94(\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x03\x85\x94h\x05\x8c\x05dtype\x94\x93\x94\x8c\x02f2\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x89C\x06\x008\x00\xc0\x19\x14\x94t\x94b}\x94\x8c\x03age\x94}\x94\x8c\x030-2\x94G?\xd0\x00\x00\x00\x00\x00\x00ss}\x94h\x02\x8c\x06scalar\x94\x93\x94h\x0e\x8c\x02f8\x94\x89\x88\x87\x94R\x94(K\x03h\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bC\x08\x00\x00\x00\x00\x00\x00\xc0?\x94\x86\x94R\x94Nt\x94s."[..],
        // defaultdict, protocol 0
        &b"ccollections\ndefaultdict\np0\n(c__builtin__\nlist\np1\ntp2\nRp3\nVa_face_0.png\np4\n(cnumpy._core.multiarray\n_reconstruct\np5\n(cnumpy\nndarray\np6\n(I0\ntp7\nc_codecs\nencode\np8\n(Vb\np9\nVlatin1\np10\ntp11\nRp12\ntp13\nRp14\n(I1\n(I3\ntp15\ncnumpy\ndtype\np16\n(Vf2\np17\nI00\nI01\ntp18\nRp19\n(I3\nV<\np20\nNNNI-1\nI-1\nI0\ntp21\nbI00\ng8\n(V\\u00008\\u0000\xc0\x19\x14\np22\ng10\ntp23\nRp24\ntp25\nb(dp26\nVage\np27\n(dp28\nV0-2\np29\nF0.25\nss(dp30\ncnumpy._core.multiarray\nscalar\np31\n(g16\n(Vf8\np32\nI00\nI01\ntp33\nRp34\n(I3\ng20\nNNNI-1\nI-1\nI0\ntp35\nbg8\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\xc0?\np36\ng10\ntp37\nRp38\ntp39\nRp40\nNtp41\ns."[..],
        // defaultdict, protocol 1
        &b"ccollections\ndefaultdict\nq\x00(c__builtin__\nlist\nq\x01tq\x02Rq\x03X\x0c\x00\x00\x00a_face_0.pngq\x04(cnumpy._core.multiarray\n_reconstruct\nq\x05(cnumpy\nndarray\nq\x06(K\x00tq\x07c_codecs\nencode\nq\x08(X\x01\x00\x00\x00bq\tX\x06\x00\x00\x00latin1q\ntq\x0bRq\x0ctq\rRq\x0e(K\x01(K\x03tq\x0fcnumpy\ndtype\nq\x10(X\x02\x00\x00\x00f2q\x11I00\nI01\ntq\x12Rq\x13(K\x03X\x01\x00\x00\x00<q\x14NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x15bI00\nh\x08(X\x07\x00\x00\x00\x008\x00\xc3\x80\x19\x14q\x16h\ntq\x17Rq\x18tq\x19b}q\x1aX\x03\x00\x00\x00ageq\x1b}q\x1cX\x03\x00\x00\x000-2q\x1dG?\xd0\x00\x00\x00\x00\x00\x00ss}q\x1ecnumpy._core.multiarray\nscalar\nq\x1f(h\x10(X\x02\x00\x00\x00f8q I00\nI01\ntq!Rq\"(K\x03h\x14NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq#bh\x08(X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x80?q$h\ntq%Rq&tq'Rq(Ntq)s."[..],
        // defaultdict, protocol 2
        &b"\x80\x02ccollections\ndefaultdict\nq\x00c__builtin__\nlist\nq\x01\x85q\x02Rq\x03X\x0c\x00\x00\x00a_face_0.pngq\x04(cnumpy._core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85q\x07c_codecs\nencode\nq\x08X\x01\x00\x00\x00bq\tX\x06\x00\x00\x00latin1q\n\x86q\x0bRq\x0c\x87q\rRq\x0e(K\x01K\x03\x85q\x0fcnumpy\ndtype\nq\x10X\x02\x00\x00\x00f2q\x11\x89\x88\x87q\x12Rq\x13(K\x03X\x01\x00\x00\x00<q\x14NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x15b\x89h\x08X\x07\x00\x00\x00\x008\x00\xc3\x80\x19\x14q\x16h\n\x86q\x17Rq\x18tq\x19b}q\x1aX\x03\x00\x00\x00ageq\x1b}q\x1cX\x03\x00\x00\x000-2q\x1dG?\xd0\x00\x00\x00\x00\x00\x00ss}q\x1ecnumpy._core.multiarray\nscalar\nq\x1fh\x10X\x02\x00\x00\x00f8q \x89\x88\x87q!Rq\"(K\x03h\x14NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq#bh\x08X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x80?q$h\n\x86q%Rq&\x86q'Rq(Ntq)s."[..],
        // OrderedDict, protocol 0
        &b"ccollections\nOrderedDict\np0\n(tRp1\nVa_face_0.png\np2\n(cnumpy._core.multiarray\n_reconstruct\np3\n(cnumpy\nndarray\np4\n(I0\ntp5\nc_codecs\nencode\np6\n(Vb\np7\nVlatin1\np8\ntp9\nRp10\ntp11\nRp12\n(I1\n(I3\ntp13\ncnumpy\ndtype\np14\n(Vf2\np15\nI00\nI01\ntp16\nRp17\n(I3\nV<\np18\nNNNI-1\nI-1\nI0\ntp19\nbI00\ng6\n(V\\u00008\\u0000\xc0\x19\x14\np20\ng8\ntp21\nRp22\ntp23\nb(dp24\nVage\np25\n(dp26\nV0-2\np27\nF0.25\nss(dp28\ncnumpy._core.multiarray\nscalar\np29\n(g14\n(Vf8\np30\nI00\nI01\ntp31\nRp32\n(I3\ng18\nNNNI-1\nI-1\nI0\ntp33\nbg6\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\xc0?\np34\ng8\ntp35\nRp36\ntp37\nRp38\nNtp39\ns."[..],
        // OrderedDict, protocol 1
        &b"ccollections\nOrderedDict\nq\x00)Rq\x01X\x0c\x00\x00\x00a_face_0.pngq\x02(cnumpy._core.multiarray\n_reconstruct\nq\x03(cnumpy\nndarray\nq\x04(K\x00tq\x05c_codecs\nencode\nq\x06(X\x01\x00\x00\x00bq\x07X\x06\x00\x00\x00latin1q\x08tq\tRq\ntq\x0bRq\x0c(K\x01(K\x03tq\rcnumpy\ndtype\nq\x0e(X\x02\x00\x00\x00f2q\x0fI00\nI01\ntq\x10Rq\x11(K\x03X\x01\x00\x00\x00<q\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x13bI00\nh\x06(X\x07\x00\x00\x00\x008\x00\xc3\x80\x19\x14q\x14h\x08tq\x15Rq\x16tq\x17b}q\x18X\x03\x00\x00\x00ageq\x19}q\x1aX\x03\x00\x00\x000-2q\x1bG?\xd0\x00\x00\x00\x00\x00\x00ss}q\x1ccnumpy._core.multiarray\nscalar\nq\x1d(h\x0e(X\x02\x00\x00\x00f8q\x1eI00\nI01\ntq\x1fRq (K\x03h\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq!bh\x06(X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x80?q\"h\x08tq#Rq$tq%Rq&Ntq's."[..],
        // OrderedDict, protocol 2
        &b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x0c\x00\x00\x00a_face_0.pngq\x02(cnumpy._core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85q\x05c_codecs\nencode\nq\x06X\x01\x00\x00\x00bq\x07X\x06\x00\x00\x00latin1q\x08\x86q\tRq\n\x87q\x0bRq\x0c(K\x01K\x03\x85q\rcnumpy\ndtype\nq\x0eX\x02\x00\x00\x00f2q\x0f\x89\x88\x87q\x10Rq\x11(K\x03X\x01\x00\x00\x00<q\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x13b\x89h\x06X\x07\x00\x00\x00\x008\x00\xc3\x80\x19\x14q\x14h\x08\x86q\x15Rq\x16tq\x17b}q\x18X\x03\x00\x00\x00ageq\x19}q\x1aX\x03\x00\x00\x000-2q\x1bG?\xd0\x00\x00\x00\x00\x00\x00ss}q\x1ccnumpy._core.multiarray\nscalar\nq\x1dh\x0eX\x02\x00\x00\x00f8q\x1e\x89\x88\x87q\x1fRq (K\x03h\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq!bh\x06X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\x80?q\"h\x08\x86q#Rq$\x86q%Rq&Ntq's."[..],
    ];
    for bytes in all {
        let shown = bytes[..20].escape_ascii().to_string();
        let pickle = read(bytes).unwrap_or_else(|e| panic!("{shown}: {e}"));
        let Node::Dict(items) = pickle.get(pickle.root()) else { panic!("{shown}") };
        assert_eq!((items.len(), pickle.get(items[0].0)), (1, Node::Text("a_face_0.png")), "{shown}");
        let Node::Sequence(parts) = pickle.get(items[0].1) else { panic!("{shown}") };
        let Node::Array(array) = pickle.get(parts[0]) else { panic!("{shown}") };
        assert_eq!(array.to_f32(), [0.5, -2.0, 0.001_000_404_4], "{shown}");
        let Node::Dict(age) = pickle.get(parts[1]) else { panic!("{shown}") };
        let Node::Dict(of) = pickle.get(age[0].1) else { panic!("{shown}") };
        assert_eq!((pickle.get(of[0].0), pickle.get(of[0].1)), (Node::Text("0-2"), Node::Float(0.25)));
        assert_eq!((pickle.get(parts[3]), pickle.get(parts[4])), (Node::Float(0.125), Node::None), "{shown}");
        for at in 0..bytes.len() {
            assert!(read(&bytes[..at]).is_err(), "{shown}: {at} bytes");
            let mut broken = bytes.to_vec();
            broken[at] ^= 0x11;
            let _ = read(&broken);
        }
    }
}

/// Texts, truth, long integers, bytes: pickle.dumps of CPython 3.11.
#[test]
fn scalars_of_old_protocols() {
    let all = [
        &b"(dp0\nV\xe9\\u000a\\u005c\np1\n(lp2\nI01\naI00\naNaL12345678901L\naF1.5\nac__builtin__\nbytes\np3\n(tRp4\nac_codecs\nencode\np5\n(V\xff\\u000a\np6\nVlatin1\np7\ntp8\nRp9\nasVn\np10\ncnumpy._core.multiarray\n_reconstruct\np11\n(cnumpy\nndarray\np12\n(I0\ntp13\ng5\n(Vb\np14\ng7\ntp15\nRp16\ntp17\nRp18\n(I1\n(I0\ntp19\ncnumpy\ndtype\np20\n(Vf4\np21\nI00\nI01\ntp22\nRp23\n(I3\nV<\np24\nNNNI-1\nI-1\nI0\ntp25\nbI00\ng4\ntp26\nbs."[..],
        &b"}q\x00(X\x04\x00\x00\x00\xc3\xa9\n\\q\x01]q\x02(I01\nI00\nNL12345678901L\nG?\xf8\x00\x00\x00\x00\x00\x00c__builtin__\nbytes\nq\x03)Rq\x04c_codecs\nencode\nq\x05(X\x03\x00\x00\x00\xc3\xbf\nq\x06X\x06\x00\x00\x00latin1q\x07tq\x08Rq\teX\x01\x00\x00\x00nq\ncnumpy._core.multiarray\n_reconstruct\nq\x0b(cnumpy\nndarray\nq\x0c(K\x00tq\rh\x05(X\x01\x00\x00\x00bq\x0eh\x07tq\x0fRq\x10tq\x11Rq\x12(K\x01(K\x00tq\x13cnumpy\ndtype\nq\x14(X\x02\x00\x00\x00f4q\x15I00\nI01\ntq\x16Rq\x17(K\x03X\x01\x00\x00\x00<q\x18NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x19bI00\nh\x04tq\x1abu."[..],
    ];
    for bytes in all {
        let pickle = read(bytes).unwrap();
        let Node::Dict(items) = pickle.get(pickle.root()) else { panic!() };
        assert_eq!(pickle.get(items[0].0), Node::Text("\u{e9}\n\\"));
        let Node::Sequence(list) = pickle.get(items[0].1) else { panic!() };
        let found: Vec<_> = list.iter().map(|&o| pickle.get(o)).collect();
        let expected = [
            Node::Bool(true),
            Node::Bool(false),
            Node::None,
            Node::Int(12_345_678_901),
            Node::Float(1.5),
            Node::Bytes(b""),
            Node::Bytes(b"\xff\n"),
        ];
        assert_eq!(found, expected);
        let Node::Array(empty) = pickle.get(items[1].1) else { panic!() };
        assert!(empty.is_empty());
    }
}

/// Python 2 wrote texts and bytes alike.
#[test]
fn python_2() {
    let zero = b"(dp0\nS'a_face_0.png'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n(I1\n(L2L\ntp8\ncnumpy\ndtype\np9\n(S'f4'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00@'\np15\ntp16\nbs.";
    let two = b"\x80\x02}q\x00U\x0ca_face_0.pngq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x08\x00\x00\x00\x00\x00\x80?\x00\x00\x00@tbs.";
    for bytes in [&zero[..], &two[..]] {
        let pickle = read(bytes).unwrap();
        let Node::Dict(items) = pickle.get(pickle.root()) else { panic!() };
        assert_eq!(pickle.get(items[0].0), Node::Text("a_face_0.png"));
        let Node::Array(array) = pickle.get(items[0].1) else { panic!() };
        assert_eq!(array.to_f32(), [1.0, 2.0]);
    }
    let ordered = b"ccollections\nOrderedDict\n((l(lS'a'\naI1\naatR.";
    let pickle = read(ordered).unwrap();
    let Node::Dict(items) = pickle.get(pickle.root()) else { panic!() };
    assert_eq!((pickle.get(items[0].0), pickle.get(items[0].1)), (Node::Text("a"), Node::Int(1)));
}

#[test]
fn names_of_old_protocols_run_nothing_either() {
    refused(b"cposix\nsystem\n(S'true'\ntR.", "posix.system");
    refused(b"c__builtin__\neval\n(V1\ntR.", "__builtin__.eval");
    refused(b"c__builtin__\nlist\n(I1\ntR.", "makes no data");
    refused(b"ccollections\ndefaultdict\n(I1\ntR.", "makes no data");
    refused(b"ccollections\nOrderedDict\n(I1\ntR.", "no pairs");
    refused(b"I1x\n.", "no integer");
    refused(b"F1,5\n.", "no float");
    refused(b"S'a\n.", "not in quotes");
    refused(b"V\\u12\n.", "broken escape");
    refused(b"Np-1\n.", "no place");
    refused(b"T\xff\xff\xff\xff.", "text of -1 bytes");
    let long = [&b"I"[..], &[b'1'; 100], b"\n."].concat();
    refused(&long, "more than 64 bytes");
}

#[test]
fn nothing_is_run() {
    refused(b"\x80\x03cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "os.system");
    refused(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval");
    refused(b"\x80\x03cnumpy.testing\nrun\n.", "numpy.testing.run");
    refused(b"(ios\nsystem\n.", "INST: an opcode");
    refused(b"\x80\x02Pid\n.", "PERSID: an opcode");
    refused(b"\x80\x02cnumpy\nndarray\n)\x81.", "NEWOBJ: an opcode");
    // Even a known name makes only what it is there for.
    refused(b"\x80\x02cnumpy\nndarray\n)R.", "makes no data");
    refused(b"\x80\x02K\x01)R.", "calls what is no name");
}

#[test]
fn what_is_broken_is_named() {
    refused(b"", "cut short");
    refused(b"PK\x03\x04", "PERSID: an opcode");
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
