//! Fields of structures: arbitrary bytes as a value of every type and shape; what is read is written as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_model::{DataType, Dims, ValueType};
use tagwire_ua_proto::codec::Reader;
use tagwire_ua_proto::types::{decode_field, encode_field};

fuzz_target!(|data: &[u8]| {
    let [kind, rank, body @ ..] = data else {
        return;
    };
    let data_type = DataType::ALL[usize::from(*kind) % DataType::ALL.len()];
    let dims = Dims::new(&[2, 1, 2][..usize::from(rank % 4)]).expect("small");
    let mut reader = Reader::new(body);
    let Ok(value) = decode_field(&mut reader, ValueType { data_type, dims }) else {
        return;
    };
    let mut written = Vec::new();
    encode_field(&value, &mut written);
    let again = decode_field(&mut Reader::new(&written), ValueType { data_type, dims }).expect("own bytes");
    assert!(again.same_as(&value), "{value} came back as {again}");
});
