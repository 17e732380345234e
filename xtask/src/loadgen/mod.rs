//! A load generator for OPC UA servers: requests are encoded once and only their counters change, answers are looked at
//! no deeper than counting needs, so that the server and not the client is measured.

mod connection;
pub(crate) mod history;
mod notify;
mod requests;
mod throughput;
mod wire;

pub(crate) use connection::Connection;
pub(crate) use notify::{Notifications, hold_items, notifications};
pub(crate) use throughput::{browse_seconds, read_is_good, throughput};

/// What a request does to its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Read the value with both timestamps.
    Read,
    /// Write a Double.
    Write,
}

/// Where a server is and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `host:port`.
    pub(crate) address: String,
    /// The process whose time is measured.
    pub(crate) pid: u32,
    /// Number of tags.
    pub(crate) tags: usize,
}

/// The name of a tag, the string part of its NodeId in namespace 2.
pub(crate) fn tag(i: usize) -> String {
    format!("Ch1.Dev{}.Tag{i}", i / 1000)
}
