//! Values at given times (Part 11, 6.5.5): those that were stored, or what lies between the values around.

use tagwire_history::Archive;
use tagwire_history::aggregate::{Aggregate, Configuration, Feed, Intervals, Lead, Outcome, Settings};
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_proto::services::ReadAtTimeDetails;

use super::history_status;
use super::page::Page;
use super::points::At;
use super::reading::Subject;
use crate::aggregates::refused;

/// Writes one value per time until the page is full; where to go on.
pub(super) fn read(
    history: &Archive,
    subject: &Subject,
    details: &ReadAtTimeDetails,
    resume: Option<At>,
    page: &mut Page<'_>,
) -> Result<Option<At>, Status> {
    let done = match resume {
        Some(At::Times { done }) => done,
        _ => 0,
    };
    for (idx, time) in details.req_times.iter().enumerate().skip(done) {
        if page.room() == 0 {
            return Ok(Some(At::Times { done: idx }));
        }
        one(history, subject, *time, details.use_simple_bounds, page)?;
    }
    Ok(None)
}

fn one(history: &Archive, subject: &Subject, time: Timestamp, simple: bool, page: &mut Page<'_>) -> Result<(), Status> {
    let failed = |error| history_status(&error);
    let before = history.at_or_before(subject.number, time).map_err(failed)?;
    match &before {
        Some(sample) if sample.source_time == time => {
            page.sample(sample);
            return Ok(());
        }
        None => {
            page.nothing(Status::BAD_NO_DATA, time);
            return Ok(());
        }
        Some(_) => {}
    }
    let aggregate = if simple { Aggregate::StartBound } else { Aggregate::Interpolative };
    let settings = Settings {
        aggregate,
        configuration: Configuration::default(),
        stepped: subject.kept.stepped,
        value_type: subject.value_type,
        annotations: None,
    };
    let end = time.saturating_add_ticks(Timestamp::TICKS_PER_MILLISECOND);
    // A span of one millisecond is never empty.
    let intervals = Intervals::new(time, end, 0).map_err(|_| Status::BAD_OUT_OF_RANGE)?;
    let lead = if simple { Lead::Latest } else { Lead::LatestUsable };
    let mut feed = Feed::new(history, subject.number, settings, intervals).map_err(refused)?;
    feed.lead(lead).map_err(failed)?;
    feed.samples().map_err(failed)?;
    match feed.finish(None).first() {
        Some(result) => {
            let value = match &result.value {
                Outcome::Value(value) => value.clone(),
                Outcome::Status(_) => Value::Null,
            };
            let (source_time, server_time) = (time, Timestamp::NONE);
            page.sample(&tagwire_model::Sample { value, status: result.status, source_time, server_time });
        }
        None => page.nothing(Status::BAD_NO_DATA, time),
    }
    Ok(())
}
