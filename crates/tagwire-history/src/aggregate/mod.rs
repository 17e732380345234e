//! The 37 standard aggregates of OPC UA Part 13, computed in one pass over samples in time order.
//!
//! - [`Aggregate`]: which aggregates there are, their nodes, the data types they take and give.
//! - [`Settings`], [`Configuration`]: how to compute one of them, and which settings are refused.
//! - [`Intervals`]: the processing intervals of a time span, forwards or backwards.
//! - [`Engine`]: takes samples and [`Summary`] blocks, gives one [`Processed`] value per interval.
//!
//! - [`processed`], [`Feed`]: the history of a tag on its way through an engine.
//!
//! There is no clock here: history reads and live subscriptions drive the same engine.
//! Where the text of the standard and its published examples differ, `docs/history-aggregates.md` says what is followed.

mod bound;
mod column;
mod engine;
mod feed;
mod function;
mod intervals;
mod lines;
mod percent;
mod point;
mod processed;
mod raw;
mod regions;
mod settings;
mod summary;

pub use engine::Engine;
pub use feed::{Feed, ProcessedError, processed};
pub use function::{Aggregate, Lead, ResultType};
pub use intervals::{Intervals, IntervalsError};
pub use processed::{Outcome, Processed};
pub use settings::{Configuration, Settings, SettingsError};
pub use summary::{Extreme, Summary};
