//! Numbers of the specification: NodeIds in namespace 0, attributes and bit masks (OPC UA Part 6, Annex A).

pub mod attribute;
pub mod data_type;
pub mod encoding;
pub mod mask;
pub mod node;
