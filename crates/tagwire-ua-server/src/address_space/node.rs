//! What a NodeId leads to.

use tagwire_hub::FolderId;
use tagwire_model::TagId;

use super::{DeviceMethod, HistoryNode, ModelNode, Property, RoleNode, SessionNode, StandardNode};

/// NodeClass as its bit (Part 3, 8.29).
pub mod class {
    /// Object.
    pub const OBJECT: u8 = 1;
    /// Variable.
    pub const VARIABLE: u8 = 2;
    /// Method.
    pub const METHOD: u8 = 4;
    /// ObjectType.
    pub const OBJECT_TYPE: u8 = 8;
    /// VariableType.
    pub const VARIABLE_TYPE: u8 = 16;
    /// ReferenceType.
    pub const REFERENCE_TYPE: u8 = 32;
    /// DataType.
    pub const DATA_TYPE: u8 = 64;
    /// View.
    pub const VIEW: u8 = 128;
}

/// A node. Folder and tag numbers can be given out again after a reload, so a node is only good for one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A node of namespace 0.
    Standard(StandardNode),
    /// A link, a device or a group.
    Folder(FolderId),
    /// A group of tags that is one structured value.
    Structure(FolderId),
    /// A tag.
    Tag(TagId),
    /// A property of a tag.
    Property(TagId, Property),
    /// A node that belongs to the history of a tag.
    History(TagId, HistoryNode),
    /// A method of a device.
    Method(FolderId, DeviceMethod),
    /// A role of the server's own, or a property of one.
    Role(RoleNode),
    /// A session, or something of its diagnostics.
    Session(SessionNode),
    /// A node of an imported model, or one that describes a namespace.
    Model(ModelNode),
}

impl Node {
    /// The node of namespace 0 with a numeric identifier.
    pub fn standard(id: u32) -> Option<Self> {
        StandardNode::find(id).map(Self::Standard)
    }

    /// NodeClass as its bit.
    #[inline]
    pub fn class(self) -> u8 {
        match self {
            Self::Standard(node) => node.class(),
            Self::Folder(_) => class::OBJECT,
            Self::History(_, node) if node.is_object() => class::OBJECT,
            Self::Tag(_) | Self::Structure(_) | Self::Property(..) | Self::History(..) => class::VARIABLE,
            Self::Method(..) => class::METHOD,
            Self::Role(node) => node.class(),
            Self::Session(node) => node.class(),
            Self::Model(node) => node.class(),
        }
    }
}
