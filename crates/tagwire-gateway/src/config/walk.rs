//! The walk over the spanned tree: each entry of a table checked against the description of its key.

use std::path::PathBuf;
use std::time::Duration;

use tagwire_driver::{KeyKind, Setting, Settings};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{KeyDef, Known, Presence, Shape};
use super::problem::{Complaint, Problems, Reporter, Source};
use super::words::{format_duration, nearest, parse_duration, suggest};

/// A value that fits the shape of its key.
#[derive(Debug)]
pub(crate) enum Plain<'t> {
    One(Setting),
    Many(Vec<Setting>),
    Range(f64, f64),
    Percent(f64),
    /// Name, value as text, line.
    Pairs(Vec<(&'t str, String, u32)>),
    Table(&'t DeTable<'t>, u32),
    Tables(Vec<(&'t DeTable<'t>, u32)>),
}

/// The entries of one table that passed, to be taken out key by key.
#[derive(Debug)]
pub(crate) struct Checked<'t> {
    pub(crate) subject: String,
    pub(crate) line: u32,
    found: Vec<(&'static str, u32, Option<Plain<'t>>)>,
    refused: Vec<&'static str>,
}

/// One file being walked.
pub(crate) struct Walk<'a> {
    pub(crate) source: &'a Source,
    pub(crate) problems: &'a mut Problems,
}

impl Walk<'_> {
    pub(crate) fn report(&mut self) -> Reporter<'_> {
        Reporter { file: &self.source.name, problems: self.problems }
    }

    pub(crate) fn line<T>(&self, spanned: &Spanned<T>) -> u32 {
        self.source.line(spanned.span().start)
    }

    /// Checks every entry of a table; unknown keys, wrong shapes and missing keys are reported.
    pub(crate) fn check<'t>(
        &mut self,
        subject: String,
        table: &'t DeTable<'t>,
        line: u32,
        known: Known<'_>,
    ) -> Checked<'t> {
        let mut checked = Checked { subject, line, found: Vec::with_capacity(table.len()), refused: Vec::new() };
        for (name, value) in table {
            let line = self.line(name);
            let Some((name, shape)) = known.find(name.get_ref()) else {
                self.unknown_key(&checked.subject, name.get_ref(), line, known);
                continue;
            };
            match self.fit(name, value, shape) {
                Ok(plain) => checked.found.push((name, line, Some(plain))),
                Err(complaint) => {
                    checked.refused.push(name);
                    self.report().complain(line, &checked.subject, complaint);
                }
            }
        }
        for key in known.own.iter().filter(|key| key.presence == Presence::Required) {
            if !checked.has(key.name) {
                let first = key.doc.lines().next().unwrap_or_default().trim();
                let fix = format!("add {}: {first}", example(key));
                let complaint = Complaint::new(format!("the key \"{}\" is missing", key.name), fix);
                self.report().complain(line, &checked.subject, complaint);
            }
        }
        checked
    }

    fn unknown_key(&mut self, subject: &str, name: &str, line: u32, known: Known<'_>) {
        let fix = match nearest(name, known.names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => {
                let names: Vec<&str> = known.names().collect();
                format!("remove it; known keys here are {}", names.join(", "))
            }
        };
        self.report().complain(line, subject, Complaint::new(format!("unknown key \"{name}\""), fix));
    }

    fn fit<'t>(&self, name: &str, value: &'t Spanned<DeValue<'t>>, shape: Shape) -> Result<Plain<'t>, Complaint> {
        let node = value.get_ref();
        match shape {
            Shape::One(kind) => one(name, node, kind).map(Plain::One),
            Shape::OneOrMore(kind) => match node {
                DeValue::Array(list) => {
                    let items: Result<Vec<Setting>, Complaint> =
                        list.iter().map(|item| one(name, item.get_ref(), kind)).collect();
                    items.map(Plain::Many)
                }
                _ => one(name, node, kind).map(|item| Plain::Many(vec![item])),
            },
            Shape::Range => range(name, node),
            Shape::NumberOrPercent => number_or_percent(name, node),
            Shape::Pairs => match node {
                DeValue::Table(table) => self.pairs(name, table),
                _ => Err(wrong_kind(name, "a table", node, format!("write {name} = {{ name = 1 }}"))),
            },
            Shape::Table(_) => match node {
                DeValue::Table(table) => Ok(Plain::Table(table, self.line(value))),
                _ => Err(wrong_kind(name, "a table", node, format!("write {name} = {{ ... }}"))),
            },
            Shape::Tables(..) => match node {
                DeValue::Array(list) if list.iter().all(|item| item.get_ref().is_table()) => {
                    let tables = list.iter().filter_map(|item| Some((item.get_ref().as_table()?, self.line(item))));
                    Ok(Plain::Tables(tables.collect()))
                }
                DeValue::Table(_) => {
                    let problem = format!("[{name}] in single brackets makes one table where a list is needed");
                    Err(Complaint::new(problem, format!("write two pairs of brackets around {name}, as in [[{name}]]")))
                }
                _ => Err(wrong_kind(name, "a list of tables", node, format!("write [[{name}]] above each entry"))),
            },
        }
    }
}

