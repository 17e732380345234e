//! What differs between the store and the database: counts and checksums of each tag and hour first, rows only where
//! those differ.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use md5::{Digest as _, Md5};
use tagwire_history::{History, Series, Span};
use tagwire_model::{Sample, Timestamp};
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::cell::{Cell, Instant as At, Micros};
use crate::connect::Connection;
use crate::schema::Tables;
use crate::{ForwardError, Settings};

/// Time for samples to get to the disk.
const COMMIT: Duration = Duration::from_secs(1);
/// Longest wait for samples that are on their way.
const ON_THE_WAY: Duration = Duration::from_secs(5);
const HOUR: i64 = 3_600 * Timestamp::TICKS_PER_SECOND;
/// Differences told one by one.
const MOST: usize = 1_000;

/// Where a sample is not, or is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The store has it, the database does not.
    MissingThere,
    /// The database has it from this store, the store does not.
    MissingHere,
    /// Both have one, but not the same.
    Different,
}

/// A sample that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Path of the tag.
    pub path: String,
    /// Its source time.
    pub time: Timestamp,
    /// How.
    pub side: Side,
}

/// What was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Tags looked at.
    pub tags: u64,
    /// Samples here; several of one time count once.
    pub here: u64,
    /// Samples there, those of other servers included.
    pub there: u64,
    /// Samples missing there, missing here, different.
    pub n_missing_there: u64,
    /// Likewise.
    pub n_missing_here: u64,
    /// Likewise.
    pub n_different: u64,
    /// The first of them one by one.
    pub differences: Vec<Difference>,
    /// Whether samples were still on their way.
    pub is_behind: bool,
    /// Where to go on: number of the tag, and a time; `None` when all was compared.
    pub next: Option<(u32, i64)>,
}

/// Compares the samples in `from..to` from tag and time `start` on, as far as it comes in `patience`. `begin` tells for a
/// path and the time of the oldest sample here from when on the database must not have more, as samples go by age here
/// and not there. Reads the store between waits for the database, so it must run where that may block.
///
/// # Errors
/// [`ForwardError`].
pub async fn compare(
    history: &History,
    settings: &Settings,
    (from, to): (Timestamp, Timestamp),
    start: (u32, i64),
    patience: Duration,
    begin: impl Fn(&str, Option<Timestamp>) -> Timestamp,
) -> Result<Compared, ForwardError> {
    let end = Instant::now() + patience;
    let identity = history.identity()?;
    let connection = Connection::open(settings, "tagwire verify").await?;
    let client = &connection.client;
    let tables = Tables::of(settings);
    tables.check(client, &settings.place()).await?;
    client.batch_execute("SET timezone = 'UTC'").await?;
    let node = format!("SELECT node, number FROM {} WHERE identity = $1", tables.nodes);
    let node: i16 = match client.query_opt(&node, &[&format!("{identity:016x}")]).await? {
        Some(row) => row.try_get(0)?,
        None => -1,
    };
    let mut tags: HashMap<(String, String), i32> = HashMap::new();
    for row in client.query(&format!("SELECT tag, path, type FROM {}", tables.tags), &[]).await? {
        tags.insert((row.try_get(1)?, row.try_get(2)?), row.try_get(0)?);
    }
    let mut comparison = Comparison { history, client, tables, identity, node, end, found: Compared::default() };
    if start == (0, i64::MIN) {
        // What came just now has a second to be on the disk, and then there.
        tokio::time::sleep(COMMIT).await;
        comparison.settle(history.durable_up_to()).await?;
    }
    for series in history.all_series().into_iter().skip(start.0 as usize) {
        let begin = begin(&series.path, history.begin(series.number)?);
        let low = from.max(begin).ticks();
        let low = if series.number.0 == start.0 { low.max(start.1) } else { low };
        let tag = tags.get(&(series.path.to_string(), series.value_type.to_string())).copied();
        if let Some(time) = comparison.series(&series, tag, low, to.ticks()).await? {
            comparison.found.next = Some((series.number.0, time));
            return Ok(comparison.found);
        }
        comparison.found.tags += 1;
        if Instant::now() >= end && series.number.0 + 1 < history.n_series() {
            comparison.found.next = Some((series.number.0 + 1, i64::MIN));
            return Ok(comparison.found);
        }
    }
    Ok(comparison.found)
}

struct Comparison<'a> {
    history: &'a History,
    client: &'a Client,
    tables: Tables,
    identity: u64,
    node: i16,
    end: Instant,
    found: Compared,
}

/// Count and checksum of the samples of an hour.
type Sum = (u64, [u8; 16]);

