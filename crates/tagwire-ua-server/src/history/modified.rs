//! Values that users changed (Part 11, 6.5.3.3).

use tagwire_history::{Archive, ChangeKind, Modification};
use tagwire_model::{Sample, Status, Timestamp};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::services::{HistoryUpdateType, ModificationInfo, ReadRawModifiedDetails};

use super::history_status;
use super::page::Page;
use super::points::At;
use super::raw::Asked;
use super::reading::Subject;

/// The changes in a span, in the order in which they are told.
struct Changes {
    low: Timestamp,
    high: Timestamp,
    is_backward: bool,
    /// Those that came later than the first request are left out, so that no page repeats or misses one.
    n_changes: usize,
    done: usize,
}

/// Writes changes with who made them until the page is full; where to go on.
pub(super) fn read(
    history: &Archive,
    subject: &Subject,
    details: &ReadRawModifiedDetails,
    resume: Option<At>,
    page: &mut Page<'_>,
) -> Result<Option<At>, Status> {
    let mut changes = match resume {
        Some(At::Modified { low, high, is_backward, n_changes, done }) => {
            Changes { low, high, is_backward, n_changes, done }
        }
        _ => {
            let asked = Asked::of(details)?;
            let (low, high) = ends(&asked);
            Changes { low, high, is_backward: asked.is_backward, n_changes: usize::MAX, done: 0 }
        }
    };
    let found = history.read_modified(subject.number, changes.low, changes.high);
    let mut found = found.map_err(|error| history_status(&error))?;
    changes.n_changes = changes.n_changes.min(found.len());
    found.truncate(changes.n_changes);
    // What was changed last comes first among those of one time.
    found.reverse();
    if changes.is_backward {
        found.sort_by_key(|change| std::cmp::Reverse(change.time));
    } else {
        found.sort_by_key(|change| change.time);
    }
    let mut told = Vec::new();
    let mut left = found.into_iter().skip(changes.done);
    for change in left.by_ref() {
        page.sample(&value(&change));
        told.push(info(&change));
        if page.room() == 0 {
            break;
        }
    }
    page.end_values();
    told.encode(page.out);
    let done = changes.done + told.len();
    let goes_on = done < changes.n_changes && !is_bounded(details);
    let Changes { low, high, is_backward, n_changes, .. } = changes;
    Ok(goes_on.then_some(At::Modified { low, high, is_backward, n_changes, done }))
}

/// Whether the number of values is that of all pages.
const fn is_bounded(details: &ReadRawModifiedDetails) -> bool {
    details.start_time.ticks() <= 0 || details.end_time.ticks() <= 0
}

/// The first and the last time of the span, both included.
pub(super) fn ends(asked: &Asked) -> (Timestamp, Timestamp) {
    let (earliest, latest) = (Timestamp::from_ticks(i64::MIN), Timestamp::from_ticks(i64::MAX));
    match (asked.end, asked.is_backward) {
        (Some(end), _) if end == asked.start => (end, end),
        (Some(end), false) => (asked.start, end.saturating_add_ticks(-1)),
        (Some(end), true) => (end.saturating_add_ticks(1), asked.start),
        (None, false) => (asked.start, latest),
        (None, true) => (earliest, asked.start),
    }
}

/// What stood there before; for an insertion what was inserted.
fn value(change: &Modification) -> Sample {
    let sample = change.before.as_ref().or(change.after.as_ref()).cloned();
    sample.unwrap_or(Sample {
        value: tagwire_model::Value::Null,
        status: Status::BAD_NO_DATA,
        source_time: change.time,
        server_time: Timestamp::NONE,
    })
}

fn info(change: &Modification) -> ModificationInfo {
    ModificationInfo {
        modification_time: change.author.time,
        update_type: match change.kind {
            ChangeKind::Inserted => HistoryUpdateType::INSERT,
            ChangeKind::Replaced => HistoryUpdateType::REPLACE,
            ChangeKind::Deleted => HistoryUpdateType::DELETE,
        },
        user_name: change.author.user.clone().into(),
    }
}
