//! Derived tags: what the file says of them, and the checks against the tags that they refer to.

use std::collections::HashMap;
use std::time::Duration;

use tagwire_driver::KeyKind;
use tagwire_model::{DataType, Deadband, EuRange, ValueType};
use toml::de::DeTable;

use super::key::{Known, Presence, Shape, section};
use super::link::Link;
use super::name::{Clash, Paths, check_tag_name};
use super::problem::Complaint;
use super::tag::{SCAN_KIND, parse_type};
use super::walk::Walk;
use super::words::{is_identifier, nearest, suggest};
use crate::derived::{Formula, FormulaError, Measure, order};

section! {
    /// One tag whose value is worked out of others (see docs/tags.md).
    pub struct DerivedKeys {
        /// Path of the tag, for example `totals.line1.power`; its first part is no link.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// What is worked out: `average`, `minimum` and `maximum` of several tags, or of one tag over time; an `expression`; `cumulative`, the total of a counter; `link`, which writes the value of a tag to another.
        pub kind: String = Shape::One(KeyKind::Choice(&KINDS)), Presence::Required;
        /// Paths of the tags that it is worked out of. In an expression each has a name, as in `["t1=line1.press.temp"]`; without one it is the last part of the path.
        pub inputs: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Required;
        /// The expression, for example `(t1 + t2) / 2`.
        pub expression: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// How far back average, minimum or maximum of one tag look; without it since the start or the last reset.
        pub window: Option<Duration> = Shape::One(WINDOW_KIND), Presence::Optional;
        /// Path of a tag: when it becomes true, an average, minimum, maximum or total begins anew.
        pub reset: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Largest number of the counter of `cumulative`, behind which it starts at 0 again.
        pub rollover: Option<f64> = Shape::One(KeyKind::Float), Presence::Optional;
        /// Path of the tag that a link writes to.
        pub output: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// When a link writes: on every `change` of its input, at its `rate`, or on a `trigger`.
        pub on: Option<String> = Shape::One(KeyKind::Choice(&["change", "rate", "trigger"])), Presence::Default("change");
        /// Path of the tag whose becoming true makes a link write.
        pub trigger: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// How often the inputs are asked for where their device is polled at the clients' rates, and how often a link on `rate` writes.
        pub rate: Duration = Shape::One(SCAN_KIND), Presence::Default("1s");
        /// Type that clients see.
        /// Default: `f64`; for a link the type of its input.
        pub type_name as "type": Option<String> = Shape::One(KeyKind::Text), Presence::Depends;
        /// Engineering unit as displayed.
        pub unit: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Normal range in engineering units, low and high.
        pub eu_range: Option<EuRange> = Shape::Range, Presence::Optional;
        /// What the tag is, in words.
        pub description: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Smallest change that counts: in units of the value, or as a percentage of `eu_range`.
        pub deadband: Option<Deadband> = Shape::NumberOrPercent, Presence::Optional;
    }
}

const KINDS: [&str; 6] = ["average", "minimum", "maximum", "expression", "cumulative", "link"];

const WINDOW_KIND: KeyKind = KeyKind::Duration { min: Duration::from_secs(1), max: Duration::from_secs(366 * 86_400) };

/// Keys that only some kinds have, with these kinds.
const KEYS_OF_KINDS: [(&str, &[&str]); 7] = [
    ("expression", &["expression"]),
    ("window", &["average", "minimum", "maximum"]),
    ("reset", &["average", "minimum", "maximum", "cumulative"]),
    ("rollover", &["cumulative"]),
    ("output", &["link"]),
    ("on", &["link"]),
    ("trigger", &["link"]),
];

/// A derived tag after the checks.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// Its path.
    pub name: String,
    /// What is worked out.
    pub work: Work,
    /// Names within the expression and paths of what it is worked out of.
    pub inputs: Vec<(String, String)>,
    /// Path of the tag that makes it begin anew.
    pub reset: Option<String>,
    /// How often inputs are asked for, and a link on rate writes.
    pub rate: Duration,
    /// Type that clients see.
    pub value_type: ValueType,
    /// Engineering unit as displayed.
    pub unit: String,
    /// Normal range in engineering units.
    pub eu_range: Option<EuRange>,
    /// What the tag is, in words.
    pub description: String,
    /// Smallest change that counts.
    pub deadband: Deadband,
}

