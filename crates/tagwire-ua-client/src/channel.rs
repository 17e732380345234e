//! A secure channel without a session.

use std::sync::Arc;
use std::time::Duration;

use opcua_client::transport::{Connector, SecureChannelEventLoop, TransportPollResult};
use opcua_client::{AsyncSecureChannel, SessionBuilder};
use opcua_core::sync::RwLock;
use opcua_core::{RequestMessage, ResponseMessage};
use opcua_types::{DateTime, RequestHeader};
use tempfile::TempDir;

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
    Channel::open(options, endpoint).await?.close().await;
    Ok(())
}

/// A channel that is open.
pub(crate) struct Channel {
    channel: AsyncSecureChannel,
    events: SecureChannelEventLoop<<Dial as Connector>::Transport>,
    timeout: Duration,
    _scratch: Option<TempDir>,
}

impl Channel {
    pub(crate) async fn open(options: &ConnectOptions, endpoint: &Endpoint) -> Result<Self, Error> {
        let Prepared { config, description, store, scratch, fingerprint } = connect::prepare(endpoint, options).await?;
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
        let events = opening.await.map_err(|error| dial.explain(error))?;
        Ok(Self { channel, events, timeout: options.request_timeout, _scratch: scratch })
    }

    /// A header for the next request.
    pub(crate) fn header(&self) -> RequestHeader {
        RequestHeader {
            timestamp: DateTime::now(),
            request_handle: self.channel.request_handle(),
            timeout_hint: u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX),
            ..RequestHeader::default()
        }
    }

    /// Sends a request that needs no session, and waits for its answer.
    pub(crate) async fn ask(
        &mut self,
        what: &'static str,
        request: impl Into<RequestMessage>,
    ) -> Result<ResponseMessage, Error> {
        let asking = guard::call(what, self.timeout, self.channel.send(request, self.timeout));
        tokio::pin!(asking);
        loop {
            tokio::select! {
                answer = &mut asking => return answer,
                event = self.events.poll() => {
                    if let TransportPollResult::Closed(status) = event {
                        return Err(Error::from_library(what, self.timeout, status));
                    }
                }
            }
        }
    }

    /// A polite end.
    pub(crate) async fn close(mut self) {
        let closing = async {
            self.channel.close_channel().await;
            while !matches!(self.events.poll().await, TransportPollResult::Closed(_)) {}
        };
        let _ = tokio::time::timeout(Duration::from_millis(200), closing).await;
    }
}
