//! The built-in types of OPC UA (Part 6, 5.1.2) in bytes, and as values of tags.

use std::borrow::Cow;

use tagwire_model::{ArrayData, DataType, Dims, Timestamp, Value, ValueType};
use tagwire_ua_client::{Guid, Identifier, NodeId, print_node_id};

use super::bytes::{Cursor, Flaw};

/// Nesting of variants, data values and diagnostics.
const MAX_DEPTH: usize = 16;
/// The end of the year 9999, which stands for the end of time (Part 6, 5.2.2.5).
const END_TICKS: i64 = 2_650_467_743_990_000_000;

/// A built-in type by its number, 1 to 25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BuiltIn(u8);

impl BuiltIn {
    pub(crate) const INT32: Self = Self(6);
    pub(crate) const STRING: Self = Self(12);
    pub(crate) const GUID: Self = Self(14);
    pub(crate) const XML: Self = Self(16);
    pub(crate) const QUALIFIED_NAME: Self = Self(20);
    pub(crate) const LOCALIZED_TEXT: Self = Self(21);
    pub(crate) const STRUCTURE: Self = Self(22);
    pub(crate) const VARIANT: Self = Self(24);

    pub(crate) fn new(id: u32) -> Option<Self> {
        u8::try_from(id).ok().filter(|id| (1..=25).contains(id)).map(Self)
    }

    /// The type that a tag has for it; `None` for one whose values differ in type.
    pub(crate) fn held_as(self) -> Option<DataType> {
        match self.0 {
            19 => Some(DataType::UInt32),
            14 | 16..=18 | 20 | 21 => Some(DataType::String),
            id => DataType::from_ua_id(id),
        }
    }

    /// Fewest bytes that it takes.
    const fn min_len(self) -> usize {
        match self.0 {
            4 | 5 | 17 | 18 => 2,
            6 | 7 | 10 | 12 | 15 | 16 | 19 => 4,
            8 | 9 | 11 | 13 => 8,
            14 => 16,
            20 => 6,
            22 => 3,
            _ => 1,
        }
    }
}

fn end_of_time(ticks: i64) -> Timestamp {
    Timestamp::from_ticks(match ticks {
        ..=0 => 0,
        END_TICKS.. => i64::MAX,
        ticks => ticks,
    })
}

fn text(bytes: &[u8]) -> Value {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Value::text(text),
        Cow::Owned(text) => Value::text(&text),
    }
}

