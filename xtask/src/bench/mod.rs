//! `cargo xtask bench`: tagwire beside two other servers, in one run on one machine, written to `docs/benchmarks.md`.
//!
//! The rounds go from server to server, so that a disturbance hits all of them, and medians are reported. What counts
//! is the server's own processor time, which holds up against noisy neighbours.

mod enip;
mod guarded;
mod history;
mod history_reads;
mod modbus;
mod python;
mod report;
mod s7;
mod secured;
mod servers;
mod upstream;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::loadgen::{self, Notifications, Operation, Target};
use crate::peers;
use crate::process::{cargo, root, target};
use crate::test::product;
use servers::{Kind, Running, Size};

const TAGS: usize = 100_000;
const CHILDREN: usize = 10_000;
/// Below what each of the servers admits, with some room for the sessions that measure.
const SESSIONS: usize = 400;

/// How long and how often everything is measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: usize,
    seconds: Duration,
}

/// One figure of all servers.
#[derive(Debug)]
struct Row {
    what: &'static str,
    unit: &'static str,
    goal: Option<f64>,
    /// In the order of [`Kind::ALL`]; `None` where it was not measured.
    values: Vec<Option<f64>>,
}

/// Processor time of all threads of a process so far, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let mut nanos = 0_u64;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).context("the server ended")? {
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanos += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(nanos as f64 / 1e9)
}

/// Resident memory of a process now, in bytes.
fn resident_bytes(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the server ended")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes * 1024.0)
}

/// The parts of a run, in the order of the page.
const PARTS: [&str; 7] = ["services", "secured", "modbus", "enip", "upstream", "guarded", "s7"];

/// Measures and writes the page; with one part only, the page is printed and not written.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args.split_first().map(|(word, rest)| (word.as_str(), rest)) {
        Some(("history", rest)) => return history::run(rest),
        Some(("python", rest)) => return python::run(rest),
        _ => {}
    }
    let (mut only, mut effort) = (None, Effort { rounds: 5, seconds: Duration::from_secs(4) });
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => effort = Effort { rounds: 1, seconds: Duration::from_secs(2) },
            "--only" => only = words.next().filter(|part| PARTS.contains(&part.as_str())),
            _ => only = None,
        }
        if word != "--quick" && only.is_none() {
            bail!("usage: cargo xtask bench [--quick] [--only {}]", PARTS.join("|"));
        }
    }
    let wants = |part: &str| only.is_none_or(|only| only == part);
    let laps = if wants("s7") { s7::laps(effort.seconds)? } else { Vec::new() };
    if only.is_some_and(|only| only == "s7") {
        println!("{}", s7::page(&laps));
        return Ok(());
    }
    let programs = servers::Programs {
        tagwire: product("release")?,
        open62541: peers::rust_peer("open62541")?.join("open62541-server"),
        async_opcua: peers::rust_peer("async-opcua")?.join("async-opcua-server"),
    };
    let mut rows = Vec::new();
    if wants("services") {
        rows.extend(throughput(&programs, effort)?);
        rows.extend(notification_rows(&programs, effort)?);
        rows.extend(memory_and_start(&programs, effort)?);
    }
    if wants("secured") {
        rows.extend(secured::rows(&programs, &secured_load()?, effort)?);
    }
    if wants("modbus") {
        rows.extend(modbus::rows(&programs.tagwire, effort.seconds)?);
    }
    if wants("enip") {
        rows.extend(enip::rows(&programs.tagwire, effort.seconds)?);
    }
    if wants("upstream") {
        rows.extend(upstream::rows(&programs.tagwire, effort.seconds)?);
    }
    let pairs = if wants("guarded") { guarded::pairs(&programs, effort)? } else { Vec::new() };
    let page = report::page(&rows, &pairs, effort.rounds) + &s7::page(&laps);
    println!("{page}");
    if only.is_some() {
        return Ok(());
    }
    let file = root().join("docs/benchmarks.md");
    std::fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
    std::fs::write(&file, page)?;
    println!("written to {}", file.display());
    Ok(())
}

/// The load generator for secured sessions, which needs the product's own codec and cryptography.
fn secured_load() -> Result<PathBuf> {
    crate::process::run(&mut cargo(&["build", "--quiet", "--profile", "ci", "--package", "tagwire-tests"]))?;
    Ok(target().join("ci/tagwire-load"))
}

