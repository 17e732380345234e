//! The address lens: what an address means on the wire, and everything that bytes found there may mean.

use std::fmt;

use tagwire_driver::AddressError;
use tagwire_model::{DataType, Value, ValueType};

use crate::address::{Address, Code, Numbering, Packing, Table, number};
use crate::codec::Function;
use crate::item::{Encoding, Item, Storage};
use crate::order::Order;

/// What an address means for a type.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Address space.
    pub table: Table,
    /// First unit, counted from 1, with the table digit and five digits: `400001`.
    pub number: String,
    /// First unit on the wire, counted from 0.
    pub wire_offset: u16,
    /// Number of coils, inputs or registers.
    pub n_units: u32,
    /// The type, declared or that of the address.
    pub value_type: ValueType,
    /// Byte and word order in letters; empty where there is none.
    pub order: &'static str,
    /// How one value lies in its units, in words.
    pub storage: String,
    /// The function that reads it.
    pub read_function: Function,
    /// The functions that write it, preferred one first; empty for tables that are read only.
    pub write_functions: Vec<Function>,
    /// The units of the first element, in the order of the wire.
    pub layout: Vec<Unit>,
}

/// One coil, input or register of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Number counted from 1: `400001`.
    pub number: String,
    /// Offset on the wire.
    pub wire_offset: u16,
    /// What it holds: letters of the value's bytes (`A` most significant), or words.
    pub holds: String,
}

/// One thing that bytes may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoding {
    /// The type to declare.
    pub value_type: ValueType,
    /// The order to set, in letters; empty where it makes no difference.
    pub order: &'static str,
    /// What to append to the address, such as `:BCD`; usually empty.
    pub suffix: String,
    /// The value.
    pub value: Value,
}

/// Explains an address; without a type, for the one that the address has by default.
///
/// # Errors
/// [`AddressError`] as when a tag with this address is checked.
pub fn explain(
    address: &str,
    value_type: Option<ValueType>,
    numbering: Numbering,
    encoding: &Encoding,
) -> Result<Explanation, AddressError> {
    let address = Address::parse(address, numbering)?;
    let item = Item::new(&address, value_type.unwrap_or_else(|| address.default_type()), encoding)?;
    Ok(Explanation::new(&item))
}

impl Explanation {
    /// Explains an item.
    pub fn new(item: &Item) -> Self {
        let first = u32::from(item.start);
        let n_shown = item.storage.n_units().min(item.len);
        let layout = (0..n_shown).map(|idx| Unit {
            number: number(item.table, first + idx),
            wire_offset: (first + idx) as u16,
            holds: holds(item, idx),
        });
        Self {
            table: item.table,
            number: number(item.table, first),
            wire_offset: item.start,
            n_units: item.len,
            value_type: item.value_type,
            order: if has_order(item.storage) { item.order.letters(item.storage.n_units()) } else { "" },
            storage: storage(item.storage),
            read_function: item.table.read_function(),
            write_functions: write_functions(item),
            layout: layout.collect(),
        }
    }

    /// How many units `explain ADDRESS --device` should read so that [`decodings`] sees all types: at least four
    /// registers or 16 coils, where the table has as many.
    pub fn n_units_to_read(&self) -> u16 {
        let least = if self.table.is_bits() { 16 } else { 4 };
        let left = 0x1_0000 - u32::from(self.wire_offset);
        self.n_units.max(least).min(left).min(if self.table.is_bits() { 2000 } else { 125 }) as u16
    }
}

/// Every plausible meaning of data read from a table: all types and orders that differ in their result.
/// `data` is what [`crate::ModbusDriver::read_raw`] gives, beginning with the unit in question.
pub fn decodings(table: Table, data: &[u8]) -> Vec<Decoding> {
    let mut found = Vec::new();
    if table.is_bits() {
        let picks = [("", "bool"), ("#8", "u8"), ("#16", "u16")];
        picks.into_iter().for_each(|(suffix, name)| push(&mut found, table, suffix, name, &[Order::ABCD], data));
        return found;
    }
    let words = [Order::ALL[0], Order::ALL[1]];
    let doubles = [Order::ALL[0], Order::ALL[1], Order::ALL[6], Order::ALL[7]];
    for name in ["u16", "i16", "u8", "i8"] {
        push(&mut found, table, "", name, &words, data);
    }
    push(&mut found, table, ":BCD", "u16", &words, data);
    for name in ["u32", "i32", "f32"] {
        push(&mut found, table, "", name, &doubles, data);
    }
    for (suffix, name) in [(":LBCD", "u32"), (":M10K", "u32"), (":UNIX32", "datetime")] {
        push(&mut found, table, suffix, name, &doubles, data);
    }
    for name in ["u64", "i64", "f64"] {
        push(&mut found, table, "", name, &Order::ALL, data);
    }
    for suffix in [":UNIX64", ":UNIXMS", ":TICKS"] {
        push(&mut found, table, suffix, "datetime", &Order::ALL, data);
    }
    let n_bytes = data.len().min(usize::from(Address::MAX_TEXT));
    for packing in [Packing::HighFirst, Packing::LowFirst] {
        let suffix = format!(".{n_bytes}{}", packing.letter());
        push(&mut found, table, &suffix, "string", &[Order::ABCD], data);
    }
    found.retain(|decoding| is_plausible(&decoding.value));
    found
}

