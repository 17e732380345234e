//! From a client's value to a tag's value, off the hot path: arrays, ranges, ByteString and Byte arrays.

use std::sync::Arc;

use tagwire_hub::Hub;
use tagwire_model::{ArrayData, DataType, Dims, Status, TagId, Value, ValueType};
use tagwire_ua_proto::hot::ValueRef;
use tagwire_ua_proto::types::NumericRange;

use crate::address_space::Snapshot;

/// The whole new value of a tag when a client writes `written` to `range` of it.
pub(super) fn value_for_tag(
    hub: &Hub,
    snapshot: &Snapshot<'_>,
    tag: TagId,
    range: &str,
    written: &ValueRef<'_>,
) -> Result<Value, Status> {
    let wanted = snapshot.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?.value_type;
    let range = NumericRange::parse(range).map_err(|error| error.status())?;
    let value = written.to_model().map_err(|error| error.status())?;
    let given = value.value_type().ok_or(Status::BAD_TYPE_MISMATCH)?;
    let Some(range) = range else { return whole_value(value, given, wanted) };
    if given.data_type != wanted.data_type {
        return Err(Status::BAD_TYPE_MISMATCH);
    }
    let current = hub.read(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?.to_sample();
    if current.value == Value::Null {
        return Err(Status::BAD_WAITING_FOR_INITIAL_DATA);
    }
    range.write(&current.value, &value).map_err(|error| error.status())
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
