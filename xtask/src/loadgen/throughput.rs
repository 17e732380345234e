//! Reads, writes and browses as fast as the server gives.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::connection::{Connection, expect};
use super::wire::Reader;
use super::{Operation, Target, requests};
use crate::bench::cpu_seconds;

/// What a run brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    /// Values per second of the clock.
    pub(crate) values_per_second: f64,
    /// The server's processor time per value.
    pub(crate) seconds_per_value: f64,
}

/// Keeps `depth` requests of `batch` nodes under way on each of `connections` for some seconds.
pub(crate) fn throughput(
    target: &Target,
    operation: Operation,
    batch: usize,
    connections: usize,
    depth: usize,
    duration: Duration,
) -> Result<Throughput> {
    let stop = AtomicBool::new(false);
    let values = AtomicU64::new(0);
    let start = Barrier::new(connections + 1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|number| {
                let (stop, values, start) = (&stop, &values, &start);
                scope.spawn(move || work(target, operation, batch, depth, number, (stop, values, start)))
            })
            .collect();
        start.wait();
        std::thread::sleep(duration / 10);
        let (before, cpu, begun) = (values.load(Ordering::Relaxed), cpu_seconds(target.pid)?, Instant::now());
        std::thread::sleep(duration);
        let n = (values.load(Ordering::Relaxed) - before) as f64;
        let (cpu, took) = (cpu_seconds(target.pid)? - cpu, begun.elapsed());
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        if n == 0.0 {
            bail!("no value was served");
        }
        Ok(Throughput { values_per_second: n / took.as_secs_f64(), seconds_per_value: cpu / n })
    })
}

fn work(
    target: &Target,
    operation: Operation,
    batch: usize,
    depth: usize,
    number: usize,
    (stop, values, start): (&AtomicBool, &AtomicU64, &Barrier),
) -> Result<()> {
    let opened = prepare(target, operation, batch, number);
    start.wait();
    let (mut connection, mut frames) = opened?;
    let n_frames = frames.len();
    let mut next = 0;
    let mut send = |connection: &mut Connection| -> Result<()> {
        next = (next + 1) % n_frames;
        let frame = frames.get_mut(next).context("a frame")?;
        connection.renumber(frame);
        connection.send(frame)
    };
    for _ in 0..depth {
        send(&mut connection)?;
    }
    while !stop.load(Ordering::Relaxed) {
        let (_, answer) = connection.next_message()?;
        check(answer, operation, batch)?;
        values.fetch_add(batch as u64, Ordering::Relaxed);
        send(&mut connection)?;
    }
    Ok(())
}

/// A connection and different requests, encoded for it.
fn prepare(target: &Target, operation: Operation, batch: usize, number: usize) -> Result<(Connection, Vec<Vec<u8>>)> {
    let mut connection = Connection::open(&target.address)?;
    let n_frames = if batch == 1 { 512 } else { 8 };
    let mut state = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number as u64 + 1);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % target.tags as u64) as usize
    };
    let mut frames = Vec::with_capacity(n_frames);
    for value in 0..n_frames {
        let tags: Vec<usize> = (0..batch).map(|_| random()).collect();
        let body = requests::access(&connection, operation, &tags, value as f64);
        check_all(&connection.call(&body)?, operation)?;
        frames.push(connection.unsent_frame(&body)?);
    }
    Ok((connection, frames))
}

fn check(answer: &[u8], operation: Operation, batch: usize) -> Result<()> {
    let mut answer = Reader(answer);
    let type_id = if operation == Operation::Read { 634 } else { 676 };
    expect(&mut answer, type_id, "Read or Write")?;
    if answer.length()? != batch {
        bail!("the number of results is another");
    }
    Ok(())
}

/// Every single result of a Write, and the beginning of each value of a Read.
fn check_all(answer: &[u8], operation: Operation) -> Result<()> {
    let mut answer = Reader(answer);
    let type_id = if operation == Operation::Read { 634 } else { 676 };
    expect(&mut answer, type_id, "Read or Write")?;
    for i in 0..answer.length()? {
        let status = match operation {
            Operation::Write => answer.u32()?,
            Operation::Read => double(&mut answer)?,
        };
        if status != 0 {
            bail!("result {i} is {status:#010x}");
        }
    }
    Ok(())
}

/// A DataValue that holds a Double; returns its status.
fn double(answer: &mut Reader<'_>) -> Result<u32> {
    let mask = answer.u8()?;
    if mask & 0x01 != 0 {
        match answer.u8()? {
            11 => answer.skip(8)?,
            other => bail!("a value has type {other} and not Double"),
        }
    }
    let status = if mask & 0x02 != 0 { answer.u32()? } else { 0 };
    for (bit, size) in [(0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2)] {
        if mask & bit != 0 {
            answer.skip(size)?;
        }
    }
    Ok(status)
}

/// Whether one tag reads as a good Double.
pub(crate) fn read_is_good(address: &str, tag: usize) -> Result<bool> {
    let mut connection = Connection::open(address)?;
    let body = requests::access(&connection, Operation::Read, &[tag], 0.0);
    let is_good = check_all(&connection.call(&body)?, Operation::Read).is_ok();
    // The sessions of a server are counted, and this one would outlive its connection.
    let body = requests::close_session(&connection);
    connection.call(&body)?;
    Ok(is_good)
}

/// Browses the children of a node `n` times; returns their number and the server's processor time of one browse.
pub(crate) fn browse_seconds(target: &Target, node: &str, n: u32) -> Result<(usize, f64)> {
    let mut connection = Connection::open(&target.address)?;
    let mut children = 0;
    let before = cpu_seconds(target.pid)?;
    for _ in 0..n {
        children = 0;
        let mut body = requests::browse(&connection, node);
        loop {
            let answer = connection.call(&body)?;
            let mut answer = Reader(&answer);
            let found = answer.message_type()?;
            let result = answer.response_header()?;
            if !matches!(found, 530 | 536) || result != 0 {
                bail!("Browse: answer {found}, result {result:#010x}");
            }
            answer.skip(4)?;
            let status = answer.u32()?;
            if status != 0 {
                bail!("Browse: {status:#010x}");
            }
            let point = answer.text()?.to_vec();
            children += answer.length()?;
            if point.is_empty() {
                break;
            }
            body = requests::browse_next(&connection, &point);
        }
    }
    Ok((children, (cpu_seconds(target.pid)? - before) / f64::from(n)))
}
