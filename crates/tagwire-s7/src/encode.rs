//! From a value to bytes as they go over the wire.

use tagwire_model::{ConvertError, Timestamp, Value, ValueType};

use crate::clock;
use crate::form::Form;
use crate::item::Item;

impl Item {
    /// Puts a value into `data`, which holds the bytes of the item as they are now; what does not matter may be zeros.
    /// The header of a text says how long it may become, and stays; a header of 0 gets the declared length.
    ///
    /// Returns how many of the first bytes have to be written; those behind have not changed.
    ///
    /// # Errors
    /// [`ConvertError`] when the value has another type or does not fit.
    pub fn encode(&self, value: &Value, data: &mut [u8]) -> Result<usize, ConvertError> {
        let value = value.convert(self.value_type)?;
        let Value::Array(array) = &value else { return self.put(&value, data, 0) };
        let mut used = 0;
        for idx in 0..array.data().len() {
            used = self.put(&array.data().element(idx).ok_or(ConvertError::Dimensions)?, data, idx)?;
        }
        Ok(used)
    }

    /// The bits of a value, for [`Form::Bit`].
    ///
    /// # Errors
    /// [`ConvertError`] when the value has another type.
    pub fn bits(&self, value: &Value) -> Result<Vec<bool>, ConvertError> {
        let truth = |value: &Value| match value {
            Value::Boolean(on) => Ok(*on),
            _ => Err(ConvertError::Type),
        };
        let value = value.convert(self.value_type)?;
        let Value::Array(array) = &value else { return Ok(vec![truth(&value)?]) };
        (0..array.data().len())
            .map(|idx| array.data().element(idx).ok_or(ConvertError::Dimensions).and_then(|value| truth(&value)))
            .collect()
    }

    /// Puts one element; returns where it ends.
    fn put(&self, value: &Value, data: &mut [u8], idx: usize) -> Result<usize, ConvertError> {
        if self.form == Form::Bit {
            let bit = usize::from(self.bit) + idx;
            let byte = data.get_mut(bit / 8).ok_or(ConvertError::Dimensions)?;
            let mask = 1 << (bit % 8);
            *byte = if *value == Value::Boolean(true) { *byte | mask } else { *byte & !mask };
            return Ok(bit / 8 + 1);
        }
        let at = idx * self.form.n_bytes() as usize;
        let rest = data.get_mut(at..).ok_or(ConvertError::Dimensions)?;
        let bits = || value.to_bits().map(|(_, bits)| bits).ok_or(ConvertError::Type);
        let used = match self.form {
            Form::Bit => Some(0),
            Form::Byte | Form::USInt | Form::SInt => copy(rest, &[bits()? as u8]),
            Form::Word | Form::Int | Form::UInt => copy(rest, &(bits()? as u16).to_be_bytes()),
            Form::DWord | Form::DInt | Form::UDInt | Form::Real => copy(rest, &(bits()? as u32).to_be_bytes()),
            Form::LWord | Form::LInt | Form::ULInt | Form::LReal => copy(rest, &bits()?.to_be_bytes()),
            Form::Char => put_text(rest, 1, &latin(value)?),
            Form::WChar => put_text(rest, 2, &exactly(wide(value)?, 2)?),
            Form::Text(len) => {
                let bytes = match value {
                    // A CPU gives back all bytes, so a shorter value would come back as another one.
                    Value::ByteString(bytes) => exactly(bytes.to_vec(), len.into())?,
                    value => latin(value)?,
                };
                put_text(rest, len.into(), &bytes)
            }
            Form::String(most) => put_string(rest, most, &latin(value)?)?,
            Form::WString(most) => put_wstring(rest, most, &wide(value)?)?,
            Form::S5Time | Form::Timer => {
                let word = clock::to_s5time(milliseconds(value)?).ok_or(ConvertError::Range)?;
                copy(rest, &word.to_be_bytes())
            }
            Form::Counter => {
                let number = bits()? as u16;
                if number > 999 {
                    return Err(ConvertError::Range);
                }
                copy(rest, &clock::to_bcd3(number).to_be_bytes())
            }
            Form::Bcd => {
                let digits = clock::to_bcd(bits()? as u32).and_then(|digits| u16::try_from(digits).ok());
                copy(rest, &digits.ok_or(ConvertError::Range)?.to_be_bytes())
            }
            Form::LongBcd => copy(rest, &clock::to_bcd(bits()? as u32).ok_or(ConvertError::Range)?.to_be_bytes()),
            Form::Time => match value {
                Value::Double(number) => copy(rest, &(integer(*number, "i32")? as i32).to_be_bytes()),
                _ => copy(rest, &(bits()? as u32).to_be_bytes()),
            },
            Form::TimeOfDay => {
                let of_day = Some(milliseconds(value)?).filter(|number| *number < 86_400_000);
                copy(rest, &of_day.ok_or(ConvertError::Range)?.to_be_bytes())
            }
            Form::LTime | Form::LTimeOfDay => match value {
                Value::Double(number) if self.form == Form::LTime => {
                    copy(rest, &(integer(number * 1e6, "i64")? as i64).to_be_bytes())
                }
                Value::Double(number) => copy(rest, &(integer(number * 1e6, "u64")? as u64).to_be_bytes()),
                _ => copy(rest, &bits()?.to_be_bytes()),
            },
            Form::Date => copy(rest, &clock::to_date(time(value)?).ok_or(ConvertError::Range)?.to_be_bytes()),
            Form::DateAndTime => copy(rest, &clock::to_date_and_time(time(value)?).ok_or(ConvertError::Range)?),
            Form::Dtl => copy(rest, &clock::to_dtl(time(value)?).ok_or(ConvertError::Range)?),
            Form::LDateTime => {
                let ticks = time(value)?.ticks_since(Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS));
                copy(rest, &ticks.checked_mul(100).ok_or(ConvertError::Range)?.to_be_bytes())
            }
        };
        used.map(|used| at + used).ok_or(ConvertError::Range)
    }
}

