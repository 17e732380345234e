//! What an address means for a declared type: which words, and how the value lies in them.

use tagwire_driver::AddressError;
use tagwire_model::{ArrayData, ConvertError, DataType, Status, Value, ValueType};

use super::address::{Address, Dialect};
use super::file::FileType;

/// How one element of a value lies in its words. The low word comes first, and the low byte of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Consecutive bits, beginning with this one.
    Bits(u8),
    /// A number in one word.
    Word,
    /// A number in two words.
    Double,
    /// Two words, the high one first, as floats lie in a PLC-5.
    DoubleHighFirst,
    /// Four decimal digits in one word.
    Decimal,
    /// Two characters in one word, the first one in the high byte.
    Pair,
    /// A text with its length in the first word; characters swapped in pairs.
    Text,
}

impl Form {
    /// Words of one element; bits share theirs.
    pub const fn n_words(self) -> u32 {
        match self {
            Self::Bits(_) | Self::Word | Self::Decimal | Self::Pair => 1,
            Self::Double | Self::DoubleHighFirst => 2,
            Self::Text => FileType::Text.n_words(),
        }
    }
}

/// One tag's place in a processor and its form there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Type of the file.
    pub file_type: FileType,
    /// Number of the file.
    pub file: u8,
    /// Slot of an input or output of an SLC; 0 elsewhere.
    pub slot: u16,
    /// First word of the file, or of the slot.
    pub start: u32,
    /// Number of words, at least 1.
    pub len: u32,
    /// Words from one element of a value to the next.
    pub step: u32,
    /// Form of each element.
    pub form: Form,
    /// Declared type.
    pub value_type: ValueType,
}

fn bad(problem: impl Into<String>, fix: impl Into<String>) -> AddressError {
    AddressError { problem: problem.into(), fix: fix.into() }
}

impl Address {
    /// The type of a tag whose configuration gives none; `None` for a whole timer, counter or control.
    pub fn default_type(&self) -> Option<ValueType> {
        let data_type = match (self.bit, self.file_type) {
            (Some(_), _) => DataType::Boolean,
            (None, FileType::Timer | FileType::Counter | FileType::Control) => {
                self.member()?;
                DataType::Int16
            }
            (None, FileType::Integer) => DataType::Int16,
            (None, FileType::Float) => DataType::Float,
            (None, FileType::Long) => DataType::Int32,
            (None, FileType::Text | FileType::Ascii) => DataType::String,
            (None, _) => DataType::UInt16,
        };
        Some(ValueType { data_type, dims: self.dims })
    }
}

impl Item {
    /// Most characters of a text.
    pub const MAX_TEXT: usize = 82;
    /// One more than the last word of a file.
    const N_WORDS: u32 = 1 << 18;

    /// Joins an address with the declared type.
    ///
    /// # Errors
    /// [`AddressError`] when the type cannot lie at the address.
    pub fn new(address: &Address, value_type: ValueType, dialect: Dialect) -> Result<Self, AddressError> {
        if address.dims.rank() > 0 && address.dims != value_type.dims {
            let wanted = ValueType { dims: address.dims, ..value_type };
            let problem = format!("the address names a range and the type is {value_type}");
            return Err(bad(problem, format!("declare type = \"{wanted}\", or leave the range out of the address")));
        }
        if value_type.dims.rank() > 1 {
            return Err(bad("a data table has one dimension", "declare an array of one dimension"));
        }
        let (data_type, file_type) = (value_type.data_type, address.file_type);
        let form = form(address, data_type, dialect).ok_or_else(|| match address.default_type() {
            Some(default) => {
                let name = default.data_type.name();
                let problem = format!("{} cannot be {}", file_type.one(), data_type.name());
                bad(problem, format!("declare type = \"{name}\""))
            }
            None => {
                let problem = format!("a whole {} is no value", file_type.name());
                bad(problem, "name a word or bit of it, as in T4:0.ACC, R6:0.LEN or T4:0/DN")
            }
        })?;
        let n_elements = value_type.dims.n_elements().unwrap_or(u32::MAX);
        let has_members = matches!(file_type, FileType::Timer | FileType::Counter | FileType::Control);
        let step = if has_members { file_type.n_words() } else { form.n_words() };
        let len = match form {
            Form::Bits(first) if !has_members => u32::from(first).saturating_add(n_elements).div_ceil(16),
            Form::Bits(_) if n_elements > 1 => {
                let problem = "an array of bits lies in consecutive words";
                return Err(bad(problem, "declare each bit of a timer, counter or control as a tag of its own"));
            }
            form => step.saturating_mul(n_elements.saturating_sub(1)).saturating_add(form.n_words()),
        };
        let is_slot = file_type.is_io() && dialect == Dialect::Slc;
        let element = u32::from(address.element);
        let start = if is_slot { 0 } else { element * file_type.n_words() } + u32::from(address.sub);
        let start =
            start + if let (FileType::Long, Some(bit)) = (file_type, address.bit) { u32::from(bit / 16) } else { 0 };
        let most = if is_slot { 256 } else { Self::N_WORDS };
        if start.saturating_add(len) > most {
            let problem = format!("{value_type} takes {len} words and ends beyond the file");
            return Err(bad(problem, "begin at a lower element or declare fewer elements"));
        }
        let slot = if is_slot { address.element } else { 0 };
        Ok(Self { file_type, file: address.file, slot, start, len, step, form, value_type })
    }

