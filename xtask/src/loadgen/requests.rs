//! The bodies of the requests that are sent many times.

use super::connection::Connection;
use super::wire::Writer;
use super::{Operation, tag};

const VALUE: u32 = 13;
const BOTH_TIMESTAMPS: u32 = 2;

/// A Read or Write of these tags.
pub(super) fn access(connection: &Connection, operation: Operation, tags: &[usize], value: f64) -> Vec<u8> {
    let mut body = match operation {
        Operation::Read => {
            let mut body = connection.request_body(631);
            body.f64(0.0).u32(BOTH_TIMESTAMPS);
            body
        }
        Operation::Write => connection.request_body(673),
    };
    body.length(tags.len());
    for &i in tags {
        body.node(&tag(i)).u32(VALUE).null();
        match operation {
            Operation::Read => body.u16(0).null(),
            Operation::Write => body.u8(1).u8(11).f64(value + i as f64),
        };
    }
    body.0
}

/// A Browse of the children of one node.
pub(super) fn browse(connection: &Connection, node: &str) -> Vec<u8> {
    let mut body = connection.request_body(527);
    body.u8(0).u8(0).i64(0).u32(0).u32(0).length(1);
    body.node(node).u32(0).number(33).u8(1).u32(0).u32(63);
    body.0
}

/// A BrowseNext with one continuation point.
pub(super) fn browse_next(connection: &Connection, point: &[u8]) -> Vec<u8> {
    let mut body = connection.request_body(533);
    body.u8(0).length(1).length(point.len()).bytes(point);
    body.0
}

/// A CreateSubscription with this publishing interval.
pub(super) fn create_subscription(connection: &Connection, interval_ms: f64) -> Vec<u8> {
    let mut body = connection.request_body(787);
    body.f64(interval_ms).u32(30_000).u32(10_000).u32(0).u8(1).u8(0);
    body.0
}

/// A CreateMonitoredItems of these tags, sampled at this interval, with a queue of 10.
pub(super) fn create_items(connection: &Connection, subscription: u32, tags: &[usize], sampling_ms: f64) -> Vec<u8> {
    let mut body = connection.request_body(751);
    body.u32(subscription).u32(BOTH_TIMESTAMPS).length(tags.len());
    for &i in tags {
        body.node(&tag(i)).u32(VALUE).null().u16(0).null();
        body.u32(2).u32(i as u32).f64(sampling_ms).u8(0).u8(0).u8(0).u32(10).u8(1);
    }
    body.0
}

/// A CloseSession that ends its subscriptions.
pub(super) fn close_session(connection: &Connection) -> Vec<u8> {
    let mut body = connection.request_body(473);
    body.u8(1);
    body.0
}

/// A Publish that acknowledges up to one message.
pub(super) fn publish(connection: &Connection, acknowledge: Option<(u32, u32)>) -> Vec<u8> {
    let mut body: Writer = connection.request_body(826);
    match acknowledge {
        Some((subscription, number)) => body.length(1).u32(subscription).u32(number),
        None => body.length(0),
    };
    body.0
}
