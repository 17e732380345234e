//! What a data type says of its fields: the StructureDefinition (Part 3, 8.48 and 8.51).

use tagwire_ua_client::NodeId;

use super::bytes::{Cursor, Flaw};

/// Most fields of one structure, and of all within it.
pub(crate) const MAX_FIELDS: usize = 10_000;
/// Most bytes of one definition.
const MAX_BYTES: usize = 2 << 20;
/// Longest name of a field, in bytes.
const MAX_NAME: usize = 512;
/// Fields that an encoding mask has bits for.
const MAX_OPTIONAL: usize = 32;
/// Fewest bytes of a field.
const MIN_FIELD: usize = 20;

/// How the fields stand in the bytes (Part 6, 5.2.6 and 5.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One after the other.
    Plain,
    /// Behind a mask of those that are there.
    Optional,
    /// Only one of them, behind its number.
    Union,
}

/// A structure as its data type defines it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) layout: Layout,
    /// The node of its encoding in OPC UA binary; null for one that is never sent by itself.
    pub(crate) encoding: NodeId,
    pub(crate) fields: Vec<Field>,
}

/// A field of a structure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) data_type: NodeId,
    /// Number of dimensions; 0 for a scalar.
    pub(crate) rank: usize,
    /// Lengths of its dimensions where they are fixed; 0 where one is not.
    pub(crate) lens: Vec<u32>,
    /// Only there when the mask says so.
    pub(crate) is_optional: bool,
    /// A value of a type that derives from its own may stand in its place.
    pub(crate) has_subtypes: bool,
}

/// Reads the body of a StructureDefinition.
pub(crate) fn definition(body: &[u8]) -> Result<Shape, Flaw> {
    if body.len() > MAX_BYTES {
        return Err(Flaw::TooMuch);
    }
    let mut cursor = Cursor::new(body);
    let encoding = cursor.node_id()?;
    cursor.node_id()?;
    let (layout, has_subtypes) = match cursor.i32()? {
        0 => (Layout::Plain, false),
        1 => (Layout::Optional, false),
        2 => (Layout::Union, false),
        3 => (Layout::Plain, true),
        4 => (Layout::Union, true),
        _ => return Err(Flaw::Malformed("no kind of a structure")),
    };
    let n = cursor.len()?;
    if n > MAX_FIELDS {
        return Err(Flaw::TooMuch);
    }
    if n.saturating_mul(MIN_FIELD) > cursor.n_left() {
        return Err(Flaw::CutShort);
    }
    let mut fields = Vec::with_capacity(n);
    for _ in 0..n {
        fields.push(field(&mut cursor, layout, has_subtypes)?);
    }
    if fields.iter().filter(|field| field.is_optional).count() > MAX_OPTIONAL {
        return Err(Flaw::Malformed("more optional fields than a mask has bits"));
    }
    if cursor.n_left() > 0 {
        return Err(Flaw::Malformed("definition is longer than its fields"));
    }
    Ok(Shape { layout, encoding, fields })
}

fn field(cursor: &mut Cursor<'_>, layout: Layout, has_subtypes: bool) -> Result<Field, Flaw> {
    let name = cursor.counted()?;
    if name.len() > MAX_NAME {
        return Err(Flaw::TooMuch);
    }
    let name = std::str::from_utf8(name).map_err(|_| Flaw::Malformed("name of a field"))?.into();
    cursor.localized_text()?;
    let data_type = cursor.node_id()?;
    let rank = match cursor.i32()? {
        -1 => 0,
        // What is one or more dimensions is written like one, as every known server does.
        0 => 1,
        rank => usize::try_from(rank).map_err(|_| Flaw::Malformed("field without a number of dimensions"))?,
    };
    let n = cursor.len()?;
    let lens = cursor.take(n.saturating_mul(4))?.chunks_exact(4);
    let lens = lens.take(3).map(|len| len.try_into().map_or(0, u32::from_le_bytes)).collect();
    cursor.u32()?;
    // The flag says two things, by the kind of the structure.
    let flag = cursor.u8()? != 0;
    Ok(Field {
        name,
        data_type,
        rank,
        lens,
        is_optional: flag && layout == Layout::Optional,
        has_subtypes: flag && has_subtypes,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A field for [`defined`]: name, type as a number of namespace 0 or of namespace 2 beyond 100, rank, flag.
    pub(crate) type Written = (&'static str, u32, i32, bool);

    fn put_node(bytes: &mut Vec<u8>, id: u32) {
        bytes.push(2);
        bytes.extend(if id > 100 { 2_u16 } else { 0 }.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }

    /// The body of a definition.
    pub(crate) fn defined(encoding: u32, kind: i32, fields: &[Written]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_node(&mut bytes, encoding);
        put_node(&mut bytes, 22);
        bytes.extend(kind.to_le_bytes());
        bytes.extend(i32::try_from(fields.len()).expect("few").to_le_bytes());
        for (name, data_type, rank, flag) in fields {
            bytes.extend(i32::try_from(name.len()).expect("short").to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.push(0);
            put_node(&mut bytes, *data_type);
            bytes.extend(rank.to_le_bytes());
            bytes.extend((-1_i32).to_le_bytes());
            bytes.extend(0_u32.to_le_bytes());
            bytes.push(u8::from(*flag));
        }
        bytes
    }

    #[test]
    fn a_definition_is_read_as_it_was_written_and_refused_when_cut() {
        let bytes = defined(101, 1, &[("speed", 11, -1, false), ("axes", 102, 1, true)]);
        let shape = definition(&bytes).expect("a definition");
        assert_eq!((shape.layout, shape.encoding.clone()), (Layout::Optional, NodeId::new(2, 101_u32)));
        let found: Vec<_> = shape.fields.iter().map(|field| (&*field.name, field.rank, field.is_optional)).collect();
        assert_eq!(found, [("speed", 0, false), ("axes", 1, true)]);
        for cut in 0..bytes.len() {
            assert!(definition(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(definition(&[&bytes[..], &[0]].concat()).is_err(), "left over");
    }

    #[test]
    fn definitions_that_are_too_large_or_contradict_themselves_are_refused() {
        let many = vec![("f", 6, -1, false); MAX_FIELDS + 1];
        assert_eq!(definition(&defined(101, 0, &many)), Err(Flaw::TooMuch));
        assert_eq!(definition(&vec![0; MAX_BYTES + 1]), Err(Flaw::TooMuch));
        let optional = vec![("f", 6, -1, true); MAX_OPTIONAL + 1];
        assert!(definition(&defined(101, 1, &optional)).is_err());
        assert!(definition(&defined(101, 9, &[])).is_err());
        assert!(definition(&defined(101, 0, &[("f", 6, -2, false)])).is_err(), "any number of dimensions");
        let mut lies = defined(101, 0, &[]);
        let at = lies.len() - 4;
        lies[at..].copy_from_slice(&9_000_i32.to_le_bytes());
        assert_eq!(definition(&lies), Err(Flaw::CutShort));
    }
}
