//! A member in other bytes, with all others as they were.

use tagwire_model::{ConvertError, Status, Value, ValueType};
use tagwire_ua_client::Guid;

use super::built_in::BuiltIn;
use super::bytes::Cursor;
use super::walk::Found;

/// The body with another value in the place of a member.
pub(crate) fn change(body: &[u8], member: &Found, value: Value) -> Result<Vec<u8>, Status> {
    let old = body.get(member.span.clone()).ok_or(Status::BAD_INTERNAL_ERROR)?;
    let built_in = member.built_in.ok_or(Status::BAD_NOT_SUPPORTED)?;
    let new = encode(built_in, member.rank, old, value)?;
    let (head, tail) = (body.get(..member.span.start), body.get(member.span.end..));
    let mut changed = [head.unwrap_or_default(), &new, tail.unwrap_or_default()].concat();
    for place in &member.lengths {
        let around = changed.get_mut(*place..*place + 4).ok_or(Status::BAD_INTERNAL_ERROR)?;
        let len = <[u8; 4]>::try_from(&*around).map_or(0, i32::from_le_bytes);
        let len = i64::from(len) + new.len() as i64 - old.len() as i64;
        around.copy_from_slice(&i32::try_from(len).map_err(|_| Status::BAD_OUT_OF_RANGE)?.to_le_bytes());
    }
    Ok(changed)
}

/// The bytes of a value for a member; `old` are those that stand there, whose parts that a tag does not show stay.
pub(crate) fn encode(built_in: BuiltIn, rank: usize, old: &[u8], value: Value) -> Result<Vec<u8>, Status> {
    let held_as = built_in.held_as().ok_or(Status::BAD_NOT_SUPPORTED)?;
    let own = value.value_type().ok_or(Status::BAD_TYPE_MISMATCH)?;
    if own.dims.rank() != rank {
        return Err(Status::BAD_TYPE_MISMATCH);
    }
    let value = value.convert(ValueType { data_type: held_as, dims: own.dims }).map_err(|error| match error {
        ConvertError::Range => Status::BAD_OUT_OF_RANGE,
        _ => Status::BAD_TYPE_MISMATCH,
    })?;
    let mut out = Vec::new();
    let Value::Array(array) = &value else {
        put(&mut out, built_in, old, &value)?;
        return Ok(out);
    };
    let len = |len: u32| i32::try_from(len).map_err(|_| Status::BAD_OUT_OF_RANGE);
    if rank > 1 {
        // Part 6, 5.2.5: dimensions first, and the elements without their number.
        out.extend(i32::try_from(rank).map_err(|_| Status::BAD_OUT_OF_RANGE)?.to_le_bytes());
    }
    for dim in own.dims.lens() {
        out.extend(len(*dim)?.to_le_bytes());
    }
    for element in (0..array.data().len()).filter_map(|idx| array.data().element(idx)) {
        put(&mut out, built_in, &[], &element)?;
    }
    Ok(out)
}