impl Walk<'_> {
    fn pairs<'t>(&self, name: &str, table: &'t DeTable<'t>) -> Result<Plain<'t>, Complaint> {
        let pair = |(key, value): (&'t Spanned<std::borrow::Cow<'t, str>>, &'t Spanned<DeValue<'t>>)| {
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                node @ DeValue::Integer(found) => integer(node).map_or_else(|| found.to_string(), |n| n.to_string()),
                DeValue::Float(number) => number.to_string(),
                DeValue::Boolean(flag) => flag.to_string(),
                node => {
                    let name = format!("{name}.{}", key.get_ref());
                    return Err(wrong_kind(&name, "text or a number", node, format!("write {name} = 1")));
                }
            };
            Ok((&**key.get_ref(), text, self.line(key)))
        };
        table.iter().map(pair).collect::<Result<_, _>>().map(Plain::Pairs)
    }
}

/// Describes a value of the wrong kind.
fn wrong_kind(name: &str, wanted: &str, found: &DeValue<'_>, fix: impl Into<String>) -> Complaint {
    let found = match found {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => format!("the time {time}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    Complaint::new(format!("\"{name}\" must be {wanted}, not {found}"), fix)
}

fn integer(node: &DeValue<'_>) -> Option<i64> {
    let number = node.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn number(node: &DeValue<'_>) -> Option<f64> {
    match node {
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => integer(node).map(|number| number as f64),
    }
}

fn one(name: &str, node: &DeValue<'_>, kind: KeyKind) -> Result<Setting, Complaint> {
    match (kind, node) {
        (KeyKind::Bool, DeValue::Boolean(flag)) => Ok(Setting::Bool(*flag)),
        (KeyKind::Integer { .. }, DeValue::Integer(found)) => match integer(node) {
            Some(number) => within(name, number, kind),
            None => Err(Complaint::new(format!("\"{name}\" is {found}, which is too large"), write_kind(kind))),
        },
        (KeyKind::Float, DeValue::Integer(_) | DeValue::Float(_)) => match number(node) {
            Some(number) if number.is_finite() => Ok(Setting::Float(number)),
            _ => Err(Complaint::new(format!("\"{name}\" is no finite number"), write_kind(kind))),
        },
        (KeyKind::Duration { .. } | KeyKind::Text | KeyKind::Choice(_), DeValue::String(text)) => {
            parse_text(name, text, kind)
        }
        (KeyKind::Duration { .. }, DeValue::Integer(number)) => {
            let fix = format!("give the unit in quotes: {name} = \"{number}ms\" or \"{number}s\"");
            Err(Complaint::new(format!("\"{name}\" is the number {number} without a unit"), fix))
        }
        _ => Err(wrong_kind(name, kind_name(kind), node, write_kind(kind))),
    }
}

/// Parses a value that comes as text, as in a cell of a CSV file.
pub(crate) fn parse_text(name: &str, text: &str, kind: KeyKind) -> Result<Setting, Complaint> {
    let refused =
        || Complaint::new(format!("\"{name}\" must be {}, not \"{text}\"", kind_name(kind)), write_kind(kind));
    match kind {
        KeyKind::Bool => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(Setting::Bool(true)),
            "false" | "0" | "no" => Ok(Setting::Bool(false)),
            _ => Err(refused()),
        },
        KeyKind::Integer { .. } => match text.trim().parse() {
            Ok(number) => within(name, number, kind),
            Err(_) => Err(refused()),
        },
        KeyKind::Float => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Setting::Float(number)),
            _ => Err(refused()),
        },
        KeyKind::Duration { min, max } => match parse_duration(text) {
            Some(duration) if duration >= min && duration <= max => Ok(Setting::Duration(duration)),
            Some(_) => {
                let limits = format!("{} to {}", format_duration(min), format_duration(max));
                Err(Complaint::new(format!("\"{name}\" is \"{text}\", allowed are {limits}"), write_kind(kind)))
            }
            None => Err(refused()),
        },
        KeyKind::Text => Ok(Setting::Text(text.to_owned())),
        KeyKind::Choice(words) => match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Setting::Text((*word).to_owned())),
            None => Err(Complaint::new(format!("\"{name}\" does not know \"{text}\""), suggest(text, words))),
        },
    }
}

