//! Ranges: arbitrary text against arrays and matrices of arbitrary shape.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tagwire_model::{ArrayData, Dims, Value};
use tagwire_ua_proto::types::{NumericRange, Variant};

fuzz_target!(|data: &[u8]| {
    let Some((&[a, b, c, rank], text)) = data.split_first_chunk() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(Some(range)) = NumericRange::parse(text) else {
        return;
    };
    let lens = [u32::from(a % 9), u32::from(b % 9), u32::from(c % 9)];
    let dims = Dims::new(&lens[..usize::from(rank % 3) + 1]).expect("at most three");
    let n_elements = dims.n_elements().expect("small");
    let numbers = Value::array(dims, ArrayData::UInt16((0..n_elements as u16).collect())).expect("fits");
    let words = (0..n_elements).map(|idx| Arc::from("wort äöü 水".repeat(idx as usize % 3))).collect();
    let words = Value::array(dims, ArrayData::String(words)).expect("fits");
    for value in [numbers, words, Value::text(text), Value::bytes(text.as_bytes()), Value::Boolean(true)] {
        let part = range.read(&value);
        let variant = range.read_variant(&Variant::from(&value));
        assert_eq!(part.as_ref().map(Variant::from).map_err(|error| *error), variant);
        let Ok(part) = part else {
            continue;
        };
        // What was read can be written back when the whole range exists, and then changes nothing.
        if let Ok(same) = range.write(&value, &part) {
            assert_eq!(same, value);
        }
    }
});
