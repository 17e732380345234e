//! OPC UA client sessions over async-opcua-client: trust store, batching to the peer's limits, reconnect without loss.
//!
//! - [`Client`], [`ConnectOptions`], [`Security`]: one session with one server.
//! - [`discover`], [`look`], [`Endpoint`]: what a server offers.
//! - [`greet`], [`try_channel`]: the steps to a session one by one, to find the one that fails.
//! - [`register`]: telling a discovery server about a server.
//! - [`NodeId`], [`parse_node_id`], [`Url`]: what a person types.
//! - [`Client::read`], [`Client::write`], [`Client::write_text`]: values in and out as [`tagwire_model::Value`].
//! - [`Client::browse`], [`Browsed`]: the address space, page by page.
//! - [`Client::history_raw`], [`Client::history_processed`], [`Aggregate`]: what was.
//! - [`Client::call`], [`Client::parameters`]: methods.
//! - [`Client::held_types`]: which type a node takes.
//! - [`Client::type_nodes`], [`SourceSample`], [`Client::write_structures`]: structures and what they consist of.
//! - [`Client::units`]: engineering units.
//! - [`Client::subscribe`], [`Subscription`]: changes through a bounded queue.
//! - [`Client::open_feed`], [`Client::watch`], [`Client::publish`]: subscriptions whose publishing the caller drives.
//! - [`Client::events`], [`Event`]: events through a bounded queue.
//! - [`Identity`]: own certificate and trust lists, shared with the server or of the client's own.
//! - [`Error`]: what went wrong, and whose fault it was.
//!
//! The server is not trusted: lengths, frames and nesting are bounded before the library decodes them, every wait has
//! an end, and a panic inside the library ends one call or one session.

mod attribute;
mod browse;
mod call;
mod channel;
mod client;
mod connect;
mod data_type;
mod dial;
mod endpoint;
mod error;
mod event;
mod feed;
mod frame;
mod guard;
mod held;
mod hello;
mod history;
mod identity;
mod limits;
mod loader;
mod node_id;
mod options;
mod register;
mod shape;
mod structure;
mod subscription;
mod unit;
mod url;
mod value;

pub use browse::{BrowseLimits, Browsed, NodeClass};
pub use call::{Called, Parameter};
pub use channel::try_channel;
pub use client::{Client, LinkState};
pub use data_type::{Definition, TypeNode};
pub use endpoint::{Endpoint, Offer, discover, look};
pub use error::{Error, StatusName};
pub use event::Event;
pub use feed::{Feed, FeedItem, FeedTerms, Notification, Published, Watched};
pub use held::Held;
pub use hello::{Greeting, greet};
pub use history::{Aggregate, HistorySpan, NodeHistory};
pub use identity::{Identity, now};
pub use node_id::{NodeIdError, parse_node_id, print_node_id};
pub use opcua_types::{Guid, Identifier, NodeId};
pub use options::{ConnectOptions, Login, Mode, Policy, Security};
pub use register::{Registration, register};
pub use structure::{SourceSample, Structure, Structured};
pub use subscription::{Change, Subscription};
pub use url::{Url, UrlError};
