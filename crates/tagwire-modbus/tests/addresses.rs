//! The grammar of addresses: what each form means, and what a person reads when it means nothing.

use tagwire_modbus::address::{Address, Numbering, Table};
use tagwire_modbus::{Encoding, Item, Order};
use tagwire_model::{ArrayData, DataType, Dims, Status, Timestamp, Value, ValueType};

fn item_with(address: &str, value_type: &str, encoding: &Encoding) -> Item {
    let parsed = Address::parse(address, Numbering::default()).unwrap_or_else(|e| panic!("{address}: {e}"));
    let value_type =
        if value_type.is_empty() { parsed.default_type() } else { ValueType::parse(value_type).expect("type") };
    Item::new(&parsed, value_type, encoding).unwrap_or_else(|e| panic!("{address} as {value_type}: {e}"))
}

fn item(address: &str, value_type: &str) -> Item {
    item_with(address, value_type, &Encoding::default())
}

#[test]
fn forms_of_one_address_are_the_same_item() {
    for forms in [
        &["41", "401", "4001", "40001", "400001", "4x1", "4x0001", "4X00001", "HR1", "hr1", "HR0x0", "HR0h"][..],
        &["465536", "HR65536", "HR0xFFFF", "HRFFFFH", "4x65536"],
        &["49999", "409999", "HR9999", "HR0x270E"],
        &["01", "00001", "000001", "C1", "0x0001", "C0x0", "CO1"],
        &["11", "10001", "100001", "DI1", "1x1"],
        &["3100", "30100", "300100", "IR100", " 300100 "],
    ] {
        let first = item(forms[0], "");
        for form in forms {
            assert_eq!(item(form, ""), first, "{form}");
        }
    }
}

#[test]
fn each_table_begins_at_wire_offset_0() {
    for (address, table) in [
        ("000001", Table::Coils),
        ("100001", Table::DiscreteInputs),
        ("300001", Table::InputRegisters),
        ("400001", Table::HoldingRegisters),
    ] {
        let item = item(address, "");
        assert_eq!((item.table, item.start, item.len), (table, 0, 1), "{address}");
    }
}

#[test]
fn numbers_may_start_at_0_and_bits_at_1() {
    let zero = Numbering { first_address: 0, first_bit: 1 };
    assert_eq!(Address::parse("40000", zero).expect("first").offset, 0);
    assert_eq!(Address::parse("40001", zero).expect("second").offset, 1);
    assert_eq!(Address::parse("465535", zero).expect("last").offset, 65_535);
    assert_eq!(Address::parse("HR0x1", zero).expect("hexadecimal is a wire offset").offset, 1);
    assert!(Address::parse("465536", zero).is_err());
    let one = Encoding { first_bit: 1, ..Encoding::default() };
    let data = [0x80, 0x01];
    assert_eq!(item_with("40001.1", "bool", &one).decode(&data, 0), Ok(Value::Boolean(true)));
    assert_eq!(item_with("40001.16", "bool", &one).decode(&data, 0), Ok(Value::Boolean(true)));
    assert_eq!(item_with("40001.2", "bool", &one).decode(&data, 0), Ok(Value::Boolean(false)));
}

#[test]
fn the_default_type_follows_the_address() {
    for (address, value_type, len) in [
        ("00001", "bool", 1),
        ("10001", "bool", 1),
        ("30001", "u16", 1),
        ("40001", "u16", 1),
        ("40001.3", "bool", 1),
        ("40001.20", "string", 10),
        ("40001.20H", "string", 10),
        ("40001.20D", "string", 20),
        ("40001:STR20", "string", 10),
        ("40001:STR21", "string", 11),
        ("40001:F", "f32", 2),
        ("40001:D", "f64", 4),
        ("40001:F:CDAB", "f32", 2),
        ("40001:F:5", "f32[5]", 10),
        ("40001:F:CDAB:5", "f32[5]", 10),
        ("HR1:DI", "i32", 2),
        ("HR1:UL", "u32", 2),
        ("C100", "bool", 1),
        ("40001:BCD", "u16", 1),
        ("40001:LBCD", "u32", 2),
        ("40001:M10K", "u32", 2),
        ("40001:UNIX32", "datetime", 2),
        ("40001:UNIXMS", "datetime", 4),
        ("40001[10]", "u16[10]", 10),
        ("40001 [2][3]", "u16[2,3]", 6),
        ("40001[2,3]", "u16[2,3]", 6),
        ("40001.20H[3]", "string[3]", 30),
        ("000001#16", "u16", 16),
        ("000001[8]", "bool[8]", 8),
    ] {
        let item = item(address, "");
        assert_eq!((item.value_type.to_string().as_str(), item.len), (value_type, len), "{address}");
    }
}

