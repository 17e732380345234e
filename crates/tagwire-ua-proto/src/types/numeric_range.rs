//! NumericRange: which part of an array, a matrix or a text is meant (Part 4, 7.27).

use std::sync::Arc;

use tagwire_model::{Array, ArrayData, Dims, Status, Value};
use thiserror::Error;

use super::variant_array::each_items;
use super::{ByteString, UaString, Variant, VariantArray, VariantItems};

/// Why a range cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    /// The text is no range.
    #[error("not a numeric range")]
    Invalid,
    /// The value has nothing there.
    #[error("the value has no data in the range")]
    NoData,
    /// The value to write has another size than the range.
    #[error("the value has another size than the range")]
    Mismatch,
    /// The value to write has another type than the value to change.
    #[error("the value has another type than the one to change")]
    Type,
}

impl RangeError {
    /// The code to answer with.
    pub const fn status(self) -> Status {
        match self {
            Self::Invalid => crate::status::BAD_INDEX_RANGE_INVALID,
            Self::NoData => crate::status::BAD_INDEX_RANGE_NO_DATA,
            Self::Mismatch => crate::status::BAD_INDEX_RANGE_DATA_MISMATCH,
            Self::Type => Status::BAD_TYPE_MISMATCH,
        }
    }
}

/// First and last index in one dimension, both included; `low <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// First index.
    pub low: u32,
    /// Last index.
    pub high: u32,
}

impl Bound {
    const fn n_indices(self) -> usize {
        self.high as usize - self.low as usize + 1
    }

    /// The part of the bound that a dimension of this length has.
    const fn within(self, len: usize) -> Result<Self, RangeError> {
        if self.low as usize >= len {
            return Err(RangeError::NoData);
        }
        let high = if (self.high as usize) < len { self.high } else { (len - 1) as u32 };
        Ok(Self { low: self.low, high })
    }
}

/// A range of one bound per dimension, one more for the characters of text elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumericRange {
    bounds: Vec<Bound>,
}

impl NumericRange {
    /// Most dimensions that a range may have.
    pub const MAX_RANK: usize = 8;

