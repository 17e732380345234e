//! The history of a tag on its way through an engine: blocks by their sums where that is exact, samples elsewhere.

use tagwire_model::{Sample, Status, Timestamp, Value, ValueType};

use super::{Aggregate, Engine, Intervals, Lead, Processed, Settings, SettingsError};
use crate::{Archive, HistoryError, Reason, Span, TagNumber, Values, View};

/// Samples taken from a cursor at once.
const CHUNK: usize = 4096;
/// Good samples in a row that are worth a way of their own.
const RUN: usize = 16;
/// Samples that are looked at before the first interval for one that can be used.
const MAX_LEAD: usize = 100_000;

/// The results for all intervals, the earliest first; a tag that is collected has data until `now`.
///
/// # Errors
/// What the history says; the settings are those of a [`Settings::check`].
pub fn processed(
    history: &Archive,
    number: TagNumber,
    settings: Settings,
    intervals: Intervals,
    now: Option<Timestamp>,
) -> Result<Vec<Processed>, ProcessedError> {
    let lead = settings.aggregate.lead(settings.configuration.use_sloped_extrapolation);
    let mut feed = Feed::new(history, number, settings, intervals)?;
    feed.lead(lead)?;
    feed.blocks()?;
    feed.samples()?;
    Ok(feed.finish(now))
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
pub enum ProcessedError {
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The samples cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Leads the history of a tag through an engine.
pub struct Feed<'a> {
    history: &'a Archive,
    number: TagNumber,
    value_type: ValueType,
    engine: Engine,
    intervals: Intervals,
    results: Vec<Processed>,
    aggregate: Aggregate,
    uncertain_is_bad: bool,
    /// From where on samples were not taken yet.
    at: i64,
    /// The last sample that was taken, and whether it was collected and not brought by a user.
    last: Option<(Timestamp, bool)>,
    times: Vec<Timestamp>,
    numbers: Vec<f64>,
}

impl<'a> Feed<'a> {
    /// Nothing is read yet.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        history: &'a Archive,
        number: TagNumber,
        settings: Settings,
        intervals: Intervals,
    ) -> Result<Self, SettingsError> {
        let (aggregate, uncertain_is_bad) = (settings.aggregate, settings.configuration.treat_uncertain_as_bad);
        let value_type = settings.value_type;
        let engine = Engine::new(settings, intervals)?;
        Ok(Self {
            history,
            number,
            value_type,
            engine,
            intervals,
            results: Vec::new(),
            aggregate,
            uncertain_is_bad,
            at: intervals.early().ticks(),
            last: None,
            times: Vec::new(),
            numbers: Vec::new(),
        })
    }

    /// Finds the sample before the span from which on the engine needs them.
    ///
    /// # Errors
    /// What the history says.
    pub fn lead(&mut self, lead: Lead) -> Result<(), HistoryError> {
        let early = self.intervals.early().ticks();
        let from = Timestamp::from_ticks(early.saturating_sub(1));
        let span = Span::backward(from, Timestamp::from_ticks(i64::MIN));
        let mut cursor = self.history.read(self.number, span)?;
        let mut usable = match lead {
            Lead::Latest => 0,
            Lead::LatestUsable => 1,
            Lead::SecondUsable => 2,
        };
        let mut looked_at = 0;
        while let Some(view) = cursor.next(16)? {
            for sample in (0..view.len()).filter_map(|idx| view.sample(idx)) {
                let is_gap = sample.status.code() == Status::BAD_NO_DATA;
                // A gap is bad data only where something was known before it.
                if !is_gap || looked_at > 0 {
                    self.at = sample.source_time.ticks();
                }
                if self.is_usable(&sample) {
                    usable -= usable.min(1);
                }
                looked_at += 1;
                if (usable == 0 && !is_gap) || looked_at >= MAX_LEAD {
                    self.at = sample.source_time.ticks();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn is_usable(&self, sample: &Sample) -> bool {
        let severity = sample.status.is_good() || (sample.status.is_uncertain() && !self.uncertain_is_bad);
        severity && sample.value != Value::Null
    }

    /// Takes whole blocks by their sums, and the samples of those that have to be read.
    ///
    /// # Errors
    /// What the history says.
    pub fn blocks(&mut self) -> Result<(), HistoryError> {
        let number = self.number;
        let found = self.history.summaries(number, Timestamp::from_ticks(self.at), self.intervals.late())?;
        let is_edited = self.history.is_edited(number);
        for summary in &found {
            let (from, to) = (summary.from.ticks(), summary.to.ticks());
            if self.engine.is_complete() {
                return Ok(());
            }
            if from < self.at || !(summary.all_good && summary.exact) {
                self.read(to)?;
                continue;
            }
            if is_edited {
                // What a user inserted may lie between blocks.
                self.read(from.saturating_sub(1))?;
            }
            let block = summary.block(self.value_type, self.aggregate);
            if block.is_some_and(|block| self.engine.push_block(&block, &mut self.results)) {
                self.at = to.saturating_add(1);
                self.last = Some((summary.to, true));
            } else {
                self.at = from;
                self.read(to)?;
            }
        }
        Ok(())
    }

    /// Takes all samples from here on that the engine needs.
    ///
    /// # Errors
    /// What the history says.
    pub fn samples(&mut self) -> Result<(), HistoryError> {
        self.read(i64::MAX)
    }

    /// Takes the samples up to and with `to`.
    fn read(&mut self, to: i64) -> Result<(), HistoryError> {
        if to < self.at || self.engine.is_complete() {
            return Ok(());
        }
        let end = Timestamp::from_ticks(to.saturating_add(1));
        let mut cursor = self.history.read(self.number, Span::forward(Timestamp::from_ticks(self.at), end))?;
        while let Some(view) = cursor.next(CHUNK)? {
            self.view(&view);
            if self.engine.is_complete() {
                return Ok(());
            }
        }
        self.at = to.saturating_add(1);
        Ok(())
    }

    fn view(&mut self, view: &View<'_>) {
        let (times, reasons) = (view.times(), view.reasons());
        if let (Some(time), Some(reason)) = (times.last(), reasons.last()) {
            let is_collected = !matches!(reason, Reason::Unknown | Reason::Stop | Reason::Imported);
            self.last = Some((Timestamp::from_ticks(*time), is_collected));
        }
        let is_numeric = doubles(view, &mut self.numbers);
        self.times.clear();
        self.times.extend(times.iter().copied().map(Timestamp::from_ticks));
        let (statuses, missing) = (view.statuses(), view.missing());
        let is_good = |idx: usize| statuses[idx] == Status::GOOD.0 && missing.is_none_or(|missing| !missing[idx]);
        let mut at = 0;
        while at < times.len() && !self.engine.is_complete() {
            let run = if is_numeric { (at..times.len()).take_while(|idx| is_good(*idx)).count() } else { 0 };
            if run >= RUN {
                let (times, numbers) = (&self.times[at..at + run], &self.numbers[at..at + run]);
                self.engine.push_good(times, numbers, &mut self.results);
                at += run;
                continue;
            }
            for idx in at..(at + run.max(1)) {
                if let Some(sample) = view.sample(idx) {
                    self.engine.push_value(sample.source_time, sample.value, sample.status, &mut self.results);
                }
            }
            at += run.max(1);
        }
    }

    /// Ends the data, of a tag that is collected those up to `now`, and gives all results, the earliest first.
    pub fn finish(mut self, now: Option<Timestamp>) -> Vec<Processed> {
        if let (Some(now), Some((_, true))) = (now, self.last)
            && !self.engine.is_complete()
        {
            self.engine.hold_until(now, &mut self.results);
        }
        self.engine.finish(&mut self.results);
        self.results
    }
}

/// The numbers of a view as doubles; false when they are none, or would not all be exact.
fn doubles(view: &View<'_>, out: &mut Vec<f64>) -> bool {
    let (values, range) = view.values();
    let range = range.start..range.start + view.len();
    out.clear();
    macro_rules! column {
        ($column:expr) => {
            out.extend($column.get(range).unwrap_or_default().iter().map(|value| f64::from(*value)))
        };
    }
    match values {
        Values::Double(column) => out.extend_from_slice(column.get(range).unwrap_or_default()),
        Values::Float(column) => column!(column),
        Values::Int8(column) => column!(column),
        Values::UInt8(column) => column!(column),
        Values::Int16(column) => column!(column),
        Values::UInt16(column) => column!(column),
        Values::Int32(column) => column!(column),
        Values::UInt32(column) => column!(column),
        _ => return false,
    }
    true
}
