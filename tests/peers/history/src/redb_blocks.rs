//! Blocks of 1,000 samples of one tag, packed by pco, in redb. Samples wait in memory until their block is full, so that
//! a crash costs up to 999 samples of each tag: there is no log.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use pco::ChunkConfig;
use redb::{Database, ReadableDatabase as _, TableDefinition};
use serde_json::{Value as Json, json};

use crate::figures::{Meter, ROUNDS, resident, size, step};
use crate::load::{Load, Row};

const BLOCKS: TableDefinition<'_, (u32, i64), &[u8]> = TableDefinition::new("blocks");
const ROWS: usize = 1_000;
/// Blocks of one transaction.
const COMMIT: usize = 1_000;

#[derive(Debug, Default)]
struct Buffer {
    source: Vec<i64>,
    delay: Vec<i64>,
    status: Vec<u32>,
    value: Vec<f64>,
}

fn packed(buffer: &Buffer) -> Result<Vec<u8>> {
    let config = ChunkConfig::default().with_compression_level(4);
    let mut out = Vec::new();
    let mut put = |part: Vec<u8>| {
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        out.extend_from_slice(&part);
    };
    put(pco::standalone::simple_compress(&buffer.source, &config)?);
    put(pco::standalone::simple_compress(&buffer.delay, &config)?);
    put(pco::standalone::simple_compress(&buffer.status, &config)?);
    put(pco::standalone::simple_compress(&buffer.value, &config)?);
    Ok(out)
}

fn unpacked(mut bytes: &[u8]) -> Result<(usize, f64)> {
    let mut part = || {
        let (len, rest) = bytes.split_at(4);
        let len = u32::from_le_bytes(len.try_into().unwrap_or_default()) as usize;
        let (part, rest) = rest.split_at(len);
        bytes = rest;
        part
    };
    let source: Vec<i64> = pco::standalone::simple_decompress(part())?;
    let delay: Vec<i64> = pco::standalone::simple_decompress(part())?;
    let status: Vec<u32> = pco::standalone::simple_decompress(part())?;
    let value: Vec<f64> = pco::standalone::simple_decompress(part())?;
    std::hint::black_box((&source, &delay, &status));
    Ok((value.len(), value.iter().sum()))
}

pub fn run(folder: &Path, n_tags: usize, n_samples: usize) -> Result<Json> {
    let file = folder.join("blocks.redb");
    let database = Database::create(&file)?;
    let mut load = Load::new(n_tags);
    let mut buffers: Vec<Buffer> = (0..n_tags).map(|_| Buffer::default()).collect();
    let mut ready: Vec<(u32, i64, Vec<u8>)> = Vec::new();
    let write = |ready: &mut Vec<(u32, i64, Vec<u8>)>| -> Result<()> {
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(BLOCKS)?;
            for (tag, time, bytes) in ready.drain(..) {
                table.insert((tag, time), bytes.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    };
    let mut rows: Vec<Row> = Vec::new();
    let (mut taken, mut ingest, mut memory) = (0, Meter::default(), 0);
    while taken < n_samples {
        load.rows(&mut rows);
        taken += rows.len();
        ingest.run(|| -> Result<()> {
            for row in &rows {
                let buffer = &mut buffers[row.tag as usize];
                buffer.source.push(row.source);
                buffer.delay.push(row.server - row.source);
                buffer.status.push(row.status);
                buffer.value.push(row.value.as_f64().unwrap_or_default());
                if buffer.source.len() == ROWS {
                    ready.push((row.tag, buffer.source[0], packed(buffer)?));
                    buffer.source.clear();
                    buffer.delay.clear();
                    buffer.status.clear();
                    buffer.value.clear();
                    if ready.len() >= COMMIT {
                        write(&mut ready)?;
                    }
                }
            }
            Ok(())
        })?;
        memory = memory.max(resident());
    }
    let mut sealing = Meter::default();
    sealing.run(|| -> Result<()> {
        for (tag, buffer) in buffers.iter().enumerate().filter(|(_, buffer)| !buffer.source.is_empty()) {
            ready.push((tag as u32, buffer.source[0], packed(buffer)?));
        }
        write(&mut ready)
    })?;
    let (mut best, mut scanned) = (f64::INFINITY, 0_usize);
    for _ in 0..ROUNDS {
        let mut meter = Meter::default();
        scanned = meter.run(|| -> Result<usize> {
            let table = database.begin_read()?.open_table(BLOCKS)?;
            let (mut n, mut sum) = (0, 0.0);
            for tag in (0..n_tags as u32).step_by(step(n_tags)) {
                for block in table.range((tag, i64::MIN)..=(tag, i64::MAX))? {
                    let (len, part) = unpacked(block?.1.value())?;
                    n += len;
                    sum += part;
                }
            }
            std::hint::black_box(sum);
            Ok(n)
        })?;
        best = best.min(meter.total.as_secs_f64());
    }
    drop(database);
    let begun = Instant::now();
    let database = Database::open(&file)?;
    drop(database.begin_read()?.open_table(BLOCKS)?);
    let opened = begun.elapsed();
    drop(database);
    Ok(json!({
        "samples": taken,
        "ingest_cpu_s": ingest.total.as_secs_f64(),
        "sealing_cpu_s": sealing.total.as_secs_f64(),
        "bytes": size(folder),
        "files": size(folder),
        "scanned": scanned,
        "scan_cpu_s": best,
        "memory": memory,
        "open_s": opened.as_secs_f64(),
    }))
}