    /// The word after the last one.
    pub const fn end(&self) -> u32 {
        self.start + self.len
    }

    /// File and slot as one number, for the planner.
    pub fn space(&self) -> u32 {
        u32::from(self.file_type.code()) << 24 | u32::from(self.file) << 16 | u32::from(self.slot)
    }

    /// The value in `data`, which begins with this item.
    ///
    /// # Errors
    /// The quality of a tag whose words are missing or hold no such value.
    pub fn decode(&self, data: &[u8]) -> Result<Value, Status> {
        if self.value_type.is_scalar() {
            return self.element(data, 0);
        }
        let mut elements = ArrayData::empty(self.value_type.data_type);
        for idx in 0..self.value_type.dims.n_elements().unwrap_or(0) as usize {
            elements.push(self.element(data, idx)?).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
        }
        Value::array(self.value_type.dims, elements).map_err(|_| Status::BAD_INTERNAL_ERROR)
    }

    fn element(&self, data: &[u8], idx: usize) -> Result<Value, Status> {
        let data_type = self.value_type.data_type;
        if let Form::Bits(first) = self.form {
            let bit = usize::from(first) + idx;
            let word = word(data, bit / 16 * 2).ok_or(Status::BAD_DECODING_ERROR)?;
            return Ok(Value::Boolean(word >> (bit % 16) & 1 == 1));
        }
        let at = idx * self.step as usize * 2;
        let low = word(data, at).ok_or(Status::BAD_DECODING_ERROR)?;
        let double = |low: u16, high: u16| Value::from_bits(data_type, u64::from(high) << 16 | u64::from(low));
        match self.form {
            Form::Word => Ok(Value::from_bits(data_type, u64::from(low))),
            Form::Double | Form::DoubleHighFirst => {
                let second = word(data, at + 2).ok_or(Status::BAD_DECODING_ERROR)?;
                Ok(if self.form == Form::Double { double(low, second) } else { double(second, low) })
            }
            Form::Decimal => from_decimal(low).map(Value::UInt16).ok_or(Status::BAD_OUT_OF_RANGE),
            Form::Pair => Ok(latin(&low.to_be_bytes())),
            Form::Text => {
                let len = usize::from(low).min(Self::MAX_TEXT);
                let bytes = data.get(at + 2..at + 2 + Self::MAX_TEXT).ok_or(Status::BAD_DECODING_ERROR)?;
                let text: Vec<u8> = bytes.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).take(len).collect();
                Ok(latin(&text))
            }
            Form::Bits(_) => Err(Status::BAD_INTERNAL_ERROR),
        }
    }

    /// The words of a value; not for [`Form::Bits`], nor for an array of members, between which lie other words.
    ///
    /// # Errors
    /// [`ConvertError`] when the value has another type or does not fit.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, ConvertError> {
        let value = value.convert(self.value_type)?;
        let mut out = Vec::with_capacity(self.len as usize * 2);
        let Value::Array(array) = &value else {
            self.put(&value, &mut out)?;
            return Ok(out);
        };
        for idx in 0..array.data().len() {
            self.put(&array.data().element(idx).ok_or(ConvertError::Dimensions)?, &mut out)?;
        }
        Ok(out)
    }

    fn put(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        let bits = || value.to_bits().map(|(_, bits)| bits).ok_or(ConvertError::Type);
        match self.form {
            Form::Word => out.extend_from_slice(&(bits()? as u16).to_le_bytes()),
            Form::Double => out.extend_from_slice(&(bits()? as u32).to_le_bytes()),
            Form::DoubleHighFirst => {
                let [a, b, c, d] = (bits()? as u32).to_le_bytes();
                out.extend_from_slice(&[c, d, a, b]);
            }
            Form::Decimal => {
                let number = bits()? as u16;
                if number > 9_999 {
                    return Err(ConvertError::Range);
                }
                out.extend_from_slice(&to_decimal(number).to_le_bytes());
            }
            Form::Pair => {
                let text = bytes(value)?;
                if text.len() > 2 {
                    return Err(ConvertError::Range);
                }
                let character = |idx: usize| text.get(idx).copied().unwrap_or(0);
                out.extend_from_slice(&[character(1), character(0)]);
            }
            Form::Text => {
                let mut text = bytes(value)?;
                if text.len() > Self::MAX_TEXT {
                    return Err(ConvertError::Range);
                }
                out.extend_from_slice(&(text.len() as u16).to_le_bytes());
                text.resize(Self::MAX_TEXT, 0);
                out.extend(text.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]));
            }
            Form::Bits(_) => return Err(ConvertError::Type),
        }
        Ok(())
    }

    /// The changes of words that set the bits of a value: word counted from the first, mask, bits under the mask.
    ///
    /// # Errors
    /// [`ConvertError`] when the value has another type.
    pub fn masks(&self, value: &Value) -> Result<Vec<(u32, u16, u16)>, ConvertError> {
        let Form::Bits(first) = self.form else { return Ok(Vec::new()) };
        let value = value.convert(self.value_type)?;
        let truth = |value: &Value| match value {
            Value::Boolean(on) => Ok(*on),
            _ => Err(ConvertError::Type),
        };
        let bits: Vec<bool> = match &value {
            Value::Array(array) => (0..array.data().len())
                .map(|idx| array.data().element(idx).ok_or(ConvertError::Dimensions).and_then(|bit| truth(&bit)))
                .collect::<Result<_, _>>()?,
            value => vec![truth(value)?],
        };
        let mut masks: Vec<(u32, u16, u16)> = Vec::new();
        for (idx, on) in bits.iter().enumerate() {
            let bit = usize::from(first) + idx;
            let (number, mask) = ((bit / 16) as u32, 1_u16 << (bit % 16));
            if masks.last().is_none_or(|(last, ..)| *last != number) {
                masks.push((number, 0, 0));
            }
            if let Some((_, all, set)) = masks.last_mut() {
                *all |= mask;
                *set |= if *on { mask } else { 0 };
            }
        }
        Ok(masks)
    }
}

