//! Other OPC servers (UA, later DA) as sources: the first driver that is pushed to instead of polling.
//!
//! - [`OpcUaKind`]: what the gateway registers; [`UpstreamDriver`] runs over any [`Connector`].
//! - [`Address`]: a node by the URI of its namespace, wherever the server puts that namespace today.
//! - [`Connector`], [`Session`]: what the driver needs of a server; [`UaConnector`] gives it over `tagwire-ua-client`.
//! - [`TypeSource`]: what data types consist of, so that a member of a structure can be a tag.
//! - [`SourceHistory`]: history that the other server keeps.
//! - [`tree`]: what another server has, as tags.
//!
//! A server is followed through subscriptions, one per device.
//! After a lost connection they are taken over, or made anew; where changes may have been missed in between, the next
//! sample carries the overflow bit, as a server marks its own full queue.

mod address;
mod connect;
mod driver;
mod history;
mod kind;
mod session;
mod settings;
mod structure;
mod tree;

pub use address::Address;
pub use connect::{LinkTerms, UaConnector};
pub use driver::UpstreamDriver;
pub use history::SourceHistory;
pub use kind::OpcUaKind;
pub use session::{Answer, Connector, Greeting, Session, Times};
pub use structure::{TypeSource, fuzz as fuzz_structure};
pub use tree::{Found, LeftOut, Tree, tree};
