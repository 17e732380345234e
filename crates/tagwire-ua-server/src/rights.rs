//! What the user of a session may do with a node.

use tagwire_access::{Operation, Principal, Target, authorise};

use crate::address_space::{Node, Rights, Snapshot};

/// The rights of a user; nobody may do anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserRights<'a>(pub(crate) Option<&'a Principal>);

impl UserRights<'_> {
    fn may(&self, operation: Operation) -> bool {
        self.0.is_some_and(|principal| authorise(principal, operation, Target::Server).is_ok())
    }
}

impl Rights for UserRights<'_> {
    fn may_browse(&self, _node: Node, _snapshot: &Snapshot<'_>) -> bool {
        self.may(Operation::Browse)
    }

    fn may_read(&self, _node: Node, _snapshot: &Snapshot<'_>) -> bool {
        self.may(Operation::Read)
    }

    fn may_write(&self, _node: Node, _snapshot: &Snapshot<'_>) -> bool {
        self.may(Operation::Write)
    }

    fn may_receive_events(&self, _node: Node, _snapshot: &Snapshot<'_>) -> bool {
        self.may(Operation::ReceiveEvents)
    }

    fn may_call(&self, _node: Node, _snapshot: &Snapshot<'_>) -> bool {
        self.may(Operation::Call)
    }
}
