//! Node ids as text (OPC UA Part 6, 5.3.1.10).

use opcua_types::{ByteString, Guid, Identifier, NodeId, UAString};
use thiserror::Error;

/// The namespace of tagwire's own tags, used when only a path is given.
const TAG_NAMESPACE: u16 = 2;

/// Why a text is no node id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NodeIdError {
    /// Nothing was given.
    #[error("node id is empty")]
    Empty,
    /// The namespace is no number from 0 to 65535.
    #[error("\"{0}\" holds no namespace from 0 to 65535 after \"ns=\"")]
    Namespace(String),
    /// The identifier does not fit its kind.
    #[error("\"{0}\" holds no identifier as i=85, s=name, g=guid or b=base64")]
    Identifier(String),
}

/// Parses `i=85`, `ns=2;s=line1.press.temp`, `ns=3;g=...`, `ns=3;b=...`; anything without such a beginning is the path
/// of a tag, the string identifier in namespace 2.
///
/// # Errors
/// [`NodeIdError`].
pub fn parse_node_id(text: &str) -> Result<NodeId, NodeIdError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NodeIdError::Empty);
    }
    let (namespace, rest) = match text.strip_prefix("ns=").and_then(|rest| rest.split_once(';')) {
        Some((namespace, rest)) => {
            (Some(namespace.parse::<u16>().map_err(|_| NodeIdError::Namespace(text.to_owned()))?), rest)
        }
        None if text.starts_with("ns=") => return Err(NodeIdError::Namespace(text.to_owned())),
        None => (None, text),
    };
    let wrong = || NodeIdError::Identifier(text.to_owned());
    let identifier = match rest.split_once('=') {
        Some(("i", digits)) => Identifier::Numeric(digits.parse().map_err(|_| wrong())?),
        Some(("s", name)) => Identifier::String(UAString::from(name)),
        Some(("g", guid)) => Identifier::Guid(guid.parse::<Guid>().map_err(|_| wrong())?),
        Some(("b", base64)) => Identifier::ByteString(ByteString::from_base64(base64).ok_or_else(wrong)?),
        _ if namespace.is_some() => return Err(wrong()),
        _ => return Ok(NodeId::new(TAG_NAMESPACE, UAString::from(rest))),
    };
    Ok(NodeId { namespace: namespace.unwrap_or(0), identifier })
}

/// The text form that [`parse_node_id`] reads.
pub fn print_node_id(node: &NodeId) -> String {
    node.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "i=85",
            "ns=2;s=line1.press.temp",
            "ns=2;s=a=b;c",
            "ns=3;i=4294967295",
            "ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
            "ns=65535;b=M/RbKBsRVkePCePcx24oRA==",
        ] {
            assert_eq!(print_node_id(&parse_node_id(text).expect(text)), text);
        }
    }

    #[test]
    fn a_bare_path_is_a_tag() {
        for path in ["line1.press.temp", "a b", "x=1", "_System.rate", "äö"] {
            assert_eq!(print_node_id(&parse_node_id(path).expect(path)), format!("ns=2;s={path}"));
        }
    }

    #[test]
    fn refuses_what_is_no_node_id() {
        for text in
            ["", " ", "ns=2", "ns=x;i=1", "ns=70000;i=1", "i=", "i=-1", "i=x", "ns=2;temp", "ns=2;x=1", "g=1", "b=%"]
        {
            assert!(parse_node_id(text).is_err(), "{text}");
        }
    }
}
