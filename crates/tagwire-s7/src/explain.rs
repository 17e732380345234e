//! The address lens: what an address means, and everything that bytes found there may mean.

use tagwire_driver::AddressError;
use tagwire_model::{Value, ValueType};

use crate::address::{Address, place, unit_name};
use crate::codec::Area;
use crate::form::Form;
use crate::item::{Item, unit_bytes};

/// What an address means for a type.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Address space.
    pub area: Area,
    /// Number of the data block; 0 in other areas.
    pub block: u16,
    /// First unit in STEP 7's words: `DB1.DBB4`.
    pub place: String,
    /// First byte, timer or counter.
    pub start: u32,
    /// First bit, for a bit.
    pub bit: Option<u8>,
    /// Number of bytes, timers or counters.
    pub n_units: u32,
    /// What a unit is called.
    pub unit: &'static str,
    /// The type, declared or that of the address.
    pub value_type: ValueType,
    /// The name of the type in STEP 7.
    pub step7: &'static str,
    /// How one value lies in its units, in words.
    pub storage: &'static str,
    /// Whether the protocol can write there.
    pub is_writable: bool,
}

/// One thing that bytes may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoding {
    /// The type to declare.
    pub value_type: ValueType,
    /// The name of the type in STEP 7, to write into the address.
    pub step7: &'static str,
    /// The value.
    pub value: Value,
}

/// Explains an address; without a type, for the one that the address has by default.
///
/// # Errors
/// [`AddressError`] as when a tag with this address is checked.
pub fn explain(address: &str, value_type: Option<ValueType>) -> Result<Explanation, AddressError> {
    let address = Address::parse(address)?;
    let item = Item::new(&address, value_type.unwrap_or_else(|| address.default_type()))?;
    Ok(Explanation::new(&item))
}

impl Explanation {
    /// Explains an item.
    pub fn new(item: &Item) -> Self {
        Self {
            area: item.area,
            block: item.block,
            place: place(item.area, item.block, item.start),
            start: item.start,
            bit: (item.form == Form::Bit).then_some(item.bit),
            n_units: item.len,
            unit: unit_name(item.area),
            value_type: item.value_type,
            step7: item.form.name(),
            storage: item.form.meaning(),
            is_writable: item.is_writable,
        }
    }

    /// How many units `explain ADDRESS --device` should read so that [`decodings`] sees all types of a byte-wise area.
    pub fn n_units_to_read(&self) -> u32 {
        if self.area.is_words() { self.n_units } else { self.n_units.max(12) }.min(200)
    }
}

/// Forms tried on bytes, with their word.
const FORMS: &[&str] = &[
    "BYTE", "SINT", "WORD", "INT", "DWORD", "DINT", "REAL", "LWORD", "LINT", "LREAL", "BCD", "LBCD", "S5TIME", "TIME",
    "DATE", "TOD", "DT", "LDT", "DTL",
];

/// Every plausible meaning of data read from an area, as [`crate::S7Driver::read_raw`] gives it.
pub fn decodings(area: Area, data: &[u8]) -> Vec<Decoding> {
    let mut words: Vec<String> = match area {
        Area::Timers => vec!["T0".to_owned()],
        Area::Counters => vec!["C0".to_owned()],
        _ => FORMS.iter().map(|word| format!("M{word}0")).collect(),
    };
    if !area.is_words() {
        let len = data.first().copied().unwrap_or(0);
        if len > 0 && usize::from(len) + 2 <= data.len() {
            words.push(format!("MSTRING0.{}", len.min(254)));
        }
        words.push(format!("MS0.{}", data.len().clamp(1, usize::from(Address::MAX_TEXT))));
    }
    let decode = |word: &String| {
        let address = Address::parse(word).ok()?;
        let item = Item::new(&address, address.default_type()).ok()?;
        let value = item.decode(data.get(..item.len as usize * unit_bytes(area))?).ok()?;
        Some(Decoding { value_type: item.value_type, step7: item.form.name(), value })
    };
    words.iter().filter_map(decode).filter(|decoding| is_plausible(&decoding.value)).collect()
}

/// Leaves out what nobody means: floats of absurd size, times of other centuries, unprintable text.
fn is_plausible(value: &Value) -> bool {
    let sane = |number: f64| number == 0.0 || (1e-9..1e15).contains(&number.abs());
    match value {
        Value::Float(number) => sane(f64::from(*number)),
        Value::Double(number) => sane(*number),
        Value::DateTime(time) => (631_152_000_000..4_102_444_800_000).contains(&time.unix_millis()),
        Value::String(text) => !text.is_empty() && text.chars().all(|c| !c.is_control()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_says_where_and_what() {
        let lens = explain("DB5,W10.9", None).expect("valid");
        assert_eq!((lens.place.as_str(), lens.bit, lens.n_units), ("DB5.DBB10", Some(1), 1));
        let lens = explain("DB1.DBD4", Some(ValueType::parse("f32").expect("type"))).expect("valid");
        assert_eq!((lens.step7, lens.n_units, lens.is_writable), ("REAL", 4, true));
        assert!(!explain("PIW256", None).expect("valid").is_writable);
        assert_eq!(explain("T7", None).expect("valid").place, "T7");
    }

    #[test]
    fn bytes_show_every_plausible_meaning() {
        let mut data = vec![0x41, 0x48, 0, 0];
        data.resize(12, 0);
        let found = decodings(Area::DataBlock, &data);
        let has = |step7: &str, text: &str| found.iter().any(|d| d.step7 == step7 && d.value.to_string() == text);
        assert!(has("REAL", "12.5") && has("INT", "16712") && has("BYTE", "65"), "{found:?}");
        let text = decodings(Area::DataBlock, b"\x0a\x04Pump\0\0\0\0\0\0");
        assert!(text.iter().any(|d| d.step7 == "STRING" && d.value == Value::text("Pump")), "{text:?}");
        assert_eq!(decodings(Area::Counters, &[0x01, 0x23])[0].value, Value::UInt16(123));
    }
}