fn counted(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Status> {
    let len = i32::try_from(bytes.len()).map_err(|_| Status::BAD_OUT_OF_RANGE)?;
    out.extend(len.to_le_bytes());
    out.extend(bytes);
    Ok(())
}

fn put(out: &mut Vec<u8>, built_in: BuiltIn, old: &[u8], value: &Value) -> Result<(), Status> {
    match value {
        Value::Boolean(v) => out.push(u8::from(*v)),
        Value::Int8(v) => out.extend(v.to_le_bytes()),
        Value::UInt8(v) => out.push(*v),
        Value::Int16(v) => out.extend(v.to_le_bytes()),
        Value::UInt16(v) => out.extend(v.to_le_bytes()),
        Value::Int32(v) => out.extend(v.to_le_bytes()),
        Value::UInt32(v) => out.extend(v.to_le_bytes()),
        Value::Int64(v) => out.extend(v.to_le_bytes()),
        Value::UInt64(v) => out.extend(v.to_le_bytes()),
        Value::Float(v) => out.extend(v.to_le_bytes()),
        Value::Double(v) => out.extend(v.to_le_bytes()),
        Value::DateTime(v) => out.extend(v.ticks().to_le_bytes()),
        Value::ByteString(v) => counted(out, v)?,
        Value::String(text) => put_text(out, built_in, old, text)?,
        Value::Null | Value::Array(_) => return Err(Status::BAD_TYPE_MISMATCH),
    }
    Ok(())
}

fn put_text(out: &mut Vec<u8>, built_in: BuiltIn, old: &[u8], text: &str) -> Result<(), Status> {
    match built_in {
        BuiltIn::STRING | BuiltIn::XML => counted(out, text.as_bytes()),
        BuiltIn::GUID => {
            let guid: Guid = text.parse().map_err(|_| Status::BAD_TYPE_MISMATCH)?;
            out.extend(guid.to_bytes());
            Ok(())
        }
        BuiltIn::QUALIFIED_NAME => {
            // Its namespace stays.
            out.extend(old.get(..2).unwrap_or(&[0, 0]));
            counted(out, text.as_bytes())
        }
        BuiltIn::LOCALIZED_TEXT => {
            // Its language stays.
            let mut cursor = Cursor::new(old);
            let locale = match cursor.u8() {
                Ok(mask) if mask & 1 != 0 => cursor.counted().ok(),
                _ => None,
            };
            out.push(2 | u8::from(locale.is_some()));
            if let Some(locale) = locale {
                counted(out, locale)?;
            }
            counted(out, text.as_bytes())
        }
        _ => Err(Status::BAD_NOT_SUPPORTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::{ArrayData, Dims, Timestamp};

    #[test]
    fn values_go_out_in_the_type_of_the_member_with_what_a_tag_does_not_show() {
        let array = |data| Value::array(Dims::one(2), data).expect("an array");
        let matrix = Value::array(Dims::new(&[1, 2]).expect("dims"), ArrayData::UInt8(vec![8, 9])).expect("a matrix");
        for (id, rank, old, value, expected) in [
            (6, 0, &[][..], Value::Double(-2.0), &[0xFE, 0xFF, 0xFF, 0xFF][..]),
            (1, 0, &[], Value::Boolean(true), &[1]),
            (12, 0, &[], Value::text("hi"), &[2, 0, 0, 0, b'h', b'i']),
            (13, 0, &[], Value::DateTime(Timestamp::from_ticks(1)), &[1, 0, 0, 0, 0, 0, 0, 0]),
            (15, 0, &[], Value::bytes(&[7]), &[1, 0, 0, 0, 7]),
            (19, 0, &[], Value::UInt32(0x8034_0000), &[0, 0, 0x34, 0x80]),
            (20, 0, &[2, 0, 1, 0, 0, 0, b'q'], Value::text("r"), &[2, 0, 1, 0, 0, 0, b'r']),
            (21, 0, &[3, 1, 0, 0, 0, b'e', 0, 0, 0, 0], Value::text("w"), &[3, 1, 0, 0, 0, b'e', 1, 0, 0, 0, b'w']),
            (21, 0, &[0], Value::text("w"), &[2, 1, 0, 0, 0, b'w']),
            (4, 1, &[], array(ArrayData::Int32(vec![1, 2])), &[2, 0, 0, 0, 1, 0, 2, 0]),
            (3, 2, &[], matrix, &[2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 8, 9]),
        ] {
            let built_in = BuiltIn::new(id).expect("a type");
            assert_eq!(encode(built_in, rank, old, value), Ok(expected.to_vec()), "{id}");
        }
        let guid = encode(BuiltIn::GUID, 0, &[], Value::text("72962b91-fa75-4ae6-8d28-b404dc7daf63")).expect("a GUID");
        assert_eq!(guid[..4], [0x91, 0x2B, 0x96, 0x72]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (id, rank, value, expected) in [
            (2, 0, Value::Int32(300), Status::BAD_OUT_OF_RANGE),
            (6, 0, Value::text("much"), Status::BAD_TYPE_MISMATCH),
            (6, 1, Value::Int32(1), Status::BAD_TYPE_MISMATCH),
            (6, 0, Value::Null, Status::BAD_TYPE_MISMATCH),
            (14, 0, Value::text("no guid"), Status::BAD_TYPE_MISMATCH),
            (17, 0, Value::text("i=5"), Status::BAD_NOT_SUPPORTED),
            (24, 0, Value::Int32(1), Status::BAD_NOT_SUPPORTED),
        ] {
            let built_in = BuiltIn::new(id).expect("a type");
            assert_eq!(encode(built_in, rank, &[], value.clone()), Err(expected), "{id} {value:?}");
        }
    }

    #[test]
    fn lengths_around_a_member_follow_its_own() {
        // An inner structure of three bytes whose last one is the member.
        let body = [0xAA, 0, 5, 1, 8, 0, 0, 0, 1, 2, 3, 3, 0, 0, 0, 0xBB];
        let found = Found { value: None, span: 10..11, built_in: BuiltIn::new(15), rank: 0, lengths: vec![4] };
        let changed = change(&body, &found, Value::bytes(&[7, 7])).expect("changed");
        assert_eq!(changed, [0xAA, 0, 5, 1, 13, 0, 0, 0, 1, 2, 2, 0, 0, 0, 7, 7, 3, 0, 0, 0, 0xBB]);
    }
}
