//! Values out of elements.

use tagwire_model::{Array, ArrayData, ConvertError, DataType, Dims, Status, Timestamp, Value, ValueType};

use crate::codec::latin1;
use crate::codec::tag::DataTag;
use crate::codec::types::TypeCode;
use crate::exact;
use crate::item::{Form, Item};

/// Elements of one type, as an answer or a part of a structure brings them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a> {
    pub tag: DataTag,
    pub data: &'a [u8],
    /// How many elements `data` has.
    pub n: u32,
}

impl<'a> Elements<'a> {
    /// Bytes of one element; 0 where they vary.
    pub(crate) fn size(&self) -> usize {
        match self.tag.code.size() {
            Some(size) => size,
            None => self.data.len() / (self.n as usize).max(1),
        }
    }

    /// Whether the data is that of `n` elements, no more and no less; with the size of a structure where it is known.
    pub(crate) fn is_whole(&self, structure_size: Option<usize>) -> bool {
        let n = self.n as usize;
        let size = match self.tag.code.size() {
            // Each text tells its own length.
            Some(0) => return true,
            Some(size) => size,
            None if !self.tag.is_structure() => return true,
            None => match structure_size {
                Some(size) => size,
                None if self.tag == DataTag::STRING => DataTag::STRING_SIZE,
                None => return self.data.len().is_multiple_of(n.max(1)),
            },
        };
        let n_bytes = size.saturating_mul(n);
        // The answers in a packet may begin at even offsets, and then a byte without meaning is behind an odd number.
        self.data.len() == n_bytes || self.data.len() == n_bytes.next_multiple_of(2)
    }

    /// The elements from `at` on.
    pub(crate) fn skip(&self, at: u32) -> Option<Self> {
        let n = self.n.checked_sub(at)?;
        let mut n_bytes = self.size() * at as usize;
        if self.size() == 0 {
            for _ in 0..at {
                n_bytes += self.tag.code.decode(self.data.get(n_bytes..)?)?.1;
            }
        }
        Some(Self { data: self.data.get(n_bytes..)?, n, ..*self })
    }
}

impl Item {
    /// The value of an item whose first element is the first one of `elements`.
    ///
    /// # Errors
    /// The quality of the tag when type, range or number of the elements do not fit what was declared.
    pub(crate) fn decode(&self, elements: Elements<'_>) -> Result<Value, Status> {
        let dims = self.value_type.dims;
        match self.form {
            Form::Bit(bit) => bit_of(bit, elements),
            Form::Packed(first) if elements.tag.code == TypeCode::DWORD => packed(elements.data, first, dims),
            Form::Bytes if elements.tag.is_structure() => {
                Ok(Value::bytes(elements.data.get(..elements.size()).ok_or(Status::BAD_DECODING_ERROR)?))
            }
            Form::Text | Form::Value | Form::Packed(_) | Form::Time => {
                let wanted = ValueType { dims: Dims::SCALAR, ..self.value_type };
                if dims.rank() == 0 {
                    return self.element(&mut { elements.data }, &elements, wanted);
                }
                self.array(elements, wanted)
            }
            Form::Bytes => Err(Status::BAD_TYPE_MISMATCH),
        }
    }

    fn array(&self, elements: Elements<'_>, wanted: ValueType) -> Result<Value, Status> {
        let dims = self.value_type.dims;
        let n = dims.n_elements().unwrap_or(0);
        if n > elements.n {
            return Err(Status::BAD_DECODING_ERROR);
        }
        let mut rest = elements.data;
        let mut data = ArrayData::empty(wanted.data_type);
        for _ in 0..n {
            let value = self.element(&mut rest, &elements, wanted)?;
            data.push(value).map_err(|_| Status::BAD_TYPE_MISMATCH)?;
        }
        Array::new(dims, data).map(|array| Value::Array(array.into())).map_err(|_| Status::BAD_DECODING_ERROR)
    }

    /// Takes one element.
    fn element(&self, rest: &mut &[u8], elements: &Elements<'_>, wanted: ValueType) -> Result<Value, Status> {
        if elements.tag.is_structure() {
            let bytes = rest.get(..elements.size()).ok_or(Status::BAD_DECODING_ERROR)?;
            *rest = rest.get(elements.size()..).unwrap_or_default();
            return match self.form {
                Form::Text => text_of(bytes).map(|text| Value::text(&text)).ok_or(Status::BAD_DECODING_ERROR),
                _ => Err(Status::BAD_TYPE_MISMATCH),
            };
        }
        elements.tag.code.data_type().ok_or(Status::BAD_TYPE_MISMATCH)?;
        let (value, len) = elements.tag.code.decode(rest).ok_or(Status::BAD_DECODING_ERROR)?;
        *rest = rest.get(len..).unwrap_or_default();
        if self.form == Form::Time {
            return match value {
                Value::Int64(micros) => Ok(Value::DateTime(time_of(micros))),
                _ => Err(Status::BAD_TYPE_MISMATCH),
            };
        }
        exact::convert(&value, wanted).map_err(|error| match error {
            ConvertError::Range => Status::BAD_OUT_OF_RANGE,
            ConvertError::Type | ConvertError::Dimensions => Status::BAD_TYPE_MISMATCH,
        })
    }
}

