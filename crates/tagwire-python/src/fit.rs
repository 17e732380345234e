//! A value of Python in the type that a node holds: exactly, or not at all.

use tagwire_model::{ArrayData, DataType, Dims, Status, Value, ValueType};
use tagwire_ua_client::Held;

const BAD_TYPE_MISMATCH: Status = Status(0x8074_0000);
const BAD_OUT_OF_RANGE: Status = Status(0x803C_0000);

/// The value in the type held; numbers become other numbers without loss, a float a single with its rounding, and
/// nothing else becomes anything else.
///
/// # Errors
/// The status that a server would give for such a value.
pub(crate) fn fit(value: &Value, held: Held) -> Result<Value, Status> {
    let dims = match value {
        Value::Null => return Err(BAD_TYPE_MISMATCH),
        Value::Array(array) if held.rank == 0 || array.dims().rank() != held.rank => {
            let is_empty = array.data().is_empty();
            return if is_empty && held.rank > 0 { empty(held) } else { Err(BAD_TYPE_MISMATCH) };
        }
        Value::Array(array) if array.data().is_empty() => return empty(held),
        Value::Array(array) => array.dims(),
        _ if held.rank > 0 => return Err(BAD_TYPE_MISMATCH),
        _ => Dims::SCALAR,
    };
    let is_fit = match value {
        Value::Array(array) => {
            let data = array.data();
            (0..data.len()).filter_map(|idx| data.element(idx)).all(|element| is_kin(&element, held.data_type))
        }
        scalar => is_kin(scalar, held.data_type),
    };
    if !is_fit {
        return Err(BAD_TYPE_MISMATCH);
    }
    value.convert(ValueType { data_type: held.data_type, dims }).map_err(|_| BAD_OUT_OF_RANGE)
}

fn empty(held: Held) -> Result<Value, Status> {
    Value::array(Dims::one(0), ArrayData::empty(held.data_type)).map_err(|_| BAD_TYPE_MISMATCH)
}

/// Whether a scalar may become one of this type.
fn is_kin(value: &Value, wanted: DataType) -> bool {
    match value {
        Value::Int64(_) | Value::UInt64(_) => wanted.is_number(),
        Value::Double(v) => match wanted {
            DataType::Float | DataType::Double => true,
            _ => wanted.is_number() && v.is_finite() && v.fract() == 0.0,
        },
        other => other.value_type().is_some_and(|found| found.data_type == wanted),
    }
}
