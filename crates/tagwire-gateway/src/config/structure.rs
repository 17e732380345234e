//! Structures: groups of tags that clients see as one value, and the types that are made of their tags.

use std::collections::HashMap;

use tagwire_driver::KeyKind;
use tagwire_hub::FolderKind;
use tagwire_ua_server::address_space::{Field, FieldKind, StructureType};
use toml::de::DeTable;

use super::Identifier;
use super::key::{DriverKeys, Known, Presence, Shape, section};
use super::link::{Device, Link};
use super::node_id::TAG_NAMESPACE;
use super::problem::Complaint;
use super::walk::Walk;
use super::words::nearest;

section! {
    /// Groups of tags that clients see as one value of a structured type.
    pub struct StructureKeys {
        /// Name of the type, in letters, digits and `_`; all groups of one type have the same tags with the same types.
        pub type_name as "type": String = Shape::One(KeyKind::Text), Presence::Required;
        /// The groups on this device, such as `M1` for the tags `M1.speed` and `M1.current`; a `*` stands for one whole name, as in `motors.*`.
        /// A group within one of them must be a structure too.
        pub groups: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Required;
    }
}

/// The tables of a device, whose keys the reader of links needs.
pub(crate) const STRUCTURE_KEYS: Shape = Shape::Tables(StructureKeys::KEYS, DriverKeys::None);

/// All structures of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structures {
    /// The types by their number.
    pub types: Vec<StructureType>,
    /// The number of the type of each group that is a structure, by the path of the group.
    pub groups: HashMap<String, u16>,
}

impl Structures {
    /// What a group of a device is.
    pub(crate) fn kind(&self, device: &str, group: &str) -> FolderKind {
        if self.groups.is_empty() {
            return FolderKind::Group;
        }
        match self.groups.get(&format!("{device}.{group}")) {
            Some(number) => FolderKind::Structure(*number),
            None => FolderKind::Group,
        }
    }
}

impl Wanted {
    /// The wish of a template that its instances be structures of its name.
    pub(crate) fn of_template(at: (usize, usize), template: &str, groups: Vec<String>, line: u32) -> Self {
        Self { at, type_name: template.to_owned(), type_line: line, groups, line }
    }
}

/// One table as written, and where.
pub(crate) struct Wanted {
    /// Places of the link and of the device.
    at: (usize, usize),
    type_name: String,
    type_line: u32,
    groups: Vec<String>,
    line: u32,
}

/// Reads the tables of a device; what the groups consist of is known only later.
pub(crate) fn read(walk: &mut Walk<'_>, tables: Vec<(&DeTable<'_>, u32)>, at: (usize, usize), into: &mut Vec<Wanted>) {
    for (table, line) in tables {
        let name = table.get("type").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
        let mut checked = walk.check(subject(name), table, line, Known::own(StructureKeys::KEYS));
        let (type_line, groups_line) = (checked.line_of("type"), checked.line_of("groups"));
        let has_both = checked.has("type") && checked.has("groups");
        let StructureKeys { type_name, groups } = StructureKeys::take(&mut checked, &mut walk.report());
        if has_both {
            into.push(Wanted { at, type_name, type_line, groups, line: groups_line });
        }
    }
}

fn subject(name: &str) -> String {
    format!("structure {name}").trim().to_owned()
}

/// What lies in a group, in the order of the tags.
type Content<'a> = Vec<(&'a str, Option<FieldKind>)>;

/// The groups of a device.
#[derive(Default)]
struct Groups<'a> {
    /// In the order of the tags.
    names: Vec<&'a str>,
    contents: HashMap<&'a str, Content<'a>>,
}