    /// Parses `3`, `0:2`, `1,0:1`; `None` for empty text, which means the whole value.
    ///
    /// # Errors
    /// [`RangeError::Invalid`].
    #[inline]
    pub fn parse(text: &str) -> Result<Option<Self>, RangeError> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut bounds = Vec::new();
        for part in text.split(',') {
            if bounds.len() == Self::MAX_RANK {
                return Err(RangeError::Invalid);
            }
            bounds.push(match part.split_once(':') {
                Some((low, high)) => {
                    let bound = Bound { low: index(low)?, high: index(high)? };
                    if bound.low >= bound.high {
                        return Err(RangeError::Invalid);
                    }
                    bound
                }
                None => {
                    let only = index(part)?;
                    Bound { low: only, high: only }
                }
            });
        }
        Ok(Some(Self { bounds }))
    }

    /// One bound per dimension.
    pub fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// The part of a value that the range names; an array stays an array. What lies beyond the end is left out.
    ///
    /// # Errors
    /// [`RangeError::NoData`] when nothing of it exists, as for every scalar but text and bytes.
    pub fn read(&self, value: &Value) -> Result<Value, RangeError> {
        Ok(match value {
            Value::String(text) => Value::String(Arc::from(substring(text, self.only()?)?)),
            Value::ByteString(bytes) => Value::ByteString(Arc::from(subslice(bytes, self.only()?)?)),
            Value::Array(array) => {
                let text_bound = self.text_bound(array.dims().rank());
                let bounds = self.array_bounds(array.dims().rank(), text_bound)?;
                let (dims, data) = each_data!(array.data(), items => {
                    let (dims, part) = slice(items, array.dims().lens(), bounds)?;
                    (dims, part.into())
                });
                let data = match (text_bound, data) {
                    (None, data) => data,
                    (Some(bound), Data(ArrayData::String(v))) => {
                        Data(ArrayData::String(each_text(&v, &Arc::default(), |text| {
                            substring(text, bound).map(Arc::from)
                        })?))
                    }
                    (Some(bound), Data(ArrayData::ByteString(v))) => {
                        Data(ArrayData::ByteString(each_text(&v, &Arc::default(), |bytes| {
                            subslice(bytes, bound).map(Arc::from)
                        })?))
                    }
                    (Some(_), _) => return Err(RangeError::NoData),
                };
                let dims = Dims::new(&dims).ok_or(RangeError::NoData)?;
                Value::Array(Arc::new(Array::new(dims, data.0).map_err(|_| RangeError::NoData)?))
            }
            _ => return Err(RangeError::NoData),
        })
    }

    /// The part of a Variant that the range names, as [`Self::read`].
    ///
    /// # Errors
    /// [`RangeError::NoData`].
    pub fn read_variant(&self, value: &Variant) -> Result<Variant, RangeError> {
        Ok(match value {
            Variant::String(text) if !text.is_null() => substring(text, self.only()?)?.into(),
            Variant::ByteString(bytes) if !bytes.is_null() => ByteString::from(subslice(bytes, self.only()?)?).into(),
            Variant::Array(array) => {
                let text_bound = self.text_bound(array.rank());
                let bounds = self.array_bounds(array.rank(), text_bound)?;
                let (dims, items) = each_items!(array.items(), items => {
                    let (dims, part) = slice(items, &array.dims(), bounds)?;
                    (dims, VariantItems::from(part))
                });
                let items = match (text_bound, items) {
                    (None, items) => items,
                    (Some(bound), VariantItems::String(v)) => {
                        each_text(&v, &UaString::from(""), |text| substring(text, bound).map(UaString::from))?.into()
                    }
                    (Some(bound), VariantItems::ByteString(v)) => {
                        each_text(&v, &ByteString::from(Vec::new()), |bytes| {
                            subslice(bytes, bound).map(ByteString::from)
                        })?
                        .into()
                    }
                    (Some(_), _) => return Err(RangeError::NoData),
                };
                VariantArray::matrix(&dims, items).map_err(|_| RangeError::NoData)?.into()
            }
            _ => return Err(RangeError::NoData),
        })
    }

    /// A copy of `target` whose part named by the range is `part`; everything else is kept.
    ///
    /// # Errors
    /// [`RangeError::NoData`] when `target` does not have the whole range, [`RangeError::Mismatch`] when `part` has
    /// another size than the range, [`RangeError::Type`] when it has another type or is no array where one is needed.
    pub fn write(&self, target: &Value, part: &Value) -> Result<Value, RangeError> {
        Ok(match (target, part) {
            (Value::String(target), Value::String(part)) => {
                Value::String(Arc::from(splice_text(target, self.only()?, part)?))
            }
            (Value::ByteString(target), Value::ByteString(part)) => {
                Value::ByteString(Arc::from(splice_bytes(target, self.only()?, part)?))
            }
            (Value::Array(target), Value::Array(part)) => {
                if target.data().data_type() != part.data().data_type() {
                    return Err(RangeError::Type);
                }
                let text_bound = self.text_bound(target.dims().rank());
                let bounds = self.array_bounds(target.dims().rank(), text_bound)?;
                let (dims, part_dims) = (target.dims(), part.dims());
                let within;
                let part = match text_bound {
                    None => part.data(),
                    Some(bound) => {
                        within = within_elements(target, bounds, bound, part.data())?;
                        &within
                    }
                };
                let data = each_data_pair!((target.data(), part), (old, new) => {
                    Data::from(splice(old, dims.lens(), bounds, new, part_dims.lens())?)
                });
                Value::Array(Arc::new(Array::new(dims, data.0).map_err(|_| RangeError::Mismatch)?))
            }
            (Value::String(_) | Value::ByteString(_) | Value::Array(_), _) => return Err(RangeError::Type),
            _ => return Err(RangeError::NoData),
        })
    }

    fn only(&self) -> Result<Bound, RangeError> {
        match self.bounds.as_slice() {
            [bound] => Ok(*bound),
            _ => Err(RangeError::NoData),
        }
    }

    /// The bound for characters within elements, when there is one bound more than dimensions.
    fn text_bound(&self, rank: usize) -> Option<Bound> {
        if self.bounds.len() == rank + 1 { self.bounds.last().copied() } else { None }
    }

    fn array_bounds(&self, rank: usize, text_bound: Option<Bound>) -> Result<&[Bound], RangeError> {
        let n_bounds = self.bounds.len() - usize::from(text_bound.is_some());
        if n_bounds == rank { self.bounds.get(..rank).ok_or(RangeError::NoData) } else { Err(RangeError::NoData) }
    }
}

/// The elements of a tag's array, so that conversions can be written for them here.
struct Data(ArrayData);

