//! What the columns of a table mean.

use std::sync::Arc;

use tagwire_history::Reason;
use tagwire_model::{Sample, Status, Timestamp, Value, ValueType};

use crate::TableError;
use crate::field::Field;

const TIMES: &[&str] = &["time", "timestamp", "datetime", "date_time", "date", "ts", "source_time", "sourcetime", "t"];
const TAGS: &[&str] =
    &["tag", "tagname", "tag_name", "name", "path", "point", "pointname", "variable", "sensor", "item"];
const VALUES: &[&str] = &["value", "val", "v", "reading"];

/// A row's samples go to the tag that it names, or each to the tag of its column.
#[derive(Debug)]
pub(super) enum Shape {
    Long(Long),
    Wide { time: usize, tags: Vec<(usize, Arc<str>)> },
}

/// Places of the columns.
#[derive(Debug)]
pub(super) struct Long {
    prefix: String,
    time: usize,
    tag: usize,
    value: Option<usize>,
    text: Option<usize>,
    value_type: Option<usize>,
    server_time: Option<usize>,
    status: Option<usize>,
    quality: Option<usize>,
    reason: Option<usize>,
}

/// Takes the fields of a sample of a tag, or says what is wrong with them.
pub(super) type Take<'a> = dyn FnMut(&Arc<str>, Found<'_>) -> Result<(), String> + 'a;

/// The fields of one sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found<'a> {
    time: Timestamp,
    server_time: Option<&'a Field>,
    value: Option<&'a Field>,
    text: Option<&'a Field>,
    value_type: Option<&'a Field>,
    status: Option<&'a Field>,
    quality: Option<&'a Field>,
    reason: Option<&'a Field>,
}

impl Shape {
    /// What a head line means.
    pub(super) fn of(header: &[String], prefix: &str) -> Result<Self, TableError> {
        let lower: Vec<String> = header.iter().map(|name| name.to_ascii_lowercase()).collect();
        let one_of = |names: &[&str]| names.iter().find_map(|name| lower.iter().position(|column| column == name));
        let refused = |what: &str| Err(TableError::Header(format!("{what}; the columns are: {}", header.join(", "))));
        if let Some(tag) = one_of(TAGS) {
            let Some(time) = one_of(TIMES) else { return refused("no column is named time") };
            let (value, text) = (one_of(VALUES), one_of(&["text"]));
            if value.is_none() && text.is_none() {
                return refused("no column is named value");
            }
            return Ok(Self::Long(Long {
                prefix: prefix.to_owned(),
                time,
                tag,
                value,
                text,
                value_type: one_of(&["type"]),
                server_time: one_of(&["server_time"]),
                status: one_of(&["status"]),
                quality: one_of(&["quality"]),
                reason: one_of(&["reason"]),
            }));
        }
        let Some(time) = one_of(TIMES) else {
            return refused("no column is named time, so this is neither a list of samples nor a column for each tag");
        };
        let mut tags: Vec<(usize, Arc<str>)> = Vec::new();
        for (idx, name) in header.iter().enumerate().filter(|(idx, _)| *idx != time) {
            if name.is_empty() {
                // What spreadsheets and data frames write before the first column has no name.
                continue;
            }
            let path: Arc<str> = format!("{prefix}{name}").into();
            if let Some(what) = wrong_path(&path) {
                return refused(&format!("\"{path}\" is no tag: {what}"));
            }
            if tags.iter().any(|(_, known)| *known == path) {
                return refused(&format!("two columns are named \"{name}\""));
            }
            tags.push((idx, path));
        }
        if tags.is_empty() { refused("no column is a tag") } else { Ok(Self::Wide { time, tags }) }
    }

    /// Hands each sample of a row to `take`; the first problem, after all samples without one were taken.
    pub(super) fn samples(&self, fields: &[Field], take: &mut Take<'_>) -> Result<(), String> {
        match self {
            Self::Long(long) => {
                let tag = fields.get(long.tag).map(Field::text).unwrap_or_default().trim();
                let path: Arc<str> = format!("{}{tag}", long.prefix).into();
                if tag.is_empty() {
                    return Err("no tag".to_owned());
                }
                if let Some(what) = wrong_path(&path) {
                    return Err(what.to_owned());
                }
                let field = |place: Option<usize>| place.and_then(|place| fields.get(place));
                take(
                    &path,
                    Found {
                        time: time(fields, long.time)?,
                        server_time: field(long.server_time),
                        value: field(long.value),
                        text: field(long.text),
                        value_type: field(long.value_type),
                        status: field(long.status),
                        quality: field(long.quality),
                        reason: field(long.reason),
                    },
                )
            }
            Self::Wide { time: place, tags } => {
                let time = time(fields, *place)?;
                let mut outcome = Ok(());
                for (place, path) in tags {
                    let value = fields.get(*place).filter(|field| **field != Field::Empty);
                    let Some(value) = value else { continue };
                    let taken = take(path, Found { time, value: Some(value), ..Found::default() });
                    if let (Ok(()), Err(what)) = (&outcome, taken) {
                        outcome = Err(format!("{path}: {what}"));
                    }
                }
                outcome
            }
        }
    }
}

