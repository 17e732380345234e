//! Asks a server for the types that are not known yet: a few requests, however many fields and nodes there are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tagwire_ua_client::{Error, NodeId, print_node_id};

use super::TypeSource;
use super::built_in::BuiltIn;
use super::bytes::Flaw;
use super::definition::{MAX_FIELDS, definition};
use super::types::{Kind, Known, Types, built_in, is_any_structure};

/// Steps from a type to the types of its fields, and to those that it derives from.
const MAX_DEPTH: usize = 16;
/// Types that one type may consist of.
const MAX_TYPES: usize = 2_000;

/// An encoding that is not known, and the variable whose value came in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) variable: NodeId,
    pub(crate) encoding: NodeId,
}

/// Finds out what comes in some encodings. What cannot be found out has a reason in the answer; what is known already
/// is not asked for again.
pub(crate) async fn load(source: &dyn TypeSource, known: &Types, asks: &[Ask]) -> Result<Types, Error> {
    let mut found = Types::default();
    let variables: Vec<NodeId> = unique(asks.iter().map(|ask| ask.variable.clone()));
    let declared = source.data_types(&variables).await?;
    let declared: HashMap<NodeId, NodeId> =
        variables.into_iter().zip(declared).filter_map(|(variable, data_type)| Some((variable, data_type?))).collect();
    for data_type in unique(declared.values().cloned()) {
        complete(source, known, &mut found, data_type).await?;
    }
    for ask in asks {
        if found.encoding(&ask.encoding).is_some() {
            continue;
        }
        let of_variable = declared.get(&ask.variable).cloned();
        let data_type = match of_variable.clone().filter(|data_type| comes_in(known, &found, data_type, &ask.encoding))
        {
            Some(data_type) => Some(data_type),
            None => other_type(source, known, &mut found, of_variable.clone(), &ask.encoding).await?,
        };
        let told = match (data_type, of_variable) {
            (Some(data_type), _) => match found.kind(&data_type).or_else(|| known.kind(&data_type)) {
                Some(Ok(Kind::Structure(_))) => Ok(data_type),
                Some(Err(reason)) => Err(reason),
                _ => Err(no_definition(&data_type)),
            },
            // A type without a definition says more than an encoding that nobody knows.
            (None, Some(data_type)) => match found.kind(&data_type).or_else(|| known.kind(&data_type)) {
                Some(Err(reason)) => Err(reason),
                _ => Err(Arc::from(format!(
                    "value came in the encoding {}, which belongs to no type of the server",
                    print_node_id(&ask.encoding)
                ))),
            },
            (None, None) => Err(Arc::from("variable tells no data type")),
        };
        found.set_encoding(ask.encoding.clone(), told);
    }
    Ok(found)
}

/// Finds out what a type consists of, down to built-in types.
pub(super) async fn complete(
    source: &dyn TypeSource,
    known: &Types,
    found: &mut Types,
    root: NodeId,
) -> Result<(), Error> {
    let mut level: Vec<NodeId> = vec![root];
    let mut seen: HashSet<NodeId> = HashSet::new();
    let mut derived: HashMap<NodeId, NodeId> = HashMap::new();
    let mut n_fields = 0;
    for _ in 0..MAX_DEPTH {
        level.retain(|data_type| {
            let is_known = |types: &Types| matches!(types.kind(data_type), Some(Ok(_)));
            !is_known(known) && !is_known(found) && seen.len() < MAX_TYPES && seen.insert(data_type.clone())
        });
        if level.is_empty() {
            break;
        }
        let nodes = source.type_nodes(&level).await?;
        let mut next = Vec::new();
        for (data_type, node) in level.into_iter().zip(nodes) {
            found.set_name(data_type.clone(), &node.name);
            let kind = match (node.definition.as_deref().map(definition), node.parent) {
                (Some(Ok(shape)), _) => {
                    n_fields += shape.fields.len();
                    if n_fields > MAX_FIELDS {
                        Err(too_large(&data_type))
                    } else {
                        next.extend(shape.fields.iter().map(|field| field.data_type.clone()));
                        Ok(Kind::Structure(Arc::new(shape)))
                    }
                }
                (Some(Err(Flaw::TooMuch)), _) => Err(too_large(&data_type)),
                (Some(Err(flaw)), _) => Err(Arc::from(format!("definition of {}: {flaw}", print_node_id(&data_type)))),
                (None, Some(parent)) => {
                    next.push(parent.clone());
                    derived.insert(data_type, parent);
                    continue;
                }
                (None, None) => Err(no_definition(&data_type)),
            };
            found.set_kind(data_type, kind);
        }
        level = unique(next.into_iter());
    }
    for data_type in level.into_iter().filter(|data_type| !seen.contains(data_type)) {
        if found.kind(&data_type).is_none() && known.kind(&data_type).is_none() {
            found.set_kind(data_type, Err(Arc::from("types within types go too deep")));
        }
    }
    for data_type in derived.keys() {
        found.set_kind(data_type.clone(), simple(data_type, &derived));
    }
    Ok(())
}

