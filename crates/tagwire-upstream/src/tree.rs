//! What another server has, as the tags of a device.

use std::collections::{HashMap, HashSet};

use tagwire_model::{Dims, Sample, Value, ValueType};
use tagwire_ua_client::{BrowseLimits, Browsed, Client, Error, NodeClass, NodeId};

use crate::address::Address;

/// AccessLevel (Part 3, 8.57): whether the current value can be read and written, and history read.
const ACCESS_LEVEL: u32 = 17;
const CURRENT_READ: u8 = 1;
const CURRENT_WRITE: u8 = 2;
/// PropertyType (Part 6, Annex A), whose instances describe variables.
const PROPERTY_TYPE: u32 = 68;
/// Longest part of a name.
const MAX_PART: usize = 100;

/// A tag to be made of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name below the device; dots separate folders.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Its type.
    pub value_type: ValueType,
    /// Whether it can be written.
    pub is_writable: bool,
}

/// The variables and methods below a node, and how many nodes have no counterpart as a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The tags, parents' names first.
    pub tags: Vec<Found>,
    /// Variables whose values no tag can hold, and methods with arguments that none can give.
    pub left_out: Vec<String>,
}

/// Reads what is below a node, without what belongs to the server itself.
///
/// # Errors
/// [`Error`].
pub async fn tree(client: &Client, start: &NodeId, limits: BrowseLimits) -> Result<Tree, Error> {
    let namespaces = client.namespace_array().await?;
    let found = client.browse(start, limits).await?;
    let names = names(&found);
    let nodes: Vec<&Browsed> = found.iter().filter(|node| names.contains_key(&node.node)).collect();
    let variables: Vec<NodeId> = of_class(&nodes, NodeClass::Variable);
    let held = client.held_types(&variables).await?;
    let values = client.read(&variables).await?;
    let levels: Vec<_> = variables.iter().map(|node| (node.clone(), ACCESS_LEVEL)).collect();
    let levels = client.read_attributes(&levels).await?;
    let mut tree = Tree::default();
    let mut variables = held.into_iter().zip(values).zip(levels);
    for node in nodes {
        let name = names.get(&node.node).cloned().unwrap_or_default();
        match node.class {
            NodeClass::Variable => {
                let Some(((held, value), level)) = variables.next() else { continue };
                let level = access_level(&level);
                match held {
                    Ok(held) if level & CURRENT_READ != 0 => tree.tags.push(Found {
                        name,
                        address: Address::of(&node.node, &namespaces),
                        value_type: ValueType { data_type: held.data_type, dims: dims(held.rank, &value) },
                        is_writable: level & CURRENT_WRITE != 0,
                    }),
                    _ => tree.left_out.push(name),
                }
            }
            NodeClass::Method => {
                let parameters = client.parameters(&node.node).await?.unwrap_or_default();
                let value_type = match parameters.as_slice() {
                    [] => Some(ValueType::scalar(tagwire_model::DataType::Boolean)),
                    [one] if !one.is_array => one.data_type.map(ValueType::scalar),
                    _ => None,
                };
                match value_type {
                    Some(value_type) => tree.tags.push(Found {
                        name,
                        address: Address::of_method(&node.node, &node.parent, &namespaces),
                        value_type,
                        is_writable: true,
                    }),
                    None => tree.left_out.push(name),
                }
            }
            _ => {}
        }
    }
    Ok(tree)
}

fn of_class(nodes: &[&Browsed], class: NodeClass) -> Vec<NodeId> {
    nodes.iter().filter(|node| node.class == class).map(|node| node.node.clone()).collect()
}

fn access_level(sample: &Sample) -> u8 {
    match sample.value {
        Value::UInt8(level) if !sample.status.is_bad() => level,
        _ => CURRENT_READ,
    }
}

