//! Aggregates over intervals (Part 11, 6.5.4; Part 13): blocks by their sums where that is exact, samples elsewhere.

use tagwire_history::Archive;
use tagwire_history::aggregate::{Aggregate, Intervals, Outcome, Processed, ProcessedError, Settings, processed};
use tagwire_model::{Sample, Status, Timestamp};
use tagwire_ua_proto::services::ReadProcessedDetails;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{DataValue, Variant};

use super::page::Page;
use super::points::At;
use super::reading::Subject;
use super::{given, history_status};
use crate::aggregates::{configuration, function, refused};
use crate::limits;

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
        let live = subject.is_live.then_some(now);
        let mut results =
            processed(history, subject.number, settings.clone(), part, live).map_err(|error| match error {
                ProcessedError::Settings(error) => refused(error),
                ProcessedError::History(error) => history_status(&error),
            })?;
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
    let configuration = configuration(&details.aggregate_configuration);
    let (stepped, value_type) = (subject.kept.stepped, subject.value_type);
    let settings = Settings { aggregate, configuration, stepped, value_type, annotations: None };
    settings.check().map_err(refused)?;
    Ok(settings)
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
