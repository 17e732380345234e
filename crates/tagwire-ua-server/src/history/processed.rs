//! Aggregates over intervals (Part 11, 6.5.4; Part 13): blocks by their sums where that is exact, samples elsewhere.

use tagwire_history::aggregate::{
    Aggregate, Configuration, Engine, Intervals, Lead, Outcome, Processed, Settings, SettingsError,
};
use tagwire_history::{Archive, Reason, Span, Values, View};
use tagwire_model::{Sample, Status, Timestamp, Value};
use tagwire_ua_proto::services::ReadProcessedDetails;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{DataValue, Identifier, NodeId, Variant};

use super::page::Page;
use super::points::At;
use super::reading::Subject;
use super::{given, history_status};
use crate::limits;

/// Samples taken from a cursor at once.
const CHUNK: usize = 4096;
/// Good samples in a row that are worth a way of their own.
const RUN: usize = 16;

/// Writes one value per interval until the page is full; where to go on.
pub(super) fn read(
    history: &Archive,
    subject: &Subject,
    (details, place): (&ReadProcessedDetails, usize),
    now: Timestamp,
    resume: Option<At>,
    page: &mut Page<'_>,
) -> Result<Option<At>, Status> {
    let mut settings = settings(subject, details, place)?;
    let (intervals, mut done) = match resume {
        Some(At::Processed { intervals, done }) => (intervals, done),
        Some(_) => return Err(status::BAD_CONTINUATION_POINT_INVALID),
        None => (all_intervals(details)?, 0),
    };
    let mut results = Vec::new();
    loop {
        let room = (page.room() as u64).min(limits::MAX_HISTORY_INTERVALS);
        let Some(part) = intervals.page(done, room) else {
            return Ok((done < intervals.len()).then_some(At::Processed { intervals, done }));
        };
        if settings.aggregate == Aggregate::AnnotationCount && !subject.kept.counts_values {
            let found = history.annotations(subject.number, part.early(), part.late());
            let found = found.map_err(|error| history_status(&error))?;
            settings.annotations = Some(found.into_iter().map(|annotation| annotation.time).collect());
        }
        let lead = settings.aggregate.lead(settings.configuration.use_sloped_extrapolation);
        let mut feed = Feed::new(history, subject, settings.clone(), part)?;
        feed.lead(lead)?;
        feed.blocks()?;
        feed.samples()?;
        results.clear();
        results.append(&mut feed.finish(Some(now)));
        if part.backwards() {
            results.reverse();
        }
        done += part.len();
        for result in &results {
            write(result, page);
        }
    }
}

fn settings(subject: &Subject, details: &ReadProcessedDetails, place: usize) -> Result<Settings, Status> {
    let aggregate = details.aggregate_type.get(place).and_then(function).ok_or(status::BAD_AGGREGATE_NOT_SUPPORTED)?;
    let asked = &details.aggregate_configuration;
    let configuration = if asked.use_server_capabilities_defaults {
        Configuration::default()
    } else {
        Configuration {
            treat_uncertain_as_bad: asked.treat_uncertain_as_bad,
            percent_data_bad: asked.percent_data_bad,
            percent_data_good: asked.percent_data_good,
            use_sloped_extrapolation: asked.use_sloped_extrapolation,
        }
    };
    let (stepped, value_type) = (subject.stepped, subject.value_type);
    let settings = Settings { aggregate, configuration, stepped, value_type, annotations: None };
    settings.check().map_err(refused)?;
    Ok(settings)
}

const fn refused(error: SettingsError) -> Status {
    match error {
        SettingsError::Percentages => status::BAD_AGGREGATE_CONFIGURATION_REJECTED,
        SettingsError::DataType => status::BAD_AGGREGATE_INVALID_INPUTS,
    }
}

fn function(node: &NodeId) -> Option<Aggregate> {
    match (node.namespace, &node.identifier) {
        (0, Identifier::Numeric(id)) => Aggregate::from_node(*id),
        _ => None,
    }
}

