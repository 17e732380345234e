//! `tagwire history read`: samples or aggregates of a tag, as lines, JSON or CSV, with their course in the terminal.

use std::io::{self, IsTerminal as _, Write};

use serde_json::{Value, json};
use tagwire_gateway::config::{Config, parse_duration};
use tagwire_gateway::control::{ProcessedAs, Request};
use tagwire_history::aggregate::Aggregate;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_client::{StatusName, now};

use super::moment;
use crate::args::HistoryReadArgs;
use crate::command::control::ask_server;
use crate::failure::{Exit, Failure};
use crate::moment::ticks;
use crate::plot::Plot;
use crate::terminal::{shown, size};

/// Samples asked for at once.
const PAGE: u32 = 10_000;
const PLOT_HEIGHT: usize = 8;
/// Columns beside the plot for its labels.
const LABELS: usize = 14;

pub(super) fn run(args: &HistoryReadArgs) -> Result<(), Failure> {
    let data_dir = Config::data_dir_of(&args.config.config);
    let now = now();
    let from = moment(&args.start, now)?;
    let to = args.end.as_deref().map_or(Ok(now), |end| moment(end, now))?;
    let processed = processed(args)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let columns = size().0.saturating_sub(LABELS).clamp(20, 100);
    let mut printer = Printer { args, plot: Plot::new(from, to, columns), n: 0 };
    printer.head(&mut out)?;
    let (mut next, mut left) = (None, args.limit.unwrap_or(u64::MAX));
    loop {
        let max = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let (tag, processed) = (args.tag.clone(), processed.clone());
        let request =
            Request::HistoryRead { tag, from: from.ticks(), to: to.ticks(), next: next.take(), max, processed };
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

/// The aggregate and the length of its intervals.
fn processed(args: &HistoryReadArgs) -> Result<Option<ProcessedAs>, Failure> {
    let Some(name) = &args.aggregate else { return Ok(None) };
    let Some(aggregate) = Aggregate::from_name(name) else {
        let hint = format!("the names are those of OPC UA Part 13: {}", Aggregate::ALL.map(Aggregate::name).join(", "));
        return Err(Failure::new(Exit::Usage, format!("there is no aggregate \"{name}\""), hint));
    };
    let every = match args.every.as_deref() {
        None => 0,
        Some(text) => {
            let every = parse_duration(text).filter(|every| !every.is_zero()).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("\"{text}\" is no duration"), "write a duration, such as 1m or 500ms")
            })?;
            ticks(every).max(1)
        }
    };
    Ok(Some(ProcessedAs { aggregate: aggregate.name().to_owned(), every }))
}

/// Writes samples in the form asked for.
struct Printer<'a> {
    args: &'a HistoryReadArgs,
    plot: Plot,
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
        let at = Timestamp::from_ticks(field(0).as_i64().unwrap_or_default());
        let time = at.to_string();
        let code = field(1).as_u64().and_then(|code| u32::try_from(code).ok()).unwrap_or_default();
        let status = StatusName::plain(Status(code)).to_string();
        let (value, reason) = (field(2), field(3).as_str().unwrap_or_default());
        self.n += 1;
        self.plot.push(at, value.as_f64().or_else(|| value.as_bool().map(f64::from)));
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
        if (io::stdout().is_terminal() || self.args.plot)
            && let Some(lines) = self.plot.draw(PLOT_HEIGHT)
        {
            writeln!(out)?;
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        if has_more {
            writeln!(out, "there are more; read on with a later --start, or a larger --limit")?;
        }
        Ok(out.flush()?)
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