/// The dimensions of the value as it is now, as far as they fit the declaration.
fn dims(rank: usize, value: &Sample) -> Dims {
    let own = value.value.value_type().map(|own| own.dims);
    match own {
        Some(dims) if dims.rank() == rank => dims,
        _ if rank == 0 => Dims::SCALAR,
        _ => Dims::new(&vec![1; rank.min(3)]).unwrap_or(Dims::SCALAR),
    }
}

/// The name of each node that is not the server's own: those of its parents and itself, each unique.
fn names(found: &[Browsed]) -> HashMap<NodeId, String> {
    let mut paths: HashMap<NodeId, String> = HashMap::new();
    let mut own: HashSet<NodeId> = HashSet::new();
    let mut taken: HashSet<String> = HashSet::new();
    for node in found {
        let is_own = node.node.namespace == 0 || node.type_definition == NodeId::new(0, PROPERTY_TYPE);
        if is_own || own.contains(&node.parent) {
            own.insert(node.node.clone());
            continue;
        }
        let part = part(&node.name);
        let path = match paths.get(&node.parent) {
            Some(parent) => format!("{parent}.{part}"),
            None => part,
        };
        let mut unique = path.clone();
        for number in 2.. {
            if taken.insert(unique.clone()) {
                break;
            }
            unique = format!("{path}_{number}");
        }
        paths.insert(node.node.clone(), unique);
    }
    // A tag cannot be a group as well.
    let groups: HashSet<String> =
        paths.values().filter_map(|path| path.rsplit_once('.')).map(|(group, _)| group.to_owned()).collect();
    for node in found.iter().filter(|node| matches!(node.class, NodeClass::Variable | NodeClass::Method)) {
        if let Some(path) = paths.get_mut(&node.node)
            && groups.contains(path.as_str())
        {
            path.push_str(".value");
        }
    }
    paths
}

/// A part of a name, with signs that names can have.
fn part(name: &str) -> String {
    let plain = |sign: char| if sign.is_alphanumeric() || matches!(sign, '_' | '-') { sign } else { '_' };
    let part: String = name.chars().map(plain).take(MAX_PART).collect();
    let part = part.trim_start_matches('_');
    if part.is_empty() { "node".to_owned() } else { part.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_ua_client::parse_node_id;

    fn node(id: &str, parent: &str, name: &str, class: NodeClass, type_definition: &str) -> Browsed {
        let parse = |text: &str| parse_node_id(text).expect(text);
        Browsed {
            node: parse(id),
            parent: parse(parent),
            depth: 1,
            name_namespace: 2,
            name: name.to_owned(),
            display_name: name.to_owned(),
            class,
            type_definition: parse(type_definition),
        }
    }

    #[test]
    fn names_are_paths_unique_and_without_the_servers_own() {
        let found = [
            node("i=2253", "i=85", "Server", NodeClass::Object, "i=58"),
            node("ns=2;i=1", "i=85", "Press 1", NodeClass::Object, "i=58"),
            node("i=2256", "i=2253", "ServerStatus", NodeClass::Variable, "i=63"),
            node("ns=2;i=2", "ns=2;i=1", "Temp.C", NodeClass::Variable, "i=63"),
            node("ns=2;i=3", "ns=2;i=1", "Temp_C", NodeClass::Variable, "i=63"),
            node("ns=2;i=4", "ns=2;i=2", "EURange", NodeClass::Variable, "i=68"),
            node("ns=2;i=5", "ns=2;i=3", "Limit", NodeClass::Variable, "i=63"),
        ];
        let names = names(&found);
        let name = |id: &str| names.get(&parse_node_id(id).expect(id)).map(String::as_str);
        assert_eq!(name("ns=2;i=2"), Some("Press_1.Temp_C"));
        assert_eq!(name("ns=2;i=3"), Some("Press_1.Temp_C_2.value"));
        assert_eq!(name("ns=2;i=5"), Some("Press_1.Temp_C_2.Limit"));
        assert_eq!((name("i=2256"), name("ns=2;i=4")), (None, None));
    }
}
