//! `tagwire audit`: the files are only read, after a running server was asked to write what it still holds.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tagwire_access::audit::{Head, Report, files, verify};
use tagwire_gateway::audit::folder;
use tagwire_gateway::config::{Config, counted};
use tagwire_gateway::control::Request;
use tagwire_model::Timestamp;
use tagwire_ua_client::now;

use crate::args::{AuditCommand, AuditLogArgs};
use crate::command::control::ask_server;
use crate::failure::{Exit, Failure};
use crate::moment::moment;
use crate::terminal::shown;

pub(crate) fn run(command: &AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify { head, log } => check(log, *head),
        AuditCommand::Show { since, user, kind, log } => {
            let since = since.as_deref().map(|text| moment(text, now())).transpose()?;
            show(log, &Wanted { since, user: user.as_deref(), kind: kind.as_deref() })
        }
    }
}

/// The folder of the log, up to date.
fn folder_of(args: &AuditLogArgs) -> Result<PathBuf, Failure> {
    if let Some(dir) = &args.dir {
        return Ok(dir.clone());
    }
    let data_dir = Config::data_dir_of(&args.config.config);
    match ask_server(&data_dir, &Request::AuditFlush {}) {
        Err(failure) if failure.exit != Exit::Connect => failure.print(),
        _ => {}
    }
    Ok(folder(&data_dir))
}

fn unreadable(folder: &Path, error: &io::Error) -> Failure {
    let hint = "run this command as the user that runs the server, or name the folder of a copy";
    Failure::new(Exit::Failed, format!("cannot read {}: {error}", folder.display()), hint)
}

fn check(args: &AuditLogArgs, expected: Option<Head>) -> Result<(), Failure> {
    let folder = folder_of(args)?;
    let report = match verify(&folder, expected) {
        // A running server deletes the oldest file when it begins another.
        Err(error) if error.kind() == io::ErrorKind::NotFound => verify(&folder, expected),
        report => report,
    };
    let report = report.map_err(|error| unreadable(&folder, &error))?;
    let mut out = io::stdout().lock();
    if args.config.json {
        writeln!(out, "{}", report_json(&report))?;
        return if report.is_good() { Ok(()) } else { Err(Failure::silent(Exit::Failed)) };
    }
    for flaw in &report.flaws {
        writeln!(out, "{}", shown(&flaw.to_string()))?;
    }
    if report.n_flaws > report.flaws.len() {
        writeln!(out, "and {} more", report.n_flaws - report.flaws.len())?;
    }
    let (first, last) = (report.first.unwrap_or_default(), report.last.unwrap_or(Head::START));
    let extent = format!(
        "{} in {}, number {first} to {}",
        counted(report.n_records, "record"),
        counted(report.n_files, "file"),
        last.seq
    );
    if !report.is_good() {
        let message = format!("{} found in the audit log ({extent})", counted(report.n_flaws, "flaw"));
        return Err(Failure::new(
            Exit::Failed,
            message,
            "keep the folder as it is, and find out who could write to it",
        ));
    }
    writeln!(out, "the audit log is whole and unchanged: {extent}")?;
    if first > 1 {
        writeln!(out, "older records went with the files that are no longer kept")?;
    }
    if report.n_unfinished > 0 {
        writeln!(out, "the last line is unfinished, as after a crash; the next start of the server mends it")?;
    }
    Ok(writeln!(out, "it ends with {last}; noted elsewhere, this proves later with --head that nobody wrote it anew")?)
}

fn report_json(report: &Report) -> Value {
    let flaws: Vec<Value> = report
        .flaws
        .iter()
        .map(|flaw| json!({ "file": flaw.file, "line": flaw.line, "kind": flaw.kind, "text": flaw.text }))
        .collect();
    json!({
        "good": report.is_good(),
        "files": report.n_files,
        "records": report.n_records,
        "first": report.first,
        "last": report.last.map(|last| last.seq),
        "head": report.last.map(|last| last.to_string()),
        "unfinished_bytes": report.n_unfinished,
        "n_flaws": report.n_flaws,
        "flaws": flaws,
    })
}

/// Which records are wanted.
struct Wanted<'a> {
    since: Option<Timestamp>,
    user: Option<&'a str>,
    kind: Option<&'a str>,
}

fn text<'a>(record: &'a Map<String, Value>, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl Wanted<'_> {
    fn takes(&self, record: &Map<String, Value>) -> bool {
        let what = text(record, "what");
        let is_kind = self.kind.is_none_or(|kind| what == kind || what.split('-').next() == Some(kind));
        let is_since = self
            .since
            .is_none_or(|since| Timestamp::parse_rfc3339(text(record, "time")).is_none_or(|time| time >= since));
        let is_user = self.user.is_none_or(|user| {
            ["user", "claimed", "target"].iter().any(|key| text(record, key) == user)
                || record.get("uid").is_some_and(|uid| user == format!("uid:{uid}"))
        });
        is_kind && is_since && is_user
    }
}