/// What a derived tag is worked out by.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A measure of several tags, or of one over time.
    Measure(Measure, Option<Duration>),
    /// An expression.
    Expression(String),
    /// The total of a counter with its largest number.
    Total(Option<f64>),
    /// Writing to another tag.
    Link {
        /// Path of the tag written to.
        output: String,
        /// When.
        on: LinkOn,
        /// Path of the tag that triggers.
        trigger: Option<String>,
    },
}

/// When a link writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOn {
    /// On every change of its input.
    Change,
    /// At its rate.
    Rate,
    /// When its trigger becomes true.
    Trigger,
}

impl Derived {
    /// What it is worked out by, as the address of the tag tells.
    pub fn source(&self) -> String {
        let paths: Vec<&str> = self.inputs.iter().map(|(_, path)| path.as_str()).collect();
        let paths = paths.join(", ");
        match &self.work {
            Work::Measure(measure, _) => format!("{}({paths})", measure.word()),
            Work::Expression(text) => text.clone(),
            Work::Total(_) => format!("cumulative({paths})"),
            Work::Link { output, .. } => format!("{paths} -> {output}"),
        }
    }

    /// Whether what was remembered for this tag holds for another definition: it is worked out of the same.
    pub(crate) fn remembers(&self, other: &Self) -> bool {
        self.work == other.work && self.inputs == other.inputs
    }

    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        Self {
            name: "calc.tag".to_owned(),
            work: Work::Measure(Measure::Average, None),
            inputs: Vec::new(),
            reset: None,
            rate: Duration::from_secs(1),
            value_type: ValueType::scalar(DataType::Double),
            unit: String::new(),
            eu_range: None,
            description: String::new(),
            deadband: Deadband::None,
        }
    }
}

/// A derived tag as written, and where.
struct Draft {
    keys: DerivedKeys,
    subject: String,
    lines: HashMap<&'static str, u32>,
    line: u32,
    given: Vec<&'static str>,
}

impl Draft {
    fn line(&self, key: &str) -> u32 {
        self.lines.get(key).copied().unwrap_or(self.line)
    }
}

/// What a path leads to: a type, and whether it can be written.
#[derive(Clone, Copy)]
struct Target {
    value_type: ValueType,
    is_writable: bool,
}

/// Reads all derived tags; a mistake in one leaves it out.
pub(super) fn read(walk: &mut Walk<'_>, tables: Vec<(&DeTable<'_>, u32)>, links: &[Link]) -> Vec<Derived> {
    let mut drafts = Vec::with_capacity(tables.len());
    for (table, line) in tables {
        let name = table.get("name").and_then(|value| value.get_ref().as_str()).unwrap_or_default();
        let subject = format!("derived {name}").trim().to_owned();
        let mut checked = walk.check(subject.clone(), table, line, Known::own(DerivedKeys::KEYS));
        let given: Vec<_> = DerivedKeys::KEYS.iter().map(|key| key.name).filter(|key| checked.has(key)).collect();
        let lines = DerivedKeys::KEYS.iter().map(|key| (key.name, checked.line_of(key.name))).collect();
        let keys = DerivedKeys::take(&mut checked, &mut walk.report());
        if ["name", "kind", "inputs"].iter().all(|key| given.contains(key)) {
            drafts.push(Draft { keys, subject, lines, line, given });
        }
    }
    if drafts.is_empty() {
        return Vec::new();
    }
    check_names(walk, &drafts, links);
    let mut targets = HashMap::new();
    for link in links {
        for device in &link.devices {
            for tag in &device.tags {
                let path = format!("{}.{}.{}", link.name, device.name, tag.name);
                targets.insert(path, Target { value_type: tag.client_type(), is_writable: tag.spec.access.write });
            }
        }
    }
    for draft in &drafts {
        let value_type = own_type(draft).unwrap_or(ValueType::scalar(DataType::Double));
        targets.insert(draft.keys.name.clone(), Target { value_type, is_writable: false });
    }
    let mut list = Vec::with_capacity(drafts.len());
    let mut places = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.iter().enumerate() {
        let n_before = walk.problems.len();
        let mut complaints = Vec::new();
        let derived = finish(draft, &targets, &mut complaints);
        for (line, complaint) in complaints {
            walk.report().complain(line, &draft.subject, complaint);
        }
        if let Some(derived) = derived.filter(|_| walk.problems.len() == n_before) {
            list.push(derived);
            places.push(at);
        }
    }
    if let Err(circle) = order(&list) {
        let names: Vec<&str> = circle.iter().map(|at| list[*at].name.as_str()).collect();
        let first = &drafts[places[circle[0]]];
        let complaint = Complaint::new(
            format!("the tags refer to each other in a circle: {}", names.join(" <- ")),
            "take one of them out of the inputs of the next",
        );
        walk.report().complain(first.line("inputs"), &first.subject, complaint);
        list.clear();
    }
    list
}