/// The built-in type that a type derives from.
fn simple(data_type: &NodeId, derived: &HashMap<NodeId, NodeId>) -> Known<Kind> {
    let mut at = data_type;
    for _ in 0..MAX_DEPTH {
        match built_in(at) {
            // A structure that has no definition itself is not told by what it derives from.
            Some(BuiltIn::STRUCTURE) => break,
            Some(found) => return Ok(Kind::BuiltIn(found)),
            None => {}
        }
        let Some(parent) = derived.get(at) else { break };
        at = parent;
    }
    Err(no_definition(data_type))
}

/// Whether a type is sent in an encoding; some servers name the type itself instead.
fn comes_in(known: &Types, found: &Types, data_type: &NodeId, encoding: &NodeId) -> bool {
    let kind = found.kind(data_type).or_else(|| known.kind(data_type));
    matches!(kind, Some(Ok(Kind::Structure(shape))) if shape.encoding == *encoding || data_type == encoding)
}

/// The type of an encoding that is not that of the variable: told by the encoding, or one that derives from the
/// variable's.
async fn other_type(
    source: &dyn TypeSource,
    known: &Types,
    found: &mut Types,
    of_variable: Option<NodeId>,
    encoding: &NodeId,
) -> Result<Option<NodeId>, Error> {
    if let Some(data_type) = source.type_of_encoding(encoding).await? {
        complete(source, known, found, data_type.clone()).await?;
        return Ok(Some(data_type));
    }
    // All structures of the server are too many to look through.
    let mut level: Vec<NodeId> = of_variable.into_iter().filter(|data_type| !is_any_structure(data_type)).collect();
    let mut seen: HashSet<NodeId> = HashSet::new();
    for _ in 0..MAX_DEPTH {
        let subtypes = if level.is_empty() { Vec::new() } else { source.subtypes(&level).await? };
        level =
            subtypes.into_iter().filter(|data_type| seen.len() < MAX_TYPES && seen.insert(data_type.clone())).collect();
        if level.is_empty() {
            break;
        }
        for data_type in &level {
            complete(source, known, found, data_type.clone()).await?;
        }
        if let Some(data_type) = level.iter().find(|data_type| comes_in(known, found, data_type, encoding)) {
            return Ok(Some(data_type.clone()));
        }
    }
    Ok(None)
}

fn no_definition(data_type: &NodeId) -> Arc<str> {
    Arc::from(format!("data type {} has no definition", print_node_id(data_type)))
}

fn too_large(data_type: &NodeId) -> Arc<str> {
    Arc::from(format!("data type {} has more than {MAX_FIELDS} fields", print_node_id(data_type)))
}

fn unique(nodes: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
    let mut seen = HashSet::new();
    nodes.filter(|node| seen.insert(node.clone())).collect()
}