fn all_intervals(details: &ReadProcessedDetails) -> Result<Intervals, Status> {
    let (Some(start), Some(end)) = (given(details.start_time), given(details.end_time)) else {
        return Err(status::BAD_INVALID_TIMESTAMP_ARGUMENT);
    };
    let interval = details.processing_interval;
    if interval.is_nan() || interval < 0.0 {
        return Err(status::BAD_INVALID_ARGUMENT);
    }
    let ticks = (interval * Timestamp::TICKS_PER_MILLISECOND as f64).round() as i64;
    // An interval that is not quite nothing must not mean the whole span.
    let ticks = if interval > 0.0 { ticks.max(1) } else { 0 };
    Intervals::new(start, end, ticks).map_err(|_| status::BAD_INVALID_ARGUMENT)
}

fn write(result: &Processed, page: &mut Page<'_>) {
    match &result.value {
        Outcome::Value(value) => {
            let (value, status) = (value.clone(), result.status);
            page.sample(&Sample { value, status, source_time: result.time, server_time: Timestamp::NONE });
        }
        Outcome::Status(value) => {
            let status = Some(result.status).filter(|status| *status != Status::GOOD);
            page.data_value(DataValue { status, ..DataValue::new(Variant::StatusCode(*value)) }, result.time);
        }
    }
}

/// Leads the history of a tag through an engine.
pub(super) struct Feed<'a> {
    history: &'a Archive,
    subject: &'a Subject,
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
    pub(super) fn new(
        history: &'a Archive,
        subject: &'a Subject,
        settings: Settings,
        intervals: Intervals,
    ) -> Result<Self, Status> {
        let (aggregate, uncertain_is_bad) = (settings.aggregate, settings.configuration.treat_uncertain_as_bad);
        let engine = Engine::new(settings, intervals).map_err(refused)?;
        Ok(Self {
            history,
            subject,
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
    pub(super) fn lead(&mut self, lead: Lead) -> Result<(), Status> {
        let failed = |error| history_status(&error);
        let early = self.intervals.early().ticks();
        let from = Timestamp::from_ticks(early.saturating_sub(1));
        let span = Span::backward(from, Timestamp::from_ticks(i64::MIN));
        let mut cursor = self.history.read(self.subject.number, span).map_err(failed)?;
        let mut usable = match lead {
            Lead::Latest => 0,
            Lead::LatestUsable => 1,
            Lead::SecondUsable => 2,
        };
        let mut looked_at = 0;
        while let Some(view) = cursor.next(16).map_err(failed)? {
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
                if (usable == 0 && !is_gap) || looked_at >= limits::MAX_HISTORY_LEAD {
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
    pub(super) fn blocks(&mut self) -> Result<(), Status> {
        let number = self.subject.number;
        let found = self.history.summaries(number, Timestamp::from_ticks(self.at), self.intervals.late());
        let found = found.map_err(|error| history_status(&error))?;
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
            let block = summary.block(self.subject.value_type, self.aggregate);
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
    pub(super) fn samples(&mut self) -> Result<(), Status> {
        self.read(i64::MAX)
    }

    /// Takes the samples up to and with `to`.
    fn read(&mut self, to: i64) -> Result<(), Status> {
        if to < self.at || self.engine.is_complete() {
            return Ok(());
        }
        let failed = |error| history_status(&error);
        let end = Timestamp::from_ticks(to.saturating_add(1));
        let mut cursor = self
            .history
            .read(self.subject.number, Span::forward(Timestamp::from_ticks(self.at), end))
            .map_err(failed)?;
        while let Some(view) = cursor.next(CHUNK).map_err(failed)? {
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

    /// Ends the data, which hold until `now` where samples are taken, and gives all results, the earliest first.
    pub(super) fn finish(mut self, now: Option<Timestamp>) -> Vec<Processed> {
        if let (Some(now), Some((_, true)), true) = (now, self.last, self.subject.is_live)
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
