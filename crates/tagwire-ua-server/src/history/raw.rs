//! Raw values of a span (Part 11, 6.5.3).

use tagwire_history::{Archive, Span};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::services::ReadRawModifiedDetails;
use tagwire_ua_proto::status;

use super::page::Page;
use super::points::{At, EndBound, RawPoint};
use super::reading::Subject;
use super::{given, history_status};

/// How far behind the last value a bound is said to be missing when no end was given.
const BEHIND: i64 = Timestamp::TICKS_PER_SECOND;

/// What is asked for.
pub(super) struct Asked {
    pub(super) span: Span,
    pub(super) start: Timestamp,
    pub(super) end: Option<Timestamp>,
    pub(super) is_backward: bool,
    /// Values of all pages together; `None` for all there are.
    pub(super) total: Option<u64>,
}

impl Asked {
    /// Start and end, or one of them with a number of values (Part 11, 6.5.3.2).
    pub(super) fn of(details: &ReadRawModifiedDetails) -> Result<Self, Status> {
        let (start, end) = (given(details.start_time), given(details.end_time));
        let n = u64::from(details.num_values_per_node);
        let earliest = Timestamp::from_ticks(i64::MIN);
        let latest = Timestamp::from_ticks(i64::MAX);
        let (span, start, end, is_backward, total) = match (start, end, n) {
            (Some(start), Some(end), _) => (Span::between(start, end), start, Some(end), end < start, None),
            (Some(start), None, 1..) => (Span::forward(start, latest), start, None, false, Some(n)),
            (None, Some(end), 1..) => (Span::backward(end, earliest), end, None, true, Some(n)),
            _ => return Err(status::BAD_HISTORY_OPERATION_INVALID),
        };
        Ok(Self { span, start, end, is_backward, total })
    }
}

/// Writes values until the page is full; where to go on.
pub(super) fn read(
    history: &Archive,
    subject: &Subject,
    details: &ReadRawModifiedDetails,
    resume: Option<RawPoint>,
    page: &mut Page<'_>,
) -> Result<Option<At>, Status> {
    let failed = |error| history_status(&error);
    let number = subject.number;
    let (mut state, mut cursor) = match resume {
        Some(point) => {
            let cursor = point.position.map(|position| history.resume(number, position)).transpose().map_err(failed)?;
            (point, cursor)
        }
        None => {
            let asked = Asked::of(details)?;
            let (is_backward, last) = (asked.is_backward, asked.start);
            let mut state = RawPoint { position: None, end: EndBound::None, is_backward, left: asked.total, last };
            if details.return_bounds {
                state.end = asked.end.map_or(EndBound::Open, EndBound::At);
                start_bound(history, subject, &asked, &mut state, page)?;
            }
            (state, Some(history.read(number, asked.span).map_err(failed)?))
        }
    };
    if let Some(cursor) = &mut cursor {
        loop {
            let room =
                page.room().min(state.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX)));
            if room == 0 {
                let position = cursor.position().map_err(failed)?;
                let more = position.is_some() || state.end != EndBound::None;
                let goes_on = more && state.left != Some(0);
                return Ok(goes_on.then_some(At::Raw(RawPoint { position, ..state })));
            }
            // What takes any number of bytes is taken one by one, since a cursor takes nothing back.
            let max = if subject.is_fixed && !subject.is_cut { room } else { 1 };
            let Some(view) = cursor.next(max).map_err(failed)? else { break };
            state.last = Timestamp::from_ticks(view.times().last().copied().unwrap_or_default());
            state.left = state.left.map(|left| left.saturating_sub(view.len() as u64));
            page.view(&view);
        }
    }
    if state.end != EndBound::None && state.left != Some(0) {
        if page.room() == 0 {
            return Ok(Some(At::Raw(RawPoint { position: None, ..state })));
        }
        end_bound(history, subject, &state, page)?;
    }
    Ok(None)
}

/// The value at the start or before it in the direction of the read (Part 11, 4.5).
fn start_bound(
    history: &Archive,
    subject: &Subject,
    asked: &Asked,
    state: &mut RawPoint,
    page: &mut Page<'_>,
) -> Result<(), Status> {
    let found = if asked.is_backward {
        history.at_or_after(subject.number, asked.start)
    } else {
        history.at_or_before(subject.number, asked.start)
    };
    match found.map_err(|error| history_status(&error))? {
        Some(sample) if sample.source_time == asked.start => {
            if asked.end == Some(asked.start) {
                state.end = EndBound::None;
            }
            return Ok(());
        }
        Some(sample) => page.sample(&sample),
        None => page.nothing(status::BAD_BOUND_NOT_FOUND, asked.start),
    }
    state.left = state.left.map(|left| left.saturating_sub(1));
    Ok(())
}

fn end_bound(history: &Archive, subject: &Subject, state: &RawPoint, page: &mut Page<'_>) -> Result<(), Status> {
    let EndBound::At(end) = state.end else {
        let step = if state.is_backward { -BEHIND } else { BEHIND };
        page.nothing(status::BAD_BOUND_NOT_FOUND, state.last.saturating_add_ticks(step));
        return Ok(());
    };
    let found = if state.is_backward {
        history.at_or_before(subject.number, end)
    } else {
        history.at_or_after(subject.number, end)
    };
    match found.map_err(|error| history_status(&error))? {
        Some(sample) => page.sample(&sample),
        None => page.nothing(status::BAD_BOUND_NOT_FOUND, end),
    }
    Ok(())
}
