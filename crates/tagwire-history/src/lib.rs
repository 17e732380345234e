//! The historian.
//!
//! - [`aggregate`]: the 37 standard aggregates of OPC UA Part 13, over samples in time order.

pub mod aggregate;
