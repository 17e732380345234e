//! The grammar of addresses, and values of every type at whatever address it accepts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_model::{DataType, ValueType};
use tagwire_s7::address::Address;
use tagwire_s7::codec::Area;
use tagwire_s7::{Explanation, Item, decodings};

fuzz_target!(|data: (&str, Vec<u8>)| {
    let (text, bytes) = data;
    if let Ok(address) = Address::parse(text) {
        for data_type in DataType::ALL {
            let Ok(item) = Item::new(&address, ValueType { data_type, dims: address.dims }) else { continue };
            assert!(item.end() <= Address::N_BYTES);
            let _ = Explanation::new(&item);
            let Ok(value) = item.decode(&bytes) else { continue };
            assert_eq!(value.value_type(), Some(item.value_type));
            let mut again = vec![0; item.n_bytes()];
            if item.encode(&value, &mut again).is_ok() {
                let second = item.decode(&again).expect("just encoded");
                let mut third = vec![0; item.n_bytes()];
                assert!(item.encode(&second, &mut third).is_ok());
                assert_eq!(again, third, "{text}: {value}");
            }
        }
    }
    let _ = (decodings(Area::DataBlock, &bytes), decodings(Area::Timers, &bytes), decodings(Area::Counters, &bytes));
});
