//! A page as bytes, and back.

use super::codec::{
    self, Corrupt, NO_SERVER_TIME, NOTHING, Part, decode_i64, decode_rows, decode_runs, decode_values, encode_i64,
    encode_rows, encode_runs, encode_values, n_values, put_parts, take_parts,
};
use super::entry::{ENTRY_LEN, ENTRY_LEN_1, Entry};
use super::sums::summarize;
use crate::bytes::Reader;
use crate::hot::{Column, MAX_ROWS, NO_SERVER, NO_VALUE, Page, Run};
use crate::values::{ColumnType, Values};
use crate::{Reason, Samples, TagNumber};

const MAGIC: [u8; 4] = *b"TWPG";
/// Bytes of a head without its entries.
pub(crate) const HEAD_LEN: usize = 72;

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
pub(super) struct Plain {
    pub(super) first_row: u32,
    pub(super) rows: Option<Vec<u16>>,
    pub(super) runs: Vec<Run>,
    pub(super) values: Values,
}

fn plain(column: &Column) -> Plain {
    Plain {
        first_row: column.first_row,
        rows: column.rows().map(<[u16]>::to_vec),
        runs: column.runs(),
        values: column.decode(),
    }
}

/// What the columns of a page have in common.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) group: u32,
    pub(super) late: bool,
    /// Numbers of the samples.
    pub(super) first_no: u64,
    pub(super) end_no: u64,
    /// Source times of the rows.
    pub(super) times: Vec<i64>,
    /// Server times less source times.
    pub(super) servers: Option<Vec<i64>>,
}

/// A column with its tag and its numbers.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) tag: TagNumber,
    pub(super) column_type: ColumnType,
    pub(super) first_no: u64,
    pub(super) end_no: u64,
    pub(super) plain: Plain,
}

/// Seals a page that will stand at `page_at` of its file: its bytes and its entries.
pub(crate) fn seal(page: &Page, page_at: u64) -> Result<(Vec<u8>, Vec<Entry>), Corrupt> {
    let (times, servers) = page.decode_times();
    let (first_no, end_no) = (page.first_no, page.end_no);
    let sheet = Sheet { group: page.group, late: page.late, first_no, end_no, times, servers };
    let used = page.columns.iter().filter(|column| column.n > 0);
    let leaf = |column: &Column| {
        let (tag, column_type) = (column.tag, column.column_type);
        Leaf { tag, column_type, first_no, end_no, plain: plain(column) }
    };
    let n = used.clone().count();
    seal_sheet(&sheet, n, used.map(leaf), page_at)
}

/// Seals `n` columns.
pub(super) fn seal_sheet(
    sheet: &Sheet,
    n: usize,
    leaves: impl Iterator<Item = Leaf>,
    page_at: u64,
) -> Result<(Vec<u8>, Vec<Entry>), Corrupt> {
    let times = &sheet.times;
    let server_part = match &sheet.servers {
        None => Part::nothing(),
        Some(servers) if servers.iter().all(|server| *server == NO_SERVER) => {
            Part { codec: NO_SERVER_TIME, bytes: Vec::new() }
        }
        Some(servers) => encode_i64(servers)?,
    };
    let n_rows = u32::try_from(times.len()).map_err(|_| Corrupt)?;
    let mut body = Vec::new();
    put_parts(&mut body, &[encode_i64(times)?, server_part]);
    let head_len = PageHead::len_of_head(n);
    let (times_len, times_crc) = (body.len() as u32, crc32c::crc32c(&body));
    let mut entries = Vec::with_capacity(n);
    for leaf in leaves {
        let plain = &leaf.plain;
        let start = body.len();
        let rows = match &plain.rows {
            Some(rows) => encode_rows(rows)?,
            None => Part::nothing(),
        };
        put_parts(&mut body, &[rows, encode_runs(&plain.runs), encode_values(&plain.values)?]);
        let mut entry = summarize(leaf.column_type, plain, times);
        entry.tag = leaf.tag;
        entry.late = sheet.late;
        entry.page_at = page_at;
        entry.times_at = head_len as u32;
        entry.times_len = times_len;
        entry.times_crc = times_crc;
        entry.column_at = (head_len + start) as u32;
        entry.column_len = (body.len() - start) as u32;
        entry.column_crc = crc32c::crc32c(&body[start..]);
        entry.n_rows = n_rows;
        entry.first_no = leaf.first_no;
        entry.end_no = leaf.end_no;
        entry.group = sheet.group;
        entries.push(entry);
    }
    let head = PageHead {
        head_len: head_len as u32,
        len: u32::try_from(head_len + body.len()).map_err(|_| Corrupt)?,
        n_columns: entries.len() as u32,
        times_len,
        times_crc,
        first_no: sheet.first_no,
        end_no: sheet.end_no,
        t_first: times.first().copied().unwrap_or(0),
        t_last: times.last().copied().unwrap_or(0),
        group: sheet.group,
        n_rows,
        late: sheet.late,
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