fn within(name: &str, number: i64, kind: KeyKind) -> Result<Setting, Complaint> {
    match kind {
        KeyKind::Integer { min, max } if min == max && number != min => {
            Err(Complaint::new(format!("\"{name}\" is {number}, this program only knows {min}"), write_kind(kind)))
        }
        KeyKind::Integer { min, max } if number < min || number > max => {
            Err(Complaint::new(format!("\"{name}\" is {number}, allowed are {min} to {max}"), write_kind(kind)))
        }
        _ => Ok(Setting::Integer(number)),
    }
}

const fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Bool => "true or false",
        KeyKind::Integer { .. } => "a whole number",
        KeyKind::Float => "a number",
        KeyKind::Duration { .. } => "a duration",
        KeyKind::Text => "text",
        KeyKind::Choice(_) => "one of a few words",
    }
}

fn write_kind(kind: KeyKind) -> String {
    match kind {
        KeyKind::Bool => "write true or false, without quotes".to_owned(),
        KeyKind::Integer { min: i64::MIN, max: i64::MAX } => "write a whole number, without quotes".to_owned(),
        KeyKind::Integer { min, max } if min == max => format!("write {min}, without quotes"),
        KeyKind::Integer { min, max } => format!("write a whole number from {min} to {max}, without quotes"),
        KeyKind::Float => "write a number, without quotes".to_owned(),
        KeyKind::Duration { min, max } => format!(
            "write a duration with its unit in quotes, from \"{}\" to \"{}\"",
            format_duration(min),
            format_duration(max)
        ),
        KeyKind::Text => "write text in quotes".to_owned(),
        KeyKind::Choice(words) => format!("write {}", super::words::alternatives(words.iter().copied())),
    }
}

fn range<'t>(name: &str, node: &DeValue<'t>) -> Result<Plain<'t>, Complaint> {
    let fix = format!("write {name} = [0, 100]");
    let DeValue::Array(list) = node else {
        return Err(wrong_kind(name, "two numbers in brackets", node, fix));
    };
    let numbers: Vec<f64> = list.iter().filter_map(|item| number(item.get_ref())).filter(|n| n.is_finite()).collect();
    match numbers[..] {
        [low, high] if list.len() == 2 => Ok(Plain::Range(low, high)),
        _ => Err(Complaint::new(format!("\"{name}\" must be two numbers in brackets, low and high"), fix)),
    }
}

fn number_or_percent<'t>(name: &str, node: &DeValue<'t>) -> Result<Plain<'t>, Complaint> {
    match node {
        DeValue::String(text) => parse_number_or_percent(name, text),
        DeValue::Integer(_) | DeValue::Float(_) => match number(node) {
            Some(number) if number.is_finite() => Ok(Plain::One(Setting::Float(number))),
            _ => Err(Complaint::new(format!("\"{name}\" is no finite number"), "write a number, without quotes")),
        },
        _ => Err(wrong_kind(name, "a number or a percentage", node, format!("write {name} = 0.5 or {name} = \"5%\""))),
    }
}

/// Parses a number or a percentage that comes as text.
pub(crate) fn parse_number_or_percent<'t>(name: &str, text: &str) -> Result<Plain<'t>, Complaint> {
    let (digits, percent) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim(), true),
        None => (text.trim(), false),
    };
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() && percent => Ok(Plain::Percent(number)),
        Ok(number) if number.is_finite() => Ok(Plain::One(Setting::Float(number))),
        _ => {
            let problem = format!("\"{name}\" must be a number or a percentage, not \"{text}\"");
            Err(Complaint::new(problem, format!("write {name} = 0.5 or {name} = \"5%\"")))
        }
    }
}

