//! The Python package beside asyncua and python-opcua, all against one server.

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;

use super::report;
use crate::peers;
use crate::process::{output, program, root, target};
use crate::test::product;
use crate::wheel;

const CLIENTS: [&str; 3] = ["tagwire", "asyncua", "python-opcua"];

type Figure = fn(&Json) -> f64;

/// What is told, its unit, the goal for tagwire, and how it follows from the figures.
const ROWS: &[(&str, &str, &str, Figure)] = &[
    ("Values of 1,000 tags", "ms", "20 times the others", |client| number(client, "read") * 1e3),
    ("The same with quality and times", "ms", "", |client| number(client, "samples") * 1e3),
    ("Read of one tag", "µs", "", |client| number(client, "one") * 1e6),
    ("Changes taken", "per second", "10,000", |client| number(client, "changes")),
    ("Processor for these changes", "cores", "≤ 0.2", |client| number(client, "share")),
    ("A million samples of history to pandas", "s", "≤ 1", |client| number(client, "history") * 1e6),
    ("Samples of history asked for", "", "", |client| number(client, "history_n")),
];

/// Measures and writes the page.
pub(super) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask bench python");
    }
    let binary = product("release")?;
    let python = peers::venv("python", "tests/requirements.txt")?;
    wheel::install(&python, "wheel")?;
    let mut bench = program(&python, &["tests/python/bench.py"]);
    let line = output(bench.env("TAGWIRE_BIN", binary).env("PYTHONDONTWRITEBYTECODE", "1"))?;
    println!("# {}", line.trim());
    let figures: Json = serde_json::from_str(&line).context("no figures")?;
    let page = page(&figures);
    let file = root().join("docs/benchmarks-python.md");
    std::fs::write(&file, &page)?;
    println!("{page}\nwritten to {} from {}", file.display(), target().display());
    Ok(())
}

fn number(client: &Json, name: &str) -> f64 {
    client.get(name).and_then(Json::as_f64).unwrap_or(f64::NAN)
}

fn page(figures: &Json) -> String {
    let mut page = format!(
        "# Benchmarks of the Python package\n\nWritten by `cargo xtask bench python`; do not edit.\n\
         Three clients of one tagwire server, in one run on one machine, in a process of Python that has nothing else to do; all see the same tags, and they take turns with reading.\n\
         Times are medians of 150 calls (300 for one tag), for history the best of three; the others are asked for fewer samples of history, and their time is scaled.\n\n\
         Machine: {}.\n\n| what | unit | goal | {} |\n|---|---|---|---|---|---|\n",
        report::machine(),
        CLIENTS.join(" | "),
    );
    for (what, unit, goal, figure) in ROWS {
        let cells: Vec<String> = CLIENTS.iter().map(|client| report::number(figure(&figures[*client]))).collect();
        page += &format!("| {what} | {unit} | {goal} | {} |\n", cells.join(" | "));
    }
    page
}
