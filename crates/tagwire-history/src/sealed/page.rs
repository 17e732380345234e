//! A page as bytes, and back.

use tagwire_model::{Status, Timestamp};

use super::codec::{
    self, Corrupt, NO_SERVER_TIME, NOTHING, Part, decode_i64, decode_rows, decode_runs, decode_values, encode_i64,
    encode_rows, encode_runs, encode_values, n_values, put_parts, take_parts,
};
use super::entry::{ENTRY_LEN, ENTRY_LEN_1, Entry};
use crate::bytes::Reader;
use crate::hot::{Column, MAX_ROWS, NO_SERVER, NO_VALUE, Page, Run};
use crate::values::{ColumnType, Values};
use crate::{Reason, Samples};

const MAGIC: [u8; 4] = *b"TWPG";
/// Bytes of a head without its entries.
pub(crate) const HEAD_LEN: usize = 72;
/// A whole number that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The fixed part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageHead {
    pub(crate) head_len: u32,
    pub(crate) len: u32,
    pub(crate) n_columns: u32,
    pub(crate) times_len: u32,
    pub(crate) times_crc: u32,
    pub(crate) first_no: u64,
    pub(crate) end_no: u64,
    pub(crate) t_first: i64,
    pub(crate) t_last: i64,
    pub(crate) group: u32,
    pub(crate) n_rows: u32,
    pub(crate) late: bool,
}

impl PageHead {
    /// Bytes that each column adds to a page and its segment beside its samples.
    pub(crate) const PER_COLUMN: u64 = 2 * ENTRY_LEN as u64;

    /// Length of a head with so many entries.
    pub(crate) const fn len_of_head(n_columns: usize) -> usize {
        HEAD_LEN + n_columns * ENTRY_LEN + 4
    }

    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        for number in [self.head_len, self.len, self.n_columns, self.group, self.n_rows] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.first_no.to_le_bytes());
        out.extend_from_slice(&self.end_no.to_le_bytes());
        out.extend_from_slice(&self.t_first.to_le_bytes());
        out.extend_from_slice(&self.t_last.to_le_bytes());
        out.extend_from_slice(&self.times_len.to_le_bytes());
        out.extend_from_slice(&self.times_crc.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.late), 0, 0, 0]);
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Reads the fixed part; its checksum covers the lengths.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        let bytes = bytes.get(..HEAD_LEN).ok_or(Corrupt)?;
        let (content, crc) = bytes.split_last_chunk::<4>().ok_or(Corrupt)?;
        if !content.starts_with(&MAGIC) || crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return Err(Corrupt);
        }
        let mut reader = Reader::new(content);
        reader.u32()?;
        let (head_len, len, n_columns, group, n_rows) =
            (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
        let (first_no, end_no, t_first, t_last) = (reader.u64()?, reader.u64()?, reader.i64()?, reader.i64()?);
        let (times_len, times_crc, flags) = (reader.u32()?, reader.u32()?, reader.u8()?);
        let late = flags & 1 != 0;
        let fits = |entry_len: usize| {
            (n_columns as usize).checked_mul(entry_len).is_some_and(|len| head_len as usize == HEAD_LEN + len + 4)
        };
        if !(fits(ENTRY_LEN) || fits(ENTRY_LEN_1)) || len < head_len || n_rows > MAX_ROWS {
            return Err(Corrupt);
        }
        Ok(Self {
            head_len,
            len,
            n_columns,
            times_len,
            times_crc,
            first_no,
            end_no,
            t_first,
            t_last,
            group,
            n_rows,
            late,
        })
    }

    /// The entries of a head; each has a checksum of its own.
    pub(crate) fn entries(&self, head: &[u8]) -> Vec<Result<Entry, Corrupt>> {
        let entries = head.get(HEAD_LEN..).unwrap_or_default();
        let is_first = self.head_len as usize == HEAD_LEN + self.n_columns as usize * ENTRY_LEN_1 + 4;
        entries
            .chunks_exact(if is_first { ENTRY_LEN_1 } else { ENTRY_LEN })
            .take(self.n_columns as usize)
            .map(|bytes| Entry::read(bytes).map_err(Corrupt::from))
            .collect()
    }
}

/// The samples of one tag, ready to be sealed or to be read.
#[derive(Debug)]
struct Plain {
    first_row: u32,
    rows: Option<Vec<u16>>,
    runs: Vec<Run>,
    values: Values,
}

fn plain(column: &Column) -> Plain {
    Plain {
        first_row: column.first_row,
        rows: column.rows().map(<[u16]>::to_vec),
        runs: column.runs(),
        values: column.decode(),
    }
}

