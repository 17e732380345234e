//! Calls into the library that end in time, and never in a panic of ours.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::Error;

/// Runs several steps that are guarded one by one, and whatever is between them.
pub(crate) async fn steps<T>(
    what: &'static str,
    limit: Duration,
    steps: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, AssertUnwindSafe(steps).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Error::Peer(format!("answer to {what} could not be handled"))),
        Err(_elapsed) => Err(Error::Timeout { what, limit }),
    }
}

/// Runs one call: at most `limit` long, and a panic inside it becomes an error.
pub(crate) async fn call<T>(
    what: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, opcua_types::Error>>,
) -> Result<T, Error> {
    steps(what, limit, async { call.await.map_err(|error| Error::from_library(what, limit, error.status())) }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_or_panics_becomes_an_error() {
        let limit = Duration::from_secs(5);
        let hangs = call("read", limit, std::future::pending::<Result<(), _>>()).await;
        assert!(matches!(hangs, Err(Error::Timeout { what: "read", .. })), "{hangs:?}");
        let panics = call("read", limit, async { panic!("library") }).await as Result<(), _>;
        assert!(matches!(panics, Err(Error::Peer(_))), "{panics:?}");
    }
}
