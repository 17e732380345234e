//! What is wrong with a configuration: where, what it concerns, and what to write instead.

use std::fmt;
use std::sync::Arc;

/// One mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1; 0 when the whole file is concerned.
    pub line: u32,
    /// What is concerned, for example `tag line1.press.temperature` or `[ua]`; empty when the line says it all.
    pub subject: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

/// `file:line: subject: problem`, and the fix indented on a line of its own.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.subject.is_empty() {
            write!(f, ": {}", self.subject)?;
        }
        write!(f, ": {}\n    fix: {}", self.problem, self.fix)
    }
}

/// Every mistake found in one pass over a configuration.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    n_left_out: usize,
}

impl Problems {
    /// Mistakes kept; further ones are only counted, so that a broken list of 100,000 tags stays readable.
    pub const MAX_KEPT: usize = 1000;

    /// Adds one mistake.
    pub fn push(&mut self, problem: Problem) {
        if self.list.len() < Self::MAX_KEPT {
            self.list.push(problem);
        } else {
            self.n_left_out += 1;
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of mistakes, including those not kept.
    pub fn len(&self) -> usize {
        self.list.len() + self.n_left_out
    }

    /// The mistakes kept, main file first, then by file and line.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Forgets what was added after the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len <= self.list.len() {
            self.list.truncate(len);
            self.n_left_out = 0;
        }
    }

    /// Appends text to the mistakes added after the first `len`.
    pub(crate) fn add_to_last(&mut self, len: usize, text: &str) {
        for problem in self.list.iter_mut().skip(len) {
            problem.problem.push_str(text);
        }
    }

    pub(crate) fn sort(&mut self, main_file: &str) {
        self.list.sort_by(|a, b| {
            let key = |problem: &Problem| (&*problem.file != main_file, problem.file.clone(), problem.line);
            key(a).cmp(&key(b))
        });
    }
}

/// Every mistake on its own lines, and the count at the end.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            writeln!(f, "{problem}")?;
        }
        if self.n_left_out > 0 {
            writeln!(f, "and {} more", self.n_left_out)?;
        }
        match self.len() {
            1 => f.write_str("1 error"),
            n => write!(f, "{n} errors"),
        }
    }
}

impl std::error::Error for Problems {}

/// What is wrong with one value and how to mend it; the reader adds the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) problem: String,
    pub(crate) fix: String,
}

impl Complaint {
    pub(crate) fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into() }
    }
}

/// A file being read, with the means to turn a byte offset into a line.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(name: Arc<str>, text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset + 1);
        Self { name, line_starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset) as u32
    }
}

/// Where mistakes of one file go.
pub(crate) struct Reporter<'a> {
    pub(crate) file: &'a Arc<str>,
    pub(crate) problems: &'a mut Problems,
}

impl Reporter<'_> {
    pub(crate) fn complain(&mut self, line: u32, subject: &str, complaint: Complaint) {
        self.problems.push(Problem {
            file: self.file.clone(),
            line,
            subject: subject.to_owned(),
            problem: complaint.problem,
            fix: complaint.fix,
        });
    }
}
