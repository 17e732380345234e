//! One row per sample in SQLite: primary key of tag and time, no rowid, 10,000 rows per transaction.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use rusqlite::{Connection, params};
use serde_json::{Value as Json, json};

use crate::figures::{Meter, ROUNDS, resident, size, step};
use crate::load::{Load, Row};

const COMMIT: usize = 10_000;

pub fn run(folder: &Path, n_tags: usize, n_samples: usize) -> Result<Json> {
    let file = folder.join("rows.sqlite");
    let database = Connection::open(&file)?;
    database.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = normal;
         create table samples (tag integer, source integer, server integer, status integer, value any,
                               primary key (tag, source)) without rowid;",
    )?;
    let mut load = Load::new(n_tags);
    let mut rows: Vec<Row> = Vec::new();
    let (mut taken, mut ingest, mut memory) = (0, Meter::default(), 0);
    {
        let mut insert = database.prepare("insert or replace into samples values (?1, ?2, ?3, ?4, ?5)")?;
        while taken < n_samples {
            load.rows(&mut rows);
            taken += rows.len();
            ingest.run(|| -> Result<()> {
                for rows in rows.chunks(COMMIT) {
                    database.execute_batch("begin")?;
                    for row in rows {
                        let value = row.value.as_f64().unwrap_or_default();
                        insert.execute(params![row.tag, row.source, row.server, row.status, value])?;
                    }
                    database.execute_batch("commit")?;
                }
                Ok(())
            })?;
            memory = memory.max(resident());
        }
    }
    let mut sealing = Meter::default();
    sealing.run(|| database.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())))?;
    let (mut best, mut scanned) = (f64::INFINITY, 0_usize);
    for _ in 0..ROUNDS {
        let mut meter = Meter::default();
        scanned = meter.run(|| -> Result<usize> {
            let mut select =
                database.prepare("select source, server, status, value from samples where tag = ?1 order by source")?;
            let (mut n, mut sum) = (0, 0.0);
            for tag in (0..n_tags as u32).step_by(step(n_tags)) {
                let mut rows = select.query([tag])?;
                while let Some(row) = rows.next()? {
                    std::hint::black_box((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, u32>(2)?));
                    sum += row.get::<_, f64>(3)?;
                    n += 1;
                }
            }
            std::hint::black_box(sum);
            Ok(n)
        })?;
        best = best.min(meter.total.as_secs_f64());
    }
    drop(database);
    let bytes = size(folder);
    let begun = Instant::now();
    let database = Connection::open(&file)?;
    database.query_row("select source from samples limit 1", [], |row| row.get::<_, i64>(0))?;
    let opened = begun.elapsed();
    Ok(json!({
        "samples": taken,
        "ingest_cpu_s": ingest.total.as_secs_f64(),
        "sealing_cpu_s": sealing.total.as_secs_f64(),
        "bytes": bytes,
        "files": bytes,
        "scanned": scanned,
        "scan_cpu_s": best,
        "memory": memory,
        "open_s": opened.as_secs_f64(),
    }))
}
