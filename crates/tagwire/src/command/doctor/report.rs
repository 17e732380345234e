//! One line per check.

use std::io::{self, Write as _};

use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::terminal::{Style, shown};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Good,
    /// It works, but not for everybody, or not for ever.
    Warning,
    Problem,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// What was checked, in one or two words.
    pub(super) check: &'static str,
    pub(super) state: State,
    /// One sentence.
    pub(super) text: String,
    /// What to do about it; empty when good.
    pub(super) fix: String,
    /// What was found in full, one per line.
    pub(super) details: Vec<String>,
}

impl Finding {
    pub(super) fn good(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, state: State::Good, text: text.into(), fix: String::new(), details: Vec::new() }
    }

    pub(super) fn warning(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warning, fix: fix.into(), ..Self::good(check, text) }
    }

    pub(super) fn problem(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Problem, fix: fix.into(), ..Self::good(check, text) }
    }

    pub(super) fn with(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    fn line(&self, style: Style) -> String {
        let colour = match self.state {
            State::Good => style.green(),
            State::Warning => style.yellow(),
            State::Problem => style.red(),
        };
        let (word, reset) = (self.state.word(), style.reset());
        let mut line = format!("{colour}{word:7}{reset}  {}: {}", self.check, shown(&self.text));
        if !self.fix.is_empty() {
            line.push_str("; ");
            line.push_str(&shown(&self.fix));
        }
        for detail in &self.details {
            line.push_str("\n           ");
            line.push_str(&shown(detail));
        }
        line
    }

    fn json(&self) -> Value {
        json!({
            "check": self.check,
            "state": self.state.word(),
            "text": self.text,
            "fix": self.fix,
            "details": self.details,
        })
    }
}

/// The findings so far; each is shown at once, since the next may take a while.
#[derive(Debug)]
pub(super) struct Report {
    as_json: bool,
    style: Style,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(as_json: bool) -> Self {
        Self { as_json, style: Style::of_stdout(), findings: Vec::new() }
    }

    pub(super) fn add(&mut self, finding: Finding) -> io::Result<()> {
        if !self.as_json {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", finding.line(self.style))?;
            out.flush()?;
        }
        self.findings.push(finding);
        Ok(())
    }

    /// Sums up; fails when there is a problem.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let count = |state| self.findings.iter().filter(|finding| finding.state == state).count();
        let (good, warnings, problems) = (count(State::Good), count(State::Warning), count(State::Problem));
        let mut out = io::stdout().lock();
        if self.as_json {
            let checks: Vec<Value> = self.findings.iter().map(Finding::json).collect();
            let answer = json!({
                "ok": problems == 0,
                "n_good": good,
                "n_warnings": warnings,
                "n_problems": problems,
                "checks": checks,
            });
            writeln!(out, "{answer}")?;
        } else {
            let many = |n: usize| if n == 1 { "" } else { "s" };
            writeln!(out, "{good} good, {warnings} warning{}, {problems} problem{}", many(warnings), many(problems))?;
        }
        if problems == 0 { Ok(()) } else { Err(Failure::silent(Exit::Failed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_that_steers_no_terminal() {
        let style = Style { is_terminal: false };
        let line = Finding::good("clock", "it is 2026").line(style);
        assert_eq!(line, "good     clock: it is 2026");
        let line = Finding::problem("port", "\x1b[2Jtaken", "end the other").with(vec!["a\nb".to_owned()]).line(style);
        assert_eq!(line, "problem  port: \\x1b[2Jtaken; end the other\n           a\\nb");
    }
}
