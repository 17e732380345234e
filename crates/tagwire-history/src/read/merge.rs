//! Blocks of one tag in the order of time, however they overlap.

use std::collections::VecDeque;

use super::span::Span;
use crate::sealed::{decode_column, decode_times, hot_samples};
use crate::store::{History, Source};
use crate::values::ColumnType;
use crate::{Damage, HistoryError, Samples};

/// Decodes blocks as they are needed, and merges those that overlap.
#[derive(Debug)]
pub(crate) struct Merge {
    history: History,
    /// Sorted by where they begin, in the direction of the read.
    sources: VecDeque<Source>,
    open: Vec<Open>,
    span: Span,
    column_type: ColumnType,
    /// Whether the number of the block of each sample is wanted.
    numbered: bool,
    /// Number of the block, for so many samples.
    numbers: Vec<(u32, u64)>,
    horizon: i64,
    damage: Vec<Damage>,
}

/// A block that is being handed out.
#[derive(Debug)]
struct Open {
    samples: Samples,
    at: usize,
    first_no: u64,
    rank: u64,
}

impl Merge {
    pub(crate) fn new(
        history: History,
        mut sources: Vec<Source>,
        span: Span,
        column_type: ColumnType,
        numbered: bool,
    ) -> Self {
        sources.sort_by_key(|source| (start(span, source), source.rank()));
        Self {
            history,
            sources: sources.into(),
            open: Vec::new(),
            span,
            column_type,
            numbered,
            numbers: Vec::new(),
            horizon: i64::MIN,
            damage: Vec::new(),
        }
    }

    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Up to where, in the direction of the read, all samples were handed out.
    pub(super) const fn horizon(&self) -> i64 {
        self.horizon
    }

    pub(super) fn numbers(&self) -> &[(u32, u64)] {
        &self.numbers
    }

    /// Puts the next samples into `out`, which is empty; whether there may be more.
    pub(crate) fn next(&mut self, out: &mut Samples) -> Result<bool, HistoryError> {
        self.numbers.clear();
        loop {
            if self.open.is_empty() && !self.open_next()? {
                return Ok(false);
            }
            // No sample of an unopened block may come before the end of what is handed out now.
            while let Some(horizon) = self.open.iter().filter_map(|open| self.end(open)).min()
                && let Some(next) = self.sources.front()
                && start(self.span, next) <= horizon
            {
                self.open_next()?;
            }
            let Some(horizon) = self.open.iter().filter_map(|open| self.end(open)).min() else {
                self.open.clear();
                continue;
            };
            self.horizon = horizon;
            if let [_] = self.open[..]
                && let Some(open) = self.open.pop()
            {
                let n = open.samples.len() - open.at;
                if open.at == 0 {
                    *out = open.samples;
                } else {
                    out.extend_from(&open.samples, open.at, open.samples.len());
                }
                if self.numbered {
                    self.numbers.push((n as u32, open.first_no));
                }
                return Ok(true);
            }
            self.take_up_to(horizon, out);
            return Ok(true);
        }
    }

    fn end(&self, open: &Open) -> Option<i64> {
        open.samples.times.last().map(|time| self.span.key(*time))
    }

    /// Merges the open blocks up to a time.
    fn take_up_to(&mut self, horizon: i64, out: &mut Samples) {
        let span = self.span;
        let mut heads: Vec<(i64, u64, usize, usize)> = Vec::new();
        for (place, open) in self.open.iter().enumerate() {
            let rank = if span.backward { !open.rank } else { open.rank };
            let times = open.samples.times.iter().enumerate().skip(open.at);
            for (idx, time) in times.take_while(|(_, time)| span.key(**time) <= horizon) {
                heads.push((span.key(*time), rank, place, idx));
            }
        }
        heads.sort_unstable();
        for run in heads.chunk_by(|a, b| a.2 == b.2 && a.3 + 1 == b.3) {
            let (_, _, place, first) = run[0];
            let open = &mut self.open[place];
            out.extend_from(&open.samples, first, first + run.len());
            open.at = first + run.len();
            if self.numbered {
                self.numbers.push((run.len() as u32, open.first_no));
            }
        }
        self.open.retain(|open| open.at < open.samples.len());
    }

    /// Decodes the next block; whether there was one.
    fn open_next(&mut self) -> Result<bool, HistoryError> {
        let Some(source) = self.sources.pop_front() else { return Ok(false) };
        let decoded = self.decode(&source);
        let mut samples = match (decoded, &source) {
            (Ok(samples), _) => samples,
            (Err(HistoryError::Damaged { .. }), Source::Sealed(segment, entry)) => {
                let damage = segment.damage(entry);
                self.history.shared.tell(&damage);
                self.damage.push(damage);
                return Ok(true);
            }
            (Err(error), _) => return Err(error),
        };
        if samples.values.column_type() != self.column_type {
            return Ok(true);
        }
        let from = samples.times.partition_point(|time| *time < self.span.low);
        let to = samples.times.partition_point(|time| *time <= self.span.high);
        if from > 0 || to < samples.len() {
            samples.keep(from, to);
        }
        if self.span.backward {
            samples.reverse();
        }
        if !samples.is_empty() {
            self.open.push(Open { samples, at: 0, first_no: source.first_no(), rank: source.rank() });
        }
        Ok(true)
    }

    fn decode(&self, source: &Source) -> Result<Samples, HistoryError> {
        match source {
            Source::Hot(page) => hot_samples(page).map_err(|_| HistoryError::damaged("memory", "page")),
            Source::Sealed(segment, entry) => {
                let damaged = |_| HistoryError::damaged(&segment.name, "page");
                let times =
                    self.history.shared.recent_times.get((segment.number, entry.page_at, entry.times_crc), || {
                        let bytes = segment.part(entry, true)?;
                        decode_times(&bytes, entry.n_rows).map_err(damaged)
                    })?;
                let bytes = segment.part(entry, false)?;
                decode_column(&bytes, entry.column_type, entry.n, entry.first_row, &times).map_err(damaged)
            }
        }
    }
}

fn start(span: Span, source: &Source) -> i64 {
    span.key(if span.backward { source.t_last() } else { source.t_first() })
}
