//! `cargo xtask bench history`: the history store beside redb, SQLite and DuckDB under one load, one after the other in
//! one run, written to `docs/benchmarks-history.md`.
//!
//! What counts is processor time: every engine works in one thread, and making the load is not counted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;

use super::history_reads;
use super::report::machine;
use crate::peers;
use crate::process::{output, program, root, run as run_command, target};

/// Tags of the load.
const TAGS: u64 = 10_000;
/// Tags of the plant whose memory is measured.
const MANY_TAGS: u64 = 100_000;

/// How many samples each engine gets; those that are slow get fewer.
struct Sizes {
    tagwire: u64,
    redb: u64,
    sqlite: u64,
    duckdb: u64,
    many: u64,
    /// How often the engines take turns.
    rounds: usize,
}

const FULL: Sizes =
    Sizes { tagwire: 50_000_000, redb: 20_000_000, sqlite: 2_000_000, duckdb: 5_000_000, many: 60_000_000, rounds: 3 };
const QUICK: Sizes =
    Sizes { tagwire: 10_000_000, redb: 10_000_000, sqlite: 500_000, duckdb: 1_000_000, many: 10_000_000, rounds: 1 };

/// What the engines are called.
const NAMES: [&str; 4] = ["tagwire", "redb, blocks of 1,000", "SQLite, rows", "DuckDB, rows"];

/// Runs all engines and writes the page, unless it is only a quick look.
pub(super) fn run(args: &[String]) -> Result<()> {
    let sizes = match args {
        [] => FULL,
        [flag] if flag == "--quick" => QUICK,
        _ => bail!("usage: cargo xtask bench history [--quick]"),
    };
    let binary = peers::rust_peer("history")?.join("tagwire-peer-history");
    let scratch = target().join("bench-history");
    let engine = |name: &str, tags: u64, samples: u64| -> Result<Json> {
        let folder = Folder::new(&scratch, name)?;
        let mut command = program(&binary, &[name]);
        command.arg(&folder.0).args([tags.to_string(), samples.to_string()]);
        let line = output(&mut command)?;
        println!("# {name}, {tags} tags: {}", line.trim());
        serde_json::from_str(&line).context("no figures")
    };
    let mut rounds: [Vec<Json>; NAMES.len()] = Default::default();
    for _ in 0..sizes.rounds {
        let round = [
            engine("tagwire", TAGS, sizes.tagwire)?,
            engine("redb", TAGS, sizes.redb)?,
            engine("sqlite", TAGS, sizes.sqlite)?,
            duckdb(&binary, &scratch, sizes.duckdb)?,
        ];
        rounds.iter_mut().zip(round).for_each(|(rounds, figures)| rounds.push(figures));
    }
    let columns = rounds.map(middle);
    let many = engine("tagwire", MANY_TAGS, sizes.many)?;
    let served = Folder::new(&scratch, "served")?;
    let mut year = program(&binary, &["year"]);
    let line = output(year.arg(served.0.join("year")).args(["1", "0"]))?;
    println!("# year: {}", line.trim());
    let year = serde_json::from_str(&line).context("no figures")?;
    let page = page(&columns, &many, &year) + &history_reads::table(&served.0)?;
    println!("{page}");
    if args.is_empty() {
        let file = root().join("docs/benchmarks-history.md");
        std::fs::write(&file, page)?;
        println!("written to {}", file.display());
    }
    Ok(())
}

/// A folder that goes with its user.
struct Folder(PathBuf);