fn example(key: &KeyDef) -> String {
    match key.shape {
        Shape::One(KeyKind::Integer { min, .. }) => format!("{} = {min}", key.name),
        Shape::Range => format!("{} = [0, 100]", key.name),
        _ => format!("{} = \"...\"", key.name),
    }
}

impl<'t> Checked<'t> {
    /// Whether the key was written, even if its value was refused.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.found.iter().any(|(found, ..)| *found == name) || self.refused.contains(&name)
    }

    /// The line of a key, or of the table where the key is not written.
    pub(crate) fn line_of(&self, name: &str) -> u32 {
        self.found.iter().find(|(found, ..)| *found == name).map_or(self.line, |(_, line, _)| *line)
    }

    pub(crate) fn take_plain(&mut self, name: &str) -> Option<(u32, Plain<'t>)> {
        let (_, line, plain) = self.found.iter_mut().find(|(found, ..)| *found == name)?;
        Some((*line, plain.take()?))
    }

    /// The value of a key as the type of a struct's field.
    pub(crate) fn field<T: Field>(&mut self, key: Option<&'static KeyDef>, report: &mut Reporter<'_>) -> T {
        let Some(key) = key else { return T::absent() };
        if let Some((line, plain)) = self.take_plain(key.name) {
            match T::read(key.name, plain) {
                Ok(value) => return value,
                Err(complaint) => report.complain(line, &self.subject, complaint),
            }
        }
        default_of(key)
    }

    /// The driver's keys that were given.
    pub(crate) fn take_settings(&mut self, keys: &[tagwire_driver::Key]) -> Settings {
        let mut settings = Settings::new();
        for key in keys {
            if let Some((_, Plain::One(setting))) = self.take_plain(key.name) {
                settings.set(key.name, setting);
            }
        }
        settings
    }
}

/// The value that holds when a key is not written.
pub(crate) fn default_of<T: Field>(key: &KeyDef) -> T {
    let Presence::Default(text) = key.presence else { return T::absent() };
    let plain = match key.shape {
        Shape::One(kind) => parse_text(key.name, text, kind).ok().map(Plain::One),
        Shape::OneOrMore(kind) => {
            let words = text.trim_matches(['[', ']']).split(',').map(|word| word.trim().trim_matches('"'));
            let items = words.filter(|word| !word.is_empty()).map(|word| parse_text(key.name, word, kind).ok());
            items.collect::<Option<Vec<Setting>>>().map(Plain::Many)
        }
        _ => None,
    };
    plain.and_then(|plain| T::read(key.name, plain).ok()).unwrap_or_else(T::absent)
}

/// A type that a field of a section can have.
pub(crate) trait Field: Sized {
    /// The value, from a plain one that fits the key's shape.
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint>;

    /// What stands in when nothing is known; only seen where the configuration is refused, or as `None`.
    fn absent() -> Self;
}

fn misfit(name: &str) -> Complaint {
    Complaint::new(format!("\"{name}\" has another kind of value"), "see the reference of the configuration")
}

macro_rules! plain_fields {
    ($($type:ty: $variant:ident($value:ident) => $out:expr;)*) => {
        $(impl Field for $type {
            fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
                match plain {
                    Plain::One(Setting::$variant($value)) => Ok($out),
                    _ => Err(misfit(name)),
                }
            }

            fn absent() -> Self {
                Self::default()
            }
        })*
    };
}

plain_fields! {
    bool: Bool(value) => value;
    u16: Integer(value) => u16::try_from(value).unwrap_or_default();
    u32: Integer(value) => u32::try_from(value).unwrap_or_default();
    f64: Float(value) => value;
    Duration: Duration(value) => value;
    String: Text(value) => value;
    PathBuf: Text(value) => Self::from(value);
}

impl<T: Field> Field for Option<T> {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        T::read(name, plain).map(Some)
    }

    fn absent() -> Self {
        None
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        match plain {
            Plain::Many(items) => items.into_iter().map(|item| T::read(name, Plain::One(item))).collect(),
            _ => Err(misfit(name)),
        }
    }

    fn absent() -> Self {
        Self::new()
    }
}
