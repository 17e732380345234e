//! Templates: tags that several devices have alike, written once and filled in for each instance.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use tagwire_driver::KeyKind;
use toml::de::DeTable;

use super::fill::fill;
use super::key::{DriverKeys, Known, Presence, Shape, section};
use super::link::{Nested, inline_draft};
use super::problem::Complaint;
use super::structure::Wanted;
use super::tag::{DeviceContext, TAG_KEYS, Tag, TagDraft};
use super::walk::{Field, Plain, Walk};
use super::words::{is_identifier, suggest};

/// Most groups that one `repeat` makes.
const MAX_REPEAT: i64 = 10_000;

section! {
    /// Tags that several devices have alike.
    pub struct TemplateKeys {
        /// Name of the template, unique in the file.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// What every instance must say, for example `["base"]`; `{base}` or `{base + 10}` in the address, description, unit, names of states or NodeId of a tag stands for it.
        pub parameters: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// Further parameters, with the values that hold where an instance says nothing, for example `{ gain = 1 }`.
        pub defaults: Pairs = Shape::Pairs, Presence::Optional;
        /// Whether clients see each instance as one value of a structured type with the template's name, besides the values of its tags.
        pub structure: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
        /// The tags.
        pub tag: Option<Nested> = TAG_KEYS, Presence::Required;
    }
}

section! {
    /// Groups of tags made from a template.
    pub struct InstanceKeys {
        /// The template.
        pub template: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Name of the group, for example `M1`, or `M{n}` with `repeat`; a dot makes a group in a group.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Values of the template's parameters, for example `{ base = 100 }`.
        pub parameters: Pairs = Shape::Pairs, Presence::Optional;
        /// Makes one group for each whole number from the first to the second; `{n}` stands for it in `name` and `parameters`.
        pub repeat: Option<tagwire_model::EuRange> = Shape::Range, Presence::Optional;
    }
}

pub(crate) const INSTANCE_KEYS: Shape = Shape::Tables(InstanceKeys::KEYS, DriverKeys::None);

/// Names with their values as text, and their lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs(pub Vec<(String, String, u32)>);

impl Field for Pairs {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        match plain {
            Plain::Pairs(pairs) => {
                Ok(Self(pairs.into_iter().map(|(name, value, line)| (name.to_owned(), value, line)).collect()))
            }
            _ => Err(Complaint::new(format!("\"{name}\" must be a table"), format!("write {name} = {{ name = 1 }}"))),
        }
    }

    fn absent() -> Self {
        Self::default()
    }
}

struct Template<'t> {
    keys: TemplateKeys,
    line: u32,
    tags: Vec<(&'t DeTable<'t>, u32)>,
}

/// The templates of a file.
pub(crate) struct Templates<'t> {
    list: Vec<Template<'t>>,
    /// Lines of tags with a mistake that was told, which every further instance would only repeat.
    told: HashSet<u32>,
}

impl<'t> Templates<'t> {
    pub(crate) fn read(walk: &mut Walk<'_>, tables: Vec<(&'t DeTable<'t>, u32)>) -> Self {
        let mut list: Vec<Template<'t>> = Vec::new();
        for (table, line) in tables {
            let name = table.get("name").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
            let subject = format!("template {name}").trim().to_owned();
            let mut checked = walk.check(subject.clone(), table, line, Known::own(TemplateKeys::KEYS));
            let tags = super::tables(checked.take_plain("tag"));
            let (name_line, parameters_line) = (checked.line_of("name"), checked.line_of("parameters"));
            let keys = TemplateKeys::take(&mut checked, &mut walk.report());
            if let Some(first) = list.iter().find(|known| known.keys.name == keys.name && !keys.name.is_empty()) {
                let problem = format!("another template has the same name (see line {})", first.line);
                let complaint = Complaint::new(problem, "give one of the two another name");
                walk.report().complain(name_line, &subject, complaint);
            }
            let mut known = HashSet::from(["n"]);
            let defaults = keys.defaults.0.iter().map(|(name, _, line)| (name, *line));
            for (parameter, line) in keys.parameters.iter().map(|name| (name, parameters_line)).chain(defaults) {
                let complaint = if !is_identifier(parameter) {
                    let problem = format!("\"{parameter}\" is no name of a parameter");
                    Complaint::new(problem, "use letters, digits and '_', and begin with a letter")
                } else if !known.insert(parameter) {
                    let problem = format!("the parameter \"{parameter}\" is there twice, or is the n of repeat");
                    Complaint::new(problem, "give it another name")
                } else {
                    continue;
                };
                walk.report().complain(line, &subject, complaint);
            }
            list.push(Template { keys, line, tags });
        }
        Self { list, told: HashSet::new() }
    }

