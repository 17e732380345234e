//! One engine, one load, one line of figures: `tagwire-peer-history ENGINE FOLDER TAGS SAMPLES`.

mod figures;
mod load;
mod redb_blocks;
mod sqlite;
mod store;
mod year;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;

use load::{Load, Row};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [engine, folder, numbers @ ..] = &args[..] else {
        bail!("usage: tagwire-peer-history tagwire|redb|sqlite|year|fill|open|rows FOLDER [TAGS SAMPLES]")
    };
    let folder = PathBuf::from(folder);
    let numbers: Vec<usize> = numbers.iter().map(|text| text.parse()).collect::<Result<_, _>>().context("a number")?;
    let (tags, samples) = (numbers.first().copied().unwrap_or(10_000), numbers.get(1).copied().unwrap_or(1_000_000));
    if engine == "rows" {
        return rows(&folder, tags, samples);
    }
    std::fs::create_dir_all(&folder)?;
    let figures: Json = match engine.as_str() {
        "tagwire" => store::run(&folder, tags, samples)?,
        "fill" => store::fill(&folder, tags, samples)?,
        "open" => store::open_again(&folder)?,
        "redb" => redb_blocks::run(&folder, tags, samples)?,
        "sqlite" => sqlite::run(&folder, tags, samples)?,
        "year" => year::run(&folder)?,
        other => bail!("no engine {other}"),
    };
    writeln!(std::io::stdout(), "{figures}")?;
    Ok(())
}

/// Writes the load for engines in other languages: tag (u32), status (u32), source, server (i64), value (f64).
fn rows(file: &std::path::Path, tags: usize, samples: usize) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    let mut load = Load::new(tags);
    let mut rows: Vec<Row> = Vec::new();
    let mut written = 0;
    while written < samples {
        load.rows(&mut rows);
        for row in &rows {
            out.write_all(&row.tag.to_le_bytes())?;
            out.write_all(&row.status.to_le_bytes())?;
            out.write_all(&row.source.to_le_bytes())?;
            out.write_all(&row.server.to_le_bytes())?;
            out.write_all(&row.value.as_f64().unwrap_or_default().to_le_bytes())?;
        }
        written += rows.len();
    }
    out.flush()?;
    Ok(())
}