/// Copies bytes to the front; `None` when they do not fit.
fn copy(to: &mut [u8], from: &[u8]) -> Option<usize> {
    to.get_mut(..from.len())?.copy_from_slice(from);
    Some(from.len())
}

/// Copies a text to the front and fills `len` bytes up with zeros.
fn put_text(to: &mut [u8], len: usize, text: &[u8]) -> Option<usize> {
    let place = to.get_mut(..len)?;
    place.fill(0);
    copy(place, text)?;
    Some(len)
}

/// As long as the header in the CPU allows, whatever was declared.
fn room(header: u16, declared: u16, len: usize) -> Result<u16, ConvertError> {
    let most = if header == 0 { declared } else { header.min(declared) };
    if len <= usize::from(most) { Ok(if header == 0 { declared } else { header }) } else { Err(ConvertError::Range) }
}

fn put_string(to: &mut [u8], declared: u16, text: &[u8]) -> Result<Option<usize>, ConvertError> {
    let header = to.first().copied().unwrap_or(0);
    let most = room(header.into(), declared, text.len())?;
    Ok(copy(to, &[&[most as u8, text.len() as u8], text].concat()))
}

fn put_wstring(to: &mut [u8], declared: u16, text: &[u8]) -> Result<Option<usize>, ConvertError> {
    let header = to.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
    let len = text.len() / 2;
    let most = room(header, declared, len)?;
    Ok(copy(to, &[&most.to_be_bytes(), &(len as u16).to_be_bytes(), text].concat()))
}

fn latin(value: &Value) -> Result<Vec<u8>, ConvertError> {
    let Value::String(text) = value else { return Err(ConvertError::Type) };
    text.chars().map(|c| u8::try_from(c).map_err(|_| ConvertError::Range)).collect()
}

fn wide(value: &Value) -> Result<Vec<u8>, ConvertError> {
    let Value::String(text) = value else { return Err(ConvertError::Type) };
    Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect())
}

fn exactly(bytes: Vec<u8>, len: usize) -> Result<Vec<u8>, ConvertError> {
    if bytes.len() == len { Ok(bytes) } else { Err(ConvertError::Range) }
}

fn time(value: &Value) -> Result<Timestamp, ConvertError> {
    match value {
        Value::DateTime(time) => Ok(*time),
        _ => Err(ConvertError::Type),
    }
}

fn milliseconds(value: &Value) -> Result<u32, ConvertError> {
    match value {
        Value::UInt32(number) => Ok(*number),
        Value::Double(number) => Ok(integer(*number, "u32")? as u32),
        _ => Err(ConvertError::Type),
    }
}

