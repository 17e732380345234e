//! Built-in types: whatever decodes must encode to bytes that decode to the same, and all readers must agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_model::Value;
use tagwire_ua_proto::codec::{Decode, Encode, Reader};
use tagwire_ua_proto::hot::{DataValueRef, ValueRef, skip_data_value, skip_diagnostic_info, skip_variant};
use tagwire_ua_proto::types::{DataValue, DiagnosticInfo, ExtensionObject, LocalizedText, QualifiedName, Variant};

fn round_trip<T: Encode + for<'a> Decode<'a>>(data: &[u8]) -> Option<(T, usize)> {
    let mut reader = Reader::new(data);
    let value = T::decode(&mut reader).ok()?;
    let bytes = value.to_bytes();
    let again = T::from_bytes(&bytes).expect("own bytes decode");
    assert_eq!(again.to_bytes(), bytes);
    Some((value, reader.position()))
}

fn skipped(
    data: &[u8],
    skip: fn(&mut Reader<'_>) -> Result<(), tagwire_ua_proto::codec::DecodeError>,
) -> Option<usize> {
    let mut reader = Reader::new(data);
    skip(&mut reader).ok().map(|()| reader.position())
}

fuzz_target!(|data: &[u8]| {
    let variant_end = skipped(data, skip_variant);
    if let Some((variant, end)) = round_trip::<Variant>(data) {
        assert_eq!(variant_end, Some(end));
        let view = ValueRef::decode(&mut Reader::new(data)).expect("the view decodes too");
        assert_eq!(view.to_variant().type_id(), variant.type_id());
        if let Ok(value) = Value::try_from(&variant) {
            assert!(Value::try_from(&Variant::from(&value)).expect("comes back").same_as(&value));
        }
    }
    let value_end = skipped(data, skip_data_value);
    if let Some((_, end)) = round_trip::<DataValue>(data) {
        assert_eq!(value_end, Some(end));
        DataValueRef::decode(&mut Reader::new(data)).expect("the view decodes too");
    }
    let info_end = skipped(data, skip_diagnostic_info);
    if let Some((_, end)) = round_trip::<DiagnosticInfo>(data) {
        assert_eq!(info_end, Some(end));
    }
    round_trip::<ExtensionObject>(data);
    round_trip::<LocalizedText>(data);
    round_trip::<QualifiedName>(data);
});