fn check_names(walk: &mut Walk<'_>, drafts: &[Draft], links: &[Link]) {
    let mut paths = Paths::with_capacity(drafts.len());
    for (at, draft) in drafts.iter().enumerate() {
        let name = &draft.keys.name;
        let first = name.split('.').next().unwrap_or_default();
        let complaint = if let Err(complaint) = check_tag_name(name) {
            complaint
        } else if !name.contains('.') {
            Complaint::new(
                format!("the name \"{name}\" has no group"),
                format!("put one before it, as in \"calc.{name}\""),
            )
        } else if links.iter().any(|link| link.name == first) {
            let problem = format!("the name \"{name}\" begins with the link \"{first}\", whose tags come from devices");
            Complaint::new(problem, format!("begin with another word, as in \"calc.{name}\""))
        } else {
            match paths.add(name, at) {
                Ok(()) => continue,
                Err(Clash::Tag(other) | Clash::TagIsGroup(other) | Clash::GroupIsTag(_, other)) => {
                    let problem = format!("the name is taken, or is a group (see line {})", drafts[other].line("name"));
                    Complaint::new(problem, "give one of the two another name")
                }
            }
        };
        walk.report().complain(draft.line("name"), &draft.subject, complaint);
    }
}

/// The type that is written; `None` where there is none, or a wrong one.
fn own_type(draft: &Draft) -> Option<ValueType> {
    parse_type(draft.keys.type_name.as_deref()?).ok()
}