#[test]
fn an_order_is_taken_from_address_then_device() {
    let device = Encoding { order: Order::parse("DCBA").expect("order"), ..Encoding::default() };
    assert_eq!(item_with("40001", "f32", &device).order.letters(2), "DCBA");
    assert_eq!(item_with("40001:CDAB", "f32", &device).order.letters(2), "CDAB");
    assert_eq!(item_with("40001:GHEFCDAB", "f64", &device).order.letters(4), "GHEFCDAB");
    for (neuron, letters) in [("#BB", "ABCD"), ("#LL", "DCBA"), ("#LB", "CDAB"), ("#BL", "BADC")] {
        assert_eq!(item_with(&format!("40001{neuron}"), "f32", &device).order.letters(2), letters);
    }
}

#[test]
fn bad_addresses_name_the_problem_and_the_fix() {
    for (address, value_type, problem, fix) in [
        ("", "u16", "empty", "40001"),
        ("4", "u16", "0 digits after the table digit", "1 to 5 digits"),
        ("temperature", "u16", "not begin with a table", "HR1"),
        ("celsius", "u16", "not begin with a table", "HR1"),
        ("20001", "u16", "begins with 2", "0 (coils)"),
        ("4000001", "u16", "6 digits", "1 to 5 digits"),
        ("400000", "u16", "number 0 does not exist", "first_address = 0"),
        ("465537", "u16", "beyond 65536", "HR1 to HR65536"),
        ("HR70000", "u16", "beyond 65536", "HR1 to HR65536"),
        ("HR0x10000", "u16", "wire offset 65536", "0x0 to 0xFFFF"),
        ("4x00A1", "u16", "hexadecimal digits", "HR0x00A1"),
        ("HR1A", "u16", "hexadecimal digits", "HR0x1A"),
        ("HR", "u16", "no number", "HR1"),
        ("1!400001", "u16", "names unit \"1\"", "set unit on the device and write 400001"),
        ("40001.16", "bool", "no bit 16", "bit from 0 to 15"),
        ("40001.3", "u16", "names bit 3", "type = \"bool\""),
        ("40001", "string", "needs a length", "40001.20H"),
        ("40001.241H", "string", "241 bytes", "1 to 240"),
        ("40001.0H", "string", "0 bytes", "1 to 240"),
        ("40001.20H", "u16", "names a text", "type = \"string\""),
        ("00001", "u16", "coil cannot hold u16", "type = \"bool\""),
        ("00001.3", "bool", "single bit", "register of table 3 or 4"),
        ("00001#17", "u16", "17 coils", "1 to 16"),
        ("00001#16", "u8", "u8 does not hold 16", "u16"),
        ("40001#16", "u16", "only coils", "leave #"),
        ("40001:F", "u16", "says :F and the type is u16", "type = \"f32\""),
        ("40001:BCD", "bool", "says :BCD and the type is bool", "type = \"u16\""),
        ("40001:XYZ", "u16", "\":XYZ\"", "F, DI, BCD or STR20"),
        ("40001:F:D", "f32", "storage twice", "leave one"),
        ("40001:CDAB:ABCD", "f32", "order twice", "leave one"),
        ("40001[10]", "f32", "names an array and the type is f32", "type = \"f32[10]\""),
        ("40001[10]", "f32[5]", "type is f32[5]", "type = \"f32[10]\""),
        ("40001[0]", "u16", "empty or too large", "at least 1"),
        ("40001[1][1][1][2]", "u16", "too large", "one to three"),
        ("40001[3", "u16", "not closed", "[10]"),
        ("40001[x]", "u16", "no number", "whole number"),
        ("465536", "f32", "ends beyond the last one", "2 holding registers fit"),
        ("40001 40002", "u16", "goes on with", "only .bit"),
        ("40001é", "u16", "characters", "40001"),
    ] {
        let value_type = ValueType::parse(value_type).expect("type");
        let error = Address::parse(address, Numbering::default())
            .and_then(|parsed| Item::new(&parsed, value_type, &Encoding::default()))
            .expect_err(address);
        assert!(error.problem.contains(problem), "{address}: problem \"{}\" lacks \"{problem}\"", error.problem);
        assert!(error.fix.contains(fix), "{address}: fix \"{}\" lacks \"{fix}\"", error.fix);
        assert!(!error.problem.ends_with('.'), "{}", error.problem);
    }
}