macro_rules! data_variants {
    ($($name:ident($ty:ty);)*) => {
        $(impl From<Vec<$ty>> for Data {
            fn from(items: Vec<$ty>) -> Self {
                Self(ArrayData::$name(items))
            }
        })*

        macro_rules! each_data {
            ($data:expr, $items:ident => $body:expr) => {
                match $data {
                    $(ArrayData::$name($items) => {
                        let (dims, data): (Vec<u32>, Data) = $body;
                        (dims, data)
                    })*
                }
            };
        }

        macro_rules! each_data_pair {
            ($pair:expr, ($old:ident, $new:ident) => $body:expr) => {
                match $pair {
                    $((ArrayData::$name($old), ArrayData::$name($new)) => $body,)*
                    _ => return Err(RangeError::Type),
                }
            };
        }
    };
}

data_variants! {
    Boolean(bool);
    Int8(i8);
    UInt8(u8);
    Int16(i16);
    UInt16(u16);
    Int32(i32);
    UInt32(u32);
    Int64(i64);
    UInt64(u64);
    Float(f32);
    Double(f64);
    DateTime(tagwire_model::Timestamp);
    String(Arc<str>);
    ByteString(Arc<[u8]>);
}

use {each_data, each_data_pair};

fn index(text: &str) -> Result<u32, RangeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::Invalid);
    }
    text.parse().map_err(|_| RangeError::Invalid)
}

/// Characters are Unicode scalar values, so that no slice is ever invalid text.
fn substring(text: &str, bound: Bound) -> Result<&str, RangeError> {
    let mut places = text.char_indices().map(|(place, _)| place).skip(bound.low as usize);
    let start = places.next().ok_or(RangeError::NoData)?;
    let end = places.nth(bound.n_indices() - 1).unwrap_or(text.len());
    text.get(start..end).ok_or(RangeError::NoData)
}

fn subslice(bytes: &[u8], bound: Bound) -> Result<&[u8], RangeError> {
    let bound = bound.within(bytes.len())?;
    bytes.get(bound.low as usize..=bound.high as usize).ok_or(RangeError::NoData)
}

fn splice_text(target: &str, bound: Bound, part: &str) -> Result<String, RangeError> {
    let [old, new]: [Vec<char>; 2] = [target, part].map(|text| text.chars().collect());
    Ok(splice(&old, &[old.len() as u32], &[bound], &new, &[new.len() as u32])?.into_iter().collect())
}

fn splice_bytes(target: &[u8], bound: Bound, part: &[u8]) -> Result<Vec<u8>, RangeError> {
    splice(target, &[target.len() as u32], &[bound], part, &[part.len() as u32])
}

/// The elements of `target` within the bounds, each with its part named by `bound` replaced by that in `parts`.
fn within_elements(target: &Array, bounds: &[Bound], bound: Bound, parts: &ArrayData) -> Result<ArrayData, RangeError> {
    let lens = target.dims();
    if bounds.iter().zip(lens.lens()).any(|(bound, len)| bound.high >= *len) {
        return Err(RangeError::NoData);
    }
    match (target.data(), parts) {
        (ArrayData::String(old), ArrayData::String(parts)) => {
            let pairs = pairs(slice(old, lens.lens(), bounds)?.1, parts)?;
            let changed = pairs.map(|(old, part)| splice_text(&old, bound, part).map(Arc::from));
            Ok(ArrayData::String(changed.collect::<Result<_, _>>()?))
        }
        (ArrayData::ByteString(old), ArrayData::ByteString(parts)) => {
            let pairs = pairs(slice(old, lens.lens(), bounds)?.1, parts)?;
            let changed = pairs.map(|(old, part)| splice_bytes(&old, bound, part).map(Arc::from));
            Ok(ArrayData::ByteString(changed.collect::<Result<_, _>>()?))
        }
        _ => Err(RangeError::NoData),
    }
}

fn pairs<T>(old: Vec<T>, parts: &[T]) -> Result<impl Iterator<Item = (T, &T)>, RangeError> {
    if old.len() == parts.len() { Ok(old.into_iter().zip(parts)) } else { Err(RangeError::Mismatch) }
}

/// Cuts every element; one that is too short becomes `empty`, but not all of them may be.
fn each_text<T, U: Clone>(
    items: &[T],
    empty: &U,
    cut: impl Fn(&T) -> Result<U, RangeError>,
) -> Result<Vec<U>, RangeError> {
    let parts: Vec<Result<U, RangeError>> = items.iter().map(cut).collect();
    if parts.iter().all(Result::is_err) {
        return Err(RangeError::NoData);
    }
    Ok(parts.into_iter().map(|part| part.unwrap_or_else(|_| empty.clone())).collect())
}

