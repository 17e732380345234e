//! Devices that are only simulated: good values from memory, no request (gateway-behaviour B-55).

use tagwire_model::{ArrayData, DataType, Timestamp, Value, ValueType};

/// What a tag that only lives in memory holds before anybody writes it: zero, empty text, or as many of these as its array has elements.
pub fn initial_value(value_type: ValueType) -> Value {
    let element = || match value_type.data_type {
        DataType::String => Value::text(""),
        DataType::ByteString => Value::bytes(&[]),
        DataType::DateTime => Value::DateTime(Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS)),
        fixed => Value::from_bits(fixed, 0),
    };
    if value_type.is_scalar() {
        return element();
    }
    let mut data = ArrayData::empty(value_type.data_type);
    for _ in 0..value_type.dims.n_elements().unwrap_or(0).min(ValueType::MAX_ELEMENTS) {
        if data.push(element()).is_err() {
            break;
        }
    }
    Value::array(value_type.dims, data).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_an_initial_value_of_its_own_type() {
        for data_type in DataType::ALL {
            for dims in ["", "[3]", "[2,2]"] {
                let text = format!("{}{dims}", data_type.name());
                let value_type = ValueType::parse(&text).expect("type");
                assert_eq!(initial_value(value_type).value_type(), Some(value_type), "{text}");
            }
        }
    }
}
