//! The address of a tag: a node of the other server.

use std::fmt;

use tagwire_driver::AddressError;
use tagwire_ua_client::{NodeId, parse_node_id, print_node_id};

use crate::structure::Path;

/// How addresses begin.
const BEGINNINGS: [&str; 6] = ["nsu=", "ns=", "i=", "s=", "g=", "b="];
/// The words of a method's address.
const CALL: &str = "call ";
const ON: &str = " on ";
/// The words of the address of a member.
const MEMBER: &str = "member ";
const OF: &str = " of ";

/// A node, a member of its structured value, or a method of one, by the URI or the index of its namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    node: Place,
    /// The object that the method `node` is called on.
    object: Option<Place>,
    /// The way to a member of the value.
    member: Option<Path>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    /// The namespace's URI; without one the index in `node` counts, as it was when the server was first seen.
    uri: Option<Box<str>>,
    /// The node; its index is 0 where there is a URI.
    node: NodeId,
}

impl Address {
    /// Parses `nsu=URI;s=name`, `ns=2;i=1001` or `i=2258`, for a method `call METHOD on OBJECT` of two such nodes, or for
    /// a member of a structure `member Axes[2].Position of NODE`; within a URI `%3B` stands for a semicolon and `%25` for a percent sign (Part 6, 5.3.1.11).
    ///
    /// # Errors
    /// [`AddressError`] names the problem and the fix.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(member) = text.strip_prefix(MEMBER) {
            let wrong = |problem| AddressError {
                problem,
                fix: "write member NAME of nsu=URI;s=NAME, with dots and [0] for members of members".to_owned(),
            };
            // No path has a space, so that whatever a node is called never counts here.
            let (path, node) =
                member.split_once(OF).ok_or_else(|| wrong(format!("\"{text}\" names no node for its member")))?;
            let path = Path::parse(path.trim()).map_err(wrong)?;
            return Ok(Self { node: Place::parse(node.trim())?, object: None, member: Some(path) });
        }
        let Some(call) = text.strip_prefix(CALL) else {
            return Ok(Self { node: Place::parse(text)?, object: None, member: None });
        };
        let is_node = |text: &str| BEGINNINGS.iter().any(|beginning| text.trim_start().starts_with(beginning));
        // The name of an object may hold the word itself.
        let cuts = call.rmatch_indices(ON).map(|(at, _)| call.split_at(at));
        let cut = cuts
            .map(|(method, rest)| (method, rest.get(ON.len()..).unwrap_or_default()))
            .find(|(_, object)| is_node(object));
        let Some((method, object)) = cut else {
            return Err(AddressError {
                problem: format!("\"{text}\" names no object for its method"),
                fix: "write call METHOD on OBJECT, each as nsu=URI;s=NAME".to_owned(),
            });
        };
        Ok(Self { node: Place::parse(method.trim())?, object: Some(Place::parse(object.trim())?), member: None })
    }

    /// The address of a node on a server with these namespaces.
    pub fn of(node: &NodeId, namespaces: &[String]) -> Self {
        Self { node: Place::of(node, namespaces), object: None, member: None }
    }

    /// The address of a member of a node's value.
    pub(crate) fn of_member(path: Path, node: &NodeId, namespaces: &[String]) -> Self {
        Self { member: Some(path), ..Self::of(node, namespaces) }
    }

    /// The address of a method of an object.
    pub fn of_method(method: &NodeId, object: &NodeId, namespaces: &[String]) -> Self {
        Self { node: Place::of(method, namespaces), object: Some(Place::of(object, namespaces)), member: None }
    }

    /// The way to the member of the value that it means, where it does not mean the whole value.
    pub(crate) const fn member(&self) -> Option<&Path> {
        self.member.as_ref()
    }

    /// Whether it means a member of a structure and not the whole value.
    pub const fn is_member(&self) -> bool {
        self.member.is_some()
    }

    /// The address of the whole value.
    pub(crate) fn whole(&self) -> Self {
        Self { node: self.node.clone(), object: self.object.clone(), member: None }
    }

    /// Whether writing to it calls a method.
    pub const fn is_method(&self) -> bool {
        self.object.is_some()
    }

    /// The node on a server whose namespaces are `now` and were `first` when it was seen first; `None` when it has the
    /// namespace no more.
    pub fn resolve(&self, now: &[String], first: &[String]) -> Option<NodeId> {
        self.node.resolve(now, first)
    }

    /// The object that a method is called on, as [`Address::resolve`].
    pub fn resolve_object(&self, now: &[String], first: &[String]) -> Option<NodeId> {
        self.object.as_ref()?.resolve(now, first)
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let wrong = |problem: String| AddressError {
            problem,
            fix: "write nsu=URI;s=NAME, nsu=URI;i=NUMBER, ns=INDEX;s=NAME or i=NUMBER".to_owned(),
        };
        if !BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) {
            return Err(wrong(format!("\"{text}\" is no node of an OPC UA server")));
        }
        let Some(rest) = text.strip_prefix("nsu=") else {
            let node = parse_node_id(text).map_err(|error| wrong(error.to_string()))?;
            return Ok(Self { uri: None, node });
        };
        let (uri, identifier) = match rest.split_once(';') {
            Some((uri, identifier)) if !uri.is_empty() => (uri, identifier),
            _ => return Err(wrong(format!("\"{text}\" has no namespace before the identifier"))),
        };
        if !BEGINNINGS.iter().skip(2).any(|beginning| identifier.starts_with(beginning)) {
            return Err(wrong(format!("\"{text}\" has no identifier behind its namespace")));
        }
        let node = parse_node_id(identifier).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { uri: Some(uri.replace("%3B", ";").replace("%3b", ";").replace("%25", "%").into()), node })
    }

    fn of(node: &NodeId, namespaces: &[String]) -> Self {
        match namespaces.get(usize::from(node.namespace)).filter(|uri| node.namespace != 0 && !uri.is_empty()) {
            Some(uri) => {
                let node = NodeId { namespace: 0, identifier: node.identifier.clone() };
                Self { uri: Some(uri.as_str().into()), node }
            }
            None => Self { uri: None, node: node.clone() },
        }
    }

    fn resolve(&self, now: &[String], first: &[String]) -> Option<NodeId> {
        let uri = match &self.uri {
            Some(uri) => uri,
            None if self.node.namespace == 0 => return Some(self.node.clone()),
            None => first.get(usize::from(self.node.namespace))?.as_str(),
        };
        let index = now.iter().position(|known| known == uri)?;
        Some(NodeId { namespace: u16::try_from(index).ok()?, identifier: self.node.identifier.clone() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.object, &self.member) {
            (Some(object), _) => write!(f, "{CALL}{}{ON}{object}", self.node),
            (None, Some(member)) => write!(f, "{MEMBER}{member}{OF}{}", self.node),
            (None, None) => self.node.fmt(f),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.uri {
            Some(uri) => {
                write!(f, "nsu={};{}", uri.replace('%', "%25").replace(';', "%3B"), print_node_id(&self.node))
            }
            None => f.write_str(&print_node_id(&self.node)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "nsu=urn:plc:press;s=Temp",
            "nsu=http://plc/a%3Bb%25;i=5",
            "ns=2;s=a=b;c",
            "i=2258",
            "nsu=urn:x;b=M/RbKBsRVkePCePcx24oRA==",
            "call nsu=urn:x;s=Pump.Start on nsu=urn:x;s=Pump",
            "call i=5 on ns=2;s=turn on",
            "call i=5 on ns=2;s=man on the moon",
            "member Speed.Actual of nsu=urn:x;s=Motor1",
            "member Axes[2].Position of ns=2;s=member a of i=5",
            "member [2].a%2Eb%20of%20c of i=5",
        ] {
            assert_eq!(Address::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_node_and_says_what_to_write() {
        for text in ["", "Temp", "40001", "nsu=;s=a", "nsu=urn:x", "nsu=urn:x;Temp", "ns=x;i=1", "i=a", "nsu=urn:x;i=a"]
        {
            let error = Address::parse(text).expect_err(text);
            assert!(error.fix.contains("nsu=URI;s=NAME"), "{text}");
        }
        for text in [
            "member a",
            "member of i=5",
            "member  of i=5",
            "member a of ",
            "member a of call i=1 on i=2",
            "member a.[1] of i=5",
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.fix.contains("nsu=URI;s=NAME"), "{text}");
        }
    }

    #[test]
    fn a_node_is_found_wherever_its_namespace_went() {
        let (first, now) =
            (uris(&["ua", "urn:me", "urn:a", "urn:b"]), uris(&["ua", "urn:me", "urn:b", "urn:c", "urn:a"]));
        let resolved = |text: &str| {
            let address = Address::parse(text).expect(text);
            address.resolve(&now, &first).map(|node| print_node_id(&node))
        };
        assert_eq!(resolved("nsu=urn:a;s=x"), Some("ns=4;s=x".to_owned()));
        assert_eq!(resolved("ns=2;s=x"), Some("ns=4;s=x".to_owned()), "the index of the first day");
        assert_eq!(resolved("i=85"), Some("i=85".to_owned()));
        assert_eq!(resolved("nsu=urn:gone;s=x"), None);
        assert_eq!(resolved("ns=9;s=x"), None);
        let node = parse_node_id("ns=4;s=x").expect("a node");
        assert_eq!(Address::of(&node, &now).to_string(), "nsu=urn:a;s=x");
    }
}
