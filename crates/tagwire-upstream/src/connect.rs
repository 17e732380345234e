//! Sessions over the OPC UA client.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::BoxFuture;
use tagwire_model::{Sample, Status, Timestamp, Value};
use tagwire_ua_client::{
    Called, Client, ConnectOptions, Definition, Error, Feed, FeedItem, FeedTerms, Identity, NodeId, Notification,
    Published, SourceSample, Structured, TypeNode, Watched, parse_node_id,
};

use crate::session::{Answer, Connector, Greeting, Session, Times};
use crate::settings::LinkKeys;
use crate::structure::TypeSource;

/// Server_ServerStatus_StartTime and Server_ServiceLevel (Part 5, 6.3.1).
const START_TIME: &str = "i=2257";
const SERVICE_LEVEL: &str = "i=2267";
/// ServiceLevel of a server that tells none.
const FULL_LEVEL: u8 = 255;
/// The driver looks for signs of life itself; a refusal is one, which the library would take for a failure.
const NO_KEEP_ALIVE: Duration = Duration::from_secs(3_600);

/// How to reach the servers of a link.
#[derive(Clone, Debug)]
pub struct LinkTerms {
    pub(crate) keys: LinkKeys,
    /// Own certificate and trust lists; needed unless there is no security.
    pub(crate) identity: Option<Identity>,
    /// The session's name as servers list it.
    pub(crate) session_name: String,
}

impl LinkTerms {
    /// How to connect to one of the servers, the first being number 0; reads the password.
    ///
    /// # Errors
    /// [`Error::Options`] when there is no such server, or the password cannot be read.
    pub fn options(&self, peer: usize, times: Times) -> Result<ConnectOptions, Error> {
        let url = self.keys.urls.get(peer).cloned();
        let url = url.ok_or_else(|| Error::Options("link has no such server".to_owned()))?;
        Ok(ConnectOptions {
            security: self.keys.security,
            login: self.keys.login().map_err(Error::Options)?,
            allow_plain_password: self.keys.allow_plain_password,
            identity: self.identity.clone(),
            application_name: "tagwire".to_owned(),
            session_name: self.session_name.clone(),
            connect_timeout: times.connect,
            request_timeout: times.request,
            session_timeout: self.keys.session_timeout,
            keep_alive: NO_KEEP_ALIVE,
            ..ConnectOptions::new(url)
        })
    }
}

/// Opens sessions over TCP.
#[derive(Debug)]
pub struct UaConnector {
    terms: LinkTerms,
}

impl UaConnector {
    /// A connector for these servers.
    pub const fn new(terms: LinkTerms) -> Self {
        Self { terms }
    }
}

impl Connector for UaConnector {
    fn n_peers(&self) -> usize {
        self.terms.keys.urls.len()
    }

    fn name(&self, peer: usize) -> String {
        self.terms.keys.urls.get(peer).map(ToString::to_string).unwrap_or_default()
    }

    fn connect(&self, peer: usize, times: Times) -> Answer<Arc<dyn Session>> {
        let options = self.terms.options(peer, times);
        Box::pin(async move {
            let client = Client::connect(&options?).await?;
            Ok(Arc::new(UaSession(Arc::new(client))) as Arc<dyn Session>)
        })
    }
}

struct UaSession(Arc<Client>);

/// One request of the client as a future of its own.
macro_rules! ask {
    ($this:ident, $client:ident => $call:expr) => {{
        let $client = Arc::clone(&$this.0);
        Box::pin(async move { $call.await })
    }};
}

fn nodes(texts: &[&str]) -> Result<Vec<NodeId>, Error> {
    texts.iter().map(|text| Ok(parse_node_id(text)?)).collect()
}

fn level(sample: Option<&Sample>) -> u8 {
    match sample.map(|sample| &sample.value) {
        Some(Value::UInt8(level)) => *level,
        _ => FULL_LEVEL,
    }
}