#[test]
fn values_lie_in_registers_as_documented() {
    let long: Vec<u8> = (1..=8).collect();
    let time = Timestamp::parse_rfc3339("2024-05-01T12:30:00Z").expect("time");
    let seconds = (time.unix_millis() / 1000) as u32;
    let cases: Vec<(&str, &str, Value, Vec<u8>)> = vec![
        ("40001", "u16", Value::UInt16(0x0102), vec![1, 2]),
        ("40001:BA", "u16", Value::UInt16(0x0102), vec![2, 1]),
        ("40001", "i16", Value::Int16(-2), vec![0xFF, 0xFE]),
        ("40001", "i8", Value::Int8(-2), vec![0xFF, 0xFE]),
        ("40001", "u8", Value::UInt8(200), vec![0, 200]),
        ("40001", "bool", Value::Boolean(true), vec![0, 1]),
        ("40001", "f32", Value::Float(12.5), vec![0x41, 0x48, 0, 0]),
        ("40001:CDAB", "f32", Value::Float(12.5), vec![0, 0, 0x41, 0x48]),
        ("40001:BADC", "f32", Value::Float(12.5), vec![0x48, 0x41, 0, 0]),
        ("40001:DCBA", "f32", Value::Float(12.5), vec![0, 0, 0x48, 0x41]),
        ("40001", "u64", Value::UInt64(0x0102_0304_0506_0708), long.clone()),
        ("40001:CDAB", "u64", Value::UInt64(0x0102_0304_0506_0708), vec![7, 8, 5, 6, 3, 4, 1, 2]),
        ("40001:EFGHABCD", "u64", Value::UInt64(0x0102_0304_0506_0708), vec![5, 6, 7, 8, 1, 2, 3, 4]),
        ("40001:CDABGHEF", "u64", Value::UInt64(0x0102_0304_0506_0708), vec![3, 4, 1, 2, 7, 8, 5, 6]),
        ("40001:BCD", "u16", Value::UInt16(1234), vec![0x12, 0x34]),
        ("40001:LBCD", "u32", Value::UInt32(12_345_678), vec![0x12, 0x34, 0x56, 0x78]),
        ("40001:LBCD:CDAB", "u32", Value::UInt32(12_345_678), vec![0x56, 0x78, 0x12, 0x34]),
        ("40001:M10K", "u32", Value::UInt32(12_345_678), vec![0x04, 0xD2, 0x16, 0x2E]),
        ("40001.5H", "string", Value::text("Pump"), b"Pump\0\0".to_vec()),
        ("40001.4L", "string", Value::text("Pump"), b"uPpm".to_vec()),
        ("40001.4D", "string", Value::text("Pump"), b"\0P\0u\0m\0p".to_vec()),
        ("40001.4E", "string", Value::text("Pump"), b"P\0u\0m\0p\0".to_vec()),
        ("40001.3", "bytes", Value::bytes(&[1, 2, 3]), vec![1, 2, 3, 0]),
        ("40001", "datetime", Value::DateTime(time), time.ticks().to_be_bytes().to_vec()),
        ("40001:UNIX32", "datetime", Value::DateTime(time), seconds.to_be_bytes().to_vec()),
        ("40001:UNIX64", "datetime", Value::DateTime(time), u64::from(seconds).to_be_bytes().to_vec()),
        ("40001:UNIXMS", "datetime", Value::DateTime(time), (u64::from(seconds) * 1000).to_be_bytes().to_vec()),
        ("000001#12", "u16", Value::UInt16(0xABC), vec![0xBC, 0x0A]),
        (
            "40001",
            "i16[2,2]",
            Value::array(Dims::new(&[2, 2]).expect("two"), ArrayData::Int16(vec![1, 2, 3, 4])).expect("fits"),
            vec![0, 1, 0, 2, 0, 3, 0, 4],
        ),
        (
            "000001",
            "bool[3]",
            Value::array(Dims::one(3), ArrayData::Boolean(vec![true, false, true])).expect("fits"),
            vec![5],
        ),
    ];
    for (address, value_type, value, bytes) in cases {
        let item = item(address, value_type);
        assert_eq!(item.encode(&value).as_deref(), Ok(&bytes[..]), "{address} as {value_type}");
        assert_eq!(item.decode(&bytes, 0), Ok(value), "{address} as {value_type}");
    }
}

