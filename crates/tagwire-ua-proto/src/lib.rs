//! The OPC UA wire: from bytes to structures and back, chunks, and the secure channel. Nothing here performs I/O or
//! reads a clock.
//!
//! - [`codec`]: reading and writing the binary encoding, with bounds on depth and memory.
//! - [`types`]: the built-in types.
//! - [`services`]: requests, responses and the structures within them.
//! - [`hot`]: views and writers for the services that must be fast.
//! - [`ids`], [`status`]: numbers of the specification.

pub mod codec;
pub mod hot;
pub mod ids;
pub mod services;
pub mod status;
pub mod types;