impl TypeSource for UaSession {
    fn data_types<'a>(&'a self, variables: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<NodeId>>, Error>> {
        Box::pin(self.0.data_types(variables))
    }

    fn type_nodes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<TypeNode>, Error>> {
        Box::pin(self.0.type_nodes(types))
    }

    fn type_of_encoding<'a>(&'a self, encoding: &'a NodeId) -> BoxFuture<'a, Result<Option<NodeId>, Error>> {
        Box::pin(self.0.type_of_encoding(encoding))
    }

    fn subtypes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<NodeId>, Error>> {
        Box::pin(self.0.subtypes(types))
    }
}

impl Session for UaSession {
    fn greet(&self) -> Answer<Greeting> {
        let client = Arc::clone(&self.0);
        Box::pin(async move {
            let namespaces = client.namespace_array().await?;
            let found = client.read(&nodes(&[START_TIME, SERVICE_LEVEL])?).await?;
            let started = match found.first().map(|sample| &sample.value) {
                Some(Value::DateTime(time)) => *time,
                _ => Timestamp::NONE,
            };
            Ok(Greeting { namespaces, started, level: level(found.get(1)) })
        })
    }

    fn level(&self) -> Answer<u8> {
        let client = Arc::clone(&self.0);
        Box::pin(async move {
            let found = client.read(&nodes(&[SERVICE_LEVEL])?).await?;
            Ok(level(found.first()))
        })
    }

    fn open_feed(&self, terms: FeedTerms) -> Answer<Feed> {
        ask!(self, client => client.open_feed(terms))
    }

    fn n_items_per_request(&self) -> usize {
        self.0.n_items_per_request()
    }

    fn watch(&self, feed: u32, items: Vec<FeedItem>) -> Answer<Vec<Result<Watched, Status>>> {
        ask!(self, client => client.watch(feed, &items))
    }

    fn unwatch(&self, feed: u32, items: Vec<u32>) -> Answer<()> {
        ask!(self, client => client.unwatch(feed, &items))
    }

    fn publish(&self, acknowledged: Vec<(u32, u32)>) -> Answer<Published> {
        ask!(self, client => client.publish(&acknowledged))
    }

    fn republish(&self, feed: u32, sequence: u32) -> Answer<Notification> {
        ask!(self, client => client.republish(feed, sequence))
    }

    fn transfer(&self, feeds: Vec<u32>) -> Answer<Vec<Result<Vec<u32>, Status>>> {
        ask!(self, client => client.transfer(&feeds))
    }

    fn close_feeds(&self, feeds: Vec<u32>) -> Answer<()> {
        ask!(self, client => client.close_feeds(&feeds))
    }

    fn read(&self, nodes: Vec<NodeId>) -> Answer<Vec<SourceSample>> {
        ask!(self, client => client.read_source(&nodes))
    }

    fn read_defined(&self, nodes: Vec<NodeId>, types: Vec<NodeId>) -> Answer<(Vec<SourceSample>, Vec<Definition>)> {
        ask!(self, client => client.read_defined(&nodes, &types))
    }

    fn write(&self, values: Vec<(NodeId, Value)>) -> Answer<Vec<Status>> {
        ask!(self, client => client.write(&values))
    }

    fn write_structures(&self, values: Vec<(NodeId, Structured)>) -> Answer<Vec<Status>> {
        ask!(self, client => client.write_structures(&values))
    }

    fn call(&self, object: NodeId, method: NodeId, inputs: Vec<Value>) -> Answer<Called> {
        ask!(self, client => client.call(&object, &method, &inputs))
    }

    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let client = Arc::clone(&self.0);
            drop(self);
            // Whoever still waits for an answer learns from the closed connection.
            if let Some(client) = Arc::into_inner(client) {
                client.close().await;
            }
        })
    }

    fn traffic(&self) -> (u64, u64) {
        self.0.traffic()
    }
}
