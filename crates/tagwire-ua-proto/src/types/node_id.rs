//! NodeId and ExpandedNodeId, owned.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Guid, IdentifierRef, NodeIdRef, UaString};
use crate::codec::{Decode, DecodeError, Encode, Reader, write_bytes, write_str};

/// What names a node within its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identifier {
    /// A number.
    Numeric(u32),
    /// Text.
    String(Arc<str>),
    /// A Guid.
    Guid(Guid),
    /// Bytes that mean something to the server only.
    Opaque(Arc<[u8]>),
}

/// The name of a node (Part 3, 8.2). Equal ids are equal however they were encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    /// Index of the namespace.
    pub namespace: u16,
    /// The name within the namespace.
    pub identifier: Identifier,
}

impl NodeId {
    /// The id that names no node.
    pub const NULL: Self = Self::ns0(0);

    /// A numeric id in namespace 0.
    pub const fn ns0(id: u32) -> Self {
        Self::numeric(0, id)
    }

    /// A numeric id.
    pub const fn numeric(namespace: u16, id: u32) -> Self {
        Self { namespace, identifier: Identifier::Numeric(id) }
    }

    /// A textual id.
    pub fn string(namespace: u16, id: impl Into<Arc<str>>) -> Self {
        Self { namespace, identifier: Identifier::String(id.into()) }
    }

    /// A Guid id.
    pub const fn guid(namespace: u16, id: Guid) -> Self {
        Self { namespace, identifier: Identifier::Guid(id) }
    }

    /// An opaque id.
    pub fn opaque(namespace: u16, id: impl Into<Arc<[u8]>>) -> Self {
        Self { namespace, identifier: Identifier::Opaque(id.into()) }
    }

    /// Whether this names no node (Part 3, 8.2.4).
    pub fn is_null(&self) -> bool {
        self.borrowed().is_null()
    }

    /// The number of a numeric id in namespace 0.
    pub const fn as_ns0(&self) -> Option<u32> {
        match self {
            Self { namespace: 0, identifier: Identifier::Numeric(id) } => Some(*id),
            _ => None,
        }
    }

    /// The borrowed form.
    #[inline]
    pub fn borrowed(&self) -> NodeIdRef<'_> {
        let identifier = match &self.identifier {
            Identifier::Numeric(id) => IdentifierRef::Numeric(*id),
            Identifier::String(id) => IdentifierRef::String(id),
            Identifier::Guid(id) => IdentifierRef::Guid(*id),
            Identifier::Opaque(id) => IdentifierRef::Opaque(id),
        };
        NodeIdRef { namespace: self.namespace, identifier }
    }
}

impl Default for NodeId {
    fn default() -> Self {
        Self::NULL
    }
}

/// Hashes like the borrowed form, so that a table keyed by owned ids can be searched with a borrowed one.
impl Hash for NodeId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl From<NodeIdRef<'_>> for NodeId {
    fn from(id: NodeIdRef<'_>) -> Self {
        let identifier = match id.identifier {
            IdentifierRef::Numeric(id) => Identifier::Numeric(id),
            IdentifierRef::String(id) => Identifier::String(Arc::from(id)),
            IdentifierRef::Guid(id) => Identifier::Guid(id),
            IdentifierRef::Opaque(id) => Identifier::Opaque(Arc::from(id)),
        };
        Self { namespace: id.namespace, identifier }
    }
}

impl Encode for NodeId {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.borrowed().encode(out);
    }
}

impl<'a> Decode<'a> for NodeId {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        NodeIdRef::decode(reader).map(Self::from)
    }
}

/// A NodeId that may name its namespace by URI and a node on another server (Part 4, 7.16).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExpandedNodeId {
    /// The id; its namespace index has no meaning when a namespace URI is given.
    pub node_id: NodeId,
    /// URI of the namespace, null when the index counts.
    pub namespace_uri: UaString,
    /// Index into the server table, 0 for the local server.
    pub server_index: u32,
}

impl ExpandedNodeId {
    /// Whether the node lies on this server and its namespace is given by index.
    pub fn is_local(&self) -> bool {
        self.server_index == 0 && self.namespace_uri.is_null()
    }
}

impl From<NodeId> for ExpandedNodeId {
    fn from(node_id: NodeId) -> Self {
        Self { node_id, namespace_uri: UaString::NULL, server_index: 0 }
    }
}