impl<'a> Groups<'a> {
    fn of(device: &'a Device) -> Self {
        let mut groups = Self::default();
        for tag in &device.tags {
            let Some((mut group, name)) = tag.name.rsplit_once('.') else { continue };
            let mut entry = (name, Some(FieldKind::Tag(tag.client_type())));
            loop {
                let is_known = groups.contents.contains_key(group);
                groups.contents.entry(group).or_default().push(entry);
                if is_known {
                    break;
                }
                groups.names.push(group);
                let Some((above, name)) = group.rsplit_once('.') else { break };
                (group, entry) = (above, (name, None));
            }
        }
        groups
    }
}

/// One group that is a structure.
struct Named<'a> {
    path: String,
    content: &'a Content<'a>,
    number: u16,
    line: u32,
}

/// Finds the groups, and makes types of their tags.
pub(crate) fn resolve(walk: &mut Walk<'_>, links: &[Link], wanted: &[Wanted]) -> Structures {
    let mut structures = Structures::default();
    if wanted.is_empty() {
        return structures;
    }
    check_node_ids(walk, links, wanted[0].line);
    let mut devices: HashMap<(usize, usize), Groups<'_>> = HashMap::new();
    for Wanted { at, .. } in wanted {
        if let Some(device) = links.get(at.0).and_then(|link| link.devices.get(at.1)) {
            devices.entry(*at).or_insert_with(|| Groups::of(device));
        }
    }
    let mut numbers: HashMap<&str, u16> = HashMap::new();
    let mut lines: HashMap<String, u32> = HashMap::new();
    let mut named = Vec::new();
    for Wanted { at, type_name, type_line, groups, line } in wanted {
        let subject = subject(type_name);
        if let Err(complaint) = check_type_name(type_name) {
            walk.report().complain(*type_line, &subject, complaint);
        }
        let Some(known) = devices.get(at) else { continue };
        let number = match numbers.get(type_name.as_str()) {
            Some(number) => *number,
            None => {
                let Ok(number) = u16::try_from(numbers.len()) else {
                    let complaint = Complaint::new("there are more than 65536 types", "use fewer types");
                    walk.report().complain(*type_line, &subject, complaint);
                    continue;
                };
                numbers.insert(type_name, number);
                structures.types.push(StructureType { name: type_name.as_str().into(), fields: Vec::new() });
                number
            }
        };
        let device = links.get(at.0).and_then(|link| Some(format!("{}.{}", link.name, link.devices.get(at.1)?.name)));
        let device = device.unwrap_or_default();
        for pattern in groups {
            let mut n_found = 0;
            for group in known.names.iter().filter(|group| fits(pattern, group)) {
                n_found += 1;
                let path = format!("{device}.{group}");
                if let Some(first) = lines.get(&path) {
                    let problem = format!("the group {path} is a structure already (see line {first})");
                    walk.report().complain(*line, &subject, Complaint::new(problem, "name it once"));
                    continue;
                }
                lines.insert(path.clone(), *line);
                structures.groups.insert(path.clone(), number);
                if let Some(content) = known.contents.get(group) {
                    named.push(Named { path, content, number, line: *line });
                }
            }
            if n_found == 0 {
                let fix = match nearest(pattern, known.names.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "name the part of the tags' names before the last dot".to_owned(),
                };
                let complaint = Complaint::new(format!("no tag of {device} lies in a group \"{pattern}\""), fix);
                walk.report().complain(*line, &subject, complaint);
            }
        }
    }
    let mut firsts: HashMap<u16, (String, u32)> = HashMap::new();
    for Named { path, content, number, line } in &named {
        let type_name = structures.types.get(usize::from(*number)).map_or("", |known| &known.name);
        let subject = subject(type_name);
        let Some(fields) = fields(walk, &structures, path, content, (*line, &subject)) else { continue };
        match firsts.get(number) {
            None => {
                firsts.insert(*number, (path.clone(), *line));
                if let Some(known) = structures.types.get_mut(usize::from(*number)) {
                    known.fields = fields;
                }
            }
            Some((first, first_line)) => {
                let known = structures.types.get(usize::from(*number)).map_or(&[][..], |known| &known.fields);
                if let Some(difference) = difference(&structures.types, known, &fields) {
                    let problem = format!("{path} differs from {first} (see line {first_line}): {difference}");
                    let fix = "give all groups of one type the same tags, or the group a type of its own";
                    walk.report().complain(*line, &subject, Complaint::new(problem, fix));
                }
            }
        }
    }
    structures
}