/// The derived tag of a draft, with everything that is wrong with it.
fn finish(draft: &Draft, targets: &HashMap<String, Target>, complaints: &mut Vec<(u32, Complaint)>) -> Option<Derived> {
    let keys = &draft.keys;
    let kind = keys.kind.as_str();
    for (key, kinds) in KEYS_OF_KINDS {
        if draft.given.contains(&key) && !kinds.contains(&kind) {
            let problem = format!("\"{key}\" has no meaning for the kind {kind}");
            complaints.push((draft.line(key), Complaint::new(problem, "remove it, or choose another kind")));
        }
    }
    let mut need = |key: &str, example: &str| {
        if !draft.given.contains(&key) {
            let problem = format!("the kind {kind} needs the key \"{key}\"");
            complaints.push((draft.line, Complaint::new(problem, format!("add {key} = {example}"))));
        }
    };
    match kind {
        "expression" => need("expression", "\"a + b\""),
        "link" => {
            need("output", "\"line1.press.setpoint\"");
            if keys.on.as_deref() == Some("trigger") {
                need("trigger", "\"line1.press.start\"");
            }
        }
        _ => {}
    }
    let inputs = inputs(draft, complaints);
    let is_one = inputs.len() == 1;
    if !is_one && matches!(kind, "cumulative" | "link") {
        let problem = format!("the kind {kind} has one input, not {}", inputs.len());
        complaints.push((draft.line("inputs"), Complaint::new(problem, "name one tag")));
    }
    for key in ["window", "reset"].into_iter().filter(|key| !is_one && draft.given.contains(key)) {
        let problem = format!("\"{key}\" is for one tag over time, and there are {} inputs", inputs.len());
        complaints.push((draft.line(key), Complaint::new(problem, "remove it, or name one input")));
    }
    let is_numeric = !matches!(kind, "expression" | "link");
    let mut input_type = None;
    let paths = inputs.iter().map(|(_, path)| (path.as_str(), "inputs"));
    let others = [(&keys.reset, "reset"), (&keys.trigger, "trigger")];
    let others = others.into_iter().filter_map(|(path, key)| Some((path.as_deref()?, key)));
    for (path, key) in paths.chain(others) {
        match target(path, keys, targets) {
            Ok(None) => {}
            Ok(Some(Target { value_type, .. })) => {
                let data_type = value_type.data_type;
                let fits = match key {
                    "inputs" if is_numeric => data_type.is_number() || data_type == DataType::Boolean,
                    "inputs" => {
                        kind == "link"
                            || data_type.is_number()
                            || matches!(data_type, DataType::Boolean | DataType::String)
                    }
                    _ => data_type.is_number() || data_type == DataType::Boolean,
                };
                let may_be_array = kind == "link" && key == "inputs";
                if !(value_type.is_scalar() || may_be_array) {
                    let problem = format!("{path} is an array of the type {value_type}");
                    let fix = "name a tag with a single value: derived tags are not worked out of arrays";
                    complaints.push((draft.line(key), Complaint::new(problem, fix)));
                } else if !fits {
                    let problem = format!("{path} has the type {value_type}, of which nothing is worked out");
                    complaints.push((draft.line(key), Complaint::new(problem, "name a tag with numbers")));
                }
                if key == "inputs" {
                    input_type = input_type.or(Some(value_type));
                }
            }
            Err(complaint) => complaints.push((draft.line(key), complaint)),
        }
    }
    if let Some(output) = &keys.output {
        match target(output, keys, targets) {
            Ok(Some(target)) if !target.is_writable => {
                let problem = format!("{output} cannot be written");
                complaints.push((
                    draft.line("output"),
                    Complaint::new(problem, "give it access = \"rw\", or name another tag"),
                ));
            }
            Ok(_) => {}
            Err(complaint) => complaints.push((draft.line("output"), complaint)),
        }
    }
    let measure = match kind {
        "minimum" => Measure::Minimum,
        "maximum" => Measure::Maximum,
        _ => Measure::Average,
    };
    let work = match kind {
        "expression" => {
            let text = keys.expression.clone().unwrap_or_default();
            let names: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
            if draft.given.contains(&"expression")
                && let Err(error) = Formula::new(&text, &names)
            {
                complaints.push((draft.line("expression"), misunderstood(error, &names)));
            }
            Work::Expression(text)
        }
        "cumulative" => Work::Total(keys.rollover),
        "link" => Work::Link {
            output: keys.output.clone().unwrap_or_default(),
            on: match keys.on.as_deref() {
                Some("rate") => LinkOn::Rate,
                Some("trigger") => LinkOn::Trigger,
                _ => LinkOn::Change,
            },
            trigger: keys.trigger.clone(),
        },
        _ => Work::Measure(measure, keys.window),
    };
    if keys.rollover.is_some_and(|rollover| rollover <= 0.0) {
        complaints
            .push((draft.line("rollover"), Complaint::new("\"rollover\" is not above 0", "write for example 65535")));
    }
    let value_type = match keys.type_name.as_deref().map(parse_type) {
        Some(Ok(value_type)) => value_type,
        Some(Err(complaint)) => {
            complaints.push((draft.line("type"), complaint));
            return None;
        }
        None if kind == "link" => input_type.unwrap_or(ValueType::scalar(DataType::Double)),
        None => ValueType::scalar(DataType::Double),
    };
    if !value_type.is_scalar() && kind != "link" {
        let complaint =
            Complaint::new(format!("a derived tag is no array such as {value_type}"), "write a scalar type");
        complaints.push((draft.line("type"), complaint));
    }
    if is_numeric && !value_type.data_type.is_number() {
        let problem = format!("the result of {kind} is a number, not {value_type}");
        complaints.push((draft.line("type"), Complaint::new(problem, "write a type of numbers, such as f64")));
    }
    if matches!(keys.deadband, Some(Deadband::Percent(_))) && keys.eu_range.is_none() {
        let problem = "a deadband in percent needs a range to refer to";
        let fix = "add eu_range = [0, 100], or give the deadband as a number";
        complaints.push((draft.line("deadband"), Complaint::new(problem, fix)));
    }
    if let Some(range) = keys.eu_range.filter(|range| range.high <= range.low) {
        let problem = format!("eu_range goes from {} to {}", range.low, range.high);
        complaints.push((draft.line("eu_range"), Complaint::new(problem, "write the lower number first")));
    }
    Some(Derived {
        name: keys.name.clone(),
        work,
        inputs,
        reset: keys.reset.clone(),
        rate: keys.rate,
        value_type,
        unit: keys.unit.clone().unwrap_or_default(),
        eu_range: keys.eu_range,
        description: keys.description.clone().unwrap_or_default(),
        deadband: keys.deadband.unwrap_or_default(),
    })
}

