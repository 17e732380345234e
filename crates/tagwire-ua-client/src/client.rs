//! One session with one server.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use opcua_client::Session;
use opcua_types::{AttributeId, NodeId, TimestampsToReturn, VariableId, Variant};
use tagwire_model::Status;
use tokio::sync::watch;

use crate::connect::{self, Opened};
use crate::{ConnectOptions, Endpoint, Error, guard, limits};

/// What becomes of the link to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The first session is being opened.
    Connecting,
    /// Requests are answered.
    Connected,
    /// The connection was lost for this reason and is made again.
    Reconnecting(Status),
    /// It is over, for this reason; a new [`Client`] is needed.
    Closed(Status),
}

/// How many operations one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batches {
    pub(crate) read: usize,
    pub(crate) write: usize,
    pub(crate) browse: usize,
    pub(crate) items: usize,
}

/// A session with a server; dropping it closes the connection, [`Client::close`] does so politely.
pub struct Client {
    pub(crate) session: Arc<Session>,
    pub(crate) batches: Batches,
    pub(crate) timeout: Duration,
    /// Longest wait for something to be published.
    pub(crate) publish_timeout: Duration,
    /// The first client handle that no subscription uses yet.
    pub(crate) next_handle: AtomicU32,
    opened: Opened,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({:?})", self.state())
    }
}

impl Client {
    /// Opens a session; takes at most twice the connect timeout, plus the making of the first key.
    ///
    /// # Errors
    /// [`Error`] by whose fault it is.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, Error> {
        let opened = connect::open(options).await?;
        let session = Arc::clone(&opened.session);
        let batches = batches(&session, options.request_timeout).await;
        Ok(Self {
            session,
            batches,
            timeout: options.request_timeout,
            publish_timeout: options.session_timeout,
            next_handle: AtomicU32::new(1),
            opened,
        })
    }

    /// The endpoint in use.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.opened.endpoint
    }

    /// Bytes received and sent over the session's connections.
    pub fn traffic(&self) -> (u64, u64) {
        self.opened.traffic.sums()
    }

    /// What becomes of the link right now.
    pub fn state(&self) -> LinkState {
        *self.opened.state.borrow()
    }

    /// Whether requests are answered, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.state() == LinkState::Connected
    }

    /// The link's state and its changes.
    pub fn states(&self) -> watch::Receiver<LinkState> {
        self.opened.state.clone()
    }

    /// The URIs of the server's namespaces, by index.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn namespace_array(&self) -> Result<Vec<String>, Error> {
        let node = NodeId::from(VariableId::Server_NamespaceArray);
        let found = self.read_attribute(&[(node, AttributeId::Value)], TimestampsToReturn::Neither).await?;
        let value = found.into_iter().next().and_then(|found| found.value);
        let Some(Variant::Array(array)) = value else {
            return Err(Error::Peer("namespace array is no array".to_owned()));
        };
        let text = |value: Variant| match value {
            Variant::String(text) => Ok(text.as_ref().to_owned()),
            _ => Err(Error::Peer("namespace array holds something else than text".to_owned())),
        };
        array.values.into_iter().map(text).collect()
    }

    /// Closes session and connection; waits for the server at most as long as for an answer.
    pub async fn close(mut self) {
        let disconnecting = guard::call("CloseSession", self.timeout, self.session.disconnect());
        if let Err(error) = disconnecting.await {
            tracing::debug!("session was not closed politely: {error}");
        }
        let _ = tokio::time::timeout(Duration::from_millis(500), &mut self.opened.driver).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.opened.driver.abort();
    }
}

/// What the server permits per request; a server that does not say gets the default.
async fn batches(session: &Session, timeout: Duration) -> Batches {
    let nodes = [
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ];
    let ids: Vec<_> = nodes.iter().map(|node| NodeId::from(*node).into()).collect();
    let found =
        guard::call("Read", timeout, session.read(&ids, TimestampsToReturn::Neither, 0.0)).await.unwrap_or_default();
    let limit = |idx: usize| {
        let published = match found.get(idx).and_then(|found| found.value.as_ref()) {
            Some(Variant::UInt32(limit)) => *limit as usize,
            _ => 0,
        };
        if published == 0 { limits::DEFAULT_OPERATIONS } else { published.min(limits::MAX_OPERATIONS) }
    };
    Batches { read: limit(0), write: limit(1), browse: limit(2), items: limit(3) }
}
