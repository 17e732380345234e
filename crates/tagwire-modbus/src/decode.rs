//! From units as they came over the wire to a value.

use tagwire_model::{ArrayData, DataType, Status, Timestamp, Value};

use crate::address::{Code, Packing};
use crate::codec::word;
use crate::item::{Item, Storage};

impl Item {
    /// The value in `data`, an answer's data (register bytes or packed bits) in which this item begins at unit `at`.
    ///
    /// # Errors
    /// The quality of a tag whose units are missing or hold no such value.
    pub fn decode(&self, data: &[u8], at: usize) -> Result<Value, Status> {
        if self.value_type.is_scalar() {
            return self.element(data, at, 0);
        }
        let n_elements = self.value_type.dims.n_elements().unwrap_or(0) as usize;
        let mut elements = ArrayData::empty(self.value_type.data_type);
        for idx in 0..n_elements {
            elements.push(self.element(data, at, idx)?).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
        }
        Value::array(self.value_type.dims, elements).map_err(|_| Status::BAD_INTERNAL_ERROR)
    }

    fn element(&self, data: &[u8], at: usize, idx: usize) -> Result<Value, Status> {
        let data_type = self.value_type.data_type;
        if let Storage::Bits { first, modicon } = self.storage {
            let bit = usize::from(first) + idx;
            let register = self.order.word(word(data, (at + bit / 16) * 2).ok_or(Status::BAD_DECODING_ERROR)?);
            return Ok(Value::Boolean(register & bit_mask(bit % 16, modicon) != 0));
        }
        let at = at + idx * self.storage.n_units() as usize;
        let read = match self.storage {
            Storage::Coil => bits(data, at, 1).map(|bits| Ok(Value::Boolean(bits != 0))),
            Storage::Coils(n) => bits(data, at, usize::from(n)).map(|bits| Ok(Value::from_bits(data_type, bits))),
            Storage::Flag => word(data, at * 2).map(|register| Ok(Value::Boolean(register != 0))),
            Storage::Byte => self.word(data, at).map(|register| byte(data_type, register)),
            Storage::Word => self.word(data, at).map(|register| Ok(Value::from_bits(data_type, u64::from(register)))),
            Storage::Double => self.double(data, at).map(|value| Ok(Value::from_bits(data_type, u64::from(value)))),
            Storage::Quad => self.quad(data, at).map(|value| Ok(Value::from_bits(data_type, value))),
            Storage::Coded(code) => self.coded(data, at, code),
            Storage::Text(len, packing) => text(data, at, usize::from(len), packing, data_type).map(Ok),
            Storage::Bits { .. } => None,
        };
        read.unwrap_or(Err(Status::BAD_DECODING_ERROR))
    }

    fn word(&self, data: &[u8], at: usize) -> Option<u16> {
        word(data, at * 2).map(|register| self.order.word(register))
    }

    fn double(&self, data: &[u8], at: usize) -> Option<u32> {
        let bytes = data.get(at * 2..)?.first_chunk::<4>()?;
        Some(self.order.double(u32::from_be_bytes(*bytes)))
    }

    fn quad(&self, data: &[u8], at: usize) -> Option<u64> {
        let bytes = data.get(at * 2..)?.first_chunk::<8>()?;
        Some(self.order.quad(u64::from_be_bytes(*bytes)))
    }

    fn coded(&self, data: &[u8], at: usize, code: Code) -> Option<Result<Value, Status>> {
        let data_type = self.value_type.data_type;
        let number = |number: Option<u32>| number.map(|n| from_number(data_type, n)).ok_or(Status::BAD_OUT_OF_RANGE);
        let seconds = |seconds: i64| from_unix(seconds, Timestamp::TICKS_PER_SECOND);
        Some(match code {
            Code::Bcd => number(from_bcd(u32::from(self.word(data, at)?))),
            Code::LongBcd => number(from_bcd(self.double(data, at)?)),
            Code::Decimal => {
                let (high, low) = {
                    let double = self.double(data, at)?;
                    (double >> 16, double & 0xFFFF)
                };
                number((high < 10_000 && low < 10_000).then(|| high * 10_000 + low))
            }
            Code::Unix32 => seconds(i64::from(self.double(data, at)?)),
            Code::Unix64 => seconds(self.quad(data, at)? as i64),
            Code::UnixMillis => from_unix(self.quad(data, at)? as i64, Timestamp::TICKS_PER_MILLISECOND),
            Code::Ticks | Code::Plain(_) => Ok(Value::DateTime(Timestamp::from_ticks(self.quad(data, at)? as i64))),
        })
    }
}

/// The mask of a bit of a register; `bit` counts from the least significant one, or from the other end.
pub(crate) const fn bit_mask(bit: usize, modicon: bool) -> u16 {
    if modicon { 0x8000 >> bit } else { 1 << bit }
}

/// Up to 16 packed bits beginning at bit `at`, first one least significant.
fn bits(data: &[u8], at: usize, n: usize) -> Option<u64> {
    let mut bits = 0;
    for idx in 0..n {
        let byte = data.get((at + idx) / 8)?;
        bits |= u64::from(byte >> ((at + idx) % 8) & 1) << idx;
    }
    Some(bits)
}

/// An 8-bit number that a device may have sign-extended or not.
fn byte(data_type: DataType, register: u16) -> Result<Value, Status> {
    match (data_type, register) {
        (DataType::Int8, 0x0000..=0x00FF | 0xFF80..=0xFFFF) => Ok(Value::Int8(register as i8)),
        (DataType::UInt8, 0x0000..=0x00FF) => Ok(Value::UInt8(register as u8)),
        _ => Err(Status::BAD_OUT_OF_RANGE),
    }
}

fn from_number(data_type: DataType, number: u32) -> Value {
    match data_type {
        DataType::Float => Value::Float(number as f32),
        DataType::Double => Value::Double(f64::from(number)),
        _ => Value::from_bits(data_type, u64::from(number)),
    }
}

/// Eight decimal digits; `None` when a half byte is no digit.
fn from_bcd(packed: u32) -> Option<u32> {
    (0..8)
        .rev()
        .map(|idx| packed >> (idx * 4) & 15)
        .try_fold(0_u32, |number, digit| (digit < 10).then_some(number * 10 + digit))
}

fn from_unix(time: i64, ticks_per_unit: i64) -> Result<Value, Status> {
    time.checked_mul(ticks_per_unit)
        .and_then(|ticks| ticks.checked_add(Timestamp::UNIX_EPOCH_TICKS))
        .map(|ticks| Value::DateTime(Timestamp::from_ticks(ticks)))
        .ok_or(Status::BAD_OUT_OF_RANGE)
}

fn text(data: &[u8], at: usize, len: usize, packing: Packing, data_type: DataType) -> Option<Value> {
    let registers = data.get(at * 2..)?.get(..packing.n_registers(len as u32) as usize * 2)?;
    let swapped: Vec<u8>;
    let bytes = match packing {
        Packing::HighFirst => registers.get(..len)?,
        Packing::LowFirst => {
            swapped = registers.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).take(len).collect();
            &swapped
        }
        Packing::LowOnly | Packing::HighOnly => {
            let skip = usize::from(packing == Packing::LowOnly);
            swapped = registers.iter().skip(skip).step_by(2).copied().collect();
            &swapped
        }
    };
    if data_type == DataType::ByteString {
        return Some(Value::bytes(bytes));
    }
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end)?;
    Some(match str::from_utf8(bytes) {
        Ok(text) => Value::text(text),
        // Devices older than UTF-8 speak Latin-1, whose bytes are the first 256 characters of Unicode.
        Err(_) => Value::text(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    })
}