/// A bit of an integer.
pub(crate) fn bit_of(bit: u8, elements: Elements<'_>) -> Result<Value, Status> {
    let code = elements.tag.code;
    let (value, size) = code.decode(elements.data).ok_or(Status::BAD_TYPE_MISMATCH)?;
    if !code.has_bits() || usize::from(bit) >= 8 * size {
        return Err(Status::BAD_TYPE_MISMATCH);
    }
    let (_, bits) = value.to_bits().ok_or(Status::BAD_TYPE_MISMATCH)?;
    Ok(Value::Boolean(bits >> bit & 1 == 1))
}

/// Booleans out of packed words.
fn packed(data: &[u8], first: u8, dims: Dims) -> Result<Value, Status> {
    let bit = |at: usize| data.get(at / 8).map(|byte| byte >> (at % 8) & 1 == 1);
    let first = usize::from(first);
    if dims.rank() == 0 {
        return bit(first).map(Value::Boolean).ok_or(Status::BAD_DECODING_ERROR);
    }
    let n = dims.n_elements().unwrap_or(0) as usize;
    if (first + n).div_ceil(8) > data.len() {
        return Err(Status::BAD_DECODING_ERROR);
    }
    let bits = (first..first + n).map(|at| bit(at).unwrap_or(false)).collect();
    Value::array(dims, ArrayData::Boolean(bits)).map_err(|_| Status::BAD_DECODING_ERROR)
}

/// The text in a structure of length and characters; `None` when the length is none, or goes beyond the characters.
pub(crate) fn text_of(structure: &[u8]) -> Option<String> {
    let (len, data) = structure.split_first_chunk::<4>()?;
    let len = usize::try_from(i32::from_le_bytes(*len)).ok()?;
    data.get(..len).map(latin1)
}

/// The time of microseconds since 1970.
fn time_of(micros: i64) -> Timestamp {
    Timestamp::from_unix_nanos(i128::from(micros) * 1000)
}

/// The microseconds since 1970 of a time.
pub(crate) fn micros_of(time: Timestamp) -> i64 {
    time.ticks_since(Timestamp::from_unix_nanos(0)) / 10
}

