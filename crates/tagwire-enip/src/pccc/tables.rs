//! The memory of a simulated processor, and what it replies to commands. No I/O; time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tagwire_driver::AddressError;
use tagwire_driver::simulation::{On, Plain, Shape, duration};
use tagwire_model::{ConvertError, Value, ValueType};
use thiserror::Error;

use super::address::{Address, Dialect};
use super::command::{Command, MAX_DATA, Sts, Typed, decode_ascii, function};
use super::file::FileType;
use super::item::Item;
use crate::codec::Reader;

/// A data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Letters and number: `N7`.
    pub name: String,
    /// Number of elements; of inputs and outputs the number of slots.
    pub elements: u16,
    /// Words of each slot, for inputs and outputs.
    #[serde(default = "one")]
    pub words: u16,
}

/// A value that is there from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Where, in the grammar of tags.
    pub address: String,
    /// Declared type; that of the address when absent.
    #[serde(default, rename = "type")]
    pub value_type: Option<String>,
    /// The value.
    pub value: Plain,
}

/// A value that moves by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSignalConfig {
    /// Where, in the grammar of tags.
    pub address: String,
    /// Declared type, a number; that of the address when absent.
    #[serde(default, rename = "type")]
    pub value_type: Option<String>,
    /// How it moves.
    pub shape: Shape,
    /// Time of one round, for a counter of one step, as in `"10s"`.
    #[serde(deserialize_with = "duration")]
    pub period: Duration,
    /// Lowest value.
    #[serde(default)]
    pub low: f64,
    /// Highest value.
    #[serde(default = "hundred")]
    pub high: f64,
}

/// Elements that are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefuseDataConfig {
    /// First element, in the grammar of tags.
    pub address: String,
    /// Number of words.
    #[serde(default = "one_word")]
    pub count: u32,
    /// Extended status.
    #[serde(default = "nothing_there")]
    pub extended: u8,
    /// Which commands it concerns.
    #[serde(default)]
    pub on: On,
}

const fn one() -> u16 {
    1
}

const fn one_word() -> u32 {
    1
}

const fn hundred() -> f64 {
    100.0
}

const fn nothing_there() -> u8 {
    Sts::NOTHING_THERE.extended
}

/// A configuration that describes no data tables.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TablesError {
    /// A name that is no data file.
    #[error("\"{0}\" is no data file")]
    File(String),
    /// An address or a type cannot be used.
    #[error("address {address}: {error}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong.
        error: AddressError,
    },
    /// A value does not fit its address.
    #[error("address {address}: {error}")]
    Value {
        /// The address.
        address: String,
        /// What is wrong.
        error: ConvertError,
    },
    /// A type with an unknown name.
    #[error("\"{0}\" is no type")]
    Type(String),
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    space: u32,
    start: u32,
    end: u32,
    status: Sts,
    on: On,
}

#[derive(Clone, Copy, Debug)]
struct Signal {
    item: Item,
    shape: Shape,
    period: Duration,
    low: f64,
    high: f64,
}

/// Every data file of a processor.
#[derive(Clone, Debug, Default)]
pub struct DataTables {
    dialect: Dialect,
    /// By type, number and slot: the bytes of all words.
    files: BTreeMap<u32, Vec<u8>>,
    signals: Vec<Signal>,
    refused: Vec<Refused>,
}

impl DataTables {
    /// Data files of zeros, with values and signals.
    ///
    /// # Errors
    /// [`TablesError`] when the configuration describes none.
    pub fn new(
        dialect: Dialect,
        files: &[FileConfig],
        data: &[DataConfig],
        signals: &[DataSignalConfig],
    ) -> Result<Self, TablesError> {
        let mut tables = Self { dialect, ..Self::default() };
        for file in files {
            let address = Address::parse(&format!("{}:0", file.name), dialect)
                .map_err(|_| TablesError::File(file.name.clone()))?;
            let file_type = address.file_type;
            let has_slots = file_type.is_io() && dialect == Dialect::Slc;
            let n_slots = if has_slots { file.elements } else { 1 };
            let n_words = if has_slots { file.words.into() } else { u32::from(file.elements) * file_type.n_words() };
            for slot in 0..n_slots {
                tables.files.insert(space(file_type, address.file, slot), vec![0; n_words as usize * 2]);
            }
        }
        for one in data {
            let item = tables.item(&one.address, one.value_type.as_deref())?;
            let wrong = |error| TablesError::Value { address: one.address.clone(), error };
            let value = one.value.value(item.value_type).map_err(wrong)?;
            tables.store(&item, &value).map_err(wrong)?;
        }
        for one in signals {
            let item = tables.item(&one.address, one.value_type.as_deref())?;
            let start = Value::Double(one.shape.value(Duration::ZERO, one.period, one.low, one.high));
            let wrong = |error| TablesError::Value { address: one.address.clone(), error };
            tables.store(&item, &start).map_err(wrong)?;
            tables.signals.push(Signal { item, shape: one.shape, period: one.period, low: one.low, high: one.high });
        }
        Ok(tables)
    }

