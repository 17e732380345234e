//! Which samples are kept, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use tagwire_driver::{KeyKind, Setting};
use tagwire_model::{Deadband, pattern};
use toml::de::DeTable;

use super::key::{DriverKeys, Known, Presence, Shape, section};
use super::link::Nested;
use super::postgres::{self, PostgresKeys};
use super::problem::Complaint;
use super::sections::choices;
use super::tables;
use super::walk::{Field, Plain, Walk};
use super::words::suggest;

section! {
    /// The historian: samples that are kept in the folder `history` of `data_dir`.
    pub struct HistoryKeys {
        /// Folder of the files. A relative path starts at `data_dir`.
        pub folder: PathBuf = Shape::One(KeyKind::Text), Presence::Default("history");
        /// Longest time until a sample is safe on the disk.
        pub commit: Duration = Shape::One(KeyKind::Duration { min: COMMIT_MIN, max: MINUTE }), Presence::Default("200ms");
        /// KiB of samples that are written at once at the latest.
        pub commit_kib: u32 = Shape::One(KeyKind::Integer { min: 16, max: 65_536 }), Presence::Default("1024");
        /// MiB of memory for samples that are not packed yet.
        pub memory_mib: u32 = Shape::One(KeyKind::Integer { min: 16, max: 65_536 }), Presence::Default("256");
        /// Whether events are kept as well, for clients that read their history. Audit events are in the audit log instead.
        pub events: bool = Shape::One(KeyKind::Bool), Presence::Default("true");
        /// Age after which events may go.
        pub events_max_age: Duration = Shape::One(KeyKind::Duration { min: HOUR, max: CENTURY }), Presence::Default("90d");
        /// Number of events after which the oldest may go.
        pub events_max: u32 = Shape::One(KeyKind::Integer { min: 100, max: 10_000_000 }), Presence::Default("100000");
        /// Where clients read history from: `local`, the own files, or `postgres`, the database of `[history.postgres]`, so that several servers show the same history.
        pub backend: Backend = Shape::One(KeyKind::Choice(&["local", "postgres"])), Presence::Default("local");
        /// A PostgreSQL database that gets every sample as well.
        pub postgres: Option<Nested> = Shape::Table(PostgresKeys::KEYS), Presence::Optional;
        /// Which tags are kept and how. Of several rules that cover a tag the first one counts; a tag that none covers is not kept.
        pub rule: Option<Nested> = Shape::Tables(HistoryRuleKeys::KEYS, DriverKeys::None), Presence::Optional;
    }
}

section! {
    /// How a part of the tag tree is kept. Every change of a quality is, whatever the rule says.
    pub struct HistoryRuleKeys {
        /// Path of a link, device, group or tag, or several of them, with everything below; `*` stands for any text and `?` for one character.
        pub path: Vec<String> = Shape::OneOrMore(KeyKind::Text), Presence::Required;
        /// Keeps one sample per interval; left out, every change is kept.
        pub every: Option<Duration> = Shape::One(KeyKind::Duration { min: CYCLE_MIN, max: DAY }), Presence::Optional;
        /// Smallest change that is kept: in units of the value, or as a percentage of the tag's `eu_range`.
        pub deadband: Option<Deadband> = Shape::NumberOrPercent, Presence::Optional;
        /// Whether a number holds until the next sample; left out, a line leads there, as values in between and averages over time take it. What is no number always holds.
        pub stepped: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
        /// Whether the aggregate AnnotationCount counts samples, as the published examples of the OPC Foundation do; left out, it counts annotations.
        pub count_samples: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
        /// Age after which samples may go; left out, they stay.
        pub max_age: Option<Duration> = Shape::One(KeyKind::Duration { min: HOUR, max: CENTURY }), Presence::Optional;
        /// MiB after which the oldest samples of these tags may go; left out, all stay.
        pub max_mib: Option<u32> = Shape::One(KeyKind::Integer { min: 1, max: 1 << 30 }), Presence::Optional;
    }
}

