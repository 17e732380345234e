//! The sessions of the server with their figures, as of a moment ago.

use std::cmp::Ordering;
use std::sync::Arc;

use tagwire_ua_proto::services::{
    SessionDiagnosticsDataType, SessionSecurityDiagnosticsDataType, SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::NodeId;

/// What is told of one session.
#[derive(Debug, Default)]
pub(crate) struct SessionFigures {
    /// Its services, and how it came.
    pub(crate) diagnostics: SessionDiagnosticsDataType,
    /// Who it belongs to.
    pub(crate) security: SessionSecurityDiagnosticsDataType,
    /// Its subscriptions, each with its number as a name.
    pub(crate) subscriptions: Vec<(Box<str>, SubscriptionDiagnosticsDataType)>,
}

impl SessionFigures {
    pub(crate) fn new(
        diagnostics: SessionDiagnosticsDataType,
        security: SessionSecurityDiagnosticsDataType,
        subscriptions: impl Iterator<Item = SubscriptionDiagnosticsDataType>,
    ) -> Self {
        let named = |figures: SubscriptionDiagnosticsDataType| (figures.subscription_id.to_string().into(), figures);
        Self { diagnostics, security, subscriptions: subscriptions.map(named).collect() }
    }

    /// The id of the session.
    pub(crate) const fn id(&self) -> &NodeId {
        &self.diagnostics.session_id
    }
}

/// The sessions in the order of their ids, as many as there may be sessions; none while no diagnostics are kept.
#[derive(Debug, Default)]
pub(crate) struct SessionList {
    /// Grows with each list.
    pub(crate) version: u64,
    sessions: Vec<Arc<SessionFigures>>,
}

impl FromIterator<SessionFigures> for SessionList {
    fn from_iter<I: IntoIterator<Item = SessionFigures>>(sessions: I) -> Self {
        let mut sessions: Vec<_> = sessions.into_iter().map(Arc::new).collect();
        sessions.sort_unstable_by(|a, b| a.id().cmp(b.id()));
        Self { version: 0, sessions }
    }
}

impl SessionList {
    /// Where the first session stands whose id is not below this one.
    pub(crate) fn place(&self, id: &NodeId) -> usize {
        self.sessions.partition_point(|known| known.id() < id)
    }

    /// Where the session stands whose id compares as equal.
    pub(crate) fn find_by(&self, order: impl Fn(&NodeId) -> Ordering) -> Option<usize> {
        self.sessions.binary_search_by(|known| order(known.id())).ok()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&SessionFigures> {
        self.sessions.get(place).map(|figures| &**figures)
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SessionFigures> {
        self.sessions.iter().map(|figures| &**figures)
    }

    /// This list with one more session.
    pub(crate) fn with(&self, figures: SessionFigures) -> Self {
        let mut sessions = self.sessions.clone();
        match sessions.binary_search_by(|known| known.id().cmp(figures.id())) {
            Ok(at) => sessions[at] = Arc::new(figures),
            Err(at) => sessions.insert(at, Arc::new(figures)),
        }
        Self { version: 0, sessions }
    }

    /// This list without a session.
    pub(crate) fn without(&self, id: &NodeId) -> Self {
        let sessions = self.sessions.iter().filter(|known| known.id() != id).cloned().collect();
        Self { version: 0, sessions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(number: u8) -> SessionFigures {
        let session_id = NodeId::opaque(1, vec![number; 16]);
        SessionFigures::new(
            SessionDiagnosticsDataType { session_id, ..Default::default() },
            SessionSecurityDiagnosticsDataType::default(),
            [].into_iter(),
        )
    }

    #[test]
    fn sessions_are_found_by_their_id_whatever_the_order_in_which_they_came() {
        let list = SessionList::from_iter([7, 2, 9].map(figures)).with(figures(4)).without(figures(9).id());
        let numbers: Vec<u8> = (0..12)
            .filter(|number| {
                let place = list.find_by(|known| known.cmp(figures(*number).id()));
                place.is_some_and(|place| list.get(place).is_some_and(|found| found.id() == figures(*number).id()))
            })
            .collect();
        assert_eq!(numbers, [2, 4, 7]);
        assert_eq!([0, 2, 3, 7, 9].map(|number| list.place(figures(number).id())), [0, 0, 1, 2, 3]);
        assert_eq!(list.len(), 3);
    }
}
