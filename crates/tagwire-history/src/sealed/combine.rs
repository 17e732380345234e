//! One page of samples that stood in several.

use super::codec::Corrupt;
use super::entry::Entry;
use super::page::{Leaf, Plain, Sheet, seal_sheet};
use crate::hot::{MAX_ROWS, NO_SERVER, NO_VALUE, Run};
use crate::values::{ColumnType, Values};
use crate::{Samples, TagNumber};

/// Samples `from..to` of one tag, in the order of time.
#[derive(Debug)]
pub(crate) struct Portion<'a> {
    pub(crate) tag: TagNumber,
    pub(crate) column_type: ColumnType,
    pub(crate) samples: &'a Samples,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Numbers of the samples, and others may be between.
    pub(crate) first_no: u64,
    pub(crate) end_no: u64,
}

impl<'a> Portion<'a> {
    fn times(&self) -> &'a [i64] {
        &self.samples.times[self.from..self.to]
    }

    /// Server time less source time.
    fn delay(&self, idx: usize) -> i64 {
        let (time, server) = (self.samples.times[idx], self.samples.server_times[idx]);
        if server == 0 { NO_SERVER } else { server.wrapping_sub(time) }
    }
}

/// How many rows the portions need at least: one for each of their times.
pub(crate) fn n_times(portions: &[Portion<'_>]) -> usize {
    times(portions).len()
}

fn times(portions: &[Portion<'_>]) -> Vec<i64> {
    let Some(first) = portions.first() else { return Vec::new() };
    let mut times = first.times().to_vec();
    for portion in &portions[1..] {
        // Tags of a scan group have the same times most of the time.
        if portion.times() != first.times() {
            times.extend_from_slice(portion.times());
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

/// Seals the portions as one page that will stand at `page_at` of its file. Samples of one tag keep their order.
pub(crate) fn combine(group: u32, portions: &[Portion<'_>], page_at: u64) -> Result<(Vec<u8>, Vec<Entry>), Corrupt> {
    let times = times(portions);
    // The rows of each time, by their delays.
    let mut rows_at: Vec<Vec<i64>> = vec![Vec::new(); times.len()];
    let mut places: Vec<Vec<(u32, u32)>> = Vec::with_capacity(portions.len());
    for portion in portions {
        let mut places_of = Vec::with_capacity(portion.to - portion.from);
        let (mut at, mut next) = (0, 0);
        for idx in portion.from..portion.to {
            let time = portion.samples.times[idx];
            if times[at] != time {
                while times[at] < time {
                    at += 1;
                }
                next = 0;
            }
            let (rows, delay) = (&mut rows_at[at], portion.delay(idx));
            let place = match rows[next..].iter().position(|row| *row == delay) {
                Some(place) => next + place,
                None => {
                    rows.push(delay);
                    rows.len() - 1
                }
            };
            next = place + 1;
            places_of.push((at as u32, place as u32));
        }
        places.push(places_of);
    }
    let mut first_row = Vec::with_capacity(times.len());
    let (mut all_times, mut delays) = (Vec::with_capacity(times.len()), Vec::with_capacity(times.len()));
    for (time, rows) in times.iter().zip(&rows_at) {
        first_row.push(all_times.len() as u32);
        all_times.resize(all_times.len() + rows.len(), *time);
        delays.extend_from_slice(rows);
    }
    if all_times.len() > MAX_ROWS as usize {
        return Err(Corrupt);
    }
    let servers = delays.iter().any(|delay| *delay != 0).then_some(delays);
    let first_no = portions.iter().map(|portion| portion.first_no).min().unwrap_or(0);
    let end_no = portions.iter().map(|portion| portion.end_no).max().unwrap_or(0);
    let sheet = Sheet { group, late: false, first_no, end_no, times: all_times, servers };
    let leaves = portions.iter().zip(places).map(|(portion, places)| Leaf {
        tag: portion.tag,
        column_type: portion.column_type,
        first_no: portion.first_no,
        end_no: portion.end_no,
        plain: plain(portion, places.iter().map(|(at, place)| first_row[*at as usize] + place).collect()),
    });
    seal_sheet(&sheet, portions.len(), leaves, page_at)
}

fn plain(portion: &Portion<'_>, rows: Vec<u32>) -> Plain {
    let samples = portion.samples;
    let mut runs: Vec<Run> = Vec::new();
    let mut values = Values::empty(portion.column_type);
    let mut kept_from = portion.from;
    for idx in portion.from..portion.to {
        let is_missing = samples.is_missing(idx);
        let flags = samples.reasons[idx] as u8 | if is_missing { NO_VALUE } else { 0 };
        match runs.last_mut() {
            Some(run) if run.status == samples.statuses[idx] && run.flags == flags => run.n += 1,
            _ => runs.push(Run { n: 1, status: samples.statuses[idx], flags }),
        }
        if is_missing {
            values.extend_from(&samples.values, kept_from, idx);
            kept_from = idx + 1;
        }
    }
    values.extend_from(&samples.values, kept_from, portion.to);
    let first_row = rows.first().copied().unwrap_or(0);
    let is_whole = rows.iter().zip(first_row..).all(|(row, wanted)| *row == wanted);
    let rows = (!is_whole).then(|| rows.iter().map(|row| *row as u16).collect());
    Plain { first_row, rows, runs, values }
}
