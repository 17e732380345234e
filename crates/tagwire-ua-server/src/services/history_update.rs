//! HistoryUpdate (Part 4, 5.11.5): each change is checked here and carried out by the historian, one after the other.

use std::sync::Arc;

use tagwire_access::{Operation, Policy, Principal};
use tagwire_history::{HistorianError, UpdateMode};
use tagwire_model::Status;
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::hot::start_response;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::{HistoryUpdateRequest, HistoryUpdateResult, PerformUpdateType};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ExtensionObject, NodeId};
use tokio::sync::oneshot;

use super::history::{notifier, subject};
use super::{Context, Flow, LaterBody, check_operations, decode};
use crate::address_space::Snapshot;
use crate::event::audit::{self, Actor, HistoryChange};
use crate::history::{Done, HistorySource, Of, Subject, Update, check_count, delete_events, parse_update};
use crate::limits;
use crate::log::HistoryNote;
use crate::rights::TagRights;

/// On whose behalf history is changed.
#[derive(Clone)]
struct Who {
    principal: Arc<Principal>,
    policy: Arc<Policy>,
    user: Arc<str>,
}

/// A change that passed the checks, or why it did not.
struct Part {
    node_id: NodeId,
    /// What auditors are told.
    change: Option<HistoryChange>,
    work: Result<(Arc<HistorySource>, Of, Update), Status>,
}

pub(super) fn update(context: &mut Context<'_>, body: &[u8], _out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: HistoryUpdateRequest = decode(body)?;
    check_operations(request.history_update_details.len(), limits::MAX_NODES_PER_HISTORY_UPDATE_DATA)?;
    let who = Who {
        principal: Arc::clone(context.principal()?),
        policy: context.server.policy(),
        user: context.principal()?.identity().to_string().into(),
    };
    let is_heard = audit::is_heard(context.server);
    let snapshot = context.server.address_space.snapshot();
    let details = &request.history_update_details;
    let parts: Vec<Part> = details.iter().map(|details| part(context, &snapshot, details, is_heard)).collect();
    drop(snapshot);
    let mut note = HistoryNote::of(context);
    let actor = if is_heard { Actor::of(context) } else { Actor::default() };
    let (server, request_handle) = (Arc::clone(context.server), context.header.request_handle);
    Ok(Flow::Later(Box::pin(async move {
        let mut results = Vec::with_capacity(parts.len());
        for Part { node_id, change, work } in parts {
            let done = match work {
                Ok((source, of, update)) => carry_out(&source, of, update, who.clone(), is_heard).await,
                Err(status) => Done { status, ..Done::default() },
            };
            note.add(&node_id, &done);
            if let Some(change) = change {
                audit::history_changed(&server, &actor, node_id, change, &done);
            }
            let (status_code, operation_results) = (done.status, done.results);
            results.push(HistoryUpdateResult { status_code, operation_results, diagnostic_infos: Vec::new() });
        }
        note.finish(&server);
        let mut out = Vec::new();
        start_response(ids::HISTORY_UPDATE_RESPONSE, request_handle, Status::GOOD, server.now(), &mut out);
        results.encode(&mut out);
        (-1_i32).encode(&mut out);
        LaterBody::Body(out)
    })))
}

async fn carry_out(source: &HistorySource, of: Of, update: Update, who: Who, wants_old: bool) -> Done {
    let (answer, wait) = oneshot::channel();
    let sent = source.historian().run(move |store, now| {
        let done = match (of, update) {
            (Of::Events(scope), Update::Events(ids)) => delete_events(store, &scope, &ids, &who.principal, &who.policy),
            (Of::Events(_), _) => Done { status: status::BAD_HISTORY_OPERATION_UNSUPPORTED, ..Done::default() },
            (Of::Values(Subject { local: Some(number), .. }), update) => {
                update.carry_out(store, number, &who.user, wants_old, now)
            }
            // What only other servers keep is theirs to change.
            (Of::Values(_), _) => Done { status: status::BAD_HISTORY_OPERATION_UNSUPPORTED, ..Done::default() },
        };
        // Nobody may be waiting any more; the change is made all the same.
        let _ = answer.send(done);
    });
    let failed = |status| Done { status, ..Done::default() };
    match sent {
        Ok(()) => wait.await.unwrap_or_else(|_| failed(status::BAD_SHUTDOWN)),
        Err(HistorianError::Busy) => failed(Status::BAD_TOO_MANY_OPERATIONS),
        Err(_) => failed(status::BAD_SHUTDOWN),
    }
}

fn part(context: &Context<'_>, snapshot: &Snapshot<'_>, details: &ExtensionObject, is_heard: bool) -> Part {
    let (node_id, update) = match parse_update(details) {
        Ok(parsed) => parsed,
        Err(status) => return Part { node_id: NodeId::default(), change: None, work: Err(status) },
    };
    let change = is_heard.then(|| HistoryChange::of(details, update.as_ref().ok()));
    let work = checked(context, snapshot, &node_id, update);
    Part { node_id, change, work }
}

fn checked(
    context: &Context<'_>,
    snapshot: &Snapshot<'_>,
    node_id: &NodeId,
    update: Result<Update, Status>,
) -> Result<(Arc<HistorySource>, Of, Update), Status> {
    if let Ok(Update::Events(ids)) = &update {
        let scope = notifier(context, snapshot, node_id, Operation::HistoryDelete)?;
        check_count(ids.len())?;
        let source = snapshot.history().ok_or(status::BAD_HISTORY_OPERATION_UNSUPPORTED)?;
        return Ok((source, Of::Events(scope), update?));
    }
    let (source, tag, subject) = subject(snapshot, node_id, None)?;
    let principal = context.principal()?;
    let may = |operation| TagRights::new(context.server, principal, operation, snapshot).check(tag);
    let update = match update {
        Ok(update) => update,
        Err(status) => {
            // Who may do nothing learns nothing either.
            may(Operation::HistoryInsert)
                .or_else(|_| may(Operation::HistoryModify))
                .or_else(|_| may(Operation::HistoryDelete))?;
            return Err(status);
        }
    };
    let needed: &[Operation] = match &update {
        Update::Values(UpdateMode::Insert, _) | Update::Annotations(PerformUpdateType::INSERT, _) => {
            &[Operation::HistoryInsert]
        }
        Update::Values(UpdateMode::Replace, _) | Update::Annotations(PerformUpdateType::REPLACE, _) => {
            &[Operation::HistoryModify]
        }
        Update::Annotations(PerformUpdateType::REMOVE, _) | Update::Range(..) | Update::Times(_) => {
            &[Operation::HistoryDelete]
        }
        Update::Events(_) => return Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED),
        Update::Values(UpdateMode::Update, _) | Update::Annotations(..) => {
            &[Operation::HistoryInsert, Operation::HistoryModify]
        }
    };
    needed.iter().try_for_each(|operation| may(*operation))?;
    match (&update, subject.is_annotations) {
        // Annotations are told for the tag as well as for its property.
        (Update::Annotations(..), _) | (_, false) => Ok((source, Of::Values(subject), update)),
        (_, true) => Err(status::BAD_HISTORY_OPERATION_UNSUPPORTED),
    }
}