pub(super) const NAMESPACE_URI_FLAG: u8 = 0x80;
pub(super) const SERVER_INDEX_FLAG: u8 = 0x40;

impl Encode for ExpandedNodeId {
    fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        self.node_id.encode(out);
        if let Some(first) = out.get_mut(at) {
            *first |= if self.namespace_uri.is_null() { 0 } else { NAMESPACE_URI_FLAG };
            *first |= if self.server_index == 0 { 0 } else { SERVER_INDEX_FLAG };
        }
        if !self.namespace_uri.is_null() {
            self.namespace_uri.encode(out);
        }
        if self.server_index != 0 {
            self.server_index.encode(out);
        }
    }
}

impl<'a> Decode<'a> for ExpandedNodeId {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let first = reader.u8()?;
        let node_id = NodeIdRef::decode_rest(first & !(NAMESPACE_URI_FLAG | SERVER_INDEX_FLAG), reader)?.into();
        let namespace_uri = if first & NAMESPACE_URI_FLAG != 0 { UaString::decode(reader)? } else { UaString::NULL };
        let server_index = if first & SERVER_INDEX_FLAG != 0 { reader.u32()? } else { 0 };
        Ok(Self { node_id, namespace_uri, server_index })
    }
}

impl Encode for NodeIdRef<'_> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        match self.identifier {
            IdentifierRef::Numeric(id) => match (u8::try_from(self.namespace), u8::try_from(id), u16::try_from(id)) {
                (Ok(0), Ok(id), _) => out.extend_from_slice(&[0, id]),
                (Ok(namespace), _, Ok(id)) => {
                    let [low, high] = id.to_le_bytes();
                    out.extend_from_slice(&[1, namespace, low, high]);
                }
                _ => {
                    self.head(2, out);
                    id.encode(out);
                }
            },
            IdentifierRef::String(id) => {
                self.head(3, out);
                write_str(id, out);
            }
            IdentifierRef::Guid(id) => {
                self.head(4, out);
                id.encode(out);
            }
            IdentifierRef::Opaque(id) => {
                self.head(5, out);
                write_bytes(id, out);
            }
        }
    }
}

impl NodeIdRef<'_> {
    #[inline]
    fn head(&self, form: u8, out: &mut Vec<u8>) {
        let [low, high] = self.namespace.to_le_bytes();
        out.extend_from_slice(&[form, low, high]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_encodes_as_short_as_it_can() {
        let cases: [(NodeId, &[u8]); 7] = [
            (NodeId::ns0(72), &[0, 72]),
            (NodeId::numeric(5, 1025), &[1, 5, 1, 4]),
            (NodeId::numeric(1, 3), &[1, 1, 3, 0]),
            (NodeId::numeric(0, 70_000), &[2, 0, 0, 0x70, 0x11, 1, 0]),
            (NodeId::numeric(300, 3), &[2, 44, 1, 3, 0, 0, 0]),
            (NodeId::string(1, "Hot水"), &[3, 1, 0, 6, 0, 0, 0, b'H', b'o', b't', 0xE6, 0xB0, 0xB4]),
            (NodeId::opaque(1, [7_u8, 8]), &[5, 1, 0, 2, 0, 0, 0, 7, 8]),
        ];
        for (id, golden) in cases {
            assert_eq!(id.to_bytes(), golden, "{id}");
            assert_eq!(NodeId::from_bytes(golden), Ok(id));
        }
    }

    #[test]
    fn an_expanded_id_carries_uri_and_server() {
        let id =
            ExpandedNodeId { node_id: NodeId::numeric(0, 7), namespace_uri: UaString::from("urn:x"), server_index: 3 };
        let bytes = id.to_bytes();
        assert_eq!(bytes, [0xC0, 7, 5, 0, 0, 0, b'u', b'r', b'n', b':', b'x', 3, 0, 0, 0]);
        assert_eq!(ExpandedNodeId::from_bytes(&bytes), Ok(id));
        assert_eq!(NodeId::from_bytes(&bytes), Err(DecodeError::Form));
    }

    #[test]
    fn null_ids_of_every_form_are_null() {
        for id in [NodeId::NULL, NodeId::string(0, ""), NodeId::guid(0, Guid::default()), NodeId::opaque(0, [])] {
            assert!(id.is_null(), "{id:?}");
        }
        assert!(!NodeId::numeric(1, 0).is_null());
    }
}