    /// Whether there is no data file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Replaces the words that are refused.
    ///
    /// # Errors
    /// [`TablesError::Address`] for an address that means nothing.
    pub fn set_refusals(&mut self, configs: &[RefuseDataConfig]) -> Result<(), TablesError> {
        let refused = |one: &RefuseDataConfig| {
            let item = self.item(&one.address, None)?;
            let (start, status) = (item.start, Sts::extended(one.extended));
            Ok(Refused { space: item.space(), start, end: start + one.count, status, on: one.on })
        };
        self.refused = configs.iter().map(refused).collect::<Result<_, TablesError>>()?;
        Ok(())
    }

    /// Sets the value at an address in the grammar of tags.
    ///
    /// # Errors
    /// [`TablesError`] when address or value do not fit.
    pub fn set(&mut self, address: &str, value: &Value) -> Result<(), TablesError> {
        let value_type = value.value_type().map(|value_type| value_type.to_string());
        let item = self.item(address, value_type.as_deref())?;
        self.store(&item, value).map_err(|error| TablesError::Value { address: address.to_owned(), error })
    }

    /// The value at an address; `None` when there is no such file or no such value.
    ///
    /// # Errors
    /// [`TablesError`] when the address means nothing.
    pub fn value(&self, address: &str, value_type: Option<&str>) -> Result<Option<Value>, TablesError> {
        let item = self.item(address, value_type)?;
        let bytes = self.files.get(&item.space()).and_then(|bytes| bytes.get(item.start as usize * 2..));
        Ok(bytes.and_then(|bytes| item.decode(bytes).ok()))
    }

    fn item(&self, address: &str, value_type: Option<&str>) -> Result<Item, TablesError> {
        let wrong = |error| TablesError::Address { address: address.to_owned(), error };
        let parsed = Address::parse(address, self.dialect).map_err(wrong)?;
        let value_type = match value_type {
            Some(name) => ValueType::parse(name).map_err(|_| TablesError::Type(name.to_owned()))?,
            None => parsed.default_type().unwrap_or(ValueType::scalar(tagwire_model::DataType::Int16)),
        };
        Item::new(&parsed, value_type, self.dialect).map_err(wrong)
    }

    fn store(&mut self, item: &Item, value: &Value) -> Result<(), ConvertError> {
        let Some(bytes) = self.files.get_mut(&item.space()) else { return Ok(()) };
        let masks = item.masks(value)?;
        for (word, mask, set) in &masks {
            change(bytes, (item.start + word) as usize, *mask, *set);
        }
        if masks.is_empty() {
            let data = item.encode(value)?;
            let n_element = item.form.n_words() as usize * 2;
            for (idx, element) in data.chunks(n_element).enumerate() {
                let at = (item.start + idx as u32 * item.step) as usize * 2;
                if let Some(place) = bytes.get_mut(at..at + element.len()) {
                    place.copy_from_slice(element);
                }
            }
        }
        Ok(())
    }

    /// Executes the command in the data of a request; appends the data of the answer. False when it is no command.
    pub fn execute(&mut self, data: &[u8], now: Duration, out: &mut Vec<u8>) -> bool {
        for idx in 0..self.signals.len() {
            let signal = self.signals[idx];
            let value = Value::Double(signal.shape.value(now, signal.period, signal.low, signal.high));
            // The type was checked when the signal was taken in.
            let _ = self.store(&signal.item, &value);
        }
        let Ok(command) = Command::decode(data) else { return false };
        if !command.is_known() {
            command.reply(Sts::ILLEGAL_COMMAND, &[], out);
            return true;
        }
        let mut found = Vec::new();
        match self.function(&command, &mut found) {
            Ok(()) => command.reply(Sts::SUCCESS, &found, out),
            Err(status) => command.reply(status, &[], out),
        }
        true
    }

