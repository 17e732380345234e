//! History reads of one tag: how much of the server's processor they take.

use anyhow::{Result, bail};

use super::Target;
use super::connection::{Connection, expect};
use super::wire::{Reader, Writer};
use crate::bench::cpu_seconds;

const READ_RAW: u16 = 649;
const READ_PROCESSED: u16 = 652;
const SOURCE: u32 = 0;

/// What a read showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HistoryRead {
    /// Values that came.
    pub(crate) values: u64,
    /// Processor time of the server.
    pub(crate) cpu_seconds: f64,
    /// Time until the last value was there.
    pub(crate) seconds: f64,
}

/// Reads raw values of a tag from a time on, page by page, until there are so many.
pub(crate) fn raw(target: &Target, tag: &str, (from, to): (i64, i64), values: u64) -> Result<HistoryRead> {
    read(target, tag, values, |details| {
        details.u8(0).i64(from).i64(to).u32(0).u8(0);
        READ_RAW
    })
}

/// Reads one aggregate of a tag over intervals of so many milliseconds.
pub(crate) fn processed(
    target: &Target,
    tag: &str,
    (from, to): (i64, i64),
    interval_ms: f64,
    aggregate: u16,
) -> Result<HistoryRead> {
    read(target, tag, u64::MAX, |details| {
        details.i64(from).i64(to).f64(interval_ms).length(1).number(aggregate);
        // The server's own configuration of aggregates.
        details.u8(1).u8(0).u8(100).u8(100).u8(0);
        READ_PROCESSED
    })
}

fn read(target: &Target, tag: &str, most: u64, details: impl Fn(&mut Writer) -> u16) -> Result<HistoryRead> {
    let mut connection = Connection::open(&target.address)?;
    let mut written = Writer::default();
    let kind = details(&mut written);
    let (begun, cpu) = (std::time::Instant::now(), cpu_seconds(target.pid)?);
    let (mut values, mut point) = (0, Vec::new());
    loop {
        let mut body = connection.request_body(664);
        body.number(kind).u8(1).length(written.0.len()).bytes(&written.0);
        body.u32(SOURCE).u8(0).length(1).node(tag).null().u16(0).null();
        if point.is_empty() {
            body.null();
        } else {
            body.length(point.len()).bytes(&point);
        }
        let answer = connection.call(&body.0)?;
        let mut answer = Reader(&answer);
        expect(&mut answer, 667, "HistoryRead")?;
        answer.length()?;
        let status = answer.u32()?;
        if status & 0x8000_0000 != 0 {
            bail!("the history of {tag} cannot be read: {status:#x}");
        }
        point = answer.text()?.to_vec();
        values += Reader(answer.extension()?).length()? as u64;
        if point.is_empty() || values >= most {
            break;
        }
    }
    let cpu_seconds = cpu_seconds(target.pid)? - cpu;
    Ok(HistoryRead { values, cpu_seconds, seconds: begun.elapsed().as_secs_f64() })
}