/// Seals a page that will stand at `page_at` of its file: its bytes and its entries.
pub(crate) fn seal(page: &Page, page_at: u64) -> Result<(Vec<u8>, Vec<Entry>), Corrupt> {
    let (times, servers) = page.decode_times();
    let server_part = match &servers {
        None => Part::nothing(),
        Some(servers) if servers.iter().all(|server| *server == NO_SERVER) => {
            Part { codec: NO_SERVER_TIME, bytes: Vec::new() }
        }
        Some(servers) => encode_i64(servers)?,
    };
    let mut body = Vec::new();
    put_parts(&mut body, &[encode_i64(&times)?, server_part]);
    let used: Vec<&Column> = page.columns.iter().filter(|column| column.n > 0).collect();
    let head_len = PageHead::len_of_head(used.len());
    let (times_len, times_crc) = (body.len() as u32, crc32c::crc32c(&body));
    let mut entries = Vec::with_capacity(used.len());
    for column in used {
        let plain = plain(column);
        let start = body.len();
        let rows = match &plain.rows {
            Some(rows) => encode_rows(rows)?,
            None => Part::nothing(),
        };
        put_parts(&mut body, &[rows, encode_runs(&plain.runs), encode_values(&plain.values)?]);
        let mut entry = summarize(column.column_type, &plain, &times);
        entry.tag = column.tag;
        entry.late = page.late;
        entry.page_at = page_at;
        entry.times_at = head_len as u32;
        entry.times_len = times_len;
        entry.times_crc = times_crc;
        entry.column_at = (head_len + start) as u32;
        entry.column_len = (body.len() - start) as u32;
        entry.column_crc = crc32c::crc32c(&body[start..]);
        entry.n_rows = page.n_rows;
        entry.first_no = page.first_no;
        entry.end_no = page.end_no;
        entry.group = page.group;
        entries.push(entry);
    }
    let head = PageHead {
        head_len: head_len as u32,
        len: (head_len + body.len()) as u32,
        n_columns: entries.len() as u32,
        times_len,
        times_crc,
        first_no: page.first_no,
        end_no: page.end_no,
        t_first: page.t_first,
        t_last: page.t_last(),
        group: page.group,
        n_rows: page.n_rows,
        late: page.late,
    };
    Ok((encode_page(head, &entries, &body), entries))
}

