//! The explicit NodeId of a tag (OPC UA Part 6, 5.3.1.10).

use std::fmt;

use super::problem::Complaint;

/// A NodeId with its namespace as an index of this server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExplicitNodeId {
    /// Index of the namespace: 2 for tags, from 3 on for `[ua] namespaces`.
    pub namespace: u16,
    /// What identifies the node in its namespace.
    pub identifier: Identifier,
}

/// The four kinds of identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// `i=`
    Numeric(u32),
    /// `s=`
    String(Box<str>),
    /// `g=`, in the byte order of its text form.
    Guid([u8; 16]),
    /// `b=`
    Opaque(Box<[u8]>),
}

/// Index of the namespace in which tags have their default NodeIds.
pub const TAG_NAMESPACE: u16 = 2;

/// Most bytes of a string or opaque identifier (OPC UA Part 3, 8.2.4).
const MAX_IDENTIFIER: usize = 4096;

impl ExplicitNodeId {
    /// Parses `ns=<index>;i=...` and `nsu=<uri>;s=...`, with the namespaces from index 2 on in `uris`.
    pub(crate) fn parse(text: &str, uris: &[&str]) -> Result<Self, Complaint> {
        let form =
            "write \"ns=3;s=name\", \"ns=3;i=1234\" or \"nsu=<uri>;s=name\", with a namespace of [ua] namespaces";
        let refused = || Complaint::new(format!("\"{text}\" is no NodeId"), form);
        let (namespace, identifier) = text.trim().split_once(';').ok_or_else(refused)?;
        let namespace = match namespace.split_once('=') {
            Some(("ns", index)) => {
                let index: u16 = index.parse().map_err(|_| refused())?;
                let known = TAG_NAMESPACE as usize..TAG_NAMESPACE as usize + uris.len();
                if !known.contains(&usize::from(index)) {
                    let problem = format!("the NodeId \"{text}\" is in namespace {index}, which tags cannot be in");
                    let last = known.end - 1;
                    let fix = format!("use an index from 2 to {last}, or add the namespace's URI to [ua] namespaces");
                    return Err(Complaint::new(problem, fix));
                }
                index
            }
            Some(("nsu", uri)) => match uris.iter().position(|known| *known == uri) {
                Some(position) => TAG_NAMESPACE + position as u16,
                None => {
                    let problem = format!("the namespace \"{uri}\" is not known");
                    return Err(Complaint::new(problem, format!("add it: [ua] namespaces = [\"{uri}\"]")));
                }
            },
            _ => return Err(refused()),
        };
        let identifier = match identifier.split_once('=') {
            Some(("i", number)) => Identifier::Numeric(number.parse().map_err(|_| refused())?),
            Some(("s", name)) if !name.is_empty() && name.len() <= MAX_IDENTIFIER => Identifier::String(name.into()),
            Some(("g", guid)) => Identifier::Guid(parse_guid(guid).ok_or_else(refused)?),
            Some(("b", text)) => Identifier::Opaque(parse_base64(text).ok_or_else(refused)?.into()),
            _ => return Err(refused()),
        };
        Ok(Self { namespace, identifier })
    }
}

impl fmt::Display for ExplicitNodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ns={};", self.namespace)?;
        match &self.identifier {
            Identifier::Numeric(number) => write!(f, "i={number}"),
            Identifier::String(name) => write!(f, "s={name}"),
            Identifier::Guid(bytes) => {
                f.write_str("g=")?;
                for (idx, byte) in bytes.iter().enumerate() {
                    let dash = if matches!(idx, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
            Identifier::Opaque(bytes) => write!(f, "b=({} bytes)", bytes.len()),
        }
    }
}

fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] {
        return None;
    }
    let digits: Vec<u8> =
        text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

fn parse_base64(text: &str) -> Option<Vec<u8>> {
    let trimmed = text.trim_end_matches('=');
    if trimmed.is_empty() || trimmed.len() > MAX_IDENTIFIER || trimmed.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(trimmed.len() * 3 / 4);
    let (mut bits, mut n_bits) = (0_u32, 0);
    for c in trimmed.bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
            bits &= (1 << n_bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URIS: [&str; 2] = ["urn:tags", "urn:old"];

    #[test]
    fn every_kind_of_node_id_is_read() {
        let parse = |text| ExplicitNodeId::parse(text, &URIS).expect(text).to_string();
        assert_eq!(parse("ns=3;i=1234"), "ns=3;i=1234");
        assert_eq!(parse("nsu=urn:old;s=Channel1.Device1.Tag1"), "ns=3;s=Channel1.Device1.Tag1");
        let guid = "ns=2;g=72962b91-fa75-4ae6-8d28-b404dc7daf63";
        assert_eq!(parse(guid), guid);
        assert_eq!(parse("ns=2;b=aGk="), "ns=2;b=(2 bytes)");
    }

    #[test]
    fn what_is_no_node_id_or_in_a_foreign_namespace_is_refused() {
        for text in
            ["", "s=x", "ns=0;i=84", "ns=1;s=x", "ns=4;s=x", "nsu=urn:new;s=x", "ns=2;i=-1", "ns=2;s=", "ns=2;g=1-2"]
        {
            assert!(ExplicitNodeId::parse(text, &URIS).is_err(), "{text}");
        }
    }
}
