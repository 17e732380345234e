//! `tagwire history`: a running server reads and copies its own files; without one they can be checked and taken back.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tagwire_gateway::config::{Config, parse_duration};
use tagwire_gateway::control::Request;
use tagwire_gateway::drivers::DRIVERS;
use tagwire_history::{Disk, HistoryError, restore, verify};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_client::StatusName;

use crate::args::{ConfigArgs, HistoryCommand, HistoryReadArgs};
use crate::command::control::{ask_server, show};
use crate::failure::{Exit, Failure};
use crate::terminal::{Sparkline, shown};

/// Samples asked for at once.
const PAGE: u32 = 10_000;

pub(crate) fn run(command: &HistoryCommand) -> Result<(), Failure> {
    match command {
        HistoryCommand::Read(args) => read(args),
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

fn read(args: &HistoryReadArgs) -> Result<(), Failure> {
    let data_dir = Config::data_dir_of(&args.config.config);
    let now = now();
    let from = moment(&args.start, now)?.ticks();
    let to = args.end.as_deref().map_or(Ok(now), |end| moment(end, now))?.ticks();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut printer = Printer { args, course: Course::default(), n: 0 };
    printer.head(&mut out)?;
    let (mut next, mut left) = (None, args.limit.unwrap_or(u64::MAX));
    loop {
        let max = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let request = Request::HistoryRead { tag: args.tag.clone(), from, to, next: next.take(), max };
        let answer = ask_server(&data_dir, &request)?.answer;
        let samples = answer.get("samples").and_then(Value::as_array).cloned().unwrap_or_default();
        for sample in &samples {
            printer.sample(&mut out, sample)?;
        }
        left = left.saturating_sub(samples.len() as u64);
        next = answer.get("next").and_then(Value::as_str).map(str::to_owned);
        if next.is_none() || left == 0 || samples.is_empty() {
            break;
        }
    }
    printer.foot(&mut out, next.is_some())
}

/// Writes samples in the form asked for.
struct Printer<'a> {
    args: &'a HistoryReadArgs,
    course: Course,
    n: u64,
}

impl Printer<'_> {
    fn head(&self, out: &mut impl Write) -> Result<(), Failure> {
        if self.args.csv {
            writeln!(out, "time,value,status,reason")?;
        }
        Ok(())
    }

    fn sample(&mut self, out: &mut impl Write, sample: &Value) -> Result<(), Failure> {
        let field = |idx: usize| sample.get(idx).unwrap_or(&Value::Null);
        let time = Timestamp::from_ticks(field(0).as_i64().unwrap_or_default()).to_string();
        let code = field(1).as_u64().and_then(|code| u32::try_from(code).ok()).unwrap_or_default();
        let status = StatusName::plain(Status(code)).to_string();
        let (value, reason) = (field(2), field(3).as_str().unwrap_or_default());
        self.n += 1;
        self.course.push(value.as_f64().or_else(|| value.as_bool().map(f64::from)));
        if self.args.config.json {
            writeln!(
                out,
                "{}",
                json!({ "time": time, "value": value, "status": status, "code": code, "reason": reason })
            )?;
        } else if self.args.csv {
            writeln!(out, "{time},{},{status},{reason}", csv_field(&plain(value)))?;
        } else {
            writeln!(out, "{time}  {:>16}  {status:<24}{reason}", shown(&plain(value)))?;
        }
        Ok(())
    }

    fn foot(&self, out: &mut impl Write, has_more: bool) -> Result<(), Failure> {
        if self.args.config.json || self.args.csv {
            return Ok(out.flush()?);
        }
        if self.n == 0 {
            writeln!(out, "no samples in this time")?;
        }
        if let Some((line, low, high)) = self.course.draw()
            && io::stdout().is_terminal()
        {
            writeln!(out, "{line}  {low} to {high}")?;
        }
        if has_more {
            writeln!(out, "there are more; read on with a later --start, or a larger --limit")?;
        }
        Ok(out.flush()?)
    }
}

/// The course of numbers in few characters, however many there are: neighbours are joined as they grow.
#[derive(Debug)]
struct Course {
    means: Vec<(f64, u64)>,
    per_mean: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self { means: Vec::new(), per_mean: 1 }
    }
}

impl Course {
    fn push(&mut self, number: Option<f64>) {
        let Some(number) = number.filter(|number| number.is_finite()) else { return };
        match self.means.last_mut() {
            Some((sum, n)) if *n < self.per_mean => {
                *sum += number;
                *n += 1;
            }
            _ => self.means.push((number, 1)),
        }
        if self.means.len() > Sparkline::LEN {
            self.per_mean *= 2;
            let joined = |pair: &[(f64, u64)]| pair.iter().fold((0.0, 0), |sum, mean| (sum.0 + mean.0, sum.1 + mean.1));
            self.means = self.means.chunks(2).map(joined).collect();
        }
    }

    /// The line, and the lowest and highest of its means; `None` without a number.
    fn draw(&self) -> Option<(String, f64, f64)> {
        let means: Vec<f64> = self.means.iter().map(|(sum, n)| sum / *n as f64).collect();
        let (low, high) = (means.iter().copied().reduce(f64::min)?, means.iter().copied().reduce(f64::max)?);
        let mut line = Sparkline::default();
        means.into_iter().for_each(|mean| line.push(Some(mean)));
        Some((line.draw(Sparkline::LEN), low, high))
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(since_epoch.as_nanos() as i128)
}

/// A time, or a duration before now with or without a minus.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Some(ago) = parse_duration(text.strip_prefix('-').unwrap_or(text)) {
        let ticks = i64::try_from(ago.as_nanos() / 100).unwrap_or(i64::MAX);
        return Ok(Timestamp::from_ticks(now.ticks().saturating_sub(ticks)));
    }
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        let hint = "write how long ago, such as 1h or 7d, or a time, such as 2026-03-01T08:00:00Z";
        Failure::new(Exit::Usage, format!("\"{text}\" is no time"), hint)
    })
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
