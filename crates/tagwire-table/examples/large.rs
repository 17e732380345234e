//! A large store whose sums everybody can compute, and its export:
//!
//! ```text
//! cargo run --release -p tagwire-table --features parquet --example large -- fill FOLDER [TAGS] [SAMPLES]
//! cargo run --release -p tagwire-table --features parquet --example large -- export FOLDER FILE
//! ```
//!
//! Tag `plant.t0007` has, `i` seconds after 2026-01-01 UTC, the value `((i * 7919 + 7 * 104729) % 100003) / 8`.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_history::{
    Batch, Disk, FrozenHistory, HistoryError, Moment, Options, Reason, Store, TagSpec, freeze_folder,
};
use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};
use tagwire_table::{Export, Format, Selection, TableError};

/// Tags that share their times.
const GROUP: usize = 100;

fn main() -> Result<(), TableError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| args.get(place).and_then(|text| text.parse().ok()).unwrap_or(default);
    match args.first().map(String::as_str) {
        Some("fill") if args.len() > 1 => {
            fill(Path::new(&args[1]), number(2, 1_000), number(3, 100_000_000)).map_err(Into::into)
        }
        Some("export") if args.len() == 3 => export(Path::new(&args[1]), Path::new(&args[2])),
        _ => Err(TableError::Refused("usage: large fill FOLDER [TAGS] [SAMPLES] | large export FOLDER FILE".into())),
    }
}

fn disk(folder: &Path) -> Result<Disk, HistoryError> {
    Disk::new(folder).map_err(|source| HistoryError::Io { file: "folder".into(), source })
}

fn fill(folder: &Path, n_tags: usize, n_samples: usize) -> Result<(), HistoryError> {
    let begin = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap_or_default();
    let started = Instant::now();
    let now = |time: Timestamp| Moment { steady: started.elapsed(), utc: time };
    let options = Options { commit_interval: Duration::from_secs(1), commit_bytes: 8 << 20, ..Options::default() };
    let (mut store, _) = Store::open(Arc::new(disk(folder)?), options, now(begin))?;
    let spec = |idx: usize| TagSpec {
        path: format!("plant.t{idx:04}").into(),
        value_type: ValueType::scalar(DataType::Double),
        group: Some((idx / GROUP) as u32),
    };
    let tags = store.register(&(0..n_tags).map(spec).collect::<Vec<_>>(), now(begin))?;
    let mut batch = Batch::new();
    let per_tag = n_samples / n_tags.max(1);
    for second in 0..per_tag {
        let time = begin.saturating_add_ticks(second as i64 * Timestamp::TICKS_PER_SECOND);
        for (idx, tag) in tags.iter().enumerate() {
            if idx % GROUP == 0 {
                batch.scan(time, time);
            }
            let value = ((second * 7_919 + idx * 104_729) % 100_003) as f64 / 8.0;
            batch.push(*tag, Value::Double(value), Status::GOOD, Reason::Changed);
        }
        store.append(&batch, now(time))?;
        store.tick(now(time))?;
        batch.clear();
    }
    store.close_store(now(begin))?;
    println!("{} samples of {n_tags} tags in {:.1} s", per_tag * n_tags, started.elapsed().as_secs_f64());
    Ok(())
}

fn export(folder: &Path, out: &Path) -> Result<(), TableError> {
    let started = Instant::now();
    let view: PathBuf = folder.join("views/large");
    freeze_folder(&disk(folder)?, &view)?;
    let frozen = FrozenHistory::open(&view, Moment { steady: Duration::ZERO, utc: Timestamp::NONE })?;
    let (from, to) = (Timestamp::from_ticks(1), Timestamp::from_ticks(i64::MAX));
    let all = Selection { patterns: vec!["*".to_owned()], from, to };
    let export = Export::prepare(out, Format::of(out)?, all, vec!["*".to_owned()], false)?;
    let done = export.run(&frozen.history(), |status| status.to_string(), |_| true)?;
    println!("{done:?} in {:.1} s, {}", started.elapsed().as_secs_f64(), peak());
    Ok(())
}

/// The most memory that this process ever took, as the system tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}