/// The type of values that elements have by themselves, for listings.
pub(crate) fn own_type(tag: DataTag, is_text: bool) -> Option<DataType> {
    if tag.is_structure() {
        return Some(if is_text { DataType::String } else { DataType::ByteString });
    }
    tag.code.data_type()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    fn decode(address: &str, value_type: &str, tag: DataTag, data: &[u8], n: u32) -> Result<String, Status> {
        let value_type = ValueType::parse(value_type).expect("type");
        let item = Item::new(Address::parse(address).expect("address"), value_type, true).expect("item");
        item.decode(Elements { tag, data, n }).map(|value| value.to_string())
    }

    #[test]
    fn values_become_the_declared_type_or_none() {
        let dint = DataTag::plain(TypeCode::DINT);
        let minus = (-5_i32).to_le_bytes();
        assert_eq!(decode("a", "i32", dint, &minus, 1).as_deref(), Ok("-5"));
        assert_eq!(decode("a", "f64", dint, &minus, 1).as_deref(), Ok("-5"));
        assert_eq!(decode("a", "u32", dint, &minus, 1), Err(Status::BAD_OUT_OF_RANGE));
        assert_eq!(decode("a", "string", dint, &minus, 1), Err(Status::BAD_TYPE_MISMATCH));
        assert_eq!(decode("a.31", "bool", dint, &minus, 1).as_deref(), Ok("true"));
        assert_eq!(decode("a.2", "bool", dint, &minus, 1).as_deref(), Ok("false"));
        assert_eq!(decode("a.32", "bool", dint, &minus, 1), Err(Status::BAD_TYPE_MISMATCH));
        assert_eq!(decode("a", "i32", dint, &minus[..3], 1), Err(Status::BAD_DECODING_ERROR));
        assert_eq!(decode("a", "i32[2]", dint, &minus, 1), Err(Status::BAD_DECODING_ERROR));
        let grid: Vec<u8> = (0..6_i32).flat_map(i32::to_le_bytes).collect();
        assert_eq!(decode("a", "i32[2,3]", dint, &grid, 6).as_deref(), Ok("[[0, 1, 2], [3, 4, 5]]"));
        let lint = DataTag::plain(TypeCode::LINT);
        assert_eq!(
            decode("a", "datetime", lint, &1_000_000_i64.to_le_bytes(), 1).as_deref(),
            Ok("1970-01-01T00:00:01Z")
        );
    }

    #[test]
    fn a_text_that_is_cut_short_is_no_text() {
        let string = DataTag::structure(0x0FCE);
        for (len, text) in [
            (2, Ok("ab")),
            (0, Ok("")),
            (4, Ok("abcd")),
            (-1, Err(Status::BAD_DECODING_ERROR)),
            (5, Err(Status::BAD_DECODING_ERROR)),
            (i32::MAX, Err(Status::BAD_DECODING_ERROR)),
        ] {
            let data = [&i32::to_le_bytes(len)[..], b"abcd"].concat();
            assert_eq!(decode("a", "string", string, &data, 1).as_deref(), text.as_ref().copied(), "{len}");
        }
        let two = [&[1, 0, 0, 0, b'x', 0, 0, 0][..], &[2, 0, 0, 0, b'y', b'z', 0, 0]].concat();
        assert_eq!(decode("a", "string[2]", string, &two, 2).as_deref(), Ok("[x, yz]"));
        let own = DataTag::plain(TypeCode::SHORT_STRING);
        assert_eq!(decode("a", "string[2]", own, &[1, b'x', 2, b'y', b'z'], 2).as_deref(), Ok("[x, yz]"));
    }

    #[test]
    fn elements_have_all_their_bytes_and_no_others() {
        let is_whole = |tag, len: usize, n, size| Elements { tag, data: &[0; 200][..len], n }.is_whole(size);
        let dint = DataTag::plain(TypeCode::DINT);
        assert!(is_whole(dint, 8, 2, None));
        assert!(![0, 4, 7, 9, 12].into_iter().any(|len| is_whole(dint, len, 2, None)));
        let sint = DataTag::plain(TypeCode::SINT);
        assert!(is_whole(sint, 3, 3, None) && is_whole(sint, 4, 3, None) && !is_whole(sint, 5, 3, None));
        assert!(is_whole(DataTag::STRING, 176, 2, None) && !is_whole(DataTag::STRING, 87, 1, None));
        assert!(is_whole(DataTag::structure(7), 12, 1, Some(12)) && !is_whole(DataTag::structure(7), 8, 1, Some(12)));
        assert!(is_whole(DataTag::structure(7), 12, 3, None) && !is_whole(DataTag::structure(7), 11, 3, None));
    }

    #[test]
    fn a_fraction_is_out_of_the_range_of_an_integer() {
        let real = DataTag::plain(TypeCode::REAL);
        assert_eq!(decode("a", "i32", real, &33.5_f32.to_le_bytes(), 1), Err(Status::BAD_OUT_OF_RANGE));
        assert_eq!(decode("a", "i32", real, &33_f32.to_le_bytes(), 1).as_deref(), Ok("33"));
        let row = [1_f32.to_le_bytes(), 0.5_f32.to_le_bytes()].concat();
        assert_eq!(decode("a", "u8[2]", real, &row, 2), Err(Status::BAD_OUT_OF_RANGE));
    }

    #[test]
    fn packed_booleans_are_found_by_number() {
        let words = DataTag::plain(TypeCode::DWORD);
        let data = [0, 0, 0, 0x80, 0x01, 0, 0, 0];
        assert_eq!(decode("a[31]", "bool", words, &data, 2).as_deref(), Ok("true"));
        assert_eq!(decode("a[30]", "bool[4]", words, &data, 2).as_deref(), Ok("[false, true, true, false]"));
        assert_eq!(decode("a", "bool[65]", words, &data, 2), Err(Status::BAD_DECODING_ERROR));
    }

    #[test]
    fn elements_are_skipped_whatever_their_size() {
        let texts = Elements { tag: DataTag::plain(TypeCode::SHORT_STRING), data: &[1, b'x', 2, b'y', b'z'], n: 2 };
        assert_eq!(texts.skip(1).expect("second").data, [2, b'y', b'z']);
        let words = Elements { tag: DataTag::plain(TypeCode::INT), data: &[1, 0, 2, 0], n: 2 };
        assert_eq!(words.skip(1).expect("second").data, [2, 0]);
        assert!(words.skip(3).is_none());
    }
}