fn push(found: &mut Vec<Decoding>, table: Table, suffix: &str, type_name: &str, orders: &[Order], data: &[u8]) {
    let Ok(value_type) = ValueType::parse(type_name) else { return };
    let text = format!("{}1{suffix}", table.digit());
    let Ok(address) = Address::parse(&text, Numbering::default()) else { return };
    let mut seen: Vec<Value> = Vec::new();
    for order in orders {
        let Ok(item) = Item::new(&address, value_type, &Encoding { order: *order, ..Encoding::default() }) else {
            return;
        };
        let Ok(value) = item.decode(data, 0) else { continue };
        if seen.iter().any(|old| old.same_as(&value)) {
            continue;
        }
        seen.push(value.clone());
        let order = if orders.len() > 1 { order.letters(item.storage.n_units()) } else { "" };
        found.push(Decoding { value_type, order, suffix: suffix.to_owned(), value });
    }
}

/// Leaves out what no device means: floats of absurd size, times of other centuries, unprintable text.
fn is_plausible(value: &Value) -> bool {
    let sane = |number: f64| number == 0.0 || (1e-9..1e15).contains(&number.abs());
    match value {
        Value::Float(number) => sane(f64::from(*number)),
        Value::Double(number) => sane(*number),
        Value::DateTime(time) => {
            (0..4_102_444_800_000).contains(&time.unix_millis()) && time.unix_millis() > 631_152_000_000
        }
        Value::String(text) => !text.is_empty() && text.chars().all(|c| !c.is_control()),
        _ => true,
    }
}

const fn has_order(storage: Storage) -> bool {
    matches!(
        storage,
        Storage::Byte | Storage::Word | Storage::Double | Storage::Quad | Storage::Coded(_) | Storage::Bits { .. }
    )
}

fn storage(storage: Storage) -> String {
    match storage {
        Storage::Coil => "one bit".to_owned(),
        Storage::Coils(n) => format!("{n} bits, the first one least significant"),
        Storage::Bits { first, modicon: false } => {
            format!("bit {first} of a register, counted from the least significant")
        }
        Storage::Bits { first, modicon: true } => {
            format!("bit {first} of a register, counted from the most significant")
        }
        Storage::Flag => "a register that is true when not 0".to_owned(),
        Storage::Byte => "an 8-bit number in a register of its own".to_owned(),
        Storage::Word => "one register".to_owned(),
        Storage::Double => "two registers".to_owned(),
        Storage::Quad => "four registers".to_owned(),
        Storage::Coded(Code::Bcd) => "four decimal digits in one register".to_owned(),
        Storage::Coded(Code::LongBcd) => "eight decimal digits in two registers".to_owned(),
        Storage::Coded(Code::Decimal) => "two registers of 0 to 9999: high * 10000 + low".to_owned(),
        Storage::Coded(Code::Unix32) => "unsigned seconds since 1970 in two registers".to_owned(),
        Storage::Coded(Code::Unix64) => "seconds since 1970 in four registers".to_owned(),
        Storage::Coded(Code::UnixMillis) => "milliseconds since 1970 in four registers".to_owned(),
        Storage::Coded(_) => "100 ns ticks since 1601 in four registers".to_owned(),
        Storage::Text(len, Packing::HighFirst) => format!("{len} bytes, two per register, high byte first"),
        Storage::Text(len, Packing::LowFirst) => format!("{len} bytes, two per register, low byte first"),
        Storage::Text(len, Packing::LowOnly) => format!("{len} bytes, one in the low byte of each register"),
        Storage::Text(len, Packing::HighOnly) => format!("{len} bytes, one in the high byte of each register"),
    }
}

/// What unit `idx` of an element holds.
fn holds(item: &Item, idx: u32) -> String {
    let byte = |n: u32| format!("byte {n}");
    match item.storage {
        Storage::Coil => "the value".to_owned(),
        Storage::Coils(_) => format!("bit {idx}"),
        Storage::Bits { first, modicon } => {
            let mask = item.order.word(crate::decode::bit_mask(usize::from(first), modicon));
            format!("mask 0x{mask:04X}")
        }
        Storage::Flag => "0 or not 0".to_owned(),
        Storage::Text(len, packing) => {
            let pair = (idx * 2, idx * 2 + 1);
            let second = if pair.1 < u32::from(len) { byte(pair.1) } else { "nothing".to_owned() };
            match packing {
                Packing::HighFirst => format!("{}, {second}", byte(pair.0)),
                Packing::LowFirst => format!("{second}, {}", byte(pair.0)),
                Packing::LowOnly => format!("nothing, {}", byte(idx)),
                Packing::HighOnly => format!("{}, nothing", byte(idx)),
            }
        }
        Storage::Byte | Storage::Word | Storage::Double | Storage::Quad | Storage::Coded(_) => {
            let letters = item.order.letters(item.storage.n_units()).as_bytes();
            let pair = letters.chunks_exact(2).nth(idx as usize).unwrap_or_default();
            pair.iter().map(|letter| char::from(*letter)).collect()
        }
    }
}