fn show(args: &AuditLogArgs, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let folder = folder_of(args)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let failed = |error: io::Error| unreadable(&folder, &error);
    let files = files(&folder).map_err(failed)?;
    if files.is_empty() {
        let message = format!("there is no audit log in {}", folder.display());
        return Err(Failure::new(Exit::Failed, message, "it begins with the first start of the server"));
    }
    for file in files {
        let lines = match file.lines() {
            // A running server deletes the oldest file when it begins another.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            lines => lines.map_err(failed)?,
        };
        for line in lines {
            let line = line.map_err(failed)?;
            // What is no record is for `verify` to tell.
            let Ok(Value::Object(record)) = serde_json::from_slice(&line.bytes) else { continue };
            if !wanted.takes(&record) {
                continue;
            }
            if args.config.json {
                out.write_all(&line.bytes)?;
                writeln!(out)?;
            } else {
                writeln!(out, "{}", shown(&sentence(&record)))?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Most items of a request in one line.
const MAX_ITEMS: usize = 5;

/// Fields that have a place of their own in a line, or none.
const PLACED: [&str; 18] = [
    "seq",
    "time",
    "what",
    "face",
    "user",
    "uid",
    "peer",
    "prev",
    "hash",
    "session",
    "channel",
    "application",
    "certificate",
    "items",
    "items_sha256",
    "calls",
    "n_items",
    "n_calls",
];

/// One record as a line: when, what, who, and the rest.
fn sentence(record: &Map<String, Value>) -> String {
    let mut line = format!("{}  {:<19} ", text(record, "time"), text(record, "what"));
    line.push_str(&who(record));
    let certificate = text(record, "certificate");
    if !certificate.is_empty() {
        line.push_str(&format!("  certificate={}", certificate.get(..8).unwrap_or(certificate)));
    }
    if let Some(items) = record.get("items").and_then(Value::as_array) {
        let item = |item: &Value| {
            let part = item.get("range").and_then(Value::as_str).map(|range| format!("[{range}]")).unwrap_or_default();
            let old = item.get("old").map(|old| format!("{old} -> ")).unwrap_or_default();
            format!("{}{part} {old}{} {}", plain(item.get("node")), plain(item.get("new")), plain(item.get("result")))
        };
        line.push_str(&listed(items.iter().map(item), record.get("n_items")));
    }
    if let Some(calls) = record.get("calls").and_then(Value::as_array) {
        let call = |call: &Value| {
            let arguments = call.get("arguments").map_or_else(|| "(...)".to_owned(), |list| format!("({list})"));
            format!("{}{arguments} {}", plain(call.get("method")), plain(call.get("result")))
        };
        line.push_str(&listed(calls.iter().map(call), record.get("n_calls")));
    }
    for (key, value) in record.iter().filter(|(key, _)| !PLACED.contains(&key.as_str())) {
        line.push_str(&format!("  {key}={}", plain(Some(value))));
    }
    line
}

fn who(record: &Map<String, Value>) -> String {
    let user = match (text(record, "user"), record.get("uid")) {
        ("", Some(uid)) => format!("uid:{uid}"),
        ("", None) => String::new(),
        (user, _) => user.to_owned(),
    };
    let place = match text(record, "peer") {
        "" => text(record, "face"),
        peer => peer,
    };
    match (user.as_str(), place) {
        ("", place) => place.to_owned(),
        (user, place) => format!("{user}@{place}"),
    }
}

/// Text without quotes, anything else as JSON.
fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

fn listed(items: impl ExactSizeIterator<Item = String>, n_all: Option<&Value>) -> String {
    let n_all = n_all.and_then(Value::as_u64).unwrap_or_else(|| items.len() as u64);
    let n_shown = items.len().min(MAX_ITEMS) as u64;
    let mut text: String = items.take(MAX_ITEMS).map(|item| format!("  {item};")).collect();
    text.pop();
    if n_all > n_shown {
        text.push_str(&format!("; and {} more", n_all - n_shown));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_one_line() {
        let record = r#"{"seq":7,"time":"2026-03-01T08:00:00.0000000Z","what":"write","face":"opc-ua","user":"anna",
            "peer":"10.0.0.7:4000","session":"ns=1;b=AA==","channel":3,"n_items":7,"n_failed":1,
            "items":[{"node":"ns=2;s=a.b.c","old":1,"new":2,"result":"Good"},{"node":"ns=2;s=a.b.d","new":"x","result":"BadNotWritable"}],
            "prev":"00","hash":"11"}"#;
        let Value::Object(record) = serde_json::from_str(record).expect("JSON") else { panic!("no object") };
        assert_eq!(
            sentence(&record),
            "2026-03-01T08:00:00.0000000Z  write               anna@10.0.0.7:4000  ns=2;s=a.b.c 1 -> 2 Good;  ns=2;s=a.b.d x \
             BadNotWritable; and 5 more  n_failed=1"
        );
        let wanted = |user, kind| Wanted { since: None, user, kind };
        assert!(wanted(Some("anna"), Some("write")).takes(&record));
        assert!(!wanted(Some("emma"), None).takes(&record) && !wanted(None, Some("call")).takes(&record));
    }
}