impl Folder {
    fn new(scratch: &Path, name: &str) -> Result<Self> {
        let folder = scratch.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is removed by the next run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn duckdb(binary: &Path, scratch: &Path, samples: u64) -> Result<Json> {
    let folder = Folder::new(scratch, "duckdb")?;
    let python = peers::venv("history-python", "tests/peers/history/requirements.txt")?;
    let rows = folder.0.join("rows");
    let mut make = program(binary, &["rows"]);
    run_command(make.arg(&rows).args([TAGS.to_string(), samples.to_string()]))?;
    let mut load = program(&python, &["tests/peers/history/duckdb_rows.py"]);
    let line = output(load.arg(folder.0.join("rows.duckdb")).arg(&rows).arg(TAGS.to_string()))?;
    println!("# duckdb: {}", line.trim());
    serde_json::from_str(&line).context("no figures")
}

fn number(figures: &Json, name: &str) -> f64 {
    figures.get(name).and_then(Json::as_f64).unwrap_or(f64::NAN)
}

/// Samples per second of one core, in millions, with everything packed and written.
fn ingest(figures: &Json) -> f64 {
    number(figures, "samples") / (number(figures, "ingest_cpu_s") + number(figures, "sealing_cpu_s")) / 1e6
}

/// The round whose ingest is the median.
fn middle(mut rounds: Vec<Json>) -> Json {
    rounds.sort_by(|a, b| ingest(a).total_cmp(&ingest(b)));
    let at = rounds.len() / 2;
    rounds.into_iter().nth(at).unwrap_or_default()
}

type Figure = fn(&Json) -> f64;

/// What is told, its unit, the goal for tagwire, and how it follows from the figures.
const ROWS: &[(&str, &str, &str, Figure)] = &[
    ("Samples", "millions", "50", |figures| number(figures, "samples") / 1e6),
    ("Ingest, all packed and written", "M/s per core", "≥ 6", ingest),
    ("Processor time", "ns per sample", "≤ 167", |figures| 1e3 / ingest(figures)),
    ("Size", "bytes per sample", "≤ 2.0", |figures| number(figures, "bytes") / number(figures, "samples")),
    ("Scan of one tag", "M/s per core", "≥ 60", |figures| {
        number(figures, "scanned") / number(figures, "scan_cpu_s") / 1e6
    }),
    ("Memory while it takes samples", "MB", "", |figures| number(figures, "memory") / 1e6),
    ("Time to open", "ms", "", |figures| number(figures, "open_s") * 1e3),
];

fn page(columns: &[Json], many: &Json, year: &Json) -> String {
    let mut page = String::from(
        "# Benchmarks of the historian\n\nWritten by `cargo xtask bench history`; do not edit.\n\
         Engines under one load, which take turns in one run on one machine; each in one thread, and its own processor time counts, without that of making the load; of three rounds the one with the median ingest is told, of ten scans in it the best.\n\
         A scan reads 200 tags, one after the other; tagwire keeps the decoded times of the pages read last, which the tags of a scan group share.\n\
         The load: 10,000 tags, one sample a second of each, in the order of time: 40 % doubles of an analogue input, 15 % noisy singles, 5 % full noise, 15 % counters, 10 % set-points, 15 % Booleans; a fifth of the tags has times of its own, the others share those of their scan group; mostly Good.\n\
         tagwire gets batches of 1,000 samples and writes each to its log, which is synced once per MiB or 200 ms of load.\n\
         redb has blocks of 1,000 samples that pco packed and no log, so that a crash would cost up to 999 samples of each tag; SQLite and DuckDB have a row per sample, in transactions of 10,000 and 100,000 rows.\n\
         Slow engines get fewer samples, which flatters them: their trees are smaller.\n",
    );
    let _ = writeln!(page, "\nMachine: {}.\n", machine());
    let _ = writeln!(page, "| what | unit | goal | {} |", NAMES.join(" | "));
    let _ = writeln!(page, "|---|---|---|{}", "---|".repeat(columns.len()));
    for (what, unit, goal, figure) in ROWS {
        let values: Vec<String> = columns.iter().map(|figures| shown(figure(figures))).collect();
        let _ = writeln!(page, "| {what} | {unit} | {goal} | {} |", values.join(" | "));
    }
    page.push_str("\n## 100,000 tags at one sample a second\n\n| what | unit | goal | tagwire |\n|---|---|---|---|\n");
    for (what, unit, _, figure) in ROWS {
        let goal = if what.starts_with("Memory") { "≤ 700" } else { "" };
        let _ = writeln!(page, "| {what} | {unit} | {goal} | {} |", shown(figure(many)));
    }
    let joined = |figures: &Json| number(figures, "joined_bytes") / number(figures, "samples");
    let joining = |figures: &Json| number(figures, "joining_cpu_s") / number(figures, "samples") * 1e9;
    let _ = writeln!(page, "| Size after segments were joined | bytes per sample | | {} |", shown(joined(many)));
    let _ = writeln!(page, "| Processor time of joining | ns per sample | | {} |", shown(joining(many)));
    page.push_str(
        "\n## Aggregates over a year\n\n\
         One tag, one sample a second, 31.5 million samples; processed values of each hour, by the sums of blocks and by all samples.\n\
         Both gave the same results, within a billionth.\n\n\
         | aggregate | goal (ms) | by sums (ms) | by samples (ms) | blocks taken |\n|---|---|---|---|---|\n",
    );
    for (name, figures) in year.get("aggregates").and_then(Json::as_object).into_iter().flatten() {
        let _ = writeln!(
            page,
            "| {name} | ≤ 100 | {} | {} | {} |",
            shown(number(figures, "by_sums_ms")),
            shown(number(figures, "by_samples_ms")),
            number(figures, "blocks_taken")
        );
    }
    page
}

fn shown(value: f64) -> String {
    match value.abs() {
        nothing if nothing.is_nan() => "-".to_owned(),
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
