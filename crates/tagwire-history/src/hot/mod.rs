//! Samples that are not sealed yet: a page for each scan group, compressed as they come.

mod bits;
mod column;
mod page;
mod times;

pub(crate) use column::{Column, NO_VALUE, Run};
pub(crate) use page::{DENSE_ROWS, MAX_ROWS, NO_SERVER, Page, Row, TICKS_PER_DAY, TICKS_PER_HOUR};
