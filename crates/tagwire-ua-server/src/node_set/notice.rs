//! What is wrong with a file, or doubtful about it.

/// One mistake or doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Number of the file, in the order in which they were added.
    pub file: usize,
    /// The line, from 1; 0 when the whole file is concerned.
    pub line: u32,
    /// The node concerned, as the file writes it; empty when it is none.
    pub node: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

/// Mistakes, with which no model is made, and doubts, with which it is.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Mistakes.
    pub errors: Vec<Notice>,
    /// Doubts.
    pub warnings: Vec<Notice>,
    n_left_out: usize,
}

/// Notices kept of each kind; further ones are only counted.
const MAX_KEPT: usize = 200;

impl Notices {
    /// The number of mistakes and doubts that were not kept.
    pub const fn n_left_out(&self) -> usize {
        self.n_left_out
    }

    pub(crate) fn error(&mut self, notice: Notice) {
        Self::push(&mut self.errors, &mut self.n_left_out, notice);
    }

    pub(crate) fn warn(&mut self, notice: Notice) {
        Self::push(&mut self.warnings, &mut self.n_left_out, notice);
    }

    fn push(list: &mut Vec<Notice>, n_left_out: &mut usize, notice: Notice) {
        if list.len() < MAX_KEPT {
            list.push(notice);
        } else {
            *n_left_out += 1;
        }
    }
}
