//! What another server has, as the tags of a device.

mod members;

use std::collections::{BTreeMap, HashMap, HashSet};

use tagwire_model::{DataType, Dims, Sample, Value, ValueType};
use tagwire_ua_client::{BrowseLimits, Browsed, Client, Error, NodeClass, NodeId, Parameter};

use crate::address::Address;
use members::{Structured, alike, components, structures};

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

/// What no tag can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name, as a tag would have it.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The variables and methods below a node, and what has no counterpart as a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The tags, parents' names first.
    pub tags: Vec<Found>,
    /// Variables and members whose values no tag can hold, and methods with arguments that none can give.
    pub left_out: Vec<LeftOut>,
    /// Groups of tags that are structures, by the names of their types; all groups of one type have the same tags.
    pub structures: BTreeMap<String, Vec<String>>,
}

impl Tree {
    fn leave_out(&mut self, name: String, reason: impl Into<String>) {
        self.left_out.push(LeftOut { name, reason: reason.into() });
    }
}

/// Reads what is below a node, without what belongs to the server itself.
///
/// # Errors
/// [`Error`].
pub async fn tree(client: &Client, start: &NodeId, limits: BrowseLimits) -> Result<Tree, Error> {
    let namespaces = client.namespace_array().await?;
    let found = client.browse(start, limits).await?;
    let own = names(&found, &HashMap::new());
    let variables = of_class(found.iter().filter(|node| own.contains_key(&node.node)), NodeClass::Variable);
    let structures = structures(client, &variables).await?;
    let hidden = components(&found, &structures);
    let found: Vec<Browsed> = found.into_iter().filter(|node| !hidden.contains(&node.node)).collect();
    let names = names(&found, &structures);
    let nodes: Vec<&Browsed> = found.iter().filter(|node| names.contains_key(&node.node)).collect();
    let variables: Vec<NodeId> = of_class(nodes.iter().copied(), NodeClass::Variable);
    let held = client.held_types(&variables).await?;
    let values = client.read(&variables).await?;
    let levels: Vec<_> = variables.iter().map(|node| (node.clone(), ACCESS_LEVEL)).collect();
    let levels = client.read_attributes(&levels).await?;
    let mut tree = Tree::default();
    let mut groups = Vec::new();
    let mut variables = held.into_iter().zip(values).zip(levels);
    for node in nodes {
        let name = names.get(&node.node).cloned().unwrap_or_default();
        match node.class {
            NodeClass::Variable => {
                let Some(((held, value), level)) = variables.next() else { continue };
                let level = access_level(&level);
                if level & CURRENT_READ == 0 {
                    tree.leave_out(name, "it cannot be read");
                } else if let Some(structure) = structures.get(&node.node) {
                    let is_writable = level & CURRENT_WRITE != 0;
                    structure.put(&mut tree, &mut groups, (&node.node, &namespaces), &name, is_writable);
                } else if let Ok(held) = held {
                    tree.tags.push(Found {
                        name,
                        address: Address::of(&node.node, &namespaces),
                        value_type: ValueType { data_type: held.data_type, dims: dims(held.rank, &value) },
                        is_writable: level & CURRENT_WRITE != 0,
                    });
                } else {
                    tree.leave_out(name, "no tag can hold its type");
                }
            }
            NodeClass::Method => {
                let parameters = client.parameters(&node.node).await?.unwrap_or_default();
                match arguments(&parameters) {
                    Ok(value_type) => tree.tags.push(Found {
                        name,
                        address: Address::of_method(&node.node, &node.parent, &namespaces),
                        value_type,
                        is_writable: true,
                    }),
                    Err(reason) => tree.leave_out(name, reason),
                }
            }
            _ => {}
        }
    }
    tree.structures = alike(&tree.tags, groups);
    Ok(tree)
}

/// The type of a tag whose values are the arguments of a method, or why there is none.
fn arguments(parameters: &[Parameter]) -> Result<ValueType, String> {
    let Some(first) = parameters.first() else { return Ok(ValueType::scalar(DataType::Boolean)) };
    for parameter in parameters {
        if parameter.is_array {
            return Err(format!("its argument {} is an array", parameter.name));
        }
        if parameter.data_type.is_none() {
            return Err(format!("no tag can hold its argument {}", parameter.name));
        }
        if parameter.data_type != first.data_type {
            return Err(format!("its arguments {} and {} differ in type", first.name, parameter.name));
        }
    }
    let dims = match u32::try_from(parameters.len()) {
        Ok(1) => Dims::SCALAR,
        n => Dims::one(n.unwrap_or(u32::MAX)),
    };
    first.data_type.map(|data_type| ValueType { data_type, dims }).ok_or_else(String::new)
}

fn of_class<'a>(nodes: impl Iterator<Item = &'a Browsed>, class: NodeClass) -> Vec<NodeId> {
    nodes.filter(|node| node.class == class).map(|node| node.node.clone()).collect()
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

/// The name of each node that is not the server's own: those of its parents and itself, each unique. A structure is the
/// group of its members.
fn names(found: &[Browsed], structures: &HashMap<NodeId, Structured>) -> HashMap<NodeId, String> {
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
    let is_tag = |node: &&Browsed| {
        matches!(node.class, NodeClass::Variable | NodeClass::Method) && !structures.contains_key(&node.node)
    };
    for node in found.iter().filter(is_tag) {
        if let Some(path) = paths.get_mut(&node.node)
            && groups.contains(path.as_str())
        {
            path.push_str(".value");
        }
    }
    paths
}

/// A part of a name, with signs that names can have.
pub(crate) fn part(name: &str) -> String {
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
    fn arguments_of_one_type_are_an_array_and_others_are_told() {
        let parameter = |name: &str, data_type, is_array| Parameter { name: name.to_owned(), data_type, is_array };
        let x = || parameter("x", Some(DataType::Int64), false);
        for (parameters, expected) in [
            (vec![], Ok("bool")),
            (vec![x()], Ok("i64")),
            (vec![x(), x(), x()], Ok("i64[3]")),
            (vec![x(), parameter("y", Some(DataType::Double), false)], Err("its arguments x and y differ in type")),
            (vec![parameter("y", Some(DataType::Double), true)], Err("its argument y is an array")),
            (vec![x(), parameter("y", None, false)], Err("no tag can hold its argument y")),
        ] {
            let found = arguments(&parameters).map(|found| found.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
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
        let names = names(&found, &HashMap::new());
        let name = |id: &str| names.get(&parse_node_id(id).expect(id)).map(String::as_str);
        assert_eq!(name("ns=2;i=2"), Some("Press_1.Temp_C"));
        assert_eq!(name("ns=2;i=3"), Some("Press_1.Temp_C_2.value"));
        assert_eq!(name("ns=2;i=5"), Some("Press_1.Temp_C_2.Limit"));
        assert_eq!((name("i=2256"), name("ns=2;i=4")), (None, None));
    }
}
