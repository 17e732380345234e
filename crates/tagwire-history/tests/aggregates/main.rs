//! The aggregate engine against the published examples of Part 13, and against itself.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

mod cases;
mod official;
mod same;