impl Comparison<'_> {
    /// Compares one tag; from where to go on when the time is up.
    async fn series(
        &mut self,
        series: &Series,
        tag: Option<i32>,
        from: i64,
        to: i64,
    ) -> Result<Option<i64>, ForwardError> {
        if from >= to {
            return Ok(None);
        }
        let mut there: BTreeMap<i64, Sum> = BTreeMap::new();
        // A gap in the order of hours here never hides one there, because each side runs to its own end.
        let mut is_all = true;
        if let Some(tag) = tag {
            let (low, high) = (At::nearest(from), At::nearest(to));
            let statement = format!(
                "SELECT date_trunc('hour', time) AS hour, count(*), md5(string_agg({ROW}, ''::bytea ORDER BY time, rest))
                 FROM {} WHERE tag = $1 AND (time, rest) >= ($2, $3) AND (time, rest) < ($4, $5)
                 GROUP BY 1 ORDER BY 1",
                self.tables.samples
            );
            let (low_at, high_at) = (Micros(low.micros), Micros(high.micros));
            let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&tag, &low_at, &low.rest, &high_at, &high.rest];
            let rows = self.client.query_raw(&statement, parameters).await?;
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await? {
                let hour = At { micros: row.try_get::<_, Micros>(0)?.0, rest: 0 }.ticks().div_euclid(HOUR);
                let sum: String = row.try_get(2)?;
                let n = u64::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0);
                there.insert(hour, (n, digest_of(&sum)));
                if Instant::now() >= self.end && there.len() > 1 {
                    is_all = false;
                    break;
                }
            }
        }
        // Only hours that came whole from there are compared.
        let to = match there.last_key_value() {
            Some((last, _)) if !is_all => last.saturating_mul(HOUR).saturating_add(HOUR).min(to),
            _ => to,
        };
        let mut here = self.hours(series, from, to)?;
        while let Some((hour, sum)) = here.next_hour()? {
            while let Some(entry) = there.first_entry().filter(|entry| *entry.key() < hour) {
                let (hour, sum) = entry.remove_entry();
                self.found.there += sum.0;
                self.rows(series, tag, clip(hour, from, to)).await?;
            }
            self.found.here += sum.0;
            let other = there.remove(&hour);
            self.found.there += other.map_or(0, |sum| sum.0);
            if other != Some(sum) {
                self.rows(series, tag, clip(hour, from, to)).await?;
            }
            if Instant::now() >= self.end {
                return Ok(Some(hour.saturating_mul(HOUR).saturating_add(HOUR)));
            }
        }
        for (hour, sum) in there {
            self.found.there += sum.0;
            self.rows(series, tag, clip(hour, from, to)).await?;
        }
        Ok((!is_all).then_some(to))
    }

    fn hours(&self, series: &Series, from: i64, to: i64) -> Result<Hours, ForwardError> {
        let span = Span::forward(Timestamp::from_ticks(from), Timestamp::from_ticks(to));
        Ok(Hours { cursor: self.history.read(series.number, span)?, waiting: Default::default(), is_done: false })
    }

    /// Compares a span sample by sample, after what is on its way has arrived.
    async fn rows(&mut self, series: &Series, tag: Option<i32>, (from, to): (i64, i64)) -> Result<(), ForwardError> {
        let span = Span::forward(Timestamp::from_ticks(from), Timestamp::from_ticks(to));
        let mut here: BTreeMap<i64, [u8; 16]> = BTreeMap::new();
        let mut cursor = self.history.read(series.number, span)?;
        let needed = cursor.end_number();
        while let Some(view) = cursor.next(usize::MAX)? {
            for sample in (0..view.len()).filter_map(|idx| view.sample(idx)) {
                if let Some(row) = row_of(&sample) {
                    here.insert(sample.source_time.ticks(), Md5::digest(&row).into());
                } else {
                    here.insert(sample.source_time.ticks(), [0; 16]);
                }
            }
        }
        self.settle(needed).await?;
        let mut there: BTreeMap<i64, ([u8; 16], i16)> = BTreeMap::new();
        if let Some(tag) = tag {
            let (low, high) = (At::nearest(from), At::nearest(to));
            let statement = format!(
                "SELECT time, rest, md5({ROW}), node FROM {}
                 WHERE tag = $1 AND (time, rest) >= ($2, $3) AND (time, rest) < ($4, $5)",
                self.tables.samples
            );
            let (low_at, high_at) = (Micros(low.micros), Micros(high.micros));
            for row in self.client.query(&statement, &[&tag, &low_at, &low.rest, &high_at, &high.rest]).await? {
                let time = At { micros: row.try_get::<_, Micros>(0)?.0, rest: row.try_get(1)? }.ticks();
                let sum: String = row.try_get(2)?;
                there.insert(time, (digest_of(&sum), row.try_get(3)?));
            }
        }
        for (time, sum) in &here {
            match there.get(time) {
                None => self.note(series, *time, Side::MissingThere),
                Some((other, _)) if other != sum => self.note(series, *time, Side::Different),
                Some(_) => {}
            }
        }
        for (time, (_, node)) in &there {
            if !here.contains_key(time) && *node == self.node {
                // It may have come after the store was read.
                let at = Span::at(Timestamp::from_ticks(*time));
                if self.history.read(series.number, at)?.next(1)?.is_none() {
                    self.note(series, *time, Side::MissingHere);
                }
            }
        }
        Ok(())
    }

    /// Waits until all samples below a number are there.
    async fn settle(&mut self, needed: u64) -> Result<(), ForwardError> {
        if self.found.is_behind {
            return Ok(());
        }
        let end = Instant::now() + ON_THE_WAY;
        let statement = format!("SELECT number FROM {} WHERE identity = $1", self.tables.nodes);
        loop {
            let row = self.client.query_opt(&statement, &[&format!("{:016x}", self.identity)]).await?;
            let number = row.map(|row| row.try_get::<_, i64>(0)).transpose()?.unwrap_or(0);
            if number as u64 >= needed {
                return Ok(());
            }
            if Instant::now() >= end {
                self.found.is_behind = true;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn note(&mut self, series: &Series, time: i64, side: Side) {
        match side {
            Side::MissingThere => self.found.n_missing_there += 1,
            Side::MissingHere => self.found.n_missing_here += 1,
            Side::Different => self.found.n_different += 1,
        }
        if self.found.differences.len() < MOST {
            let (path, time) = (series.path.to_string(), Timestamp::from_ticks(time));
            self.found.differences.push(Difference { path, time, side });
        }
    }
}

const fn clip(hour: i64, from: i64, to: i64) -> (i64, i64) {
    let (low, high) = (hour.saturating_mul(HOUR), hour.saturating_mul(HOUR).saturating_add(HOUR));
    (if low > from { low } else { from }, if high < to { high } else { to })
}

/// Sums of the hours of a tag in the store.
struct Hours {
    cursor: tagwire_history::Cursor,
    /// Samples read and not yet summed up.
    waiting: std::collections::VecDeque<Sample>,
    is_done: bool,
}

impl Hours {
    fn next_hour(&mut self) -> Result<Option<(i64, Sum)>, ForwardError> {
        let mut hour: Option<i64> = None;
        let (mut n, mut sum) = (0, Md5::new());
        // Of several samples of one time the last one counts.
        let mut last: Option<Sample> = None;
        loop {
            if self.waiting.is_empty() && !self.is_done {
                match self.cursor.next(4096)? {
                    Some(view) => self.waiting.extend((0..view.len()).filter_map(|idx| view.sample(idx))),
                    None => self.is_done = true,
                }
                continue;
            }
            let next = self.waiting.front().map(|sample| sample.source_time.ticks());
            if let Some(sample) = last.take_if(|last| Some(last.source_time.ticks()) != next) {
                n += 1;
                sum.update(row_of(&sample).unwrap_or_default());
            }
            let at = next.map(|time| time.div_euclid(HOUR));
            match (hour, at) {
                (None, Some(_)) => hour = at,
                (None, None) => return Ok(None),
                (Some(hour), at) if at != Some(hour) => return Ok(Some((hour, (n, sum.finalize().into())))),
                _ => {}
            }
            last = self.waiting.pop_front();
        }
    }
}

/// A row as bytes, in SQL; [`row_of`] does the same.
const ROW: &str = "timestamptz_send(time) \
     || int2send(rest) || int8send(status) \
     || coalesce('\\x06'::bytea || int8send(server_delay), '\\x'::bytea) \
     || coalesce('\\x01'::bytea || boolsend(bool), '\\x'::bytea) \
     || coalesce('\\x02'::bytea || int8send(int), '\\x'::bytea) \
     || coalesce('\\x03'::bytea || float8send(float), '\\x'::bytea) \
     || coalesce('\\x04'::bytea || convert_to(text, 'UTF8'), '\\x'::bytea) \
     || coalesce('\\x05'::bytea || bytes, '\\x'::bytea)";

/// A sample as bytes; `None` when its time is none that PostgreSQL takes.
fn row_of(sample: &Sample) -> Option<Vec<u8>> {
    let at = At::of(sample.source_time.ticks())?;
    let mut row = Vec::with_capacity(48);
    row.extend_from_slice(&at.micros.to_be_bytes());
    row.extend_from_slice(&at.rest.to_be_bytes());
    row.extend_from_slice(&i64::from(sample.status.0).to_be_bytes());
    if !sample.server_time.is_none() {
        row.push(6);
        let delay = sample.server_time.ticks().wrapping_sub(sample.source_time.ticks());
        row.extend_from_slice(&delay.to_be_bytes());
    }
    match Cell::of(&sample.value) {
        Cell::None => {}
        Cell::Bool(v) => row.extend_from_slice(&[1, u8::from(v)]),
        Cell::Int(v) => {
            row.push(2);
            row.extend_from_slice(&v.to_be_bytes());
        }
        Cell::Float(v) => {
            row.push(3);
            row.extend_from_slice(&v.to_be_bytes());
        }
        Cell::Text(v) => {
            row.push(4);
            row.extend_from_slice(v.as_bytes());
        }
        Cell::Bytes(v) => {
            row.push(5);
            row.extend_from_slice(&v);
        }
    }
    Some(row)
}

fn digest_of(hex: &str) -> [u8; 16] {
    u128::from_str_radix(hex, 16).map(u128::to_be_bytes).unwrap_or_default()
}