    /// Makes the tags of the instances of a device, and structures of their groups where the template wants them.
    pub(crate) fn expand(
        &mut self,
        walk: &mut Walk<'_>,
        tables: Vec<(&DeTable<'_>, u32)>,
        context: &DeviceContext<'_>,
        (tags, at, structures): (&mut Vec<Tag>, (usize, usize), &mut Vec<Wanted>),
    ) {
        for (table, line) in tables {
            let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str()).unwrap_or_default();
            let subject = format!("instance {}.{}", context.path, text("name"));
            let mut checked = walk.check(subject.clone(), table, line, Known::own(InstanceKeys::KEYS));
            let is_complete = checked.has("template") && checked.has("name");
            let lines = ["template", "name", "parameters", "repeat"].map(|key| checked.line_of(key));
            let keys = InstanceKeys::take(&mut checked, &mut walk.report());
            let Some(template) = self.list.iter().find(|known| known.keys.name == keys.template) else {
                if is_complete {
                    let known: Vec<&str> = self.list.iter().map(|known| known.keys.name.as_str()).collect();
                    let fix = match known.is_empty() {
                        true => "write a [[template]] of that name".to_owned(),
                        false => suggest(&keys.template, &known),
                    };
                    let complaint = Complaint::new(format!("there is no template \"{}\"", keys.template), fix);
                    walk.report().complain(lines[0], &subject, complaint);
                }
                continue;
            };
            let n_before = walk.problems.len();
            check_parameters(walk, &template.keys, &keys, (&subject, lines[2]));
            let Some(numbers) = numbers(&keys) else {
                let problem = format!("\"repeat\" makes no group, or more than {MAX_REPEAT}");
                let complaint = Complaint::new(problem, "write the first and the last whole number, as in [1, 12]");
                walk.report().complain(lines[3], &subject, complaint);
                continue;
            };
            if walk.problems.len() > n_before || !is_complete {
                continue;
            }
            let mut groups = Vec::new();
            for n in numbers {
                let parameters = match parameters(&template.keys, &keys, n) {
                    Ok(parameters) => parameters,
                    Err(complaint) => {
                        walk.report().complain(lines[2], &subject, complaint);
                        break;
                    }
                };
                // Only `n` may stand in a name: it tells the groups apart.
                let own = n.map(|n| ("n".to_owned(), n.to_string())).into_iter().collect();
                let group = match fill(&keys.name, &own) {
                    Ok(group) => group,
                    Err(complaint) => {
                        walk.report().complain(lines[1], &subject, complaint);
                        break;
                    }
                };
                let instance = Instance { group: &group, line, parameters: &parameters };
                for (table, line) in &template.tags {
                    if self.told.contains(line) {
                        continue;
                    }
                    let n_before = walk.problems.len();
                    match instance.tag(walk, (table, *line), context) {
                        Some(tag) => tags.push(tag),
                        None if walk.problems.len() > n_before => drop(self.told.insert(*line)),
                        None => {}
                    }
                }
                groups.push(group);
            }
            if template.keys.structure {
                structures.push(Wanted::of_template(at, &template.keys.name, groups, line));
            }
        }
    }
}

