//! Roles that clients change.

use tagwire_access::audit::{Details, Fields};
use tagwire_access::{RoleChange, What};
use tagwire_model::Status;

use super::{Client, name, record, sender};
use crate::services::Context;

struct Changed {
    role: String,
    change: &'static str,
    subject: String,
    status: Status,
}

impl Details for Changed {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("role", &self.role);
        fields.text("change", self.change);
        if !self.subject.is_empty() {
            fields.text("subject", &self.subject);
        }
        fields.text("result", &name(self.status));
    }

    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.role.len() + self.subject.len()
    }
}

/// A client changed a role, or could not.
pub(crate) fn role_changed(context: &Context<'_>, role: &str, change: &RoleChange, status: Status) {
    let server = context.server;
    if server.audit.is_on() {
        let changed = Changed { role: role.to_owned(), change: change.name(), subject: change.subject(), status };
        record(server, What::RoleChanged, sender(context), Client::of(context), changed);
    }
}
