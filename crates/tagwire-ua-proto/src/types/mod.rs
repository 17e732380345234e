//! The built-in types (OPC UA Part 6, 5.1.2).

mod data_value;
mod diagnostic_info;
mod extension_object;
mod field_value;
mod guid;
mod model_value;
mod names;
mod node_id;
mod node_id_ref;
mod node_id_text;
mod numeric_range;
mod text;
mod variant;
mod variant_array;

pub use data_value::DataValue;
pub use diagnostic_info::DiagnosticInfo;
pub use extension_object::{ExtensionBody, ExtensionObject, Structure};
pub use field_value::{decode_field, encode_field};
pub use guid::{Guid, GuidTextError};
pub use model_value::ModelError;
pub use names::{LocalizedText, QualifiedName};
pub use node_id::{ExpandedNodeId, Identifier, NodeId};
pub use node_id_ref::{IdentifierRef, NodeIdRef};
pub use node_id_text::NodeIdTextError;
pub use numeric_range::{Bound, NumericRange, RangeError};
pub use text::{ByteString, UaString, XmlElement};
pub use variant::Variant;
pub use variant_array::{VariantArray, VariantItems};