/// The elements within the bounds and their dimensions.
fn slice<T: Clone>(items: &[T], dims: &[u32], bounds: &[Bound]) -> Result<(Vec<u32>, Vec<T>), RangeError> {
    let bounds: Vec<Bound> =
        bounds.iter().zip(dims).map(|(bound, len)| bound.within(*len as usize)).collect::<Result<_, _>>()?;
    let lens: Vec<u32> = bounds.iter().map(|bound| bound.n_indices() as u32).collect();
    let mut part = Vec::with_capacity(lens.iter().map(|len| *len as usize).product());
    for run in Runs::new(dims, &bounds) {
        part.extend_from_slice(items.get(run).ok_or(RangeError::NoData)?);
    }
    Ok((lens, part))
}

/// A copy of `items` in which the elements within the bounds are those of `part`.
fn splice<T: Clone>(
    items: &[T],
    dims: &[u32],
    bounds: &[Bound],
    part: &[T],
    part_dims: &[u32],
) -> Result<Vec<T>, RangeError> {
    if bounds.iter().zip(dims).any(|(bound, len)| bound.high >= *len) {
        return Err(RangeError::NoData);
    }
    if !bounds.iter().map(|bound| bound.n_indices()).eq(part_dims.iter().map(|len| *len as usize)) {
        return Err(RangeError::Mismatch);
    }
    let mut changed = items.to_vec();
    let mut rest = part;
    for run in Runs::new(dims, bounds) {
        let place = changed.get_mut(run).ok_or(RangeError::NoData)?;
        let (head, tail) = rest.split_at_checked(place.len()).ok_or(RangeError::Mismatch)?;
        place.clone_from_slice(head);
        rest = tail;
    }
    Ok(changed)
}

/// The runs of neighbouring elements that lie within bounds, which all exist.
struct Runs<'a> {
    dims: &'a [u32],
    bounds: &'a [Bound],
    /// Index in each dimension but the last; `None` when done.
    next: Option<Vec<u32>>,
}

impl<'a> Runs<'a> {
    fn new(dims: &'a [u32], bounds: &'a [Bound]) -> Self {
        let outer = bounds.len().saturating_sub(1);
        Self { dims, bounds, next: Some(bounds.iter().take(outer).map(|bound| bound.low).collect()) }
    }
}

