//! `tagwire history`: a running server reads and copies its own files; without one they can be checked and taken back.

mod export;
mod import;
mod progress;
mod query;
mod read;
mod view;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tagwire_gateway::config::{Config, parse_duration};
use tagwire_gateway::control::Request;
use tagwire_gateway::drivers::DRIVERS;
use tagwire_history::{Disk, HistoryError, restore, verify};
use tagwire_model::Timestamp;
use tagwire_ua_client::now;

use crate::args::{ConfigArgs, HistoryCommand};
use crate::command::control::{ask_server, show};
use crate::failure::{Exit, Failure};
use crate::terminal::shown;

pub(crate) fn run(command: &HistoryCommand) -> Result<(), Failure> {
    match command {
        HistoryCommand::Read(args) => read::run(args),
        HistoryCommand::Export(args) => export::run(args),
        HistoryCommand::Import(args) => import::run(args),
        HistoryCommand::Query(args) => query::run(args),
        HistoryCommand::Status(config) => {
            show(&ask_server(&Config::data_dir_of(&config.config), &Request::HistoryStatus {})?, config.json)
        }
        HistoryCommand::Backup { folder, config } => {
            // The server may have been started elsewhere.
            let folder = std::path::absolute(folder)?.display().to_string();
            show(&ask_server(&Config::data_dir_of(&config.config), &Request::HistoryBackup { folder })?, config.json)
        }
        HistoryCommand::Restore { folder, config } => take_back(folder, config),
        HistoryCommand::Verify { target: true, start, end, config, .. } => {
            compare(start.as_deref(), end.as_deref(), config)
        }
        HistoryCommand::Verify { folder, config, .. } => check(folder.as_deref(), config),
    }
}

/// A time, or a duration before now with or without a minus.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let ago = text.strip_prefix('-').filter(|ago| parse_duration(ago).is_some());
    crate::moment::moment(ago.unwrap_or(text), now)
}

/// The folder of the history of a configuration.
fn folder_of(args: &ConfigArgs) -> Result<PathBuf, Failure> {
    let config =
        Config::load(&args.config, DRIVERS).map_err(|problems| Failure::new(Exit::Config, problems.to_string(), ""))?;
    Ok(config.data_dir().join(&config.history.keys.folder))
}

fn disk(folder: &Path) -> Result<Disk, Failure> {
    Disk::new(folder).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot open {}: {error}", folder.display()), "see who may read the folder")
    })
}

fn refused(folder: &Path, error: &HistoryError) -> Failure {
    let hint = match error {
        HistoryError::InUse => "end the server first",
        HistoryError::Occupied => "move that folder away first",
        HistoryError::Damaged { .. } => "take another copy",
        _ => "",
    };
    Failure::new(Exit::Failed, format!("{}: {error}", folder.display()), hint)
}

fn take_back(from: &Path, args: &ConfigArgs) -> Result<(), Failure> {
    let folder = folder_of(args)?;
    if !from.is_dir() {
        return Err(Failure::new(Exit::Failed, format!("there is no folder {}", from.display()), "name a backup"));
    }
    restore(&disk(from)?, &disk(&folder)?).map_err(|error| match error {
        HistoryError::Occupied => refused(&folder, &error),
        _ => refused(from, &error),
    })?;
    Ok(writeln!(io::stdout(), "the history of {} is now in {}", from.display(), folder.display())?)
}

fn check(folder: Option<&Path>, args: &ConfigArgs) -> Result<(), Failure> {
    let folder = folder.map_or_else(|| folder_of(args), |folder| Ok(folder.to_owned()))?;
    if !folder.is_dir() {
        return Err(Failure::new(Exit::Failed, format!("there is no folder {}", folder.display()), "name a history"));
    }
    let found = verify(Arc::new(disk(&folder)?)).map_err(|error| refused(&folder, &error))?;
    let damage: Vec<String> = found.damage.iter().map(ToString::to_string).collect();
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(
            out,
            "{}",
            json!({ "good": damage.is_empty(), "samples": found.samples, "samples_in_log": found.in_log, "damage": damage })
        )?;
    } else {
        for damage in &damage {
            writeln!(out, "{}", shown(damage))?;
        }
        writeln!(out, "{} in segments and {} in the log can be read", found.samples, found.in_log)?;
    }
    if damage.is_empty() { Ok(()) } else { Err(Failure::silent(Exit::Failed)) }
}

/// Differences shown one by one.
const MOST_SHOWN: usize = 1_000;
const COUNTS: [&str; 6] = ["tags", "here", "there", "missing_there", "missing_here", "different"];

fn compare(start: Option<&str>, end: Option<&str>, args: &ConfigArgs) -> Result<(), Failure> {
    let data_dir = Config::data_dir_of(&args.config);
    let now = now();
    let from = start.map_or(Ok(Timestamp::from_ticks(i64::MIN)), |start| moment(start, now))?.ticks();
    let to = end.map_or(Ok(now), |end| moment(end, now))?.ticks();
    let mut counts = [0_u64; COUNTS.len()];
    let mut differences: Vec<Value> = Vec::new();
    let mut is_behind = false;
    let mut next = Some((0, i64::MIN));
    while let Some(start) = next {
        let answer = ask_server(&data_dir, &Request::HistoryCompare { from, to, start })?.answer;
        let field = |name: &str| answer.get(name).unwrap_or(&Value::Null);
        for (count, name) in counts.iter_mut().zip(COUNTS) {
            *count += field(name).as_u64().unwrap_or_default();
        }
        let room = MOST_SHOWN.saturating_sub(differences.len());
        differences.extend(field("differences").as_array().into_iter().flatten().take(room).cloned());
        is_behind |= field("behind").as_bool().unwrap_or_default();
        let place = |idx: usize| field("next").get(idx).and_then(Value::as_i64);
        next = place(0).and_then(|tag| u32::try_from(tag).ok()).zip(place(1));
    }
    let [tags, here, there, missing_there, missing_here, different] = counts;
    let is_equal = missing_there + missing_here + different == 0;
    let mut out = io::stdout().lock();
    if args.json {
        let mut told = serde_json::Map::new();
        told.insert("equal".to_owned(), json!(is_equal));
        told.extend(COUNTS.iter().zip(counts).map(|(name, count)| ((*name).to_owned(), json!(count))));
        told.insert("behind".to_owned(), json!(is_behind));
        told.insert("differences".to_owned(), Value::Array(differences));
        writeln!(out, "{}", Value::Object(told))?;
    } else {
        for one in &differences {
            let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
            writeln!(out, "{}  {}  {}", text("time"), shown(text("tag")), text("what"))?;
        }
        writeln!(out, "{tags} tags, {here} samples here, {there} there")?;
        if is_equal {
            writeln!(out, "both have the same samples")?;
        } else {
            writeln!(out, "{missing_there} missing there, {missing_here} missing here, {different} different")?;
        }
        if is_behind {
            writeln!(out, "samples are still on their way; see: tagwire history status")?;
        }
    }
    if is_equal { Ok(()) } else { Err(Failure::silent(Exit::Failed)) }
}
