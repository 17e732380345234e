//! The grammar of addresses, and values of every type at whatever address it accepts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_modbus::address::{Address, Numbering};
use tagwire_modbus::{Encoding, Explanation, Item, decodings};
use tagwire_model::{DataType, ValueType};

fuzz_target!(|data: (&str, Vec<u8>)| {
    let (text, units) = data;
    for first_address in [0, 1] {
        let numbering = Numbering { first_address, first_bit: first_address };
        let Ok(address) = Address::parse(text, numbering) else { continue };
        let encoding = Encoding { first_bit: first_address, ..Encoding::default() };
        let types = DataType::ALL.map(|data_type| ValueType { data_type, dims: address.dims });
        for value_type in types {
            let Ok(item) = Item::new(&address, value_type, &encoding) else { continue };
            assert!(item.end() <= 0x1_0000);
            let _ = Explanation::new(&item).to_string();
            if let Ok(value) = item.decode(&units, 0) {
                assert_eq!(value.value_type(), Some(value_type));
                if item.masks(&value).is_ok_and(|masks| masks.is_empty()) {
                    let again = item.encode(&value).ok().and_then(|units| item.decode(&units, 0).ok());
                    assert!(again.is_none_or(|again| again.same_as(&value)), "{text}: {value}");
                }
            }
        }
        let _ = decodings(address.table, &units);
    }
});
