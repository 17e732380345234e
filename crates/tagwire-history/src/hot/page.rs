//! The samples of one scan group since its last page was sealed.

use tagwire_model::{Timestamp, Value};

use super::column::Column;
use super::times::Times;
use crate::batch::Item;
use crate::{ColumnType, Reason, TagNumber};

/// Rows of a page that a column's 16-bit row numbers can tell apart.
pub(crate) const MAX_ROWS: u32 = 60_000;
/// A page with so many rows ends at the UTC hour, one with fewer at the UTC day.
pub(crate) const DENSE_ROWS: u32 = 256;

/// Texts can be long; the lengths in a sealed page are 32 bits.
const MAX_BYTES: usize = 64 << 20;

pub(crate) const TICKS_PER_HOUR: i64 = 3_600 * Timestamp::TICKS_PER_SECOND;
pub(crate) const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

/// The times of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) time: i64,
    /// Zero for none.
    pub(crate) server: i64,
}

/// Rows in the order of time, and the columns of the tags of a group.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) group: u32,
    pub(crate) late: bool,
    pub(crate) times: Times,
    /// Server times less source times; kept from the first row on that has another server time than source time.
    servers: Option<Box<(u32, Times)>>,
    /// Rows without any server time have this in place of a difference.
    pub(crate) n_rows: u32,
    pub(crate) t_first: i64,
    /// Number of the first sample of the group that may be in the page.
    pub(crate) first_no: u64,
    /// All samples of the group from `first_no` up to but without this number are in the page.
    pub(crate) end_no: u64,
    pub(crate) columns: Vec<Column>,
    t_last: i64,
    last_server: i64,
    size: usize,
    /// What was told of `size` so far.
    told: usize,
    staged: Staged,
}

/// The newest rows, in which every column has a sample of the same status. Packed together they touch each column once,
/// which otherwise is far away in memory for each sample.
#[derive(Clone, Debug, Default)]
struct Staged {
    rows: Vec<Row>,
    /// The values, row after row.
    bits: Vec<u64>,
    status: u32,
    reason: Reason,
}

/// Rows that are packed together.
const STAGED_ROWS: usize = 64;

/// Marks a row without server time.
pub(crate) const NO_SERVER: i64 = i64::MIN;

impl Page {
    pub(crate) fn new(group: u32, first_no: u64, members: &[(TagNumber, ColumnType)]) -> Self {
        Self {
            group,
            late: false,
            times: Times::default(),
            servers: None,
            n_rows: 0,
            t_first: 0,
            first_no,
            end_no: first_no,
            columns: members.iter().map(|(tag, column_type)| Column::new(*tag, *column_type)).collect(),
            t_last: 0,
            last_server: 0,
            size: 0,
            told: 0,
            staged: Staged::default(),
        }
    }

