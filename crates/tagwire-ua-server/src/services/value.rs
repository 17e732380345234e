//! From a client's value to a tag's value, off the hot path: arrays, parts, ByteString and Byte arrays.

use std::sync::Arc;

use tagwire_model::{ArrayData, DataType, Dims, Status, TagId, Value, ValueType};
use tagwire_ua_proto::hot::ValueRef;
use tagwire_ua_proto::types::NumericRange;

use crate::address_space::Snapshot;

/// The value to write, and which part of the tag it is for; `None` for all of it.
pub(super) fn value_for_tag(
    snapshot: &Snapshot<'_>,
    tag: TagId,
    range: &str,
    written: &ValueRef<'_>,
) -> Result<(Value, Option<NumericRange>), Status> {
    let wanted = snapshot.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?.value_type;
    let range = NumericRange::parse(range).map_err(|error| error.status())?;
    let value = written.to_model().map_err(|error| error.status())?;
    let given = value.value_type().ok_or(Status::BAD_TYPE_MISMATCH)?;
    if range.is_none() {
        return Ok((whole_value(value, given, wanted)?, None));
    }
    if given.data_type != wanted.data_type {
        return Err(Status::BAD_TYPE_MISMATCH);
    }
    Ok((value, range))
}

fn whole_value(value: Value, given: ValueType, wanted: ValueType) -> Result<Value, Status> {
    if given == wanted {
        return Ok(value);
    }
    // Part 6, 5.2.2.16: a ByteString and an array of Byte stand for each other.
    match (&value, wanted.data_type) {
        (Value::ByteString(bytes), DataType::UInt8) if wanted.dims == Dims::one(bytes.len() as u32) => {
            Value::array(wanted.dims, ArrayData::UInt8(bytes.to_vec())).map_err(|_| Status::BAD_TYPE_MISMATCH)
        }
        (Value::Array(array), DataType::ByteString) if wanted.is_scalar() && array.dims().rank() == 1 => {
            match array.data() {
                ArrayData::UInt8(bytes) => Ok(Value::ByteString(Arc::from(bytes.as_slice()))),
                _ => Err(Status::BAD_TYPE_MISMATCH),
            }
        }
        _ => Err(Status::BAD_TYPE_MISMATCH),
    }
}
