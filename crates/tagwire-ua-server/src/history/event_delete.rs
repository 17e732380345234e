//! Events that clients delete (Part 11, 6.9.7).

use tagwire_access::{Operation, Policy, Principal, Target, authorise};
use tagwire_history::Store;
use tagwire_model::Status;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::ByteString;

use super::{Done, history_status};
use crate::event::{Scope, stored};
use crate::rights::denied_status;

/// Deletes events that happened where a node tells of it, as far as the user may.
pub(crate) fn delete_events(
    store: &mut Store,
    scope: &Scope,
    ids: &[ByteString],
    principal: &Principal,
    policy: &Policy,
) -> Done {
    let known: Vec<[u8; 16]> = ids.iter().filter_map(|id| (&**id).try_into().ok()).collect();
    let removed = store.remove_events(&known, |kept| {
        let event = stored::read(kept).map_err(|_| status::BAD_EVENT_ID_UNKNOWN)?.placed(policy);
        if !scope.has(&event) {
            return Err(status::BAD_EVENT_ID_UNKNOWN);
        }
        let target = Target::Zone(event.zone());
        authorise(principal, Operation::HistoryDelete, target).map_err(|denied| denied_status(&denied))
    });
    let mut removed = match removed {
        Ok(removed) => removed.into_iter(),
        Err(error) => return Done { status: history_status(&error), ..Done::default() },
    };
    let results = ids.iter().map(|id| {
        // An id of another length is that of no event.
        let outcome = (id.len() == 16).then(|| removed.next().flatten()).flatten();
        outcome.map_or(status::BAD_EVENT_ID_UNKNOWN, |outcome| outcome.err().unwrap_or(Status::GOOD))
    });
    Done { results: results.collect(), ..Done::default() }
}
