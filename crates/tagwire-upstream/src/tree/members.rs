//! Variables whose values are structures, as groups of tags.

use std::collections::{BTreeMap, HashMap, HashSet};

use tagwire_ua_client::{Browsed, Client, Error, NodeClass, NodeId, SourceSample, Structured as Content};

use super::{Found, Tree, part};
use crate::address::Address;
use crate::structure::{Ask, Leaves, Step, Types, leaves, load};

/// Variables whose types are asked for at once.
const BATCH: usize = 100;

/// A variable whose value is a structure, or why its members are not known.
pub(super) enum Structured {
    Known(Leaves),
    Unknown(String),
}

/// A group of tags that is a structure.
pub(super) struct Group {
    name: String,
    type_name: String,
}

/// The variables whose values are structures, with their members.
pub(super) async fn structures(client: &Client, variables: &[NodeId]) -> Result<HashMap<NodeId, Structured>, Error> {
    let samples = client.read_source(variables).await?;
    let told: Vec<(&NodeId, &SourceSample)> =
        variables.iter().zip(&samples).filter(|(_, told)| told.structured.is_some()).collect();
    let mut types = Types::default();
    for batch in told.chunks(BATCH) {
        let asks: Vec<Ask> = batch
            .iter()
            .flat_map(|(node, told)| {
                let encodings = contents(told).into_iter().map(|(_, structure)| structure.encoding.clone());
                encodings.map(|encoding| Ask { variable: (*node).clone(), encoding })
            })
            .filter(|ask| !ask.encoding.is_null() && types.encoding(&ask.encoding).is_none())
            .collect();
        if !asks.is_empty() {
            types.learn(load(client, &types, &asks).await?);
        }
    }
    Ok(told.into_iter().map(|(node, told)| (node.clone(), survey(&types, told))).collect())
}

/// The structures of a value, each with the step to it.
fn contents(told: &SourceSample) -> Vec<(Option<Step>, &tagwire_ua_client::Structure)> {
    match told.structured.as_deref() {
        Some(Content::One(structure)) => vec![(None, structure)],
        Some(Content::Many(all)) => (0..).map(|index| Some(Step::Element(index))).zip(all).collect(),
        None => Vec::new(),
    }
}

fn survey(types: &Types, told: &SourceSample) -> Structured {
    let mut all = Leaves::default();
    let mut reason = "it is an array without elements".to_owned();
    for (step, structure) in contents(told) {
        match types.encoding(&structure.encoding) {
            Some(Ok(data_type)) => {
                let above: Vec<Step> = step.into_iter().collect();
                let found = leaves(types, data_type, &structure.body, &above);
                all.leaves.extend(found.leaves);
                all.branches.extend(found.branches);
                all.left_out.extend(found.left_out);
            }
            Some(Err(why)) => reason = why.to_string(),
            None => "its type is not known".clone_into(&mut reason),
        }
    }
    if all.leaves.is_empty() { Structured::Unknown(reason) } else { Structured::Known(all) }
}

/// Nodes that show members of structures once more, and what lies below them.
pub(super) fn components(found: &[Browsed], structures: &HashMap<NodeId, Structured>) -> HashSet<NodeId> {
    let mut hidden = HashSet::new();
    for node in found {
        let is_member = match structures.get(&node.parent) {
            Some(Structured::Known(members)) if node.class == NodeClass::Variable => {
                members.leaves.iter().any(|leaf| begins_with(leaf.path.steps(), &node.name))
                    || members.left_out.iter().any(|(steps, _)| begins_with(steps, &node.name))
            }
            _ => false,
        };
        if is_member || hidden.contains(&node.parent) {
            hidden.insert(node.node.clone());
        }
    }
    hidden
}

fn begins_with(steps: &[Step], name: &str) -> bool {
    matches!(steps.first(), Some(Step::Field(field)) if **field == *name)
}

/// The name of a tag or a group within a structure.
fn name_within(name: &str, steps: &[Step]) -> String {
    let mut within = name.to_owned();
    for step in steps {
        match step {
            Step::Field(field) => {
                within.push('.');
                within.push_str(&part(field));
            }
            Step::Element(index) => within.push_str(&format!("[{index}]")),
        }
    }
    within
}

