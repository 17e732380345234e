//! Which server of a redundant pair to follow (Part 4, 6.6.2.4.5).

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tagwire_driver::BoxFuture;
use tagwire_ua_client::Error;
use tokio::time::timeout;

use super::live::HEALTHY;
use crate::session::{Answer, Connector, Greeting, Session, Times};

/// A server with a session.
pub(super) struct Chosen {
    pub(super) peer: usize,
    pub(super) session: Arc<dyn Session>,
    pub(super) greeting: Greeting,
}

/// Opens a session with the server used last when it is healthy, or else with the one of the highest level.
pub(super) async fn connect(connector: &dyn Connector, times: Times, last: usize) -> Result<Chosen, Error> {
    let mut under_way: FuturesUnordered<_> =
        (0..connector.n_peers()).map(|peer| meet(peer, times, connector.connect(peer, times))).collect();
    let mut best: Option<Chosen> = None;
    let mut problem = None;
    while let Some(outcome) = under_way.next().await {
        match outcome {
            Ok(found) => {
                let is_best = found.peer == last && found.greeting.level >= HEALTHY;
                let is_better = best.as_ref().is_none_or(|best| found.greeting.level > best.greeting.level);
                let worse = if is_better { best.replace(found) } else { Some(found) };
                if let Some(worse) = worse {
                    leave(worse);
                }
                if is_best {
                    break;
                }
            }
            Err(error) => problem = Some(error),
        }
    }
    let none = || Error::Options("link has no server".to_owned());
    best.ok_or_else(|| problem.unwrap_or_else(none))
}

/// The best server beside the one in use.
pub(super) fn best_of_others(
    connector: &dyn Connector,
    times: Times,
    current: usize,
) -> BoxFuture<'static, Option<Chosen>> {
    let mut under_way: FuturesUnordered<_> = (0..connector.n_peers())
        .filter(|peer| *peer != current)
        .map(|peer| meet(peer, times, connector.connect(peer, times)))
        .collect();
    Box::pin(async move {
        let mut best: Option<Chosen> = None;
        while let Some(outcome) = under_way.next().await {
            let Ok(found) = outcome else { continue };
            let is_better = best.as_ref().is_none_or(|best| found.greeting.level > best.greeting.level);
            let worse = if is_better { best.replace(found) } else { Some(found) };
            worse.into_iter().for_each(leave);
        }
        best
    })
}

/// Opens a session and asks the server about itself, within the time for both.
fn meet(peer: usize, times: Times, connecting: Answer<Arc<dyn Session>>) -> BoxFuture<'static, Result<Chosen, Error>> {
    Box::pin(async move {
        let meeting = async {
            let session = connecting.await?;
            let greeting = session.greet().await?;
            Ok(Chosen { peer, session, greeting })
        };
        let late = Error::Timeout { what: "CreateSession", limit: times.connect };
        timeout(times.connect, meeting).await.unwrap_or(Err(late))
    })
}

/// Says goodbye to a server that is not needed, without waiting for it.
pub(super) fn leave(chosen: Chosen) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(timeout(super::GOODBYE, chosen.session.close()));
    }
}
