//! Rows in the binary form of COPY.

use tagwire_history::Reason;
use tagwire_model::Sample;

use crate::cell::{Cell, Instant};

const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COLUMNS: i16 = 12;
/// The columns in the order in which they are sent.
pub(crate) const NAMES: &str = "tag, time, rest, node, reason, status, server_delay, bool, int, float, text, bytes";

/// Rows that are being gathered: of several samples of one tag and time the last one stands.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    tag: i32,
    time: Instant,
    server_delay: Option<i64>,
    status: u32,
    reason: Reason,
    cell: Cell,
}

impl Rows {
    /// Adds a sample; false when its time is none that PostgreSQL takes.
    pub(crate) fn push(&mut self, tag: i32, sample: &Sample, reason: Reason) -> bool {
        let Some(time) = Instant::of(sample.source_time.ticks()) else { return false };
        let server_delay = (!sample.server_time.is_none())
            .then(|| sample.server_time.ticks().wrapping_sub(sample.source_time.ticks()));
        let (status, cell) = (sample.status.0, Cell::of(&sample.value));
        self.rows.push(Row { tag, time, server_delay, status, reason, cell });
        true
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in the order of the primary key, each key once, as sent by a node; and how many there are.
    pub(crate) fn encode(mut self, node: i16) -> (Vec<u8>, usize) {
        // The sort is stable, so that the last one of a key is the one that came last.
        self.rows.sort_by_key(|row| (row.tag, row.time));
        let mut out = Vec::with_capacity(HEAD.len() + self.rows.len() * 112 + 2);
        out.extend_from_slice(HEAD);
        let mut n = 0;
        for (idx, row) in self.rows.iter().enumerate() {
            let is_last = self.rows.get(idx + 1).is_none_or(|next| (next.tag, next.time) != (row.tag, row.time));
            if is_last {
                put(&mut out, node, row);
                n += 1;
            }
        }
        out.extend_from_slice(&(-1_i16).to_be_bytes());
        (out, n)
    }
}

fn put(out: &mut Vec<u8>, node: i16, row: &Row) {
    out.extend_from_slice(&COLUMNS.to_be_bytes());
    field(out, &row.tag.to_be_bytes());
    field(out, &row.time.micros.to_be_bytes());
    field(out, &row.time.rest.to_be_bytes());
    field(out, &node.to_be_bytes());
    field(out, &(row.reason as i16).to_be_bytes());
    field(out, &i64::from(row.status).to_be_bytes());
    match row.server_delay {
        Some(delay) => field(out, &delay.to_be_bytes()),
        None => null(out),
    }
    let place = match &row.cell {
        Cell::None => 5,
        Cell::Bool(_) => 0,
        Cell::Int(_) => 1,
        Cell::Float(_) => 2,
        Cell::Text(_) => 3,
        Cell::Bytes(_) => 4,
    };
    for idx in 0..5 {
        match &row.cell {
            _ if idx != place => null(out),
            Cell::Bool(v) => field(out, &[u8::from(*v)]),
            Cell::Int(v) => field(out, &v.to_be_bytes()),
            Cell::Float(v) => field(out, &v.to_be_bytes()),
            Cell::Text(v) => field(out, v.as_bytes()),
            Cell::Bytes(v) => field(out, v),
            Cell::None => null(out),
        }
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_model::{Status, Timestamp, Value};

    fn sample(ticks: i64, value: f64) -> Sample {
        let source_time = Timestamp::from_ticks(ticks);
        Sample { value: Value::Double(value), status: Status::GOOD, source_time, server_time: source_time }
    }

    #[test]
    fn rows_are_sorted_and_the_last_of_a_key_stands() {
        let mut rows = Rows::default();
        assert!(rows.push(2, &sample(30, 1.0), Reason::Changed));
        assert!(rows.push(1, &sample(30, 2.0), Reason::Changed));
        assert!(rows.push(1, &sample(20, 3.0), Reason::Changed));
        assert!(rows.push(1, &sample(30, 4.0), Reason::Changed));
        assert!(!rows.push(1, &sample(i64::MIN, 4.0), Reason::Changed));
        let (bytes, n) = rows.encode(7);
        assert_eq!(n, 3);
        let row_len = 2 + (4 + 4) + (4 + 8) + 3 * (4 + 2) + (4 + 8) + (4 + 8) + 4 * 4 + (4 + 8);
        assert_eq!(bytes.len(), HEAD.len() + 3 * row_len + 2);
        assert!(bytes.starts_with(HEAD) && bytes.ends_with(&[255, 255]));
        let row = |n: usize| &bytes[HEAD.len() + n * row_len..][..row_len];
        let tag = |n: usize| i32::from_be_bytes(row(n)[6..10].try_into().expect("four"));
        let value = |n: usize| f64::from_be_bytes(row(n)[row_len - 16..row_len - 8].try_into().expect("eight"));
        assert_eq!([tag(0), tag(1), tag(2)], [1, 1, 2]);
        assert_eq!([value(0), value(1), value(2)], [3.0, 4.0, 1.0]);
    }
}
