//! Commands and replies of data tables, addresses, and the memory of a processor that executes whatever comes.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tagwire_enip::pccc::command::{Command, Reply, Typed, decode_ascii};
use tagwire_enip::pccc::{Address, DataTables, Dialect, FileConfig, Item};
use tagwire_model::{DataType, ValueType};

fuzz_target!(|data: (&str, Vec<u8>)| {
    let (text, bytes) = data;
    let _ = Reply::decode(&bytes);
    let _ = decode_ascii(&bytes);
    if let Ok(command) = Command::decode(&bytes) {
        if let Ok((typed, rest)) = Typed::decode(command.data) {
            let mut out = Vec::new();
            typed.encode(&mut out);
            assert_eq!(Typed::decode(&[&out, rest].concat()), Ok((typed, rest)));
        }
    }
    for dialect in [Dialect::Slc, Dialect::Plc5] {
        let files = ["N7", "F8", "T4", "B3", "ST9", "I"].map(|name| FileConfig { name: name.to_owned(), elements: 9, words: 2 });
        let mut tables = DataTables::new(dialect, &files, &[], &[]).expect("files");
        let mut out = Vec::new();
        if tables.execute(&bytes, Duration::ZERO, &mut out) {
            assert!(Reply::decode(&out).is_ok() || !Command::decode(&bytes).is_ok_and(|command| command.is_known()));
        }
        let Ok(address) = Address::parse(text, dialect) else { continue };
        for data_type in DataType::ALL {
            let Ok(item) = Item::new(&address, ValueType { data_type, dims: address.dims }, dialect) else { continue };
            if let Ok(value) = item.decode(&bytes) {
                assert_eq!(value.value_type(), Some(item.value_type));
            }
        }
    }
});