    pub(crate) const fn t_last(&self) -> i64 {
        self.t_last
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Whether a row of this time must begin a new page.
    pub(crate) const fn is_full(&self, time: i64, max_rows: u32) -> bool {
        if self.n_rows == 0 {
            return false;
        }
        let span = if self.n_rows >= DENSE_ROWS { TICKS_PER_HOUR } else { TICKS_PER_DAY };
        self.n_rows >= max_rows || self.size >= MAX_BYTES || self.t_first.div_euclid(span) != time.div_euclid(span)
    }

    /// Takes a whole row; false when its samples must be pushed one by one.
    pub(crate) fn stage<'a>(&mut self, row: Row, samples: impl ExactSizeIterator<Item = (u32, &'a Item)>) -> bool {
        let is_again = self.n_rows > 0 && self.t_last == row.time && self.last_server == row.server;
        if is_again || samples.len() != self.columns.len() {
            return false;
        }
        let staged = &mut self.staged;
        let start = staged.bits.len();
        let mut shared = (!staged.rows.is_empty()).then_some((staged.status, staged.reason));
        for (place, (member, item)) in samples.enumerate() {
            let (status, reason) = *shared.get_or_insert((item.status, item.reason));
            match item.value.to_bits() {
                Some((_, bits)) if member as usize == place && item.status == status && item.reason == reason => {
                    staged.bits.push(bits);
                }
                _ => {
                    staged.bits.truncate(start);
                    return false;
                }
            }
        }
        (staged.status, staged.reason) = shared.unwrap_or_default();
        staged.rows.push(row);
        if self.n_rows == 0 {
            self.t_first = row.time;
        }
        (self.t_last, self.last_server) = (row.time, row.server);
        self.n_rows += 1;
        if self.staged.rows.len() >= STAGED_ROWS {
            self.settle();
        }
        true
    }

    /// Packs the rows that wait.
    pub(crate) fn settle(&mut self) {
        if self.staged.rows.is_empty() {
            return;
        }
        let mut staged = std::mem::take(&mut self.staged);
        let n = staged.rows.len() as u32;
        let first = self.n_rows - n;
        for (idx, row) in (first..).zip(&staged.rows) {
            self.push_times(idx, *row);
        }
        let width = self.columns.len();
        for (place, column) in self.columns.iter_mut().enumerate() {
            let held = column.size();
            let values = staged.bits.iter().skip(place).step_by(width).copied();
            column.push_bits(first, (n, values), staged.status, staged.reason);
            self.size += column.size() - held;
        }
        staged.rows.clear();
        staged.bits.clear();
        self.staged = staged;
    }

    fn push_times(&mut self, idx: u32, row: Row) {
        let before = self.times.size();
        self.times.push(row.time);
        self.size += self.times.size() - before;
        let difference = if row.server == 0 { NO_SERVER } else { row.server.wrapping_sub(row.time) };
        match &mut self.servers {
            Some(servers) => {
                let before = servers.1.size();
                servers.1.push(difference);
                self.size += servers.1.size() - before;
            }
            None if difference != 0 => {
                let mut times = Times::default();
                times.push(difference);
                self.size += times.size();
                self.servers = Some(Box::new((idx, times)));
            }
            None => {}
        }
    }

    /// The last row if it has these times and the column has nothing in it, else a new one.
    fn row(&mut self, row: Row, member: usize) -> u32 {
        if self.n_rows > 0 && self.t_last == row.time && self.last_server == row.server {
            let last = self.n_rows - 1;
            let column = &self.columns[member];
            if column.n == 0 || column.next_row <= last {
                return last;
            }
        }
        if self.n_rows == 0 {
            self.t_first = row.time;
        }
        self.push_times(self.n_rows, row);
        (self.t_last, self.last_server) = (row.time, row.server);
        self.n_rows += 1;
        self.n_rows - 1
    }

    /// Adds a sample.
    pub(crate) fn push(&mut self, row: Row, member: usize, value: &Value, status: u32, reason: Reason) {
        self.settle();
        let row = self.row(row, member);
        let column = &mut self.columns[member];
        let held = column.size();
        column.push(row, value, status, reason);
        self.size += column.size() - held;
    }

    /// Bytes by which the page grew since this was asked last.
    pub(crate) fn growth(&mut self) -> usize {
        let before = std::mem::replace(&mut self.told, self.size);
        self.size - before
    }

    /// Bytes in memory that grew with the samples.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// Source times, and server times less source times where one differs.
    pub(crate) fn decode_times(&self) -> (Vec<i64>, Option<Vec<i64>>) {
        let servers = self.servers.as_ref().map(|servers| {
            let mut all = vec![0; servers.0 as usize];
            all.extend(servers.1.decode());
            all
        });
        (self.times.decode(), servers)
    }

    /// The page, which has been settled, with one column only, as a reader needs it.
    pub(crate) fn extract(&self, member: usize) -> Self {
        Self {
            group: self.group,
            late: self.late,
            times: self.times.clone(),
            servers: self.servers.clone(),
            columns: vec![self.columns[member].clone()],
            staged: Staged::default(),
            ..*self
        }
    }
}
