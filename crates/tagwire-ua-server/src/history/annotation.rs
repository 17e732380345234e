//! Annotations (Part 11, 6.6.6): values of the property Annotations, each at the time it belongs to.

use tagwire_history::{Annotation as Stored, History};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::services::{Annotation, ReadRawModifiedDetails};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{DataValue, Variant};

use super::history_status;
use super::modified::ends;
use super::page::Page;
use super::points::At;
use super::raw::Asked;
use super::reading::Subject;

/// Writes the annotations of a span until the page is full; where to go on.
pub(super) fn read(
    history: &History,
    subject: &Subject,
    details: &ReadRawModifiedDetails,
    resume: Option<At>,
    page: &mut Page<'_>,
) -> Result<Option<At>, Status> {
    let (low, high, is_backward, done, total) = match resume {
        Some(At::Annotations { low, high, is_backward, done }) => (low, high, is_backward, done, None),
        _ => {
            let asked = Asked::of(details)?;
            let (low, high) = ends(&asked);
            (low, high, asked.is_backward, 0, asked.total)
        }
    };
    let number = subject.local.ok_or(status::BAD_HISTORY_OPERATION_UNSUPPORTED)?;
    let found = history.annotations(number, low, high);
    let mut found = found.map_err(|error| history_status(&error))?;
    if is_backward {
        found.reverse();
    }
    let n = found.len();
    let mut told = done;
    for annotation in found.into_iter().skip(done) {
        if page.room() == 0 {
            break;
        }
        page.data_value(DataValue::new(variant(&annotation)), annotation.time);
        told += 1;
    }
    let goes_on = told < n && total.is_none();
    Ok(goes_on.then_some(At::Annotations { low, high, is_backward, done: told }))
}

/// Writes the annotations at some times, or that there is none.
pub(super) fn read_at(
    history: &History,
    subject: &Subject,
    times: &[Timestamp],
    page: &mut Page<'_>,
) -> Result<Option<At>, Status> {
    let number = subject.local.ok_or(status::BAD_HISTORY_OPERATION_UNSUPPORTED)?;
    for time in times {
        let found = history.annotations(number, *time, *time).map_err(|error| history_status(&error))?;
        if found.is_empty() {
            page.nothing(status::GOOD_NO_DATA, *time);
        }
        for annotation in &found {
            page.data_value(DataValue::new(variant(annotation)), *time);
        }
    }
    Ok(None)
}

/// As clients see it.
pub(super) fn variant(stored: &Stored) -> Variant {
    Variant::structure(&Annotation {
        message: stored.message.clone().into(),
        user_name: stored.user.clone().into(),
        annotation_time: stored.annotation_time,
    })
}
