//! The OPC UA face.
//!
//! - [`address_space`]: all nodes, their attributes and references.
//! - [`services`]: one file per service set.
//! - [`limits`]: every limit, published and enforced from one place.

pub mod address_space;
#[cfg(test)]
mod fixture;
pub mod limits;
pub mod services;
