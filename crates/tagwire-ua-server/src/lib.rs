//! The OPC UA face.
mod address_space;