#[test]
fn what_a_device_cannot_mean_is_a_bad_quality() {
    for (address, value_type, bytes, status) in [
        ("40001:BCD", "u16", &[0x12, 0x3A][..], Status::BAD_OUT_OF_RANGE),
        ("40001:M10K", "u32", &[0x27, 0x10, 0, 0], Status::BAD_OUT_OF_RANGE),
        ("40001", "u8", &[1, 0], Status::BAD_OUT_OF_RANGE),
        ("40001:UNIX64", "datetime", &[0x7F; 8], Status::BAD_OUT_OF_RANGE),
        ("40001", "f32", &[0, 0], Status::BAD_DECODING_ERROR),
        ("40001[4]", "u16[4]", &[0; 6], Status::BAD_DECODING_ERROR),
    ] {
        assert_eq!(item(address, value_type).decode(bytes, 0), Err(status), "{address}");
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    for (address, value_type, value) in [
        ("40001:BCD", "u16", Value::UInt16(10_000)),
        ("40001:M10K", "i32", Value::Int32(-1)),
        ("40001.3H", "string", Value::text("four")),
        ("40001.3H", "bytes", Value::bytes(&[1, 2])),
        ("00001#4", "u16", Value::UInt16(16)),
        ("40001:UNIX32", "datetime", Value::DateTime(Timestamp::from_ticks(5))),
        ("40001", "u16", Value::text("5")),
        ("40001", "u16[2]", Value::UInt16(5)),
        ("40001", "u8", Value::UInt16(256)),
    ] {
        assert!(item(address, value_type).encode(&value).is_err(), "{address}: {value}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_latin_1() {
    assert_eq!(item("40001.4H", "string").decode(b"5\xB0C\0", 0), Ok(Value::text("5\u{B0}C")));
}

#[test]
fn bits_of_registers_read_and_mask_in_either_direction() {
    let modicon = Encoding { modicon_bits: true, ..Encoding::default() };
    assert_eq!(item("40001.3", "bool").decode(&[0, 8], 0), Ok(Value::Boolean(true)));
    assert_eq!(item_with("40001.3", "bool", &modicon).decode(&[0x10, 0], 0), Ok(Value::Boolean(true)));
    assert_eq!(item("40001.3:BA", "bool").decode(&[8, 0], 0), Ok(Value::Boolean(true)));
    let on = item("40010.3", "bool").masks(&Value::Boolean(true)).expect("mask");
    assert_eq!((on[0].register, on[0].and, on[0].or), (9, 0xFFF7, 8));
    let array = item("40001.14", "bool[4]");
    assert_eq!(array.len, 2);
    let value = Value::array(Dims::one(4), ArrayData::Boolean(vec![true, false, true, true])).expect("fits");
    let masks = array.masks(&value).expect("masks");
    assert_eq!((masks[0].register, masks[0].and, masks[0].or), (0, 0x3FFF, 0x4000));
    assert_eq!((masks[1].register, masks[1].and, masks[1].or), (1, 0xFFFC, 3));
    assert_eq!(array.decode(&[0x40, 0, 0, 3], 0), Ok(value));
}

#[test]
fn longs_as_decimals_concern_only_32_bit_integers() {
    let encoding = Encoding { longs_as_decimals: true, ..Encoding::default() };
    let bytes = [0, 1, 0, 2];
    assert_eq!(item_with("40001", "u32", &encoding).decode(&bytes, 0), Ok(Value::UInt32(10_002)));
    assert_eq!(item_with("40001:UDI", "u32", &encoding).decode(&bytes, 0), Ok(Value::UInt32(65_538)));
    assert_eq!(item_with("40001", "u16", &encoding).decode(&bytes, 0), Ok(Value::UInt16(1)));
}

#[test]
fn every_type_and_order_round_trips_at_every_alignment() {
    let mut rng = fastrand::Rng::with_seed(7);
    for data_type in DataType::ALL.into_iter().filter(|data_type| data_type.is_fixed()) {
        for order in Order::ALL {
            let encoding = Encoding { order, ..Encoding::default() };
            for _ in 0..50 {
                let value = Value::from_bits(data_type, rng.u64(..));
                let value = if let Value::Boolean(_) = value { Value::Boolean(rng.bool()) } else { value };
                let item = item_with("40001", data_type.name(), &encoding);
                let at = rng.usize(..5);
                let mut data = vec![0xEE; at * 2];
                data.extend(item.encode(&value).expect("fits"));
                let back = item.decode(&data, at).expect("there");
                assert!(back.same_as(&value), "{data_type:?} {order}: {value} came back as {back}");
            }
        }
    }
}