/// A rounded number that fits an integer type.
fn integer(number: f64, type_name: &str) -> Result<i128, ConvertError> {
    let wanted = ValueType::parse(type_name).map_err(|_| ConvertError::Type)?;
    Value::Double(number).convert(wanted)?.as_i128().ok_or(ConvertError::Type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    fn item(address: &str, value_type: &str) -> Item {
        let address = Address::parse(address).unwrap_or_else(|e| panic!("{address}: {}", e.problem));
        let value_type = if value_type.is_empty() {
            address.default_type()
        } else {
            ValueType::parse(value_type).expect(value_type)
        };
        Item::new(&address, value_type).unwrap_or_else(|e| panic!("{}: {}", e.problem, e.fix))
    }

    fn bytes(item: &Item, text: &str) -> Result<Vec<u8>, ConvertError> {
        let value = Value::parse(text, item.value_type).expect(text);
        let mut data = vec![0; item.n_bytes()];
        let used = item.encode(&value, &mut data)?;
        data.truncate(used);
        Ok(data)
    }

    #[test]
    fn every_form_has_its_bytes_and_comes_back() {
        let cases: &[(&str, &str, &str, &[u8])] = &[
            ("DB1,X0.3", "", "true", &[8]),
            ("DB1,X0.6", "bool[3]", "[true, false, true]", &[0x40, 1]),
            ("DB1,B0", "", "200", &[200]),
            ("DB1,B0", "i8", "-2", &[0xFE]),
            ("DB1,SINT0", "", "-128", &[0x80]),
            ("DB1,USINT0", "", "255", &[255]),
            ("DB1,W0", "", "4660", &[0x12, 0x34]),
            ("DB1,W0", "i16", "-2", &[0xFF, 0xFE]),
            ("DB1,INT0", "", "-12345", &[0xCF, 0xC7]),
            ("DB1,UINT0", "", "65535", &[255, 255]),
            ("DB1,D0", "", "305419896", &[0x12, 0x34, 0x56, 0x78]),
            ("DB1,D0", "f32", "12.5", &[0x41, 0x48, 0, 0]),
            ("DB1,DINT0", "", "-2", &[255, 255, 255, 254]),
            ("DB1,UDINT0", "", "1", &[0, 0, 0, 1]),
            ("DB1,L0", "", "72623859790382856", &[1, 2, 3, 4, 5, 6, 7, 8]),
            ("DB1,L0", "f64", "1", &[0x3F, 0xF0, 0, 0, 0, 0, 0, 0]),
            ("DB1,LINT0", "", "-1", &[255; 8]),
            ("DB1,ULINT0", "", "1", &[0, 0, 0, 0, 0, 0, 0, 1]),
            ("DB1,REAL0", "", "-0.5", &[0xBF, 0, 0, 0]),
            ("DB1,LREAL0", "", "-2", &[0xC0, 0, 0, 0, 0, 0, 0, 0]),
            ("DB1,CHAR0", "", "ä", &[0xE4]),
            ("DB1,CHAR0", "u8", "65", &[65]),
            ("DB1,WCHAR0", "", "€", &[0x20, 0xAC]),
            ("DB1,CHAR0[6]", "", "Pump", b"Pump\0\0"),
            ("DB1,CHAR0.4", "", "Pump", b"Pump"),
            ("DB1,S0.4", "bytes", "DEAD00FF", &[0xDE, 0xAD, 0, 0xFF]),
            ("DB1,B0[2]", "bytes", "DEAD", &[0xDE, 0xAD]),
            ("DB1,STRING0.10", "", "Pümp", &[10, 4, b'P', 0xFC, b'm', b'p']),
            ("DB1,WSTRING0.10", "", "5 €", &[0, 10, 0, 3, 0, b'5', 0, b' ', 0x20, 0xAC]),
            ("DB1,STRING0.3[2]", "string[2]", "[a, bc]", &[3, 1, b'a', 0, 0, 0, 3, 2, b'b', b'c']),
            ("DB1,S5TIME0", "", "2500", &[0x02, 0x50]),
            ("DB1,S5TIME0", "f64", "2500", &[0x02, 0x50]),
            ("DB1,BCD0", "", "9876", &[0x98, 0x76]),
            ("DB1,LBCD0", "", "12345678", &[0x12, 0x34, 0x56, 0x78]),
            ("DB1,BCD0[2]", "", "[1, 10]", &[0, 1, 0, 0x10]),
            ("DB1,TIME0", "", "-1000", &[255, 255, 0xFC, 0x18]),
            ("DB1,TIME0", "f64", "1000", &[0, 0, 3, 0xE8]),
            ("DB1,LTIME0", "", "1000", &[0, 0, 0, 0, 0, 0, 3, 0xE8]),
            ("DB1,LTIME0", "f64", "-0.001", &[255, 255, 255, 255, 255, 255, 0xFC, 0x18]),
            ("DB1,DATE0", "", "1990-01-03T00:00:00Z", &[0, 2]),
            ("DB1,TOD0", "", "86399999", &[0x05, 0x26, 0x5B, 0xFF]),
            ("DB1,LTOD0", "", "1", &[0, 0, 0, 0, 0, 0, 0, 1]),
            ("DB1,DT0", "", "2023-12-31T23:59:58.123Z", &[0x23, 0x12, 0x31, 0x23, 0x59, 0x58, 0x12, 0x31]),
            ("DB1,LDT0", "", "1970-01-01T00:00:00.0000001Z", &[0, 0, 0, 0, 0, 0, 0, 100]),
            ("DB1,DTL0", "", "2024-02-29T00:00:01Z", &[7, 0xE8, 2, 29, 5, 0, 0, 1, 0, 0, 0, 0]),
            ("T5", "", "2500", &[0x02, 0x50]),
            ("C5", "", "123", &[0x01, 0x23]),
            ("DB1,INT0[2][2]", "", "[[1, 2], [3, 4]]", &[0, 1, 0, 2, 0, 3, 0, 4]),
        ];
        for (address, value_type, text, expected) in cases {
            let item = item(address, value_type);
            assert_eq!(bytes(&item, text).as_deref(), Ok(*expected), "{address}");
            let mut data = vec![0; item.n_bytes()];
            data[..expected.len()].copy_from_slice(expected);
            assert_eq!(item.decode(&data).expect(address).to_string(), *text, "{address}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (address, text) in [
            ("C5", "1000"),
            ("DB1,BCD0", "10000"),
            ("DB1,LBCD0", "100000000"),
            ("T5", "10000000"),
            ("DB1,STRING0.3", "abcd"),
            ("DB1,STRING0.9", "5 €"),
            ("DB1,CHAR0", "ab"),
            ("DB1,WCHAR0", "ab"),
            ("DB1,TOD0", "86400000"),
            ("DB1,DATE0", "1989-12-31"),
            ("DB1,DT0", "2090-01-01"),
        ] {
            assert_eq!(bytes(&item(address, ""), text), Err(ConvertError::Range), "{address} {text}");
        }
    }

    #[test]
    fn the_header_in_the_cpu_limits_a_text_and_stays() {
        let item = item("DB1,STRING0.20", "");
        let mut data = vec![0; 22];
        data[0] = 5;
        assert_eq!(item.encode(&Value::text("abc"), &mut data), Ok(5));
        assert_eq!(data[..5], [5, 3, b'a', b'b', b'c']);
        assert_eq!(item.encode(&Value::text("abcdef"), &mut data), Err(ConvertError::Range));
        data[1] = 200;
        assert_eq!(item.decode(&data).expect("cut").to_string().len(), 20, "a wrong length is cut");
    }

    #[test]
    fn types_that_cannot_lie_somewhere_are_told() {
        for (address, value_type) in [
            ("DB1,REAL0", "i32"),
            ("DB1,INT0", "u16"),
            ("DB1,X0.0", "u8"),
            ("DB1,STRING0", "i16"),
            ("DB1,INT0[3]", "i16[2]"),
            ("DB1,INT0[3]", "i16"),
            ("DB1,X0.0", "bool[2,2]"),
            ("T65535", "u32[2]"),
            ("DB1,B2097151", "u8[2]"),
        ] {
            let address = Address::parse(address).expect(address);
            let error = Item::new(&address, ValueType::parse(value_type).expect("type")).expect_err(value_type);
            assert!(!error.fix.is_empty(), "{error}");
        }
    }
}