/// Runs a measurement `rounds` times on every server in turn; returns each server's median.
fn in_turn(servers: &[Running], rounds: usize, mut measure: impl FnMut(&Target) -> Result<f64>) -> Vec<Option<f64>> {
    let mut found: Vec<Vec<f64>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (server, values) in servers.iter().zip(&mut found) {
            match measure(&server.target) {
                Ok(value) => values.push(value),
                Err(problem) => println!("# {}: {problem:#}", server.kind.name()),
            }
        }
    }
    found.into_iter().map(median).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn throughput(programs: &servers::Programs, effort: Effort) -> Result<Vec<Row>> {
    let size = Size { tags: TAGS, changing: 0, children: CHILDREN };
    let servers = servers::start_all(programs, size)?;
    let per_value = |operation, batch, connections, depth| {
        in_turn(&servers, effort.rounds, |target| {
            let run = loadgen::throughput(target, operation, batch, connections, depth, effort.seconds)?;
            println!("# {:.0} values/s, {:.0} ns each", run.values_per_second, run.seconds_per_value * 1e9);
            Ok(run.seconds_per_value * 1e9)
        })
    };
    let read = per_value(Operation::Read, 1000, 1, 8);
    let write = per_value(Operation::Write, 1000, 1, 8);
    let single = per_value(Operation::Read, 1, 16, 4);
    let browse = in_turn(&servers, effort.rounds, |target| {
        let (children, seconds) = loadgen::browse_seconds(target, "Big.Dev", 20)?;
        if children < CHILDREN {
            bail!("Browse brought {children} of {CHILDREN} children");
        }
        Ok(seconds * 1e3)
    });
    Ok(vec![
        Row { what: "Read, 1,000 nodes per request, 100k tags", unit: "ns per value", goal: Some(90.0), values: read },
        Row { what: "Write, 1,000 nodes per request", unit: "ns per value", goal: Some(90.0), values: write },
        Row {
            what: "Read, 1 node per request, 16 connections, 4 in flight",
            unit: "ns per value",
            goal: Some(2500.0),
            values: single,
        },
        Row { what: "Browse of 10,000 children", unit: "ms", goal: Some(2.0), values: browse },
    ])
}

fn notification_rows(programs: &servers::Programs, effort: Effort) -> Result<Vec<Row>> {
    let loads = [
        (10_000, 1, "Change notification, 10k items × 10/s, 1 session"),
        (10_000, 10, "Change notification, 10k items × 10/s, 10 sessions"),
        (100_000, 10, "Change notification, 100k items × 10/s, 10 sessions"),
    ];
    let mut rows = Vec::new();
    for (items, sessions, what) in loads {
        let mut delivered = Vec::new();
        let mut cost = Vec::new();
        let mut cores = Vec::new();
        for kind in Kind::ALL {
            // One server at a time: values that change cost processor time all the while.
            let server = Running::start(programs, kind, Size { tags: TAGS, changing: items, children: 1 })?;
            let runs: Vec<Notifications> = (0..effort.rounds.div_ceil(2))
                .filter_map(|_| match loadgen::notifications(&server.target, items, sessions, effort.seconds) {
                    Ok(run) => Some(run),
                    Err(problem) => {
                        println!("# {}: {problem:#}", kind.name());
                        None
                    }
                })
                .inspect(|run| println!("# {}: {run:?}", kind.name()))
                .collect();
            delivered.push(median(runs.iter().map(|run| run.delivered * 100.0).collect()));
            cost.push(median(runs.iter().map(|run| run.seconds_per_change * 1e9).collect()));
            cores.push(median(runs.iter().map(|run| run.cores).collect()));
        }
        let goal = (items == 10_000).then_some(200.0);
        rows.push(Row { what, unit: "ns per change", goal, values: cost });
        rows.push(Row { what: "· processor", unit: "cores", goal: None, values: cores });
        rows.push(Row { what: "· delivered", unit: "%", goal: (items == 10_000).then_some(99.9), values: delivered });
    }
    Ok(rows)
}

fn memory_and_start(programs: &servers::Programs, effort: Effort) -> Result<Vec<Row>> {
    let (mut per_tag, mut per_item, mut per_session, mut start) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let (mut tag, mut item, mut session, mut ready) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..effort.rounds.min(3) {
            let empty =
                resident_bytes(Running::start(programs, kind, Size { tags: 1, changing: 0, children: 1 })?.pid())?;
            let begun = Instant::now();
            let server = Running::start(programs, kind, Size { tags: TAGS, changing: 0, children: 1 })?;
            ready.push(begun.elapsed().as_secs_f64());
            let full = resident_bytes(server.pid())?;
            tag.push((full - empty) / TAGS as f64);
            let held = loadgen::hold_items(&server.target, TAGS)?;
            let with_items = resident_bytes(server.pid())?;
            item.push((with_items - full) / TAGS as f64);
            let sessions: Result<Vec<_>> =
                (0..SESSIONS).map(|_| loadgen::Connection::open(&server.target.address)).collect();
            if let Ok(sessions) = sessions {
                session.push((resident_bytes(server.pid())? - with_items) / sessions.len() as f64);
            }
            drop(held);
        }
        per_tag.push(median(tag));
        per_item.push(median(item));
        per_session.push(median(session));
        start.push(median(ready));
    }
    Ok(vec![
        Row { what: "Memory per tag", unit: "bytes", goal: Some(400.0), values: per_tag },
        Row { what: "Memory per monitored item", unit: "bytes", goal: Some(300.0), values: per_item },
        Row { what: "Memory per idle session with its connection", unit: "bytes", goal: None, values: per_session },
        Row { what: "From process start to a Good read, 100k tags", unit: "s", goal: Some(0.3), values: start },
    ])
}
