//! History that the other server keeps, read when somebody asks for it.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::{BuildError, LinkSpec};
use tagwire_model::{Sample, Status, Timestamp};
use tagwire_ua_client::{Client, Error, HistorySpan, Identity, NodeId};
use tokio::sync::Mutex;

use crate::address::Address;
use crate::connect::LinkTerms;
use crate::kind::OpcUaKind;
use crate::session::Times;

/// Longest time for a session, and for an answer.
const TIMES: Times = Times { connect: Duration::from_secs(5), request: Duration::from_secs(20) };

/// History of members is not taken out of that of their structures.
const BAD_HISTORY_OPERATION_UNSUPPORTED: Status = Status(0x8072_0000);

/// The history of one link's tags, through a session of its own, so that long reads never delay live values.
pub struct SourceHistory {
    terms: LinkTerms,
    n_peers: usize,
    session: Mutex<Option<Session>>,
}

#[derive(Clone)]
struct Session {
    client: Arc<Client>,
    namespaces: Arc<Vec<String>>,
}

impl SourceHistory {
    /// The history behind a link; opens nothing.
    ///
    /// # Errors
    /// [`BuildError`] as for the link itself.
    pub fn new(link: &LinkSpec, identity: Option<Identity>) -> Result<Self, BuildError> {
        let terms = OpcUaKind.terms(link, identity)?;
        Ok(Self { n_peers: terms.keys.urls.len(), terms, session: Mutex::new(None) })
    }

    /// The first samples of a tag in `low..=high`, both ends included, at most `max`; the last ones, last first, when
    /// `backward`. One sample per time.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Refused`] when the server keeps no history of the tag.
    pub async fn page(
        &self,
        address: &Address,
        (low, high): (Timestamp, Timestamp),
        backward: bool,
        max: usize,
    ) -> Result<Vec<Sample>, Error> {
        let session = self.session().await?;
        let found = self.read(&session, address, (low, high), backward, max).await;
        if found.as_ref().is_err_and(|error| !matches!(error, Error::Refused { .. } | Error::Options(_))) {
            *self.session.lock().await = None;
        }
        found
    }

    async fn read(
        &self,
        session: &Session,
        address: &Address,
        (low, high): (Timestamp, Timestamp),
        backward: bool,
        max: usize,
    ) -> Result<Vec<Sample>, Error> {
        if address.is_member() {
            return Err(Error::refused("HistoryRead", BAD_HISTORY_OPERATION_UNSUPPORTED));
        }
        let namespaces = &session.namespaces;
        let node: NodeId = address
            .resolve(namespaces, namespaces)
            .ok_or_else(|| Error::Options(format!("server has no namespace of {address}")))?;
        let span = span(low, high, backward, max);
        let histories = session.client.history_raw(std::slice::from_ref(&node), span).await?;
        let history = histories.into_iter().next().ok_or_else(|| Error::Peer("history is missing".to_owned()))?;
        if history.status.is_bad() {
            return Err(Error::refused("HistoryRead", history.status));
        }
        let mut samples = history.samples;
        samples.retain(|sample| (low..=high).contains(&sample.source_time));
        samples.sort_by_key(|sample| sample.source_time);
        samples.dedup_by_key(|sample| sample.source_time);
        if backward {
            samples.reverse();
        }
        samples.truncate(max);
        Ok(samples)
    }

    async fn session(&self) -> Result<Session, Error> {
        let mut session = self.session.lock().await;
        if let Some(open) = session.as_ref().filter(|open| open.client.is_connected()) {
            return Ok(open.clone());
        }
        let mut problem = Error::Options("link has no server".to_owned());
        for peer in 0..self.n_peers {
            let opening = async {
                let client = Client::connect(&self.terms.options(peer, TIMES)?).await?;
                let namespaces = Arc::new(client.namespace_array().await?);
                Ok(Session { client: Arc::new(client), namespaces })
            };
            match opening.await {
                Ok(open) => return Ok(session.insert(open).clone()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }
}

/// The span as Part 11, 6.5.3.2 wants it: its end is not part of it, and a side without a bound is left out.
fn span(low: Timestamp, high: Timestamp, backward: bool, max: usize) -> HistorySpan {
    let first = Timestamp::from_ticks(1);
    let (no_low, no_high) = (low <= first, high.ticks() == i64::MAX);
    match (backward, no_low, no_high) {
        (false, _, true) => HistorySpan { start: low.max(first), end: Timestamp::NONE, max },
        (false, _, false) => HistorySpan { start: low.max(first), end: high.saturating_add_ticks(1), max },
        (true, true, _) => HistorySpan { start: Timestamp::NONE, end: high.saturating_add_ticks(1), max },
        (true, false, _) => HistorySpan { start: high, end: low.saturating_add_ticks(-1), max },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_without_a_bound_leaves_that_side_out() {
        let (from, to) = (Timestamp::from_ticks(1_000), Timestamp::from_ticks(2_000));
        let (lowest, highest) = (Timestamp::from_ticks(i64::MIN), Timestamp::from_ticks(i64::MAX));
        let ends = |low, high, backward| {
            let span = span(low, high, backward, 7);
            (span.start.ticks(), span.end.ticks())
        };
        assert_eq!(ends(from, to, false), (1_000, 2_001));
        assert_eq!(ends(from, to, true), (2_000, 999));
        assert_eq!(ends(from, highest, false), (1_000, 0));
        assert_eq!(ends(lowest, highest, false), (1, 0));
        assert_eq!(ends(lowest, to, true), (0, 2_001));
    }
}
