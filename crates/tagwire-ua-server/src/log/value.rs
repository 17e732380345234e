//! Values of OPC UA as the audit log has them.

use tagwire_access::audit::Json;
use tagwire_hub::Reading;
use tagwire_model::Value;
use tagwire_ua_proto::hot::ValueRef;
use tagwire_ua_proto::types::Variant;

/// A value that came in a Write request.
pub(super) fn write_value(value: &ValueRef<'_>, at: Json<'_>) {
    match value {
        ValueRef::Null => at.null(),
        ValueRef::Fixed(data_type, bits) => at.value(&Value::from_bits(*data_type, *bits)),
        ValueRef::Text(text) => at.text(text),
        ValueRef::Bytes(bytes) => at.bytes(bytes),
        ValueRef::Other(variant) => write_variant(variant, at),
    }
}

/// A value of the live table.
pub(super) fn write_reading(reading: &Reading, at: Json<'_>) {
    match reading {
        Reading::Fixed { data_type: Some(data_type), bits, .. } => at.value(&Value::from_bits(*data_type, *bits)),
        Reading::Fixed { .. } => at.null(),
        Reading::Heap { value, .. } => at.value(value),
    }
}

/// Any value; of what no tag can hold, the name of its type where it has no short text.
pub(super) fn write_variant(variant: &Variant, at: Json<'_>) {
    if let Ok(value) = Value::try_from(variant) {
        return at.value(&value);
    }
    match variant {
        Variant::Guid(id) => at.name(&id.to_string()),
        Variant::NodeId(id) => at.name(&id.to_string()),
        Variant::ExpandedNodeId(id) => at.name(&id.to_string()),
        Variant::StatusCode(status) => at.name(&super::name(*status)),
        Variant::QualifiedName(name) => at.name(&name.to_string()),
        Variant::ExtensionObject(object) => at.object(|fields| fields.field("type").shown(&object.type_id)),
        Variant::LocalizedText(text) => at.text(text.text.as_str()),
        other => at.object(|fields| fields.field("type_id").number(other.type_id())),
    }
}