/// Head, entries and body together.
pub(crate) fn encode_page(head: PageHead, entries: &[Entry], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.len as usize);
    head.put(&mut bytes);
    entries.iter().for_each(|entry| entry.put(&mut bytes));
    let crc = crc32c::crc32c(&bytes[HEAD_LEN..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// An entry with all that the samples themselves tell.
fn summarize(column_type: ColumnType, plain: &Plain, times: &[i64]) -> Entry {
    let n = plain.runs.iter().map(|run| run.n).sum::<u32>();
    let row_time = |idx: u32| -> i64 {
        let row = match &plain.rows {
            Some(rows) => rows.get(idx as usize).map_or(0, |row| usize::from(*row)),
            None => (plain.first_row + idx) as usize,
        };
        times.get(row).copied().unwrap_or(0)
    };
    let has_value = |run: Option<&Run>| run.is_some_and(|run| run.flags & NO_VALUE == 0);
    let first_run = plain.runs.first();
    let last_run = plain.runs.last();
    let fixed = column_type.is_fixed() && !plain.values.is_empty();
    let n_good = plain.runs.iter().filter(|run| Status(run.status).is_good()).map(|run| run.n).sum();
    let mut entry = Entry {
        tag: crate::TagNumber(0),
        column_type,
        late: false,
        all_good: plain.runs.iter().all(|run| Status(run.status).is_good() && run.flags & NO_VALUE == 0),
        summed: false,
        n,
        n_good,
        page_at: 0,
        times_at: 0,
        times_len: 0,
        times_crc: 0,
        column_at: 0,
        column_len: 0,
        column_crc: 0,
        n_rows: 0,
        first_row: plain.first_row,
        first_no: 0,
        end_no: 0,
        t_first: row_time(0),
        t_last: row_time(n.saturating_sub(1)),
        sum: 0.0,
        min: 0.0,
        max: 0.0,
        t_min: 0,
        t_max: 0,
        first_bits: if fixed && has_value(first_run) { plain.values.bits(0) } else { 0 },
        last_bits: if fixed && has_value(last_run) { plain.values.bits(plain.values.len() - 1) } else { 0 },
        first_status: first_run.map_or(0, |run| run.status),
        last_status: last_run.map_or(0, |run| run.status),
        group: 0,
        repeated: None,
        areas: None,
        merged: 0,
    };
    if column_type.is_summed() {
        sum_up(&mut entry, plain, row_time);
    }
    entry
}

/// Sum, minimum and maximum of the Good values; nothing when a double cannot hold one of them exactly.
fn sum_up(entry: &mut Entry, plain: &Plain, row_time: impl Fn(u32) -> i64) {
    let (mut sum, mut min, mut max) = (0.0_f64, f64::INFINITY, f64::NEG_INFINITY);
    let (mut at_min, mut at_max) = (0_u32, 0_u32);
    let mut exact = true;
    let (mut again_min, mut again_max) = (false, false);
    let mut any = false;
    let (mut sample, mut place) = (0_u32, 0_usize);
    for run in &plain.runs {
        let has_value = run.flags & NO_VALUE == 0;
        if has_value && Status(run.status).is_good() {
            let range = place..place + run.n as usize;
            macro_rules! add {
                ($v:expr, $x:ident => $number:expr) => {
                    for (idx, value) in $v[range].iter().enumerate() {
                        let $x = *value;
                        let number: f64 = $number;
                        sum += number;
                        if number <= min {
                            if number == min {
                                again_min = true;
                            } else {
                                (min, at_min, again_min) = (number, sample + idx as u32, false);
                            }
                        }
                        if number >= max {
                            if number == max {
                                again_max = true;
                            } else {
                                (max, at_max, again_max) = (number, sample + idx as u32, false);
                            }
                        }
                        any = true;
                    }
                };
            }
            match &plain.values {
                Values::Boolean(v) => add!(v, x => f64::from(u8::from(x))),
                Values::Int8(v) => add!(v, x => f64::from(x)),
                Values::UInt8(v) => add!(v, x => f64::from(x)),
                Values::Int16(v) => add!(v, x => f64::from(x)),
                Values::UInt16(v) => add!(v, x => f64::from(x)),
                Values::Int32(v) => add!(v, x => f64::from(x)),
                Values::UInt32(v) => add!(v, x => f64::from(x)),
                Values::Int64(v) => add!(v, x => x as f64),
                Values::UInt64(v) => add!(v, x => x as f64),
                Values::Float(v) => add!(v, x => f64::from(x)),
                Values::Double(v) => add!(v, x => x),
                Values::DateTime(_) | Values::String(_) | Values::ByteString(_) | Values::Array(_) => exact = false,
            }
        } else if Status(run.status).is_good() {
            exact = false;
        }
        sample += run.n;
        if has_value {
            place += run.n as usize;
        }
    }
    let whole = matches!(plain.values, Values::Int64(_) | Values::UInt64(_));
    exact &= !sum.is_nan() && !(whole && (max > EXACT || min < -EXACT || sum.abs() > EXACT));
    if any && exact {
        entry.summed = true;
        (entry.sum, entry.min, entry.max) = (sum, min, max);
        (entry.t_min, entry.t_max) = (row_time(at_min), row_time(at_max));
        entry.repeated = Some((again_min, again_max));
        if entry.all_good {
            entry.areas = areas(&plain.values, row_time).filter(|(a, b)| a.is_finite() && b.is_finite());
        }
    }
}

/// Areas below straight lines through the values and below steps, in value times seconds.
fn areas(values: &Values, time_of: impl Fn(u32) -> i64) -> Option<(f64, f64)> {
    let (mut sloped, mut stepped) = (0.0_f64, 0.0_f64);
    macro_rules! add {
        ($v:expr, $x:ident => $number:expr) => {{
            let mut before: Option<(i64, f64)> = None;
            for (idx, value) in $v.iter().enumerate() {
                let $x = *value;
                let (time, number): (i64, f64) = (time_of(idx as u32), $number);
                if let Some((then, old)) = before {
                    let ticks = time.wrapping_sub(then) as f64;
                    sloped += (old + number) * ticks;
                    stepped += old * ticks;
                }
                before = Some((time, number));
            }
        }};
    }
    match values {
        Values::Boolean(v) => add!(v, x => f64::from(u8::from(x))),
        Values::Int8(v) => add!(v, x => f64::from(x)),
        Values::UInt8(v) => add!(v, x => f64::from(x)),
        Values::Int16(v) => add!(v, x => f64::from(x)),
        Values::UInt16(v) => add!(v, x => f64::from(x)),
        Values::Int32(v) => add!(v, x => f64::from(x)),
        Values::UInt32(v) => add!(v, x => f64::from(x)),
        Values::Int64(v) => add!(v, x => x as f64),
        Values::UInt64(v) => add!(v, x => x as f64),
        Values::Float(v) => add!(v, x => f64::from(x)),
        Values::Double(v) => add!(v, x => x),
        Values::DateTime(_) | Values::String(_) | Values::ByteString(_) | Values::Array(_) => return None,
    }
    let second = Timestamp::TICKS_PER_SECOND as f64;
    Some((sloped / 2.0 / second, stepped / second))
}

/// Times of the rows of a page: source, and server less source where one differs.
pub(crate) type RowTimes = (Vec<i64>, Option<Vec<i64>>);

/// Decodes the times of a page.
pub(crate) fn decode_times(bytes: &[u8], n_rows: u32) -> Result<RowTimes, Corrupt> {
    if n_rows > MAX_ROWS {
        return Err(Corrupt);
    }
    let [(codec, times), (server_codec, servers)] = take_parts(bytes)?;
    let n = n_rows as usize;
    let servers = match server_codec {
        NOTHING => None,
        NO_SERVER_TIME => Some(vec![NO_SERVER; n]),
        codec => Some(decode_i64(codec, servers, n)?),
    };
    Ok((decode_i64(codec, times, n)?, servers))
}

/// Decodes one column of a page.
pub(crate) fn decode_column(
    bytes: &[u8],
    column_type: ColumnType,
    n: u32,
    first_row: u32,
    times: &RowTimes,
) -> Result<Samples, Corrupt> {
    if n > MAX_ROWS || first_row > MAX_ROWS {
        return Err(Corrupt);
    }
    let [(rows_codec, rows), (runs_codec, runs), (codec, values)] = take_parts(bytes)?;
    let n = n as usize;
    let rows = match rows_codec {
        NOTHING => None,
        codec::PCO => Some(decode_rows(rows, n)?),
        _ => return Err(Corrupt),
    };
    let runs = decode_runs(runs_codec, runs, n)?;
    let values = decode_values(codec, values, column_type, n_values(&runs))?;
    assemble(Plain { first_row, rows, runs, values }, n, times)
}

/// The samples of the only column of an extracted page.
pub(crate) fn hot_samples(page: &Page) -> Result<Samples, Corrupt> {
    let Some(column) = page.columns.first() else { return Err(Corrupt) };
    assemble(plain(column), column.n as usize, &page.decode_times())
}

/// Rows, runs and values put together.
fn assemble(plain: Plain, n: usize, (times, servers): &RowTimes) -> Result<Samples, Corrupt> {
    let first = plain.first_row as usize;
    let server_of = |time: i64, difference: i64| {
        if difference == NO_SERVER { 0 } else { time.wrapping_add(difference) }
    };
    let (times, server_times) = match &plain.rows {
        None => {
            let times = times.get(first..first + n).ok_or(Corrupt)?.to_vec();
            let server_times = match servers {
                None => times.clone(),
                Some(servers) => {
                    let servers = servers.get(first..first + n).ok_or(Corrupt)?;
                    times.iter().zip(servers).map(|(time, difference)| server_of(*time, *difference)).collect()
                }
            };
            (times, server_times)
        }
        Some(rows) => {
            let picked = rows.iter().map(|row| times.get(usize::from(*row)).copied().ok_or(Corrupt));
            let picked = picked.collect::<Result<Vec<i64>, _>>()?;
            let server_times = match servers {
                None => picked.clone(),
                Some(servers) => rows
                    .iter()
                    .zip(&picked)
                    .map(|(row, time)| servers.get(usize::from(*row)).map(|server| server_of(*time, *server)))
                    .collect::<Option<Vec<i64>>>()
                    .ok_or(Corrupt)?,
            };
            (picked, server_times)
        }
    };
    let (mut statuses, mut reasons) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for run in &plain.runs {
        let len = statuses.len() + run.n as usize;
        statuses.resize(len, run.status);
        reasons.resize(len, Reason::from_code(run.flags & !NO_VALUE));
    }
    let (missing, values) =
        if plain.values.len() == n { (Vec::new(), plain.values) } else { spread(&plain.runs, &plain.values, n) };
    Ok(Samples { times, server_times, statuses, reasons, missing, values })
}

/// Puts empty places where a sample has no value.
fn spread(runs: &[Run], values: &Values, n: usize) -> (Vec<bool>, Values) {
    let mut missing = Vec::with_capacity(n);
    let mut all = Values::empty(values.column_type());
    let mut place = 0;
    for run in runs {
        let len = run.n as usize;
        if run.flags & NO_VALUE == 0 {
            all.extend_from(values, place, place + len);
            place += len;
        } else {
            (0..len).for_each(|_| all.push_nothing());
        }
        missing.resize(missing.len() + len, run.flags & NO_VALUE != 0);
    }
    (missing, all)
}
