//! The services, one file per set.

pub mod view;
