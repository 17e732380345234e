//! From the live table into the store: which changes become samples, and the thread that writes them.

mod collector;
mod historian;
mod rule;

pub use collector::Collector;
pub use historian::{Clock, Historian, HistorianError};
pub use rule::{Rule, Wanted, When};
