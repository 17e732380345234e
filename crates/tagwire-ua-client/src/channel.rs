//! A secure channel without a session.

use std::sync::Arc;

use opcua_client::SessionBuilder;
use opcua_client::transport::TransportPollResult;
use opcua_core::sync::RwLock;

use crate::connect::{self, Prepared, is_distrust};
use crate::dial::Dial;
use crate::endpoint::quietly;
use crate::error::StatusName;
use crate::{ConnectOptions, Endpoint, Error, guard, loader};

const WHAT: &str = "OpenSecureChannel";

/// Opens a channel through `endpoint` and closes it again: it succeeds when both sides trust each other's certificate,
/// whoever may log in.
///
/// # Errors
/// [`Error::Untrusted`] when the server's certificate is refused here, [`Error::Distrusted`] when ours is refused there,
/// and others by whose fault it is.
pub async fn try_channel(options: &ConnectOptions, endpoint: &Endpoint) -> Result<(), Error> {
    let Prepared { config, description, store, scratch: _scratch, fingerprint } =
        connect::prepare(endpoint, options).await?;
    let dial = Dial::new(options.url.clone(), options.connect_timeout);
    let limit = options.connect_timeout;
    let channel = quietly(|| {
        SessionBuilder::new(&config)
            .connect_to_endpoint_directly(description)
            .and_then(|builder| builder.build_channel(Arc::new(RwLock::new(store))))
    })
    .map_err(|error| Error::Options(error.to_string()))?;
    let decoding = channel.encoding_context().read().options().clone();
    *channel.encoding_context().write() = loader::context(decoding);
    let opening = guard::steps(WHAT, limit, async {
        channel.connect_no_retry(&dial).await.map_err(|error| match (error.status(), &fingerprint) {
            (status, Some(fingerprint)) if is_distrust(status) => {
                Error::Distrusted { status: StatusName::of(status), fingerprint: fingerprint.clone() }
            }
            (status, _) => Error::from_library(WHAT, limit, status),
        })
    });
    let mut events = opening.await.map_err(|error| dial.explain(error))?;
    let closing = async {
        channel.close_channel().await;
        while !matches!(events.poll().await, TransportPollResult::Closed(_)) {}
    };
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), closing).await;
    Ok(())
}