impl Structured {
    /// Makes tags of the members.
    pub(super) fn put(
        &self,
        tree: &mut Tree,
        groups: &mut Vec<Group>,
        (node, namespaces): (&NodeId, &[String]),
        name: &str,
        is_writable: bool,
    ) {
        let members = match self {
            Self::Known(members) => members,
            Self::Unknown(reason) => return tree.leave_out(name.to_owned(), reason.clone()),
        };
        let mut taken = HashSet::new();
        for leaf in &members.leaves {
            let mut within = name_within(name, leaf.path.steps());
            while !taken.insert(within.clone()) {
                within.push('_');
            }
            let address = Address::of_member(leaf.path.clone(), node, namespaces);
            tree.tags.push(Found { name: within, address, value_type: leaf.value_type, is_writable });
        }
        for (steps, reason) in &members.left_out {
            tree.leave_out(name_within(name, steps), reason.clone());
        }
        groups.extend(
            members.branches.iter().map(|branch| Group {
                name: name_within(name, &branch.steps),
                type_name: type_name(&branch.type_name),
            }),
        );
    }
}

/// A name of a type that clients can make a class of.
fn type_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(100).collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("T{plain}") }
}

/// The groups by their types. Groups of the same type that differ in their tags, as with arrays of other lengths, get
/// types of their own; groups with others in them that are no structures are none themselves.
pub(super) fn alike(tags: &[Found], groups: Vec<Group>) -> BTreeMap<String, Vec<String>> {
    let known: HashSet<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let mut contents: HashMap<&str, Vec<String>> = HashMap::new();
    let mut broken: HashSet<&str> = HashSet::new();
    for tag in tags {
        let mut inner_is_known = true;
        let mut end = tag.name.len();
        while let Some(at) = tag.name.get(..end).and_then(|name| name.rfind('.')) {
            let Some(group) = tag.name.get(..at) else { break };
            if known.contains(group) {
                if inner_is_known {
                    let rest = tag.name.get(at + 1..).unwrap_or_default();
                    contents.entry(group).or_default().push(format!("{rest} {}", tag.value_type));
                } else {
                    broken.insert(group);
                }
            } else {
                inner_is_known = false;
            }
            end = at;
        }
    }
    let mut variants: HashMap<&str, Vec<&[String]>> = HashMap::new();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in &groups {
        let Some(content) = contents.get(group.name.as_str()).filter(|_| !broken.contains(group.name.as_str())) else {
            continue;
        };
        let variants = variants.entry(&group.type_name).or_default();
        let number = variants.iter().position(|known| *known == content.as_slice()).unwrap_or_else(|| {
            variants.push(content);
            variants.len() - 1
        });
        let type_name = match number {
            0 => group.type_name.clone(),
            number => format!("{}_{}", group.type_name, number + 1),
        };
        found.entry(type_name).or_default().push(group.name.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::ValueType;

    #[test]
    fn groups_of_one_type_have_the_same_tags_and_only_structures_within() {
        let tag = |text: &str| {
            let (name, kind) = text.split_once(' ').expect("two words");
            Found {
                name: name.to_owned(),
                address: Address::parse("i=1").expect("an address"),
                value_type: ValueType::parse(kind).expect("a type"),
                is_writable: true,
            }
        };
        let tags =
            ["m1.on bool", "m1.axis.x f32", "m2.on bool", "m2.axis.x f32", "m3.on bool", "m3.odd.x f32", "m4.on i8"];
        let tags: Vec<Found> = tags.into_iter().map(tag).collect();
        let group = |name: &str, kind: &str| Group { name: name.to_owned(), type_name: kind.to_owned() };
        let groups = ["m1.axis", "m2.axis"].map(|name| group(name, "Axis"));
        let groups: Vec<Group> =
            groups.into_iter().chain(["m1", "m2", "m3", "m4"].map(|name| group(name, "Motor"))).collect();
        let found = alike(&tags, groups);
        let expected = [("Axis", vec!["m1.axis", "m2.axis"]), ("Motor", vec!["m1", "m2"]), ("Motor_2", vec!["m4"])];
        let expected = expected.map(|(kind, names)| (kind.to_owned(), names.into_iter().map(str::to_owned).collect()));
        assert_eq!(found, BTreeMap::from(expected));
        assert_eq!(type_name("3D Vector"), "T3D_Vector");
    }
}