fn check_type_name(name: &str) -> Result<(), Complaint> {
    let begins_well = name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    if begins_well && name.len() <= super::MAX_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    let fix = "use letters, digits and '_', and begin with a letter, because clients make classes of types";
    Err(Complaint::new(format!("\"{name}\" is no name of a type"), fix))
}

/// Whether a group has the names that a pattern asks for.
fn fits(pattern: &str, group: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('.'), group.split('.'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

/// The fields of a group; `None` where a group within it is no structure.
fn fields(
    walk: &mut Walk<'_>,
    structures: &Structures,
    path: &str,
    content: &Content<'_>,
    (line, subject): (u32, &str),
) -> Option<Vec<Field>> {
    let mut fields = Some(Vec::with_capacity(content.len()));
    for (name, kind) in content {
        let within = || structures.groups.get(&format!("{path}.{name}")).copied().map(FieldKind::Structure);
        match (kind.or_else(within), &mut fields) {
            (Some(kind), Some(fields)) => fields.push(Field { name: (*name).into(), kind }),
            (Some(_), None) => {}
            (None, _) => {
                let problem = format!("the group {path}.{name} within {path} is no structure");
                let fix = "make it one, with a [[link.device.structure]] of its own, or give its tags names without a dot there";
                walk.report().complain(line, subject, Complaint::new(problem, fix));
                fields = None;
            }
        }
    }
    fields
}

/// How the fields of a group differ from those of the first one of its type, in words. Their order counts for nothing.
fn difference(types: &[StructureType], first: &[Field], other: &[Field]) -> Option<String> {
    let known: HashMap<&str, FieldKind> = first.iter().map(|field| (&*field.name, field.kind)).collect();
    let shown = |kind: FieldKind| match kind {
        FieldKind::Tag(value_type) => value_type.to_string(),
        FieldKind::Structure(number) => {
            types.get(usize::from(number)).map_or_else(String::new, |known| format!("a {}", known.name))
        }
    };
    for Field { name, kind } in other {
        match known.get(&**name) {
            None => return Some(format!("it has \"{name}\" besides")),
            Some(first) if first != kind => {
                return Some(format!("its \"{name}\" is {}, not {}", shown(*kind), shown(*first)));
            }
            Some(_) => {}
        }
    }
    let lacking = first.iter().find(|field| !other.iter().any(|other| other.name == field.name))?;
    Some(format!("it lacks \"{}\"", lacking.name))
}

/// The ids of the types must not belong to tags.
fn check_node_ids(walk: &mut Walk<'_>, links: &[Link], line: u32) {
    for link in links {
        for device in &link.devices {
            for tag in &device.tags {
                let Some(node_id) = tag.info.as_ref().and_then(|info| info.node_id.as_ref()) else { continue };
                if let (TAG_NAMESPACE, Identifier::String(text)) = (node_id.namespace, &node_id.identifier)
                    && text.starts_with("_types.")
                {
                    let problem = format!("the NodeId {node_id} belongs to the types of structures");
                    let subject = format!("tag {}.{}.{}", link.name, device.name, tag.name);
                    walk.report().complain(line, &subject, Complaint::new(problem, "give the tag another node_id"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_whole_name() {
        for (pattern, group, expected) in [
            ("M1", "M1", true),
            ("M1", "M1.state", false),
            ("*", "M1", true),
            ("motors.*", "motors.M1", true),
            ("motors.*", "motors", false),
            ("motors.*", "motors.M1.state", false),
            ("*.state", "M1.state", true),
            ("M*", "M1", false),
        ] {
            assert_eq!(fits(pattern, group), expected, "{pattern} {group}");
        }
    }
}