impl Cursor<'_> {
    /// A node id (Part 6, 5.2.2.9).
    pub(crate) fn node_id(&mut self) -> Result<NodeId, Flaw> {
        self.any_node_id(false).map(|(node, _)| node)
    }

    /// A node id, and of an expanded one the URI of its namespace (Part 6, 5.2.2.10).
    fn any_node_id(&mut self, is_expanded: bool) -> Result<(NodeId, Option<String>), Flaw> {
        let encoding = self.u8()?;
        let (kind, extra) = if is_expanded { (encoding & 0x0F, encoding & 0xF0) } else { (encoding, 0) };
        let (namespace, identifier) = match kind {
            0 => (0, Identifier::Numeric(u32::from(self.u8()?))),
            1 => (u16::from(self.u8()?), Identifier::Numeric(u32::from(self.u16()?))),
            2 => (self.u16()?, Identifier::Numeric(self.u32()?)),
            3 => (self.u16()?, Identifier::String(String::from_utf8_lossy(self.counted()?).into_owned().into())),
            4 => (self.u16()?, Identifier::Guid(Guid::from_bytes(self.fixed()?))),
            5 => (self.u16()?, Identifier::ByteString(self.counted()?.to_vec().into())),
            _ => return Err(Flaw::Malformed("no kind of a node id")),
        };
        let uri = if extra & 0x80 != 0 { Some(String::from_utf8_lossy(self.counted()?).into_owned()) } else { None };
        if extra & 0x40 != 0 {
            self.u32()?;
        }
        Ok((NodeId { namespace, identifier }, uri))
    }

    /// The text of a localized one.
    pub(crate) fn localized_text(&mut self) -> Result<&[u8], Flaw> {
        let mask = self.u8()?;
        if mask & 1 != 0 {
            self.counted()?;
        }
        if mask & 2 != 0 { self.counted() } else { Ok(&[]) }
    }

    /// The encoding of an extension object, the place of the length of its body, and that length; the body follows.
    pub(crate) fn structure_head(&mut self) -> Result<(NodeId, Option<(usize, usize)>), Flaw> {
        let encoding = self.node_id()?;
        match self.u8()? {
            0 => Ok((encoding, None)),
            kind @ (1 | 2) => {
                let place = self.at();
                let len = self.len()?;
                if len > self.n_left() {
                    return Err(Flaw::CutShort);
                }
                // Nothing here understands XML, which is passed over like any bytes.
                Ok((if kind == 1 { encoding } else { NodeId::null() }, Some((place, len))))
            }
            _ => Err(Flaw::Malformed("no kind of a structure's body")),
        }
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, kind: BuiltIn) -> Result<(), Flaw> {
        self.skip_within(kind, 0)
    }

    fn skip_within(&mut self, kind: BuiltIn, depth: usize) -> Result<(), Flaw> {
        if depth > MAX_DEPTH {
            return Err(Flaw::TooDeep);
        }
        match kind.0 {
            12 | 15 | 16 => self.counted().map(|_| ()),
            17 => self.any_node_id(false).map(|_| ()),
            18 => self.any_node_id(true).map(|_| ()),
            20 => self.u16().and_then(|_| self.counted()).map(|_| ()),
            21 => self.localized_text().map(|_| ()),
            22 => {
                let (_, body) = self.structure_head()?;
                self.take(body.map_or(0, |(_, len)| len)).map(|_| ())
            }
            23 => {
                let mask = self.u8()?;
                if mask & 1 != 0 {
                    self.skip_within(BuiltIn::VARIANT, depth + 1)?;
                }
                let rest = [(0x02, 4), (0x04, 8), (0x08, 8), (0x10, 2), (0x20, 2)];
                self.take(rest.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, len)| len).sum()).map(|_| ())
            }
            24 => {
                let (element, n, has_dims) = self.variant_head()?;
                let Some(element) = element else { return Ok(()) };
                for _ in 0..n.unwrap_or(1) {
                    self.skip_within(element, depth + 1)?;
                }
                if has_dims {
                    let n = self.len()?;
                    self.take(n.saturating_mul(4))?;
                }
                Ok(())
            }
            25 => self.skip_diagnostics(),
            _ => self.take(kind.min_len()).map(|_| ()),
        }
    }

    /// The type of a variant, the number of elements of an array, and whether its dimensions stand at its end.
    fn variant_head(&mut self) -> Result<(Option<BuiltIn>, Option<usize>, bool), Flaw> {
        let mask = self.u8()?;
        let element = match mask & 0x3F {
            0 => None,
            id => Some(BuiltIn::new(u32::from(id)).ok_or(Flaw::Malformed("no type of a variant"))?),
        };
        let (is_array, has_dims) = (mask & 0x80 != 0, mask & 0x40 != 0);
        let Some(element) = element.filter(|_| is_array) else {
            return if is_array || has_dims {
                Err(Flaw::Malformed("variant of nothing"))
            } else {
                Ok((element, None, false))
            };
        };
        let n = self.n_elements(element)?;
        Ok((Some(element), Some(n), has_dims))
    }

    /// The length of an array whose elements must fit what is left.
    pub(crate) fn n_elements(&mut self, element: BuiltIn) -> Result<usize, Flaw> {
        let n = self.len()?;
        if n.saturating_mul(element.min_len()) > self.n_left() { Err(Flaw::CutShort) } else { Ok(n) }
    }

    fn skip_diagnostics(&mut self) -> Result<(), Flaw> {
        for _ in 0..MAX_DEPTH {
            let mask = self.u8()?;
            self.take(4 * (mask & 0x0F).count_ones() as usize)?;
            if mask & 0x10 != 0 {
                self.counted()?;
            }
            if mask & 0x20 != 0 {
                self.take(4)?;
            }
            if mask & 0x40 == 0 {
                return Ok(());
            }
        }
        Err(Flaw::TooDeep)
    }

    /// A scalar as a tag holds it; `None` where none can.
    pub(crate) fn value(&mut self, kind: BuiltIn) -> Result<Option<Value>, Flaw> {
        self.value_within(kind, 0)
    }

    fn value_within(&mut self, kind: BuiltIn, depth: usize) -> Result<Option<Value>, Flaw> {
        if depth > MAX_DEPTH {
            return Err(Flaw::TooDeep);
        }
        Ok(Some(match kind.0 {
            1 => Value::Boolean(self.u8()? != 0),
            2 => Value::Int8(i8::from_le_bytes(self.fixed()?)),
            3 => Value::UInt8(self.u8()?),
            4 => Value::Int16(i16::from_le_bytes(self.fixed()?)),
            5 => Value::UInt16(self.u16()?),
            6 => Value::Int32(self.i32()?),
            7 | 19 => Value::UInt32(self.u32()?),
            8 => Value::Int64(i64::from_le_bytes(self.fixed()?)),
            9 => Value::UInt64(u64::from_le_bytes(self.fixed()?)),
            10 => Value::Float(f32::from_le_bytes(self.fixed()?)),
            11 => Value::Double(f64::from_le_bytes(self.fixed()?)),
            12 | 16 => text(self.counted()?),
            13 => Value::DateTime(end_of_time(i64::from_le_bytes(self.fixed()?))),
            14 => Value::text(&Guid::from_bytes(self.fixed()?).to_string()),
            15 => Value::bytes(self.counted()?),
            17 => Value::text(&print_node_id(&self.node_id()?)),
            18 => match self.any_node_id(true)? {
                (node, Some(uri)) => {
                    Value::text(&format!("nsu={uri};{}", print_node_id(&NodeId { namespace: 0, ..node })))
                }
                (node, None) => Value::text(&print_node_id(&node)),
            },
            20 => {
                self.u16()?;
                text(self.counted()?)
            }
            21 => text(self.localized_text()?),
            23 => {
                let start = *self;
                self.skip_within(kind, depth)?;
                let mut inside = start;
                if inside.u8()? & 1 == 0 {
                    return Ok(None);
                }
                return inside.value_within(BuiltIn::VARIANT, depth + 1);
            }
            24 => {
                let start = *self;
                self.skip_within(kind, depth)?;
                let mut inside = start;
                let (Some(element), n, has_dims) = inside.variant_head()? else { return Ok(None) };
                return match n {
                    None => inside.value_within(element, depth + 1),
                    Some(n) if !has_dims => {
                        inside.elements(element, n, Dims::one(u32::try_from(n).unwrap_or(u32::MAX)))
                    }
                    Some(_) => Ok(None),
                };
            }
            _ => {
                self.skip_within(kind, depth)?;
                return Ok(None);
            }
        }))
    }

    /// So many elements as one value.
    pub(crate) fn elements(&mut self, kind: BuiltIn, n: usize, dims: Dims) -> Result<Option<Value>, Flaw> {
        if n.saturating_mul(kind.min_len()) > self.n_left() {
            return Err(Flaw::CutShort);
        }
        let mut data = kind.held_as().filter(|_| n <= ValueType::MAX_ELEMENTS as usize).map(ArrayData::empty);
        for _ in 0..n {
            match (&mut data, self.value(kind)?) {
                (Some(data), Some(value)) => {
                    data.push(value).map_err(|_| Flaw::Malformed("elements differ in type"))?
                }
                _ => data = None,
            }
        }
        Ok(data.and_then(|data| Value::array(dims, data).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: u32, bytes: &[u8]) -> Result<Option<Value>, Flaw> {
        let kind = BuiltIn::new(kind).expect("a type");
        let (mut cursor, mut beside) = (Cursor::new(bytes), Cursor::new(bytes));
        let found = cursor.value(kind);
        assert_eq!(found.is_ok(), beside.skip(kind).is_ok(), "{kind:?} {bytes:?}");
        if found.is_ok() {
            assert_eq!((cursor.n_left(), beside.n_left()), (0, 0), "{kind:?} {bytes:?}");
        }
        found
    }

    #[test]
    fn every_built_in_type_is_read_or_passed_over_to_its_last_byte() {
        let guid = "72962b91-fa75-4ae6-8d28-b404dc7daf63";
        for (kind, bytes, expected) in [
            (1, &[1][..], Some(Value::Boolean(true))),
            (2, &[0xFF], Some(Value::Int8(-1))),
            (3, &[7], Some(Value::UInt8(7))),
            (4, &[0xFE, 0xFF], Some(Value::Int16(-2))),
            (5, &[1, 2], Some(Value::UInt16(513))),
            (6, &[1, 0, 0, 0], Some(Value::Int32(1))),
            (7, &[1, 0, 0, 0x80], Some(Value::UInt32(0x8000_0001))),
            (8, &[0xFF; 8], Some(Value::Int64(-1))),
            (9, &[0xFF; 8], Some(Value::UInt64(u64::MAX))),
            (10, &[0, 0, 0xC0, 0x3F], Some(Value::Float(1.5))),
            (11, &[0, 0, 0, 0, 0, 0, 0xF8, 0x3F], Some(Value::Double(1.5))),
            (12, &[2, 0, 0, 0, b'h', b'i'], Some(Value::text("hi"))),
            (12, &[0xFF; 4], Some(Value::text(""))),
            (
                13,
                &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
                Some(Value::DateTime(Timestamp::from_ticks(i64::MAX))),
            ),
            (
                14,
                &[0x91, 0x2B, 0x96, 0x72, 0x75, 0xFA, 0xE6, 0x4A, 0x8D, 0x28, 0xB4, 0x04, 0xDC, 0x7D, 0xAF, 0x63],
                Some(Value::text(guid)),
            ),
            (15, &[2, 0, 0, 0, 0, 255], Some(Value::bytes(&[0, 255]))),
            (17, &[1, 2, 5, 0], Some(Value::text("ns=2;i=5"))),
            (18, &[0xC3, 0, 0, 1, 0, 0, 0, b'x', 1, 0, 0, 0, b'u', 9, 0, 0, 0], Some(Value::text("nsu=u;s=x"))),
            (19, &[0, 0, 0x34, 0x80], Some(Value::UInt32(0x8034_0000))),
            (20, &[2, 0, 1, 0, 0, 0, b'q'], Some(Value::text("q"))),
            (21, &[3, 2, 0, 0, 0, b'e', b'n', 4, 0, 0, 0, b'w', b'a', b'r', b'm'], Some(Value::text("warm"))),
            (21, &[0], Some(Value::text(""))),
            (22, &[0, 5, 1, 2, 0, 0, 0, 8, 9], None),
            (22, &[0, 5, 0], None),
            (23, &[0x03, 6, 1, 0, 0, 0, 0, 0, 0, 0], Some(Value::Int32(1))),
            (23, &[0], None),
            (24, &[3, 9], Some(Value::UInt8(9))),
            (24, &[0], None),
            (24, &[0xC3, 2, 0, 0, 0, 9, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], None),
            (25, &[0x43, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, b'd'], None),
        ] {
            assert_eq!(read(kind, bytes), Ok(expected), "{kind} {bytes:?}");
            for cut in 0..bytes.len() {
                assert_eq!(read(kind, &bytes[..cut]), Err(Flaw::CutShort), "{kind} {bytes:?} cut at {cut}");
            }
        }
        let array = Value::array(Dims::one(2), ArrayData::UInt8(vec![9, 8])).expect("an array");
        assert_eq!(read(24, &[0x83, 2, 0, 0, 0, 9, 8]), Ok(Some(array)));
    }

    #[test]
    fn lengths_that_lie_and_endless_nesting_are_refused() {
        for (kind, bytes) in [
            (12, vec![0xFE, 0xFF, 0xFF, 0xFF]),
            (12, vec![0xFF, 0xFF, 0xFF, 0x7F]),
            (22, vec![0, 5, 1, 0xFF, 0xFF, 0xFF, 0x7F]),
            (24, vec![0x83, 0xFF, 0xFF, 0xFF, 0x7F]),
            (24, vec![0x80, 1, 0, 0, 0]),
            (24, vec![24; 100]),
            (23, [1, 23].repeat(100)),
            (25, vec![0x40; 100]),
            (17, vec![9]),
        ] {
            assert!(read(kind, &bytes).is_err(), "{kind} {bytes:?}");
        }
    }
}
