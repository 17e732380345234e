//! The OPC UA wire: from bytes to structures and back, chunks, and the secure channel. Nothing here performs I/O or
//! reads a clock.
//!
//! - [`codec`]: reading and writing the binary encoding, with bounds on depth and memory.
//! - [`types`]: the built-in types.
//! - [`services`]: requests, responses and the structures within them.
//! - [`hot`]: views and writers for the services that must be fast.
//! - [`transport`]: frames, limits, messages from chunks.
//! - [`secure`]: policies, certificates on the wire, the channel of server and client, signatures of sessions.
//! - [`ids`], [`status`]: numbers of the specification.

pub mod codec;
pub mod hot;
pub mod ids;
pub mod secure;
pub mod services;
pub mod status;
pub mod transport;
pub mod types;
