//! Tags: what both kinds of list (TOML and CSV) make of a tag, and the checks that both share.

use std::borrow::Cow;
use std::time::Duration;

use tagwire_driver::{AddressError, DriverKind, Key, KeyKind, Settings, TagSpec};
use tagwire_model::{
    Access, Clamp, Curve, DataType, Deadband, EuRange, Scaling, ScalingError, States, TagId, ValueType, ValueTypeError,
};

use super::kepware::with_digits;
use super::key::{DriverKeys, Presence, Shape, section};
use super::name::check_tag_name;
use super::node_id::ExplicitNodeId;
use super::problem::{Complaint, Reporter};
use super::states::read_states;
use super::walk::{Checked, Field, Plain};
use super::words::{nearest, suggest};

section! {
    /// One tag of a device. A dot in the name makes a group.
    pub struct TagKeys {
        /// Name of the tag, unique on its device; a dot makes a group.
        pub name: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Where the value lies in the device, in the driver's own syntax; for the sim driver the signal.
        pub address: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Type of the value in the device: `bool`, `i8`, `u8`, `i16`, `u16`, `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `string`, `bytes`, `datetime`, or an array such as `f32[10]` or `f32[2,3]`.
        /// Default: the type that the address has by itself, where the driver knows one.
        pub type_name as "type": Option<String> = Shape::One(KeyKind::Text), Presence::Depends;
        /// What clients may do: `ro`, `rw` or `wo`.
        pub access: Option<String> = Shape::One(KeyKind::Text), Presence::Default("ro");
        /// Scan interval of this tag alone.
        /// Default: the interval of its device.
        pub scan: Option<Duration> = Shape::One(SCAN_KIND), Presence::Depends;
        /// How raw numbers become engineering values.
        pub scaling: Option<ScalingKeys> = Shape::Table(ScalingKeys::KEYS), Presence::Optional;
        /// Engineering unit as displayed, for example `°C`.
        pub unit: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Normal range in engineering units, low and high.
        pub eu_range: Option<EuRange> = Shape::Range, Presence::Optional;
        /// What the numbers of a discrete value mean: names from 0 on, or with their numbers as in `["0=Off", "5=On"]`; two for a `bool`.
        /// Clients see TwoStateDiscreteType, MultiStateDiscreteType or MultiStateValueDiscreteType, and can write no other number.
        pub states: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Optional;
        /// What the tag is, in words.
        pub description: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Smallest change that counts: in units of the value, or as a percentage of `eu_range`.
        pub deadband: Option<Deadband> = Shape::NumberOrPercent, Presence::Optional;
        /// Time constant of an exponential filter that smooths the values: after it a step has come through by 63 %.
        pub filter: Option<Duration> = Shape::One(FILTER_KIND), Presence::Optional;
        /// Which ends of `eu_range` hold the value, as told by the limit bits of its status; writes beyond such an end are refused.
        pub limit: ClampWord = Shape::One(KeyKind::Choice(&["none", "low", "high", "both"])), Presence::Default("none");
        /// NodeId of the tag in place of `ns=2;s=<link>.<device>.<tag>`, for example `ns=3;i=1234` or `nsu=<uri>;s=name`.
        pub node_id: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
    }
}

section! {
    /// The scaling of one tag: linear is `(raw - raw_low) / (raw_high - raw_low) * (scaled_high - scaled_low) + scaled_low`; square root takes the root of the quotient.
    pub struct ScalingKeys {
        /// Shape of the scaling.
        pub curve: CurveWord = Shape::One(KeyKind::Choice(&["linear", "square-root"])), Presence::Default("linear");
        /// Raw low and raw high.
        pub raw: Option<EuRange> = Shape::Range, Presence::Required;
        /// Engineering values of raw low and raw high.
        pub scaled: Option<EuRange> = Shape::Range, Presence::Required;
        /// Which ends hold the engineering value.
        pub clamp: ClampWord = Shape::One(KeyKind::Choice(&["none", "low", "high", "both"])), Presence::Default("none");
        /// Type that clients see.
        pub type_name as "type": String = Shape::One(KeyKind::Text), Presence::Default("f64");
        /// Whether the engineering value changes its sign.
        pub negate: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
    }
}

/// The scan interval of a tag (gateway-behaviour B-04).
pub(crate) const SCAN_KIND: KeyKind =
    KeyKind::Duration { min: Duration::from_millis(10), max: Duration::from_millis(99_999_990) };

/// The time constant of a filter.
pub(crate) const FILTER_KIND: KeyKind =
    KeyKind::Duration { min: Duration::from_millis(1), max: Duration::from_secs(86_400) };

/// The curve as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurveWord(pub Curve);

/// The clamp as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClampWord(pub Clamp);

impl Field for CurveWord {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let curve = if String::read(name, plain)? == "linear" { Curve::Linear } else { Curve::SquareRoot };
        Ok(Self(curve))
    }

    fn absent() -> Self {
        Self(Curve::Linear)
    }
}

impl Field for ClampWord {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let word = String::read(name, plain)?;
        Ok(Self(Clamp { low: word == "low" || word == "both", high: word == "high" || word == "both" }))
    }

    fn absent() -> Self {
        Self(Clamp::default())
    }
}

impl Field for EuRange {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        match plain {
            Plain::Range(low, high) => Ok(Self { low, high }),
            _ => Err(Complaint::new(format!("\"{name}\" must be two numbers"), format!("write {name} = [0, 100]"))),
        }
    }

    fn absent() -> Self {
        Self { low: 0.0, high: 0.0 }
    }
}

impl Field for Deadband {
    fn read(name: &str, plain: Plain<'_>) -> Result<Self, Complaint> {
        let refused = |problem: String| Err(Complaint::new(problem, "write a number from 0 on, or \"0%\" to \"100%\""));
        match plain {
            Plain::Percent(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
            Plain::Percent(percent) => refused(format!("\"{name}\" is {percent}%")),
            Plain::One(tagwire_driver::Setting::Float(units)) if units >= 0.0 => Ok(Self::Absolute(units)),
            Plain::One(tagwire_driver::Setting::Float(units)) => refused(format!("\"{name}\" is {units}")),
            _ => refused(format!("\"{name}\" must be a number or a percentage")),
        }
    }

    fn absent() -> Self {
        Self::None
    }
}

/// Stands for a table inside a table, which the caller takes apart itself.
impl Field for ScalingKeys {
    fn read(name: &str, _plain: Plain<'_>) -> Result<Self, Complaint> {
        Err(Complaint::new(format!("\"{name}\" must be a table"), format!("write {name} = {{ ... }}")))
    }

    fn absent() -> Self {
        let read = |key| super::walk::default_of(key);
        Self {
            curve: CurveWord::absent(),
            raw: None,
            scaled: None,
            clamp: ClampWord::absent(),
            type_name: Self::KEYS.iter().find(|key| key.name == "type").map(read).unwrap_or_default(),
            negate: false,
        }
    }
}

/// A tag after the checks.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Name on its device, groups separated by dots.
    pub name: Box<str>,
    /// What the driver needs; its number is given when the tag is made.
    pub spec: TagSpec,
    /// What few tags have.
    pub info: Option<Box<TagInfo>>,
    /// Index into the files of the configuration.
    pub(crate) file: u16,
    /// Line in that file.
    pub(crate) line: u32,
}

/// What clients learn about a tag beyond its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagInfo {
    /// What the tag is, in words.
    pub description: String,
    /// Engineering unit as displayed.
    pub unit: String,
    /// Normal range in engineering units.
    pub eu_range: Option<EuRange>,
    /// Smallest change that counts.
    pub deadband: Deadband,
    /// Time constant of the filter that values go through.
    pub filter: Option<Duration>,
    /// Which ends of the range hold the value.
    pub limit: Clamp,
    /// What the numbers mean.
    pub states: Option<States>,
    /// NodeId in place of the default one.
    pub node_id: Option<ExplicitNodeId>,
}

impl Tag {
    /// Type that clients see: the scaled one where there is a scaling.
    pub fn client_type(&self) -> ValueType {
        match &self.spec.scaling {
            Some(scaling) => ValueType { data_type: scaling.data_type(), dims: self.spec.value_type.dims },
            None => self.spec.value_type,
        }
    }
}

/// What a list says of a tag's type.
#[derive(Debug, Default)]
pub(crate) enum TypeWord {
    /// Nothing: the address decides.
    #[default]
    FromAddress,
    /// This type.
    Given(ValueType),
    /// Something that was refused already.
    Refused,
}

/// A tag as a list gives it, each part already checked by itself.
#[derive(Debug, Default)]
pub(crate) struct TagDraft<'a> {
    pub(crate) line: u32,
    /// Lines of the address and the scaling; 0 where the whole tag is one line.
    pub(crate) address_line: u32,
    pub(crate) scaling_line: u32,
    pub(crate) eu_range_line: u32,
    pub(crate) node_id_line: u32,
    pub(crate) states_line: u32,
    pub(crate) name: Cow<'a, str>,
    pub(crate) address: Cow<'a, str>,
    pub(crate) value_type: TypeWord,
    pub(crate) access: Option<Access>,
    pub(crate) scan: Option<Duration>,
    pub(crate) scaling: Option<ScalingDraft>,
    pub(crate) info: TagInfo,
    pub(crate) node_id: Option<Cow<'a, str>>,
    /// Names of states as written.
    pub(crate) states: Vec<Cow<'a, str>>,
    /// How the device stores the number, where its type alone does not tell: a word of the address.
    pub(crate) code: Option<&'static str>,
    pub(crate) settings: Settings,
}

/// A scaling as a list gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScalingDraft {
    pub(crate) curve: Curve,
    pub(crate) raw: (f64, f64),
    pub(crate) scaled: (f64, f64),
    pub(crate) clamp: Clamp,
    pub(crate) negate: bool,
    pub(crate) data_type: DataType,
}

/// What the tags of one device have in common while they are read.
pub(crate) struct DeviceContext<'a> {
    /// `link.device`
    pub(crate) path: &'a str,
    /// `None` when the link's driver is not known; then addresses cannot be checked.
    pub(crate) kind: Option<&'a dyn DriverKind>,
    pub(crate) settings: &'a Settings,
    pub(crate) tag_keys: &'static [Key],
    /// URIs of the namespaces from index 2 on.
    pub(crate) namespaces: &'a [&'a str],
    /// Whether scan rates of imported lists count, as they do where the device respects the tags' own rates.
    pub(crate) respect_imported_rates: bool,
}

impl DeviceContext<'_> {
    pub(crate) fn subject(&self, name: &str) -> String {
        if name.is_empty() { format!("a tag of {}", self.path) } else { format!("tag {}.{name}", self.path) }
    }

    /// The first name of the driver; empty where it is not known.
    pub(crate) fn driver(&self) -> &'static str {
        self.kind.and_then(|kind| kind.names().first().copied()).unwrap_or_default()
    }

    /// Makes a tag from its draft, or reports everything that is wrong with it.
    pub(crate) fn finish(&self, draft: TagDraft<'_>, file: u16, report: &mut Reporter<'_>) -> Option<Tag> {
        let n_before = report.problems.len();
        let subject = || self.subject(&draft.name);
        let address_line = draft.address_line.max(draft.line);
        if let Err(complaint) = check_tag_name(&draft.name) {
            report.complain(draft.line, &subject(), complaint);
        }
        let value_type = self.value_type(&draft, |complaint| report.complain(address_line, &subject(), complaint));
        let mut scaling = None;
        if let (Some(draft_scaling), Some(value_type)) = (&draft.scaling, value_type) {
            match draft_scaling.build(value_type) {
                Ok(built) => scaling = Some(Box::new(built)),
                Err(complaint) => report.complain(draft.scaling_line.max(draft.line), &subject(), complaint),
            }
        }
        let mut complain =
            |line: u32, complaint: Complaint| report.complain(line.max(draft.line), &subject(), complaint);
        let has_range = draft.scaling.is_some() || draft.info.eu_range.is_some();
        let mut info = draft.info;
        if matches!(info.deadband, Deadband::Percent(_)) && info.eu_range.is_none() {
            let problem = "a deadband in percent needs a range to refer to";
            complain(draft.line, Complaint::new(problem, "add eu_range = [0, 100], or give the deadband as a number"));
        }
        let has_limit = info.limit.low || info.limit.high;
        if has_limit && info.eu_range.is_none() {
            complain(draft.line, Complaint::new("a limit needs a range to refer to", "add eu_range = [0, 100]"));
        }
        let client_type = draft.scaling.map_or(value_type, |scaling| Some(ValueType::scalar(scaling.data_type)));
        let is_number = |value_type: ValueType| value_type.is_scalar() && value_type.data_type.is_number();
        if (has_limit || info.filter.is_some())
            && let Some(value_type) = client_type.filter(|value_type| !is_number(*value_type))
        {
            let key = if has_limit { "limit" } else { "filter" };
            let problem = format!("\"{key}\" is for numbers, and the type is {value_type}");
            complain(draft.line, Complaint::new(problem, "remove it"));
        }
        if let Some(range) = info.eu_range.filter(|range| range.high <= range.low) {
            let problem = format!("eu_range goes from {} to {}", range.low, range.high);
            complain(draft.eu_range_line, Complaint::new(problem, "write the lower number first"));
        }
        if !draft.states.is_empty() {
            match read_states(&draft.states, value_type, has_range) {
                Ok(states) => info.states = states,
                Err(complaint) => complain(draft.states_line, complaint),
            }
        }
        if let Some(text) = &draft.node_id {
            match ExplicitNodeId::parse(text, self.namespaces) {
                Ok(node_id) => info.node_id = Some(node_id),
                Err(complaint) => complain(draft.node_id_line, complaint),
            }
        }
        let address = match (draft.code, self.driver()) {
            (Some(word), driver) if !driver.is_empty() => {
                let Some(address) = with_digits(&draft.address, driver, word) else {
                    let problem = format!("{driver} has no type {word} at {}", draft.address.trim());
                    report.complain(address_line, &subject(), Complaint::new(problem, "declare a whole number"));
                    return None;
                };
                address
            }
            _ => draft.address.trim().to_owned(),
        };
        let spec = TagSpec {
            id: TagId(u32::MAX),
            address,
            value_type: value_type?,
            access: draft.access.unwrap_or(Access::READ),
            scan: draft.scan,
            scaling,
            settings: draft.settings,
        };
        if let Some(kind) = self.kind
            && let Err(AddressError { problem, fix }) = kind.check_tag(self.settings, &spec)
        {
            report.complain(address_line, &subject(), Complaint { problem, fix });
        }
        if report.problems.len() > n_before {
            return None;
        }
        let info = (info != TagInfo::default()).then(|| Box::new(info));
        Some(Tag { name: draft.name.into(), spec, info, file, line: draft.line })
    }

    fn value_type(&self, draft: &TagDraft<'_>, mut complain: impl FnMut(Complaint)) -> Option<ValueType> {
        let address = draft.address.trim();
        if address.is_empty() {
            complain(Complaint::new("the tag has no address", "say where the value lies in the device"));
            return None;
        }
        match draft.value_type {
            TypeWord::Given(value_type) => Some(value_type),
            TypeWord::Refused => {
                // A wrong type is no reason to keep quiet about a wrong address.
                if let Some(kind) = self.kind {
                    let value_type = kind.default_type(address).unwrap_or_else(|| untyped_spec().value_type);
                    let spec = TagSpec { address: address.to_owned(), value_type, ..untyped_spec() };
                    if let Err(AddressError { problem, fix }) = kind.check_tag(self.settings, &spec) {
                        complain(Complaint { problem, fix });
                    }
                }
                None
            }
            TypeWord::FromAddress => {
                let kind = self.kind?;
                let found = kind.default_type(address);
                // An address that is wrong whatever its type has a better message of its own.
                let spec = TagSpec { address: address.to_owned(), ..untyped_spec() };
                if found.is_none()
                    && let Err(AddressError { problem, fix }) = kind.check_tag(self.settings, &spec)
                {
                    complain(Complaint { problem, fix });
                } else if found.is_none() {
                    let fix = format!("add type = \"...\": {}", TYPE_NAMES);
                    complain(Complaint::new(format!("the address \"{address}\" does not tell its type"), fix));
                }
                found
            }
        }
    }
}

/// A readable tag of the plainest type, to ask a driver about an address alone.
fn untyped_spec() -> TagSpec {
    TagSpec {
        id: TagId(u32::MAX),
        address: String::new(),
        value_type: ValueType::scalar(DataType::UInt16),
        access: Access::READ,
        scan: None,
        scaling: None,
        settings: Settings::new(),
    }
}

const TYPE_NAMES: &str =
    "bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, string, bytes, datetime, or an array such as f32[10]";

impl ScalingDraft {
    fn build(&self, raw_type: ValueType) -> Result<Scaling, Complaint> {
        if !raw_type.data_type.is_number() {
            let problem = format!("a value of type {raw_type} cannot be scaled");
            return Err(Complaint::new(problem, "remove the scaling, or give the tag a number type"));
        }
        Scaling::new(self.curve, self.raw, self.scaled, self.clamp, self.negate, self.data_type).map_err(|error| {
            let fix = match error {
                ScalingError::RawRange => "write the lower raw number first, as in raw = [0, 1000]",
                ScalingError::ScaledRange => "write two different numbers, as in scaled = [0, 100]",
                ScalingError::DataType => "use a number type such as f64",
            };
            Complaint::new(format!("the scaling is impossible: {error}"), fix)
        })
    }
}

/// Reads a type, and for a wrong one names the type that was likely meant.
pub(crate) fn parse_type(text: &str) -> Result<ValueType, Complaint> {
    ValueType::parse(text).map_err(|error| {
        let base = text.split('[').next().unwrap_or_default().trim();
        let fix = match error {
            ValueTypeError::Name(_) => match likely_type(base) {
                Some(name) => format!("did you mean \"{name}\"? known are {TYPE_NAMES}"),
                None => format!("write one of {TYPE_NAMES}"),
            },
            _ => format!("write up to three whole numbers in brackets, as in \"{base}[10]\" or \"{base}[2,3]\""),
        };
        Complaint::new(error.to_string(), fix)
    })
}

/// The type that a wrong name most likely means: another product's name, or a typing mistake in one.
fn likely_type(name: &str) -> Option<&'static str> {
    let ours = DataType::ALL.map(DataType::name);
    let words = ours.into_iter().chain(FOREIGN_TYPES.iter().map(|(foreign, _)| *foreign));
    let word = nearest(name, words)?;
    Some(FOREIGN_TYPES.iter().find(|(foreign, _)| *foreign == word).map_or(word, |(_, ours)| *ours))
}

/// Names that other products use for our types.
const FOREIGN_TYPES: [(&str, &str); 37] = [
    ("boolean", "bool"),
    ("bit", "bool"),
    ("char", "i8"),
    ("sbyte", "i8"),
    ("int8", "i8"),
    ("sint", "i8"),
    ("byte", "u8"),
    ("uint8", "u8"),
    ("usint", "u8"),
    ("short", "i16"),
    ("int16", "i16"),
    ("int", "i16"),
    ("word", "u16"),
    ("uint16", "u16"),
    ("uint", "u16"),
    ("ushort", "u16"),
    ("long", "i32"),
    ("int32", "i32"),
    ("dint", "i32"),
    ("dword", "u32"),
    ("uint32", "u32"),
    ("udint", "u32"),
    ("ulong", "u32"),
    ("llong", "i64"),
    ("int64", "i64"),
    ("lint", "i64"),
    ("qword", "u64"),
    ("uint64", "u64"),
    ("ulint", "u64"),
    ("float", "f32"),
    ("real", "f32"),
    ("float32", "f32"),
    ("single", "f32"),
    ("double", "f64"),
    ("lreal", "f64"),
    ("float64", "f64"),
    ("text", "string"),
];

/// Reads what clients may do.
pub(crate) fn parse_access(text: &str) -> Result<Access, Complaint> {
    Access::parse(text).ok_or_else(|| {
        Complaint::new(format!("\"access\" does not know \"{text}\""), suggest(text, &["ro", "rw", "wo"]))
    })
}

/// The draft of a tag written in TOML.
pub(crate) fn draft_from_table(
    mut table: Checked<'_>,
    scaling: Option<ScalingKeys>,
    context: &DeviceContext<'_>,
    report: &mut Reporter<'_>,
) -> TagDraft<'static> {
    let line = table.line;
    let (type_line, access_line) = (table.line_of("type"), table.line_of("access"));
    let (had_type, name_line) = (table.has("type"), table.line_of("name"));
    let (address_line, scaling_line) = (table.line_of("address"), table.line_of("scaling"));
    let (eu_range_line, node_id_line) = (table.line_of("eu_range"), table.line_of("node_id"));
    let states_line = table.line_of("states");
    let settings = table.take_settings(context.tag_keys);
    let subject = table.subject.clone();
    let keys = TagKeys::take(&mut table, report);
    let value_type = match keys.type_name {
        Some(text) => match parse_type(&text) {
            Ok(value_type) => TypeWord::Given(value_type),
            Err(complaint) => {
                report.complain(type_line, &subject, complaint);
                TypeWord::Refused
            }
        },
        None if had_type => TypeWord::Refused,
        None => TypeWord::FromAddress,
    };
    let access = keys.access.and_then(|text| {
        parse_access(&text).map_err(|complaint| report.complain(access_line, &subject, complaint)).ok()
    });
    let scaling = scaling.and_then(|keys| {
        let data_type = match parse_type(&keys.type_name) {
            Ok(value_type) => value_type.data_type,
            Err(complaint) => {
                report.complain(line, &subject, complaint);
                return None;
            }
        };
        let (raw, scaled) = (keys.raw?, keys.scaled?);
        Some(ScalingDraft {
            curve: keys.curve.0,
            raw: (raw.low, raw.high),
            scaled: (scaled.low, scaled.high),
            clamp: keys.clamp.0,
            negate: keys.negate,
            data_type,
        })
    });
    TagDraft {
        line: name_line,
        address_line,
        scaling_line,
        eu_range_line,
        node_id_line,
        states_line,
        name: Cow::Owned(keys.name),
        address: Cow::Owned(keys.address),
        value_type,
        access,
        scan: keys.scan,
        scaling,
        info: TagInfo {
            description: keys.description.unwrap_or_default(),
            unit: keys.unit.unwrap_or_default(),
            eu_range: keys.eu_range,
            deadband: keys.deadband.unwrap_or_default(),
            filter: keys.filter,
            limit: keys.limit.0,
            states: None,
            node_id: None,
        },
        node_id: keys.node_id.map(Cow::Owned),
        states: keys.states.into_iter().map(Cow::Owned).collect(),
        code: None,
        settings,
    }
}

/// The keys of `[[link.device.tag]]` beyond the driver's.
pub(crate) const TAG_KEYS: Shape = Shape::Tables(TagKeys::KEYS, DriverKeys::Tag);
