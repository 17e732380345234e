//! Derived tags: values that are worked out of other tags whenever these change.
//!
//! - `formula`: expressions.
//! - `statistic`: average, minimum and maximum over time, and totals of counters.
//! - `network`: which tag depends on which, in an order in which they can be worked out; circles are found.
//! - `core`: changes in, updates and writes out; time is an argument.
//! - `totals`: the file that totals of counters outlive a restart by.
//! - `runner`: the task that ties the core to the live table.

mod core;
mod formula;
mod network;
mod runner;
mod statistic;
mod totals;

pub(crate) use formula::{Formula, FormulaError};
pub(crate) use network::order;
pub(crate) use runner::DerivedTags;
pub use statistic::Measure;
pub(crate) use totals::TotalsFile;