fn write_functions(item: &Item) -> Vec<Function> {
    match (item.table, item.storage) {
        (Table::DiscreteInputs | Table::InputRegisters, _) => Vec::new(),
        (Table::Coils, _) if item.len == 1 => vec![Function::WriteCoil, Function::WriteCoils],
        (Table::Coils, _) => vec![Function::WriteCoils],
        (_, Storage::Bits { .. }) => {
            vec![Function::MaskWriteRegister, Function::WriteRegister, Function::WriteRegisters]
        }
        _ if item.len == 1 => vec![Function::WriteRegister, Function::WriteRegisters],
        _ => vec![Function::WriteRegisters],
    }
}

impl Decoding {
    /// Name of the scalar type.
    pub const fn data_type(&self) -> DataType {
        self.value_type.data_type
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = |function: &Function| format!("{} ({})", function.code(), function.name());
        let writes: Vec<String> = self.write_functions.iter().map(function).collect();
        let plural = if self.n_units == 1 { "" } else { "s" };
        writeln!(f, "address    {}, {} {}{plural}", self.number, self.n_units, self.table)?;
        let last = u32::from(self.wire_offset) + self.n_units - 1;
        let (first, last_hex) = (self.wire_offset, last);
        match self.n_units {
            1 => writeln!(f, "on the wire {first} (0x{first:04X})")?,
            _ => writeln!(f, "on the wire {first} to {last} (0x{first:04X} to 0x{last_hex:04X})")?,
        }
        writeln!(f, "read by    {}", function(&self.read_function))?;
        writeln!(f, "written by {}", if writes.is_empty() { "nothing".to_owned() } else { writes.join(", ") })?;
        writeln!(f, "type       {}, {}", self.value_type, self.storage)?;
        if !self.order.is_empty() {
            writeln!(f, "order      {}", self.order)?;
        }
        for unit in self.layout.iter().take(16) {
            writeln!(f, "  {} (wire {}): {}", unit.number, unit.wire_offset, unit.holds)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(address: &str, value_type: Option<&str>) -> Explanation {
        let value_type = value_type.map(|name| ValueType::parse(name).expect("type"));
        explain(address, value_type, Numbering::default(), &Encoding::default()).expect(address)
    }

    #[test]
    fn an_explanation_names_wire_offset_functions_and_layout() {
        let lens = lens("40101:CDAB", Some("f32"));
        assert_eq!((lens.number.as_str(), lens.wire_offset, lens.n_units), ("400101", 100, 2));
        assert_eq!((lens.read_function.code(), lens.order), (3, "CDAB"));
        assert_eq!(lens.write_functions, [Function::WriteRegisters]);
        let layout: Vec<(&str, &str)> = lens.layout.iter().map(|u| (u.number.as_str(), u.holds.as_str())).collect();
        assert_eq!(layout, [("400101", "CD"), ("400102", "AB")]);
    }

    #[test]
    fn an_explanation_prints_what_a_person_asks_for() {
        assert_eq!(
            lens("10020", None).to_string(),
            "address    100020, 1 discrete input\non the wire 19 (0x0013)\nread by    2 (read discrete inputs)\n\
             written by nothing\ntype       bool, one bit\n  100020 (wire 19): the value\n"
        );
    }

    #[test]
    fn bytes_show_every_plausible_meaning() {
        let data = [0x00, 0x00, 0x41, 0x48, 0, 0, 0, 0];
        let found = decodings(Table::HoldingRegisters, &data);
        let has = |name: &str, order: &str, text: &str| {
            found.iter().any(|d| d.value_type.to_string() == name && d.order == order && d.value.to_string() == text)
        };
        assert!(has("f32", "CDAB", "12.5"), "{found:#?}");
        assert!(has("u32", "ABCD", "16712"), "{found:#?}");
        assert!(!has("f32", "ABCD", "0.000000000000000000000000000000000000000023418"), "{found:#?}");
        let text = decodings(Table::InputRegisters, b"PUMP 01\0");
        assert!(text.iter().any(|d| d.suffix == ".8H" && d.value == Value::text("PUMP 01")));
    }

    #[test]
    fn a_read_for_the_lens_stays_inside_the_table() {
        assert_eq!(lens("465536", None).n_units_to_read(), 1);
        assert_eq!(lens("40001", None).n_units_to_read(), 4);
        assert_eq!(lens("40001[200]", None).n_units_to_read(), 125);
        assert_eq!(lens("00001", None).n_units_to_read(), 16);
    }
}
