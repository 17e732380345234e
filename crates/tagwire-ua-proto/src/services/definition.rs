//! Definitions of data types (OPC UA Part 3, 8.48 to 8.52).

use super::StructureType;
use crate::types::{LocalizedText, NodeId, UaString};

structures! {
    /// One field of a structure (Part 5, 12.2.12.10).
    StructureField: STRUCTURE_FIELD {
        name: UaString,
        description: LocalizedText,
        data_type: NodeId,
        value_rank: i32,
        array_dimensions: Vec<u32>,
        max_string_length: u32,
        is_optional: bool,
    }

    /// The fields of a structure (Part 5, 12.2.12.5).
    StructureDefinition: STRUCTURE_DEFINITION {
        default_encoding_id: NodeId,
        base_data_type: NodeId,
        structure_type: StructureType,
        fields: Vec<StructureField>,
    }

    /// One name of an enumeration (Part 5, 12.2.12.7).
    EnumField: ENUM_FIELD {
        value: i64,
        display_name: LocalizedText,
        description: LocalizedText,
        name: UaString,
    }

    /// The names of an enumeration (Part 5, 12.2.12.4).
    EnumDefinition: ENUM_DEFINITION {
        fields: Vec<EnumField>,
    }
}
