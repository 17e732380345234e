//! Changes of history.

use tagwire_access::audit::{Details, Fields};
use tagwire_access::{Actor, What};
use tagwire_model::Status;
use tagwire_ua_proto::types::NodeId;

use super::{Client, name, record, sender};
use crate::history::Done;
use crate::server::Server;
use crate::services::Context;

/// Most changes of one request that are noted one by one.
const MAX_CHANGES: usize = 100;

struct Changed {
    node: NodeId,
    n_values: usize,
    n_failed: usize,
    status: Status,
}

#[derive(Default)]
struct Changes {
    changes: Vec<Changed>,
    n_changes: usize,
    n_failed: usize,
}

impl Details for Changes {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.field("n_changes").number(self.n_changes);
        fields.field("n_failed").number(self.n_failed);
        fields.field("changes").list(|list| {
            for change in &self.changes {
                list.item().object(|fields| {
                    fields.field("node").shown(&change.node);
                    fields.field("n_values").number(change.n_values);
                    fields.field("n_values_failed").number(change.n_failed);
                    fields.text("result", &name(change.status));
                });
            }
        });
    }

    fn held_bytes(&self) -> usize {
        self.changes.len() * (size_of::<Changed>() + 64)
    }
}

/// A HistoryUpdate request while it is carried out. Who changed which value is kept by the historian itself.
pub(crate) struct HistoryNote(Option<(Actor, Client, Changes)>);

impl HistoryNote {
    /// Notes who changes history.
    pub(crate) fn of(context: &Context<'_>) -> Self {
        Self(context.server.audit.is_on().then(|| (sender(context), Client::of(context), Changes::default())))
    }

    /// Notes what became of one change.
    pub(crate) fn add(&mut self, node: &NodeId, done: &Done) {
        let Some((_, _, changes)) = &mut self.0 else { return };
        changes.n_changes += 1;
        changes.n_failed += usize::from(done.status.is_bad());
        if changes.changes.len() < MAX_CHANGES {
            let n_failed = done.results.iter().filter(|result| result.is_bad()).count();
            let (node, n_values, status) = (node.clone(), done.results.len(), done.status);
            changes.changes.push(Changed { node, n_values, n_failed, status });
        }
    }

    /// Makes the record.
    pub(crate) fn finish(self, server: &Server) {
        if let Some((actor, client, changes)) = self.0 {
            record(server, What::HistoryUpdate, actor, client, changes);
        }
    }
}