/// The form of a type at an address; `None` when it cannot lie there.
fn form(address: &Address, data_type: DataType, dialect: Dialect) -> Option<Form> {
    let float = if dialect == Dialect::Plc5 { Form::DoubleHighFirst } else { Form::Double };
    if let Some(bit) = address.bit {
        return (data_type == DataType::Boolean).then_some(Form::Bits(bit % 16));
    }
    Some(match (address.file_type, data_type) {
        (FileType::Timer | FileType::Counter | FileType::Control, DataType::Int16 | DataType::UInt16) => {
            address.member()?;
            Form::Word
        }
        (FileType::Timer | FileType::Counter | FileType::Control, _) => return None,
        (FileType::Float, DataType::Float) => float,
        (FileType::Long, DataType::Int32 | DataType::UInt32) => Form::Double,
        (FileType::Text, DataType::String) => Form::Text,
        (FileType::Ascii, DataType::String) => Form::Pair,
        (FileType::Decimal, DataType::UInt16) => Form::Decimal,
        (FileType::Float | FileType::Long | FileType::Text | FileType::Decimal, _) => return None,
        // Two integers in a row hold what a processor without long files keeps in them.
        (FileType::Integer, DataType::Int32 | DataType::UInt32 | DataType::Float) => Form::Double,
        (_, DataType::Int16 | DataType::UInt16) => Form::Word,
        (FileType::Bit | FileType::Integer, DataType::Boolean) => return None,
        _ => return None,
    })
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn from_decimal(word: u16) -> Option<u16> {
    (0..4)
        .rev()
        .map(|idx| word >> (idx * 4) & 15)
        .try_fold(0, |number, digit| (digit < 10).then_some(number * 10 + digit))
}

const fn to_decimal(number: u16) -> u16 {
    (number / 1000 % 10) << 12 | (number / 100 % 10) << 8 | (number / 10 % 10) << 4 | (number % 10)
}

/// Latin-1 up to the first zero.
fn latin(bytes: &[u8]) -> Value {
    Value::text(&bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect::<String>())
}

fn bytes(value: &Value) -> Result<Vec<u8>, ConvertError> {
    let Value::String(text) = value else { return Err(ConvertError::Type) };
    text.chars().map(|c| u8::try_from(c).map_err(|_| ConvertError::Range)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(address: &str, value_type: &str, dialect: Dialect) -> Item {
        let address = Address::parse(address, dialect).unwrap_or_else(|e| panic!("{address}: {}", e.problem));
        let value_type = match value_type {
            "" => address.default_type().expect("a type"),
            name => ValueType::parse(name).expect("type"),
        };
        Item::new(&address, value_type, dialect).unwrap_or_else(|e| panic!("{}: {}", e.problem, e.fix))
    }

    #[test]
    fn every_form_has_its_bytes_and_comes_back() {
        let slc = Dialect::Slc;
        for (address, value_type, dialect, text, expected) in [
            ("N7:1", "", slc, "-2", &[0xFE, 0xFF][..]),
            ("N7:1", "u16", slc, "65534", &[0xFE, 0xFF]),
            ("N7:1[2]", "", slc, "[1, 258]", &[1, 0, 2, 1]),
            ("N7:1", "i32", slc, "305419896", &[0x78, 0x56, 0x34, 0x12]),
            ("B3:1", "", slc, "4660", &[0x34, 0x12]),
            ("F8:0", "", slc, "12.5", &[0, 0, 0x48, 0x41]),
            ("F8:0", "", Dialect::Plc5, "12.5", &[0x48, 0x41, 0, 0]),
            ("L10:0", "", slc, "-1", &[0xFF; 4]),
            ("T4:2.ACC", "", slc, "300", &[0x2C, 1]),
            ("R6:0.LEN", "", slc, "7", &[7, 0]),
            ("A12:0", "", slc, "AB", b"BA"),
            ("D13:0", "", slc, "1234", &[0x34, 0x12]),
            ("I:1", "", slc, "3", &[3, 0]),
            ("S:1", "", slc, "3", &[3, 0]),
        ] {
            let item = item(address, value_type, dialect);
            let value = Value::parse(text, item.value_type).expect(text);
            assert_eq!(item.encode(&value).as_deref(), Ok(expected), "{address}");
            assert_eq!(item.decode(expected).expect(address).to_string(), text, "{address}");
        }
        let text = item("ST9:0", "", slc);
        let bytes = text.encode(&Value::text("Pumpe")).expect("fits");
        assert_eq!((bytes.len(), &bytes[..8]), (84, &[5, 0, b'u', b'P', b'p', b'm', 0, b'e'][..]));
        assert_eq!(text.decode(&bytes), Ok(Value::text("Pumpe")));
        assert_eq!(text.encode(&Value::text(&"x".repeat(83))), Err(ConvertError::Range));
    }

    #[test]
    fn bits_are_changed_under_a_mask() {
        let bit = item("N7:3/5", "", Dialect::Slc);
        assert_eq!((bit.start, bit.len), (3, 1));
        assert_eq!(bit.masks(&Value::Boolean(true)), Ok(vec![(0, 0x20, 0x20)]));
        assert_eq!(bit.decode(&[0x20, 0]), Ok(Value::Boolean(true)));
        let row = item("B3/30", "bool[4]", Dialect::Slc);
        assert_eq!((row.start, row.len), (1, 2));
        let value = Value::parse("[true, false, true, true]", row.value_type).expect("bits");
        assert_eq!(row.masks(&value), Ok(vec![(0, 0xC000, 0x4000), (1, 3, 3)]));
        assert_eq!(item("T4:2/DN", "", Dialect::Slc).start, 6);
        assert_eq!(item("L10:3/17", "", Dialect::Slc).start, 7);
    }

    #[test]
    fn places_are_words_of_the_file_and_slots_are_apart() {
        assert_eq!(item("T4:2.ACC", "", Dialect::Slc).start, 8);
        assert_eq!(item("F8:3", "", Dialect::Slc).start, 6);
        let (one, two) = (item("I:1.2", "", Dialect::Slc), item("I:2.2", "", Dialect::Slc));
        assert_eq!((one.start, two.start), (2, 2));
        assert_ne!(one.space(), two.space());
        assert_eq!(item("I:017", "", Dialect::Plc5).start, 15);
        let members = item("T4:0.ACC[3]", "", Dialect::Slc);
        assert_eq!((members.start, members.len, members.step), (2, 7, 3));
    }

    #[test]
    fn types_that_cannot_lie_somewhere_are_told() {
        for (address, value_type) in [
            ("N7:0", "string"),
            ("F8:0", "i16"),
            ("T4:0", "i16"),
            ("N7:0/1", "i16"),
            ("N7:0[3]", "i16[2]"),
            ("N7:0", "i16[2,2]"),
            ("T4:0/DN", "bool[3]"),
            ("N7:0", "bool"),
        ] {
            let address = Address::parse(address, Dialect::Slc).expect(address);
            let value_type = ValueType::parse(value_type).expect("type");
            assert!(Item::new(&address, value_type, Dialect::Slc).is_err(), "{address} {value_type}");
        }
        for (address, problem) in [("I:1", "an input cannot be f32"), ("N7:0", "an integer cannot be bool")] {
            let value_type = ValueType::parse(problem.rsplit(' ').next().expect("a type")).expect("type");
            let address = Address::parse(address, Dialect::Slc).expect(address);
            assert_eq!(Item::new(&address, value_type, Dialect::Slc).expect_err(problem).problem, problem);
        }
    }
}
