//! Files as NumPy writes them, and broken ones.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 16).unwrap())
        .collect()
}

/// A file of a version, with a header padded as NumPy pads it.
fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let before = if version == 1 { 10 } else { 12 };
    let size = (before + header.len() + 1).next_multiple_of(64) - before;
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    bytes.extend(&(size as u32).to_le_bytes()[..before - 8]);
    bytes.extend(format!("{header:<width$}\n", width = size - 1).bytes());
    bytes.extend(data);
    bytes
}

fn header(descr: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}

fn read(bytes: &[u8]) -> Result<Embeddings, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    std::fs::write(&path, bytes).unwrap();
    read_npy(&path)
}

fn why(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error}");
    error.to_string()
}

fn f4(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn every_kind_that_numpy_writes() {
    // numpy 2.4: the numbers of np.array([[0.5, -2, 3.25], [1e-3, 65504, -0.0]]).
    let kinds = [
        (1, "<f2", "False", "003800c080421914ff7b0080"),
        (1, ">f2", "False", "3800c000428014197bff8000"),
        (1, "<f4", "False", "0000003f000000c0000050406f12833a00e07f4700000080"),
        (1, ">f4", "False", "3f000000c0000000405000003a83126f477fe00080000000"),
        (1, "<f4", "True", "0000003f6f12833a000000c000e07f470000504000000080"),
        (
            2,
            "<f8",
            "True",
            "000000000000e03ffca9f1d24d62503f00000000000000c00000000000fcef400000000000000a400000000000000080",
        ),
        (
            3,
            ">f8",
            "False",
            "3fe0000000000000c000000000000000400a0000000000003f50624dd2f1a9fc40effc00000000008000000000000000",
        ),
    ];
    for (version, descr, fortran, data) in kinds {
        let bytes = file(version, &header(descr, fortran, "(2, 3)"), &hex(data));
        let thousandth = if descr.ends_with('2') { 0.001_000_404_4 } else { 0.001 };
        let found = read(&bytes).unwrap();
        assert_eq!(found.as_slice(), [0.5, -2.0, 3.25, thousandth, 65504.0, -0.0], "{descr} {fortran}");
        assert!(found.as_slice()[5].is_sign_negative());
        assert_eq!((found.len(), found.dim()), (2, 3));
        // np.load reads the first of several arrays in a file, too.
        assert_eq!(read(&[&bytes[..], b"more"].concat()).unwrap(), found);
    }
}

#[test]
fn halves() {
    // numpy: np.array([bits], 'u2').view('f2').astype('f4')
    let known = [
        (0x0001, 5.960_464_5e-8),
        (0x03ff, 6.097_555e-5),
        (0x0400, 6.103_515_6e-5),
        (0x3c01, 1.000_976_6),
        (0xfbff, -65504.0),
        (0x8000, -0.0),
    ];
    for (bits, value) in known {
        assert_eq!(half(bits), value, "{bits:04x}");
    }
    assert!(half(0x7c00) == f32::INFINITY && half(0xfc00) == f32::NEG_INFINITY && half(0x7e00).is_nan());
}

#[test]
fn sides_of_0_and_1() {
    for fortran in ["False", "True"] {
        let none = read(&file(1, &header("<f4", fortran, "(0, 8)"), &[])).unwrap();
        assert_eq!((none.len(), none.dim()), (0, 8));
        assert_eq!(read(&file(1, &header("<f4", fortran, "(0, 0)"), &[])).unwrap().len(), 0);
        for shape in ["(1, 3)", "(3, 1)"] {
            let found = read(&file(1, &header("<f4", fortran, shape), &f4(&[1.0, 2.0, 3.0]))).unwrap();
            assert_eq!(found.as_slice(), [1.0, 2.0, 3.0]);
        }
        let empty = why(&file(1, &header("<f4", fortran, "(5, 0)"), &[]));
        assert!(empty.contains("(5, 0)"), "{empty}");
    }
}

/// More rows than a block and more columns than are turned at once; parts for several threads.
#[test]
fn large_files_in_both_orders() {
    let (rows, dim) = (5000, 37);
    let value = |row: usize, column: usize| (row * 64 + column) as f32;
    let by_row: Vec<f32> = (0..rows * dim).map(|i| value(i / dim, i % dim)).collect();
    let by_column: Vec<f32> = (0..rows * dim).map(|i| value(i % rows, i / rows)).collect();
    for (fortran, numbers) in [("False", &by_row), ("True", &by_column)] {
        let head = |descr| header(descr, fortran, "(5000, 37)");
        assert_eq!(read(&file(1, &head("<f4"), &f4(numbers))).unwrap().as_slice(), by_row);
        let wide: Vec<u8> = numbers.iter().flat_map(|&v| f64::from(v).to_be_bytes()).collect();
        assert_eq!(read(&file(1, &head(">f8"), &wide)).unwrap().as_slice(), by_row);
        // The first of two is named, wherever threads and blocks begin.
        let mut broken = numbers.clone();
        for (row, column) in [(4990, 0), (1500, 36), (1500, 20)] {
            broken[if fortran == "True" { column * rows + row } else { row * dim + column }] = f32::NAN;
        }
        let why = why(&file(1, &head("<f4"), &f4(&broken)));
        assert!(why.contains("row 1500, column 20 is NaN"), "{why}");
    }
}

#[test]
fn what_is_wrong_and_what_to_do() {
    let two = f4(&[1.0, 2.0]);
    let good = header("<f4", "False", "(2, 1)");
    let cases = [
        (b"name,label\na,1\n".to_vec(), "not an .npy file (it begins with \"name,label\\na\")"),
        (vec![], "it is empty"),
        (b"PK\x03\x04whatever".to_vec(), "np.savez"),
        (b"\x93NUMPY\x01\x00v".to_vec(), "cut short within its header"),
        (b"\x93NUMPY\x09\x00v\x00{}".to_vec(), "version 9.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "header of 4294967295 bytes"),
        (file(1, &good, &two)[..50].to_vec(), "50 bytes, of which its header alone needs 128"),
        (file(1, &good, &two[..7]), "7 of the 8 bytes"),
        (file(1, &header("<f4", "False", "(9999999999, 9999)"), &two), "8 of the 399959999960004 bytes"),
        (file(1, &header("<f4", "False", "(9999999999, 9999999999)"), &two), "larger than any file"),
        (file(1, &header("<f4", "False", "(2,)"), &two), "its shape (2,) has 1 dimension, not 2"),
        (file(1, &header("<f4", "False", "()"), &two), "its shape () has 0 dimensions"),
        (file(1, &header("<f4", "False", "(1, 2, 1)"), &two), "its shape (1, 2, 1) has 3 dimensions"),
        (file(1, &header("<i8", "False", "(2, 1)"), &two), "its numbers are '<i8', not f2, f4 or f8"),
        (file(1, &header("|O", "False", "(2, 1)"), &two), "'|O' (Python objects)"),
        (file(1, &header("<c8", "False", "(1, 1)"), &two), "'<c8'"),
        (file(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", &two), "dimension"),
        (
            file(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 1)}", &two),
            "[('a', '<f4')]",
        ),
        (file(1, "{'shape'", &two), "not a dictionary"),
        (file(1, &good, &f4(&[1.0, f32::NEG_INFINITY])), "row 1, column 0 is -inf"),
    ];
    for (bytes, expected) in cases {
        let why = why(&bytes);
        assert!(why.contains(expected), "{why}\n  should say: {expected}");
        assert!(why.contains("x.npy: ") && why.contains(';'), "{why}");
    }
    let wide = |numbers: [f64; 2]| {
        let data: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
        file(1, &header("<f8", "False", "(2, 1)"), &data)
    };
    let large = why(&wide([1.0, -1e300]));
    assert!(large.contains("row 1, column 0 is -1e300, too large for 32 bits; scale"), "{large}");
    assert!(why(&wide([f64::INFINITY, 1e300])).contains("row 0, column 0 is inf"));
    // Too small for f32 is zero, as NumPy rounds it.
    assert_eq!(read(&wide([1e-300, 3.4e38])).unwrap().as_slice(), [0.0, 3.4e38]);
    let (few, many) = (fits(10, 10, Some(400)), fits(10, 10, Some(399)));
    assert!(few.is_ok() && many.unwrap_err().contains("save fewer rows at a time"));
    assert!(fits(u64::MAX, 2, None).is_err(), "what no system grants");
    let folder = tempfile::tempdir().unwrap();
    assert!(read_npy(folder.path()).unwrap_err().to_string().contains("not a regular file"));
}

/// A file of 768 GB that takes no room on the disk.
#[test]
fn a_file_larger_than_memory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse.npy");
    for (descr, width) in [("<f4", 4), ("<f8", 8), (">f2", 2)] {
        let head = file(1, &header(descr, "False", "(1000000000, 192)"), &[]);
        std::fs::write(&path, &head).unwrap();
        let length = head.len() as u64 + 192 * 1_000_000_000 * width;
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let why = read_npy(&path).unwrap_err().to_string();
        assert!(why.contains("sparse.npy") && why.contains("715.3 GiB of memory"), "{why}");
        assert!(why.contains("save fewer rows"), "{why}");
    }
}