/// What one instance fills into the tags of its template.
struct Instance<'a> {
    group: &'a str,
    line: u32,
    parameters: &'a HashMap<String, String>,
}

impl Instance<'_> {
    fn tag(&self, walk: &mut Walk<'_>, (table, line): (&DeTable<'_>, u32), context: &DeviceContext<'_>) -> Option<Tag> {
        let n_before = walk.problems.len();
        let mut draft = inline_draft(walk, table, line, context)?;
        if draft.name.is_empty() {
            return None;
        }
        draft.name = Cow::Owned(format!("{}.{}", self.group, draft.name));
        if let Err(Complaint { problem, fix }) = self.fill(&mut draft) {
            let problem = format!("{problem}, for the instance at line {}", self.line);
            walk.report().complain(draft.address_line, &context.subject(&draft.name), Complaint { problem, fix });
            return None;
        }
        let tag = context.finish(draft, 0, &mut walk.report());
        walk.problems.add_to_last(n_before, &format!(", for the instance at line {}", self.line));
        tag.filter(|_| walk.problems.len() == n_before)
    }

    fn fill(&self, draft: &mut TagDraft<'static>) -> Result<(), Complaint> {
        for text in [&mut draft.address].into_iter().chain(draft.node_id.as_mut()).chain(&mut draft.states) {
            if text.contains(['{', '}']) {
                *text = Cow::Owned(fill(text, self.parameters)?);
            }
        }
        for text in [&mut draft.info.description, &mut draft.info.unit] {
            if text.contains(['{', '}']) {
                *text = fill(text, self.parameters)?;
            }
        }
        Ok(())
    }
}

/// Finds parameters that are missing, and others that the template does not have.
fn check_parameters(
    walk: &mut Walk<'_>,
    template: &TemplateKeys,
    instance: &InstanceKeys,
    (subject, line): (&str, u32),
) {
    let given = &instance.parameters.0;
    for name in template.parameters.iter().filter(|name| !given.iter().any(|(given, ..)| given == *name)) {
        let problem = format!("the parameter \"{name}\" of the template {} is missing", template.name);
        let complaint = Complaint::new(problem, format!("add it: parameters = {{ {name} = ... }}"));
        walk.report().complain(line, subject, complaint);
    }
    let known: Vec<&str> = template
        .parameters
        .iter()
        .chain(template.defaults.0.iter().map(|(name, ..)| name))
        .map(String::as_str)
        .collect();
    for (name, _, line) in given.iter().filter(|(name, ..)| !known.contains(&name.as_str())) {
        let problem = format!("the template {} has no parameter \"{name}\"", template.name);
        let fix = match known.is_empty() {
            true => "remove it".to_owned(),
            false => suggest(name, &known),
        };
        walk.report().complain(*line, subject, Complaint::new(problem, fix));
    }
}

/// The numbers of the groups; one group without a number where nothing is repeated. `None` for a range of no use.
fn numbers(keys: &InstanceKeys) -> Option<Vec<Option<i64>>> {
    let Some(range) = keys.repeat else { return Some(vec![None]) };
    let is_whole = |number: f64| number.fract() == 0.0 && number.abs() < 1e9;
    if !is_whole(range.low) || !is_whole(range.high) {
        return None;
    }
    let (first, last) = (range.low as i64, range.high as i64);
    (first <= last && last - first < MAX_REPEAT).then(|| (first..=last).map(Some).collect())
}

fn parameters(
    template: &TemplateKeys,
    instance: &InstanceKeys,
    n: Option<i64>,
) -> Result<HashMap<String, String>, Complaint> {
    let own: HashMap<String, String> = n.map(|n| ("n".to_owned(), n.to_string())).into_iter().collect();
    let mut all = own.clone();
    for (name, value, _) in template.defaults.0.iter().chain(&instance.parameters.0) {
        all.insert(name.clone(), fill(value, &own)?);
    }
    Ok(all)
}
