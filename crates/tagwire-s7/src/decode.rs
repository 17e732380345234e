//! From bytes as they came over the wire to a value.

use tagwire_model::{ArrayData, DataType, Status, Timestamp, Value};

use crate::clock;
use crate::form::Form;
use crate::item::Item;

const NANOS_PER_TICK: i64 = 100;

impl Item {
    /// The value in `data`, which begins with this item.
    ///
    /// # Errors
    /// The quality of a tag whose bytes are missing or hold no such value.
    pub fn decode(&self, data: &[u8]) -> Result<Value, Status> {
        if self.value_type.is_scalar() {
            return self.element(data, 0);
        }
        let n_elements = self.value_type.dims.n_elements().unwrap_or(0) as usize;
        if let Some(numbers) = self.numbers(data, n_elements) {
            return Value::array(self.value_type.dims, numbers).map_err(|_| Status::BAD_INTERNAL_ERROR);
        }
        let mut elements = ArrayData::empty(self.value_type.data_type);
        for idx in 0..n_elements {
            elements.push(self.element(data, idx)?).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
        }
        Value::array(self.value_type.dims, elements).map_err(|_| Status::BAD_INTERNAL_ERROR)
    }

    /// An array of plain numbers at once, which is many times faster than element by element; `None` for other forms, and
    /// when bytes are missing.
    fn numbers(&self, data: &[u8], n: usize) -> Option<ArrayData> {
        let bytes = data.get(..n * self.form.n_bytes() as usize)?;
        Some(match (self.form, self.value_type.data_type) {
            (Form::Byte | Form::USInt, DataType::UInt8) => ArrayData::UInt8(bytes.to_vec()),
            (Form::SInt, DataType::Int8) => ArrayData::Int8(bytes.iter().map(|byte| *byte as i8).collect()),
            (Form::Word | Form::UInt, DataType::UInt16) => ArrayData::UInt16(each(bytes, u16::from_be_bytes)),
            (Form::Int, DataType::Int16) => ArrayData::Int16(each(bytes, i16::from_be_bytes)),
            (Form::DWord | Form::UDInt, DataType::UInt32) => ArrayData::UInt32(each(bytes, u32::from_be_bytes)),
            (Form::DInt | Form::Time, DataType::Int32) => ArrayData::Int32(each(bytes, i32::from_be_bytes)),
            (Form::Real, DataType::Float) => ArrayData::Float(each(bytes, f32::from_be_bytes)),
            (Form::LWord | Form::ULInt, DataType::UInt64) => ArrayData::UInt64(each(bytes, u64::from_be_bytes)),
            (Form::LInt | Form::LTime, DataType::Int64) => ArrayData::Int64(each(bytes, i64::from_be_bytes)),
            (Form::LReal, DataType::Double) => ArrayData::Double(each(bytes, f64::from_be_bytes)),
            _ => return None,
        })
    }

    fn element(&self, data: &[u8], idx: usize) -> Result<Value, Status> {
        if self.form == Form::Bit {
            let bit = usize::from(self.bit) + idx;
            let byte = data.get(bit / 8).ok_or(Status::BAD_DECODING_ERROR)?;
            return Ok(Value::Boolean(byte >> (bit % 8) & 1 == 1));
        }
        let at = idx * self.form.n_bytes() as usize;
        let rest = data.get(at..).ok_or(Status::BAD_DECODING_ERROR)?;
        self.read(rest).ok_or(Status::BAD_DECODING_ERROR)?.ok_or(Status::BAD_OUT_OF_RANGE)
    }

    /// The element at the front: `None` when bytes are missing, `Some(None)` when they hold no such value.
    fn read(&self, data: &[u8]) -> Option<Option<Value>> {
        let data_type = self.value_type.data_type;
        let bits = |bits: u64| Some(Value::from_bits(data_type, bits));
        let milliseconds = |number: Option<u32>| {
            number.map(|number| match data_type {
                DataType::Double => Value::Double(f64::from(number)),
                _ => Value::UInt32(number),
            })
        };
        Some(match self.form {
            Form::Bit => None,
            Form::Byte | Form::USInt | Form::SInt => bits(u64::from(*data.first()?)),
            Form::Word | Form::Int | Form::UInt => bits(u64::from(word(data)?)),
            Form::DWord | Form::DInt | Form::UDInt | Form::Real => bits(u64::from(double(data)?)),
            Form::LWord | Form::LInt | Form::ULInt | Form::LReal => bits(quad(data)?),
            Form::Char => Some(latin(data.get(..1)?)),
            Form::WChar => Some(wide(data.get(..2)?)),
            Form::Text(len) => {
                let bytes = data.get(..usize::from(len))?;
                Some(if data_type == DataType::ByteString { Value::bytes(bytes) } else { plain(bytes) })
            }
            Form::String(most) => {
                let (header, text) = data.split_first_chunk::<2>()?;
                let text = text.get(..usize::from(most))?;
                text.get(..usize::from(header[1]).min(text.len())).map(latin)
            }
            Form::WString(most) => {
                let text = data.get(4..)?.get(..usize::from(most) * 2)?;
                let len = usize::from(word(data.get(2..)?)?).min(usize::from(most));
                text.get(..len * 2).map(wide)
            }
            Form::S5Time | Form::Timer => milliseconds(clock::from_s5time(word(data)?)),
            Form::Counter => clock::from_bcd3(word(data)?).map(Value::UInt16),
            Form::Bcd => clock::from_bcd(u32::from(word(data)?)).map(|number| Value::UInt16(number as u16)),
            Form::LongBcd => clock::from_bcd(double(data)?).map(Value::UInt32),
            Form::TimeOfDay => milliseconds(Some(double(data)?)),
            Form::Time => {
                let number = double(data)? as i32;
                Some(match data_type {
                    DataType::Double => Value::Double(f64::from(number)),
                    _ => Value::Int32(number),
                })
            }
            Form::LTime => nanoseconds(data_type, quad(data)? as i64 as f64, quad(data)?),
            Form::LTimeOfDay => nanoseconds(data_type, quad(data)? as f64, quad(data)?),
            Form::Date => Some(Value::DateTime(clock::from_date(word(data)?))),
            Form::DateAndTime => clock::from_date_and_time(data.first_chunk()?).map(Value::DateTime),
            Form::Dtl => clock::from_dtl(data.first_chunk()?).map(Value::DateTime),
            Form::LDateTime => {
                let ticks = (quad(data)? as i64).div_euclid(NANOS_PER_TICK);
                let epoch = Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS);
                Some(Value::DateTime(epoch.saturating_add_ticks(ticks)))
            }
        })
    }
}

/// Nanoseconds as they are, or as milliseconds where a double is declared.
fn nanoseconds(data_type: DataType, number: f64, bits: u64) -> Option<Value> {
    Some(match data_type {
        DataType::Double => Value::Double(number / 1e6),
        _ => Value::from_bits(data_type, bits),
    })
}

/// Every `N` bytes as a number.
fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| number(*chunk)).collect()
}

fn word(data: &[u8]) -> Option<u16> {
    data.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn double(data: &[u8]) -> Option<u32> {
    data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn quad(data: &[u8]) -> Option<u64> {
    data.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Latin-1, whose bytes are the first 256 characters of Unicode.
fn latin(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Value::text(text),
        _ => Value::text(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    }
}

/// UTF-16; halves of characters become the replacement character.
fn wide(bytes: &[u8]) -> Value {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    Value::text(&char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>())
}

/// Text that ends at the first zero.
fn plain(bytes: &[u8]) -> Value {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    latin(bytes.get(..end).unwrap_or_default())
}