choices! {
    /// Where clients read history from.
    Backend {
        /// The own files.
        Local = "local",
        /// A database that several servers share.
        Postgres = "postgres",
    }
}

const COMMIT_MIN: Duration = Duration::from_millis(10);
const CYCLE_MIN: Duration = Duration::from_millis(50);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const CENTURY: Duration = Duration::from_secs(36_525 * 86_400);

/// The historian after the checks.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Where and how samples are written.
    pub keys: HistoryKeys,
    /// A database that gets every sample as well.
    pub postgres: Option<PostgresKeys>,
    /// What is kept; nothing without a rule.
    pub rules: Vec<HistoryRule>,
}

/// How a part of the tag tree is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRule {
    /// What it covers.
    pub paths: Vec<String>,
    /// Interval of cyclic samples; `None` for every change.
    pub every: Option<Duration>,
    /// Smallest change that is kept.
    pub deadband: Deadband,
    /// Whether a number holds until the next sample.
    pub stepped: bool,
    /// Whether AnnotationCount counts samples.
    pub count_samples: bool,
    /// Age after which samples may go.
    pub max_age: Option<Duration>,
    /// MiB after which the oldest samples may go.
    pub max_mib: Option<u32>,
}

impl History {
    /// The rule for a tag.
    pub fn rule(&self, path: &str) -> Option<&HistoryRule> {
        self.rules.iter().find(|rule| rule.paths.iter().any(|pattern| pattern::covers(pattern, path)))
    }
}

/// Reads `[history]` with its rules.
pub(crate) fn read(walk: &mut Walk<'_>, table: &DeTable<'_>, line: u32) -> History {
    let mut checked = walk.check("[history]".to_owned(), table, line, Known::own(HistoryKeys::KEYS));
    let rules = checked.take_plain("rule");
    let postgres = checked.take_plain("postgres");
    let backend_line = checked.line_of("backend");
    let keys = HistoryKeys::take(&mut checked, &mut walk.report());
    let postgres = match postgres {
        Some((line, Plain::Table(table, _))) => Some(postgres::read(walk, table, line)),
        _ => None,
    };
    if keys.backend == Backend::Postgres && postgres.is_none() {
        let complaint = Complaint::new(
            "there is no database to serve history from",
            "add [history.postgres] with url = \"postgresql://user@host:5432/database\"",
        );
        walk.report().complain(backend_line, "[history]", complaint);
    }
    let rules = tables(rules).into_iter().map(|(table, line)| read_rule(walk, table, line)).collect();
    History { keys, postgres, rules }
}

fn read_rule(walk: &mut Walk<'_>, table: &DeTable<'_>, line: u32) -> HistoryRule {
    let subject = match table.get("path").map(|value| value.get_ref()) {
        Some(toml::de::DeValue::String(path)) if !path.is_empty() => format!("history rule {path}"),
        _ => "history rule".to_owned(),
    };
    let mut checked = walk.check(subject.clone(), table, line, Known::own(HistoryRuleKeys::KEYS));
    let (has_path, path_line) = (checked.has("path"), checked.line_of("path"));
    let deadband_line = checked.line_of("deadband");
    let keys = HistoryRuleKeys::take(&mut checked, &mut walk.report());
    if has_path && (keys.path.is_empty() || keys.path.iter().any(|path| path.trim().is_empty())) {
        let complaint =
            Complaint::new("an empty path covers nothing", "write path = \"line1.press\", or \"*\" for all tags");
        walk.report().complain(path_line, &subject, complaint);
    }
    if keys.every.is_some() && keys.deadband.is_some() {
        let problem = "a deadband means nothing for samples that are kept in every interval";
        let complaint = Complaint::new(problem, "remove deadband, or remove every to keep changes");
        walk.report().complain(deadband_line, &subject, complaint);
    }
    HistoryRule {
        paths: keys.path,
        every: keys.every,
        deadband: keys.deadband.unwrap_or_default(),
        stepped: keys.stepped,
        count_samples: keys.count_samples,
        max_age: keys.max_age,
        max_mib: keys.max_mib,
    }
}
