//! From a value to units as they go over the wire.

use tagwire_model::{ConvertError, DataType, Timestamp, Value};

use crate::address::{Code, Packing};
use crate::decode::bit_mask;
use crate::item::{Item, Storage};

/// Which bits of which register a write of bits changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The register on the wire.
    pub register: u16,
    /// Bits that stay.
    pub and: u16,
    /// State of the others.
    pub or: u16,
}

impl Item {
    /// The units of a value: register bytes, or packed bits for coils. Not for [`Storage::Bits`], whose registers hold
    /// other things as well: [`Item::masks`].
    ///
    /// # Errors
    /// [`ConvertError`] when the value has another type or does not fit the storage.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, ConvertError> {
        let value = value.convert(self.value_type)?;
        let n_bytes = if self.table.is_bits() { self.len.div_ceil(8) } else { self.len * 2 };
        let mut out = Vec::with_capacity(n_bytes as usize);
        let mut bits = Packer::default();
        self.each_element(&value, |element| match self.storage {
            Storage::Coil => bits.push(&mut out, 1, truth(element)?),
            Storage::Coils(n) => {
                let (_, number) = element.to_bits().ok_or(ConvertError::Type)?;
                if number >> n != 0 {
                    return Err(ConvertError::Range);
                }
                bits.push(&mut out, n, number)
            }
            _ => self.registers(element, &mut out),
        })?;
        Ok(out)
    }

    /// The changes to registers that set the bits of a value; empty unless the storage is [`Storage::Bits`].
    ///
    /// # Errors
    /// [`ConvertError`] when the value has another type.
    pub fn masks(&self, value: &Value) -> Result<Vec<Mask>, ConvertError> {
        let Storage::Bits { first, modicon } = self.storage else { return Ok(Vec::new()) };
        let value = value.convert(self.value_type)?;
        let mut masks: Vec<Mask> = Vec::new();
        let mut bit = usize::from(first);
        self.each_element(&value, |element| {
            let on = truth(element)? != 0;
            let register = (usize::from(self.start) + bit / 16) as u16;
            let mask = self.order.word(bit_mask(bit % 16, modicon));
            if masks.last().is_none_or(|last| last.register != register) {
                masks.push(Mask { register, and: 0xFFFF, or: 0 });
            }
            if let Some(last) = masks.last_mut() {
                last.and &= !mask;
                last.or |= if on { mask } else { 0 };
            }
            bit += 1;
            Ok(())
        })?;
        Ok(masks)
    }

    fn each_element(
        &self,
        value: &Value,
        mut put: impl FnMut(&Value) -> Result<(), ConvertError>,
    ) -> Result<(), ConvertError> {
        let Value::Array(array) = value else { return put(value) };
        for idx in 0..array.data().len() {
            put(&array.data().element(idx).ok_or(ConvertError::Dimensions)?)?;
        }
        Ok(())
    }

    fn registers(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        let bits = || value.to_bits().map(|(_, bits)| bits).ok_or(ConvertError::Type);
        match self.storage {
            Storage::Flag => out.extend_from_slice(&(truth(value)? as u16).to_be_bytes()),
            Storage::Byte | Storage::Word => self.put_word(bits()? as u16, out),
            Storage::Double => self.put_double(bits()? as u32, out),
            Storage::Quad => self.put_quad(bits()?, out),
            Storage::Coded(code) => self.put_coded(code, value, out)?,
            Storage::Text(len, packing) => text(value, usize::from(len), packing, out)?,
            Storage::Coil | Storage::Coils(_) | Storage::Bits { .. } => return Err(ConvertError::Type),
        }
        Ok(())
    }

    fn put_word(&self, value: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.order.word(value).to_be_bytes());
    }

    fn put_double(&self, value: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.order.double(value).to_be_bytes());
    }

    fn put_quad(&self, value: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.order.quad(value).to_be_bytes());
    }

    fn put_coded(&self, code: Code, value: &Value, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        match code {
            Code::Bcd => self.put_word(to_bcd(to_number(value, 9_999)?) as u16, out),
            Code::LongBcd => self.put_double(to_bcd(to_number(value, 99_999_999)?), out),
            Code::Decimal => {
                let number = to_number(value, 99_999_999)?;
                self.put_double(((number / 10_000) << 16) | (number % 10_000), out);
            }
            Code::Unix32 => {
                let seconds = to_unix(value, Timestamp::TICKS_PER_SECOND)?;
                self.put_double(u32::try_from(seconds).map_err(|_| ConvertError::Range)?, out);
            }
            Code::Unix64 => self.put_quad(to_unix(value, Timestamp::TICKS_PER_SECOND)? as u64, out),
            Code::UnixMillis => self.put_quad(to_unix(value, Timestamp::TICKS_PER_MILLISECOND)? as u64, out),
            Code::Ticks | Code::Plain(_) => match value {
                Value::DateTime(time) => self.put_quad(time.ticks() as u64, out),
                _ => return Err(ConvertError::Type),
            },
        }
        Ok(())
    }
}

/// Packs bits into bytes, first one least significant.
#[derive(Default)]
struct Packer {
    n: usize,
}

impl Packer {
    fn push(&mut self, out: &mut Vec<u8>, n: u8, bits: u64) -> Result<(), ConvertError> {
        for idx in 0..n {
            if self.n.is_multiple_of(8) {
                out.push(0);
            }
            if let Some(last) = out.last_mut() {
                *last |= ((bits >> idx & 1) as u8) << (self.n % 8);
            }
            self.n += 1;
        }
        Ok(())
    }
}

fn truth(value: &Value) -> Result<u64, ConvertError> {
    match value {
        Value::Boolean(on) => Ok(u64::from(*on)),
        _ => Err(ConvertError::Type),
    }
}

fn to_number(value: &Value, highest: u32) -> Result<u32, ConvertError> {
    match value.convert(tagwire_model::ValueType::scalar(DataType::UInt32))? {
        Value::UInt32(number) if number <= highest => Ok(number),
        _ => Err(ConvertError::Range),
    }
}

fn to_bcd(number: u32) -> u32 {
    (0..8).fold((0, number), |(packed, rest), idx| (packed | (rest % 10) << (idx * 4), rest / 10)).0
}

fn to_unix(value: &Value, ticks_per_unit: i64) -> Result<i64, ConvertError> {
    match value {
        Value::DateTime(time) => {
            let ticks = time.ticks().checked_sub(Timestamp::UNIX_EPOCH_TICKS).ok_or(ConvertError::Range)?;
            Ok(ticks.div_euclid(ticks_per_unit))
        }
        _ => Err(ConvertError::Type),
    }
}

fn text(value: &Value, len: usize, packing: Packing, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let bytes = match value {
        Value::String(text) => text.as_bytes(),
        // A device gives back all bytes, so a shorter value would come back as another one.
        Value::ByteString(bytes) if bytes.len() < len => return Err(ConvertError::Range),
        Value::ByteString(bytes) => bytes,
        _ => return Err(ConvertError::Type),
    };
    if bytes.len() > len {
        return Err(ConvertError::Range);
    }
    let byte = |idx: usize| bytes.get(idx).copied().unwrap_or(0);
    for register in 0..packing.n_registers(len as u32) as usize {
        out.extend_from_slice(&match packing {
            Packing::HighFirst => [byte(register * 2), byte(register * 2 + 1)],
            Packing::LowFirst => [byte(register * 2 + 1), byte(register * 2)],
            Packing::LowOnly => [0, byte(register)],
            Packing::HighOnly => [byte(register), 0],
        });
    }
    Ok(())
}