/// What is wrong with the path of a tag.
fn wrong_path(path: &str) -> Option<&'static str> {
    if path.len() > 1024 {
        return Some("the name of the tag is longer than 1024 bytes");
    }
    if path.split('.').any(str::is_empty) {
        return Some("a part of the tag's name is empty");
    }
    path.chars().any(char::is_control).then_some("the tag's name has control characters")
}

fn time(fields: &[Field], place: usize) -> Result<Timestamp, String> {
    let field = fields.get(place).ok_or("the line has too few fields")?;
    field.time().filter(|time| !time.is_none()).ok_or_else(|| match field {
        Field::Empty => "no time".to_owned(),
        field => format!("\"{}\" is no time", short(field.text())),
    })
}

/// A text that fits a line.
fn short(text: &str) -> String {
    let mut out: String = text.chars().take(60).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

impl Found<'_> {
    /// The exact text, when there is one: an empty text in quotes is one.
    fn exact(&self) -> Option<&Field> {
        self.text.filter(|field| **field != Field::Empty)
    }

    /// Whether there is any value.
    pub(super) fn has_value(&self) -> bool {
        self.exact().or(self.value).is_some_and(|field| *field != Field::Empty)
    }

    /// The type that the row says.
    pub(super) fn value_type(&self) -> Result<Option<ValueType>, String> {
        match self.value_type {
            None | Some(Field::Empty) => Ok(None),
            Some(field) => ValueType::parse(field.text()).map(Some).map_err(|error| error.to_string()),
        }
    }

    /// The type that the value looks like.
    pub(super) fn natural_type(&self, comma: bool) -> ValueType {
        self.exact().or(self.value).unwrap_or(&Field::Empty).natural_type(comma)
    }

    /// The sample, with a value of this type.
    pub(super) fn sample(&self, value_type: ValueType, comma: bool) -> Result<(Sample, Reason), String> {
        let status = self.status()?;
        let value = match self.exact().or(self.value) {
            Some(field) if *field != Field::Empty => {
                let no = || format!("\"{}\" is no {value_type}", short(&said(field)));
                field.value(value_type, comma).ok_or_else(no)?
            }
            // What this program wrote, and what is Bad, may have no value.
            _ if self.value_type.is_some() || status.is_bad() => Value::Null,
            _ => return Err("no value".to_owned()),
        };
        let server_time = match self.server_time {
            None | Some(Field::Empty) => Timestamp::NONE,
            Some(field) => field.time().ok_or_else(|| format!("\"{}\" is no time", short(field.text())))?,
        };
        let reason = match self.reason.map(Field::text) {
            None => Reason::Imported,
            Some(word) => Reason::from_word(word.trim()).ok_or_else(|| format!("\"{}\" is no reason", short(word)))?,
        };
        Ok((Sample { value, status, source_time: self.time, server_time }, reason))
    }

    /// The status: a code or a name; or a quality: a name, or a number of OPC DA.
    fn status(&self) -> Result<Status, String> {
        for (field, is_code) in [(self.status, true), (self.quality, false)] {
            let Some(field) = field.filter(|field| **field != Field::Empty) else { continue };
            if let Some(code) = field.code() {
                return Ok(match (is_code, code & 0xC0) {
                    (true, _) => Status(code),
                    (false, 0xC0) => Status::GOOD,
                    (false, 0x40) => Status::UNCERTAIN,
                    _ => Status::BAD,
                });
            }
            let name = field.text().trim();
            return named(name).ok_or_else(|| format!("\"{}\" is no quality", short(&said(field))));
        }
        Ok(Status::GOOD)
    }
}

/// A status by its name, or by how its name begins.
fn named(name: &str) -> Option<Status> {
    let begins = |word: &str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    Status::from_name(name).or_else(|| {
        [("good", Status::GOOD), ("uncertain", Status::UNCERTAIN), ("bad", Status::BAD)]
            .into_iter()
            .find(|(word, _)| begins(word))
            .map(|(_, status)| status)
    })
}

fn said(field: &Field) -> String {
    match field {
        Field::Empty => String::new(),
        Field::Text(text) => text.clone(),
        #[cfg(feature = "parquet")]
        Field::Number(number) => number.to_string(),
        #[cfg(feature = "parquet")]
        Field::Integer(number) => number.to_string(),
        #[cfg(feature = "parquet")]
        Field::Flag(flag) => flag.to_string(),
        #[cfg(feature = "parquet")]
        Field::Time(time) => time.to_string(),
    }
}