/// The inputs with their names: `t1=line1.press.temp`, or a path whose last part is the name.
fn inputs(draft: &Draft, complaints: &mut Vec<(u32, Complaint)>) -> Vec<(String, String)> {
    let is_named = draft.keys.kind == "expression";
    let mut inputs: Vec<(String, String)> = Vec::new();
    for text in &draft.keys.inputs {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) if is_identifier(name.trim()) => (name.trim(), path.trim()),
            _ => (text.rsplit('.').next().unwrap_or_default().trim(), text.trim()),
        };
        if is_named && !is_identifier(name) {
            let problem = format!("\"{name}\" cannot stand in an expression");
            complaints.push((draft.line("inputs"), Complaint::new(problem, format!("give it a name: \"x={path}\""))));
        }
        if is_named && inputs.iter().any(|(known, _)| known == name) {
            let problem = format!("two inputs have the name \"{name}\"");
            complaints
                .push((draft.line("inputs"), Complaint::new(problem, format!("give one another: \"{name}2={path}\""))));
        }
        inputs.push((name.to_owned(), path.to_owned()));
    }
    if inputs.is_empty() {
        complaints.push((draft.line("inputs"), Complaint::new("there are no inputs", "name at least one tag")));
    }
    inputs
}

/// Tags that a wrong path is compared with: each takes the square of its length.
const MOST_COMPARED: usize = 10_000;

/// What a path leads to; nothing is known of the server's own tags, which links make when they start.
fn target(path: &str, keys: &DerivedKeys, targets: &HashMap<String, Target>) -> Result<Option<Target>, Complaint> {
    if path == keys.name {
        return Err(Complaint::new("the tag refers to itself", "name another tag"));
    }
    if let Some(target) = targets.get(path) {
        return Ok(Some(*target));
    }
    if path.starts_with('_') || path.contains("._") {
        return Ok(None);
    }
    let known = targets.keys().map(String::as_str).take(MOST_COMPARED);
    let fix = match nearest(path, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write the path of a tag: \"<link>.<device>.<tag>\"".to_owned(),
    };
    Err(Complaint::new(format!("there is no tag \"{path}\""), fix))
}

fn misunderstood(error: FormulaError, names: &[&str]) -> Complaint {
    match error {
        FormulaError::Unknown(name) => {
            Complaint::new(format!("\"{name}\" in the expression is no input"), suggest(&name, names))
        }
        FormulaError::Syntax(text) => {
            let fix = "write one expression of inputs, numbers, + - * / % **, comparisons, && || !, if a > b { a } else { b }, and functions such as min, max, abs, sqrt, round";
            Complaint::new(format!("the expression is not understood: {text}"), fix)
        }
    }
}
