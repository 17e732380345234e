//! Events of a span (Part 11, 6.5.2).

use tagwire_access::{Operation, Policy, Principal, Target, authorise};
use tagwire_history::{EventPlace, History, StoredEvent};
use tagwire_model::Status;
use tagwire_ua_proto::services::{ReadEventDetails, ReadRawModifiedDetails};

use super::history_status;
use super::modified::ends;
use super::page::Page;
use super::points::{At, EventPoint};
use super::raw::Asked;
use crate::event::{Event, Fields, Filter, Scope, stored};

/// Events taken from the files at once.
const CHUNK: usize = 256;

/// Whose events are read, and for whom.
pub(super) struct Reader<'a> {
    pub(super) history: &'a History,
    pub(super) scope: &'a Scope,
    pub(super) filter: &'a Filter,
    pub(super) principal: &'a Principal,
    pub(super) policy: &'a Policy,
}

impl Reader<'_> {
    /// Writes events until the page is full; where to go on.
    pub(super) fn read(
        &self,
        details: &ReadEventDetails,
        resume: Option<EventPoint>,
        page: &mut Page<'_>,
    ) -> Result<Option<At>, Status> {
        let mut point = match resume {
            Some(point) => point,
            None => first(details)?,
        };
        loop {
            let found = self.history.events((point.low, point.high), point.is_backward, CHUNK);
            let found = found.map_err(|error| history_status(&error))?;
            let is_last = found.len() < CHUNK;
            for (place, kept) in found {
                if point.left == Some(0) {
                    return Ok(None);
                }
                if let Some(event) = self.wanted(&kept) {
                    if !page.event(&Fields::Of(self.filter, &event)) {
                        return Ok(Some(At::Events(point)));
                    }
                    point.left = point.left.map(|left| left - 1);
                }
                let next = place.next(point.is_backward);
                *(if point.is_backward { &mut point.high } else { &mut point.low }) = next;
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    fn wanted(&self, kept: &StoredEvent) -> Option<Event> {
        let event = match stored::read(kept) {
            Ok(event) => event.placed(self.policy),
            Err(error) => {
                tracing::error!(%error, time = %kept.time, "a kept event is damaged");
                return None;
            }
        };
        let may = |operation| authorise(self.principal, operation, Target::Zone(event.zone())).is_ok();
        let is_wanted = self.scope.has(&event) && may(Operation::HistoryRead) && may(Operation::ReceiveEvents);
        (is_wanted && self.filter.accepts(&event)).then_some(event)
    }
}

fn first(details: &ReadEventDetails) -> Result<EventPoint, Status> {
    let asked = Asked::of(&ReadRawModifiedDetails {
        start_time: details.start_time,
        end_time: details.end_time,
        num_values_per_node: details.num_values_per_node,
        ..Default::default()
    })?;
    let (low, high) = ends(&asked);
    let (low, high) = (EventPlace::before(low), EventPlace::behind(high));
    Ok(EventPoint { low, high, is_backward: asked.is_backward, left: asked.total })
}