impl Iterator for Runs<'_> {
    type Item = std::ops::RangeInclusive<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut indices = self.next.take()?;
        let (last_bound, outer_bounds) = self.bounds.split_last()?;
        let (last_len, outer_dims) = self.dims.split_last()?;
        let row = indices.iter().zip(outer_dims).fold(0, |row, (idx, len)| row * *len as usize + *idx as usize);
        let start = row * *last_len as usize;
        for (idx, bound) in indices.iter_mut().zip(outer_bounds).rev() {
            if *idx < bound.high {
                *idx += 1;
                self.next = Some(indices);
                break;
            }
            *idx = bound.low;
        }
        Some(start + last_bound.low as usize..=start + last_bound.high as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> NumericRange {
        NumericRange::parse(text).expect(text).expect("not empty")
    }

    fn numbers(dims: &[u32]) -> Value {
        let dims = Dims::new(dims).expect("dims");
        let n = dims.n_elements().expect("fits") as i32;
        Value::array(dims, ArrayData::Int32((0..n).collect())).expect("array")
    }

    fn read(text: &str, value: &Value) -> Result<String, RangeError> {
        let part = range(text).read(value);
        let variant = range(text).read_variant(&Variant::from(value));
        assert_eq!(part.as_ref().map(Variant::from).map_err(|error| *error), variant, "both forms agree");
        part.map(|part| part.to_string())
    }

    #[test]
    fn parses_and_refuses() {
        assert_eq!(NumericRange::parse(""), Ok(None));
        assert_eq!(range("1,0:4294967295").bounds(), [Bound { low: 1, high: 1 }, Bound { low: 0, high: u32::MAX }]);
        for text in
            ["3:1", "2:2", "-1:0", "a", "1:", ":1", "1:2:3", ",", "1,", " 1", "+1", "4294967296", "0,0,0,0,0,0,0,0,0"]
        {
            assert_eq!(NumericRange::parse(text), Err(RangeError::Invalid), "{text}");
        }
    }

    #[test]
    fn reads_parts_and_keeps_the_type() {
        let array = numbers(&[5]);
        assert_eq!(read("1", &array).as_deref(), Ok("[1]"));
        assert_eq!(read("0:2", &array).as_deref(), Ok("[0, 1, 2]"));
        assert_eq!(read("2:4", &array).as_deref(), Ok("[2, 3, 4]"));
        assert_eq!(read("3:9", &array).as_deref(), Ok("[3, 4]"));
        assert_eq!(read("5", &array), Err(RangeError::NoData));
        assert_eq!(read("0,0", &array), Err(RangeError::NoData));
        let matrix = numbers(&[2, 3]);
        assert_eq!(read("1,0:1", &matrix).as_deref(), Ok("[[3, 4]]"));
        assert_eq!(read("0:1,2", &matrix).as_deref(), Ok("[[2], [5]]"));
        assert_eq!(read("1", &matrix), Err(RangeError::NoData));
        assert_eq!(read("0:1,0,1", &numbers(&[2, 2, 2])).as_deref(), Ok("[[[1]], [[5]]]"));
    }

    #[test]
    fn reads_parts_of_text_and_bytes() {
        assert_eq!(read("1:2", &Value::text("水Boy")).as_deref(), Ok("Bo"));
        assert_eq!(read("0", &Value::text("水Boy")).as_deref(), Ok("水"));
        assert_eq!(read("2:99", &Value::text("水Boy")).as_deref(), Ok("oy"));
        assert_eq!(read("4", &Value::text("水Boy")), Err(RangeError::NoData));
        assert_eq!(read("1:4294967295", &Value::bytes(&[1, 2, 3])).as_deref(), Ok("0203"));
        let words = ArrayData::String(vec![Arc::from("alpha"), Arc::from("be")]);
        let words = Value::array(Dims::one(2), words).expect("array");
        assert_eq!(read("0:1,1:2", &words).as_deref(), Ok("[lp, e]"));
        assert_eq!(read("0:1,3", &words).as_deref(), Ok("[h, ]"));
        assert_eq!(read("1,4", &words), Err(RangeError::NoData));
    }

    #[test]
    fn other_scalars_have_no_parts() {
        assert_eq!(read("0", &Value::Double(1.0)), Err(RangeError::NoData));
        assert_eq!(read("0", &Value::Null), Err(RangeError::NoData));
    }

    #[test]
    fn writes_into_the_range_and_nowhere_else() {
        let part = |numbers: &[i32]| {
            Value::array(Dims::one(numbers.len() as u32), ArrayData::Int32(numbers.to_vec())).expect("array")
        };
        let write = |text: &str, target: &Value, part: &Value| range(text).write(target, part).map(|v| v.to_string());
        let array = numbers(&[5]);
        assert_eq!(write("1:2", &array, &part(&[7, 8])).as_deref(), Ok("[0, 7, 8, 3, 4]"));
        assert_eq!(write("4", &array, &part(&[9])).as_deref(), Ok("[0, 1, 2, 3, 9]"));
        assert_eq!(write("4:5", &array, &part(&[9, 9])), Err(RangeError::NoData));
        assert_eq!(write("1:2", &array, &part(&[7])), Err(RangeError::Mismatch));
        assert_eq!(write("1", &array, &Value::Int32(7)), Err(RangeError::Type));
        assert_eq!(write("0", &Value::Int32(7), &Value::Int32(7)), Err(RangeError::NoData));
        let row = Value::array(Dims::new(&[1, 2]).expect("dims"), ArrayData::Int32(vec![8, 9])).expect("row");
        assert_eq!(write("1,1:2", &numbers(&[2, 3]), &row).as_deref(), Ok("[[0, 1, 2], [3, 8, 9]]"));
        assert_eq!(write("1:2", &Value::text("水Boy"), &Value::text("水水")).as_deref(), Ok("水水水y"));
        let texts = |texts: &[&str]| {
            let items = texts.iter().map(|text| Arc::from(*text)).collect();
            Value::array(Dims::one(texts.len() as u32), ArrayData::String(items)).expect("array")
        };
        let names = texts(&["north", "south", "e"]);
        assert_eq!(
            range("0:1,1:2").write(&names, &texts(&["XY", "水Z"])),
            Ok(texts(&["nXYth", "s水Zth", "e"])),
            "characters within elements"
        );
        assert_eq!(range("0,1:2").write(&names, &texts(&["X"])), Err(RangeError::Mismatch));
        assert_eq!(range("0:1,1").write(&names, &texts(&["X"])), Err(RangeError::Mismatch));
        assert_eq!(range("1:2,1").write(&names, &texts(&["X", "Y"])), Err(RangeError::NoData), "one is too short");
        assert_eq!(range("2:3,0").write(&names, &texts(&["X", "Y"])), Err(RangeError::NoData), "one is not there");
        assert_eq!(range("1,0").write(&array, &part(&[1])), Err(RangeError::NoData), "numbers have no characters");
        assert_eq!(write("0:1", &Value::bytes(&[1, 2, 3]), &Value::bytes(&[8, 9])).as_deref(), Ok("080903"));
    }
}
