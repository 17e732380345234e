//! What the driver needs of another server: the seam between its logic and the wire.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::BoxFuture;
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::{
    Called, Definition, Error, Feed, FeedItem, FeedTerms, NodeId, Notification, Published, SourceSample, Structured,
    Watched,
};

use crate::structure::TypeSource;

/// What comes of one request.
pub type Answer<T> = BoxFuture<'static, Result<T, Error>>;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From dialling to a session.
    pub connect: Duration,
    /// One request.
    pub request: Duration,
}

/// What a server says of itself at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// The URIs of its namespaces, by index.
    pub namespaces: Vec<String>,
    /// When it was started; another time means that it forgot its subscriptions.
    pub started: Timestamp,
    /// ServiceLevel, 0 to 255 (Part 4, 6.6.2.4.2).
    pub level: u8,
}

/// Opens sessions with a server or with either of a redundant pair.
pub trait Connector: Send + Sync {
    /// How many servers there are to choose from, at least one.
    fn n_peers(&self) -> usize;

    /// What people call one of them.
    fn name(&self, peer: usize) -> String;

    /// Opens a session with one of them; the future may be dropped at any time.
    fn connect(&self, peer: usize, times: Times) -> Answer<Arc<dyn Session>>;
}

/// A session with one server; requests may be under way together.
pub trait Session: TypeSource {
    /// What the server says of itself.
    fn greet(&self) -> Answer<Greeting>;

    /// The ServiceLevel now, as a sign of life.
    fn level(&self) -> Answer<u8>;

    /// Makes a subscription.
    fn open_feed(&self, terms: FeedTerms) -> Answer<Feed>;

    /// Items that one request of [`Session::watch`] should hold.
    fn n_items_per_request(&self) -> usize;

    /// Watches values.
    fn watch(&self, feed: u32, items: Vec<FeedItem>) -> Answer<Vec<Result<Watched, Status>>>;

    /// Watches values no longer.
    fn unwatch(&self, feed: u32, items: Vec<u32>) -> Answer<()>;

    /// Acknowledges messages and waits for the next one.
    fn publish(&self, acknowledged: Vec<(u32, u32)>) -> Answer<Published>;

    /// Asks for a message once more.
    fn republish(&self, feed: u32, sequence: u32) -> Answer<Notification>;

    /// Takes over subscriptions of an earlier session.
    fn transfer(&self, feeds: Vec<u32>) -> Answer<Vec<Result<Vec<u32>, Status>>>;

    /// Ends subscriptions.
    fn close_feeds(&self, feeds: Vec<u32>) -> Answer<()>;

    /// Reads values from their source.
    fn read(&self, nodes: Vec<NodeId>) -> Answer<Vec<SourceSample>>;

    /// Reads values from their source and after them, in one request where possible, the definitions of data types.
    fn read_defined(&self, nodes: Vec<NodeId>, types: Vec<NodeId>) -> Answer<(Vec<SourceSample>, Vec<Definition>)>;

    /// Writes values.
    fn write(&self, values: Vec<(NodeId, Value)>) -> Answer<Vec<Status>>;

    /// Writes structures.
    fn write_structures(&self, values: Vec<(NodeId, Structured)>) -> Answer<Vec<Status>>;

    /// Calls a method of an object.
    fn call(&self, object: NodeId, method: NodeId, inputs: Vec<Value>) -> Answer<Called>;

    /// Ends the session politely.
    fn close(self: Arc<Self>) -> BoxFuture<'static, ()>;

    /// Bytes received and sent.
    fn traffic(&self) -> (u64, u64);
}
