//! The text form of a NodeId: `ns=2;s=line1.press.temp` (Part 6, 5.1.12).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::{ExpandedNodeId, IdentifierRef, NodeId, NodeIdRef};

/// Why a text is no NodeId.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NodeIdTextError {
    /// The namespace is not a number up to 65535.
    #[error("namespace index is not a number from 0 to 65535")]
    Namespace,
    /// The identifier starts with none of `i=`, `s=`, `g=`, `b=`.
    #[error("identifier does not start with i=, s=, g= or b=")]
    Kind,
    /// What follows does not fit the kind of the identifier.
    #[error("identifier does not fit its kind")]
    Identifier,
}

impl fmt::Display for NodeIdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace != 0 {
            write!(f, "ns={};", self.namespace)?;
        }
        match self.identifier {
            IdentifierRef::Numeric(id) => write!(f, "i={id}"),
            IdentifierRef::String(id) => write!(f, "s={id}"),
            IdentifierRef::Guid(id) => write!(f, "g={id}"),
            IdentifierRef::Opaque(id) => write!(f, "b={}", STANDARD.encode(id)),
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

impl fmt::Display for ExpandedNodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.server_index != 0 {
            write!(f, "svr={};", self.server_index)?;
        }
        if self.namespace_uri.is_null() {
            return self.node_id.fmt(f);
        }
        // The two characters that would end the URI early are escaped as the specification says.
        write!(f, "nsu={};", self.namespace_uri.replace('%', "%25").replace(';', "%3B"))?;
        NodeIdRef { namespace: 0, identifier: self.node_id.borrowed().identifier }.fmt(f)
    }
}

impl FromStr for NodeId {
    type Err = NodeIdTextError;

    fn from_str(text: &str) -> Result<Self, NodeIdTextError> {
        let (namespace, identifier) = match text.strip_prefix("ns=") {
            Some(rest) => {
                let (namespace, identifier) = rest.split_once(';').ok_or(NodeIdTextError::Namespace)?;
                (digits(namespace).ok_or(NodeIdTextError::Namespace)?, identifier)
            }
            None => (0, text),
        };
        let (kind, value) = identifier.split_at_checked(2).ok_or(NodeIdTextError::Kind)?;
        match kind {
            "i=" => digits(value).map(|id| Self::numeric(namespace, id)),
            "s=" => Some(Self::string(namespace, value)),
            "g=" => value.parse().ok().map(|id| Self::guid(namespace, id)),
            "b=" => STANDARD.decode(value).ok().map(|id| Self::opaque(namespace, id)),
            _ => return Err(NodeIdTextError::Kind),
        }
        .ok_or(NodeIdTextError::Identifier)
    }
}

fn digits<T: FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UaString;

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "i=85",
            "ns=2;s=line1.press.temp",
            "ns=3;s=",
            "ns=2;s=with;semicolon=and ns=4;i=3",
            "ns=65535;i=4294967295",
            "g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
            "ns=1;b=AQID",
        ] {
            assert_eq!(text.parse::<NodeId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("", NodeIdTextError::Kind),
            ("85", NodeIdTextError::Kind),
            ("水", NodeIdTextError::Kind),
            ("x=1", NodeIdTextError::Kind),
            ("ns=2", NodeIdTextError::Namespace),
            ("ns=65536;i=1", NodeIdTextError::Namespace),
            ("ns=+1;i=1", NodeIdTextError::Namespace),
            ("i=-1", NodeIdTextError::Identifier),
            ("i=4294967296", NodeIdTextError::Identifier),
            ("g=1", NodeIdTextError::Identifier),
            ("b=!", NodeIdTextError::Identifier),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<NodeId>(), Err(error), "{text}");
        }
    }

    #[test]
    fn an_expanded_id_escapes_its_uri() {
        let id = ExpandedNodeId {
            node_id: NodeId::numeric(7, 1),
            namespace_uri: UaString::from("urn:a;b%"),
            server_index: 2,
        };
        assert_eq!(id.to_string(), "svr=2;nsu=urn:a%3Bb%25;i=1");
    }
}
