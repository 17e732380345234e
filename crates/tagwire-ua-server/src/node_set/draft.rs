//! Nodes as a file describes them, before they are put together.

use tagwire_ua_proto::types::{LocalizedText, NodeId, QualifiedName, UaString, Variant};

/// Flags of a node.
pub(crate) mod flag {
    /// IsAbstract.
    pub(crate) const IS_ABSTRACT: u8 = 0x01;
    /// Symmetric.
    pub(crate) const SYMMETRIC: u8 = 0x02;
    /// Executable.
    pub(crate) const EXECUTABLE: u8 = 0x04;
    /// ContainsNoLoops.
    pub(crate) const NO_LOOPS: u8 = 0x08;
    /// The node belongs to a type, so it describes instances and is none itself.
    pub(crate) const DECLARATION: u8 = 0x10;
}

/// One node.
#[derive(Clone, Debug, Default)]
pub(crate) struct DraftNode {
    pub(crate) file: usize,
    pub(crate) line: u32,
    pub(crate) id: NodeId,
    /// The id as its file writes it, for messages.
    pub(crate) written: Box<str>,
    /// NodeClass as its bit.
    pub(crate) class: u8,
    pub(crate) flags: u8,
    pub(crate) access_level: u8,
    pub(crate) browse_name: QualifiedName,
    pub(crate) display_name: LocalizedText,
    pub(crate) description: Option<LocalizedText>,
    pub(crate) inverse_name: Option<LocalizedText>,
    pub(crate) data_type: NodeId,
    pub(crate) value_rank: i32,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) min_sampling: Option<f64>,
    pub(crate) value: Option<Variant>,
    pub(crate) definition: Option<DraftDefinition>,
    pub(crate) references: Vec<DraftReference>,
}

/// One reference of a node.
#[derive(Clone, Debug)]
pub(crate) struct DraftReference {
    pub(crate) line: u32,
    pub(crate) type_id: NodeId,
    pub(crate) is_forward: bool,
    pub(crate) target: NodeId,
}

/// What a data type consists of, without what it inherits.
#[derive(Clone, Debug, Default)]
pub(crate) struct DraftDefinition {
    pub(crate) is_union: bool,
    pub(crate) is_option_set: bool,
    pub(crate) fields: Vec<DraftField>,
}

/// One field of a structure or one name of an enumeration.
#[derive(Clone, Debug, Default)]
pub(crate) struct DraftField {
    pub(crate) name: UaString,
    pub(crate) display_name: Option<LocalizedText>,
    pub(crate) description: LocalizedText,
    pub(crate) data_type: NodeId,
    pub(crate) value_rank: i32,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) max_string_length: u32,
    pub(crate) is_optional: bool,
    pub(crate) allows_subtypes: bool,
    pub(crate) value: i64,
}

/// A model that a file declares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) file: usize,
    pub(crate) uri: String,
    pub(crate) version: Option<String>,
    /// As written, in the form of RFC 3339.
    pub(crate) published: Option<String>,
}
