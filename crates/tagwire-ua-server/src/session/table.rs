//! All sessions, found by their token in constant time.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Session, Token};
use crate::subscription::Millis;

/// All sessions of the server. Nothing else is waited for while the table is locked.
#[derive(Default)]
pub(crate) struct SessionTable {
    by_token: RwLock<HashMap<Token, Arc<Session>>>,
}

impl SessionTable {
    pub(crate) fn insert(&self, session: Arc<Session>) {
        self.by_token.write().insert(session.token, session);
    }

    #[inline]
    pub(crate) fn find(&self, token: &Token) -> Option<Arc<Session>> {
        self.by_token.read().get(token).cloned()
    }

    pub(crate) fn remove(&self, token: &Token) -> Option<Arc<Session>> {
        let removed = self.by_token.write().remove(token)?;
        removed.close();
        Some(removed)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.by_token.read().values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_token.read().len()
    }

    /// The sessions whose timeout is over.
    pub(crate) fn expired(&self, now: Millis) -> Vec<Arc<Session>> {
        self.by_token.read().values().filter(|session| session.is_expired(now)).cloned().collect()
    }

    /// Of the sessions that nobody has activated the one that was made first: it gives way when there are too many
    /// (Part 4, 5.7.2.1).
    pub(crate) fn oldest_unactivated(&self) -> Option<Arc<Session>> {
        let unactivated = self.all().into_iter().filter(|session| session.state.lock().channel.is_none());
        unactivated.min_by_key(|session| (session.last_used(), session.made_on))
    }
}