    fn function(&mut self, command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), Sts> {
        let malformed = Sts::ILLEGAL_COMMAND;
        match command.function {
            function::TYPED_READ => {
                let (typed, _) = Typed::decode(command.data).map_err(|_| malformed)?;
                out.extend_from_slice(self.typed(&typed, usize::from(typed.size), On::Read)?);
            }
            function::TYPED_WRITE => {
                let (typed, data) = Typed::decode(command.data).map_err(|_| malformed)?;
                if data.len() != usize::from(typed.size) {
                    return Err(malformed);
                }
                self.typed(&typed, data.len(), On::Write)?.copy_from_slice(data);
            }
            function::MASKED_WRITE => {
                let (typed, rest) = Typed::decode(command.data).map_err(|_| malformed)?;
                let (mask, data) = rest.split_first_chunk::<2>().ok_or(malformed)?;
                let place = self.typed(&typed, data.len(), On::Write)?;
                for (idx, byte) in data.iter().enumerate() {
                    let mask = mask[idx % 2];
                    place[idx] = place[idx] & !mask | byte & mask;
                }
            }
            function::WORD_RANGE_READ | function::WORD_RANGE_WRITE => {
                let mut reader = Reader::new(command.data, "word range");
                let (offset, total) = (reader.u16().map_err(|_| malformed)?, reader.u16().map_err(|_| malformed)?);
                let (address, rest) = decode_ascii(reader.rest()).map_err(|_| malformed)?;
                let is_read = command.function == function::WORD_RANGE_READ;
                let n_bytes = if is_read { usize::from(*rest.first().ok_or(malformed)?) } else { rest.len() };
                if n_bytes > usize::from(total) * 2 {
                    return Err(malformed);
                }
                let on = if is_read { On::Read } else { On::Write };
                let place = self.logical(address, u32::from(offset), n_bytes, on)?;
                if is_read { out.extend_from_slice(place) } else { place.copy_from_slice(rest) }
            }
            function::READ_MODIFY_WRITE => {
                let (address, masks) = decode_ascii(command.data).map_err(|_| malformed)?;
                let [a1, a2, o1, o2] = *masks else { return Err(malformed) };
                let place = self.logical(address, 0, 2, On::Write)?;
                for (byte, (and, or)) in place.iter_mut().zip([(a1, o1), (a2, o2)]) {
                    *byte = *byte & and | or;
                }
            }
            _ => return Err(malformed),
        }
        Ok(())
    }

    fn typed(&mut self, typed: &Typed, n_bytes: usize, on: On) -> Result<&mut [u8], Sts> {
        let file_type = FileType::from_code(typed.file_type).ok_or(Sts::NOTHING_THERE)?;
        let file = u8::try_from(typed.file).map_err(|_| Sts::NOTHING_THERE)?;
        let (slot, element) = if file_type.is_io() { (typed.element, 0) } else { (0, typed.element) };
        let start = u32::from(element) * file_type.n_words() + u32::from(typed.sub);
        self.place(space(file_type, file, slot), start, n_bytes, on)
    }

    fn logical(&mut self, address: &str, offset: u32, n_bytes: usize, on: On) -> Result<&mut [u8], Sts> {
        let address = Address::parse(address, Dialect::Plc5).map_err(|_| Sts::NOTHING_THERE)?;
        let start = u32::from(address.element) * address.file_type.n_words() + u32::from(address.sub) + offset;
        self.place(space(address.file_type, address.file, 0), start, n_bytes, on)
    }

    fn place(&mut self, key: u32, start: u32, n_bytes: usize, on: On) -> Result<&mut [u8], Sts> {
        let end = start + n_bytes.div_ceil(2) as u32;
        let refused = self.refused.iter().find(|refused| {
            refused.on.concerns(on) && refused.space == key && refused.start < end && start < refused.end
        });
        if let Some(refused) = refused {
            return Err(refused.status);
        }
        let bytes = self.files.get_mut(&key).ok_or(Sts::NOTHING_THERE)?;
        if n_bytes == 0 || n_bytes > MAX_DATA {
            return Err(Sts::BEYOND_END);
        }
        let at = start as usize * 2;
        bytes.get_mut(at..at + n_bytes).ok_or(Sts::BEYOND_END)
    }
}

fn change(bytes: &mut [u8], word: usize, mask: u16, set: u16) {
    if let Some(place) = bytes.get_mut(word * 2..word * 2 + 2) {
        let old = u16::from_le_bytes([place[0], place[1]]);
        place.copy_from_slice(&(old & !mask | set).to_le_bytes());
    }
}

fn space(file_type: FileType, file: u8, slot: u16) -> u32 {
    u32::from(file_type.code()) << 24 | u32::from(file) << 16 | u32::from(slot)
}
