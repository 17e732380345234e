//! Rows and cells of a CSV text (RFC 4180), with the line of each row and a bounded memory for quotes.

use std::borrow::Cow;

use crate::config::problem::Complaint;

/// The rows of a text, one at a time; empty lines and comment lines are passed over.
pub(crate) struct Rows<'a> {
    rest: &'a str,
    line: u32,
    separator: char,
    cells: Vec<Cow<'a, str>>,
}

/// Longest cell in bytes; a longer one is a quote that was never closed.
const MAX_CELL: usize = 16 * 1024;

impl<'a> Rows<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, separator: ',', cells: Vec::new() }
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// The cells of the last row.
    pub(crate) fn cells(&self) -> &[Cow<'a, str>] {
        &self.cells
    }

    /// Chooses the separator that the next line (the header) has most of.
    pub(crate) fn choose_separator(&mut self) {
        self.skip_empty_lines();
        let header = self.rest.lines().next().unwrap_or_default();
        let count = |separator: char| header.matches(separator).count();
        self.separator = [',', ';', '\t'].into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(',');
    }

    fn skip_empty_lines(&mut self) {
        loop {
            let line = self.rest.split('\n').next().unwrap_or_default();
            let content = line.trim();
            let passed_over = content.is_empty() || content.starts_with(['#', ';']);
            if !passed_over || self.rest.is_empty() {
                return;
            }
            self.rest = self.rest.get(line.len() + 1..).unwrap_or_default();
            self.line += 1;
        }
    }

    /// Reads the next row into [`Rows::cells`] and says in which line it starts.
    pub(crate) fn next_row(&mut self) -> Option<Result<u32, (u32, Complaint)>> {
        self.skip_empty_lines();
        if self.rest.is_empty() {
            return None;
        }
        self.cells.clear();
        let line = self.line;
        loop {
            let more = if self.rest.starts_with('"') {
                match self.quoted_cell() {
                    Ok(more) => more,
                    Err(complaint) => {
                        self.skip_line();
                        return Some(Err((line, complaint)));
                    }
                }
            } else {
                self.plain_cell()
            };
            if !more {
                return Some(Ok(line));
            }
        }
    }

    fn skip_line(&mut self) {
        let len = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.rest = self.rest.get(len..).unwrap_or_default();
        self.line += 1;
    }

    /// Takes one cell up to its separator; `false` at the end of the row.
    fn plain_cell(&mut self) -> bool {
        let separator = self.separator as u8;
        let end = self.rest.bytes().position(|byte| byte == separator || byte == b'\n').unwrap_or(self.rest.len());
        let (cell, rest) = self.rest.split_at(end);
        self.cells.push(Cow::Borrowed(cell.trim()));
        self.after_cell(rest)
    }

    fn quoted_cell(&mut self) -> Result<bool, Complaint> {
        let mut cell: Cow<'a, str> = Cow::Borrowed("");
        let mut rest = self.rest.get(1..).unwrap_or_default();
        let mut n_lines = 0;
        loop {
            let Some(end) = rest.find('"').filter(|end| cell.len() + end <= MAX_CELL) else {
                return Err(Complaint::new("a quote is opened and never closed", "close it, or double it inside text"));
            };
            let (part, after) = rest.split_at(end);
            n_lines += part.bytes().filter(|byte| *byte == b'\n').count() as u32;
            if cell.is_empty() {
                cell = Cow::Borrowed(part);
            } else {
                cell.to_mut().push_str(part);
            }
            rest = after.get(1..).unwrap_or_default();
            if let Some(doubled) = rest.strip_prefix('"') {
                cell.to_mut().push('"');
                rest = doubled;
            } else {
                break;
            }
        }
        let trailing = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\r')).count();
        let rest = rest.get(trailing..).unwrap_or_default();
        if !(rest.is_empty() || rest.starts_with(self.separator) || rest.starts_with('\n')) {
            let problem = format!("text follows the closing quote of \"{cell}\"");
            return Err(Complaint::new(problem, "double a quote that belongs to the text, as in \"12\"\" pipe\""));
        }
        self.line += n_lines;
        self.cells.push(cell);
        Ok(self.after_cell(rest))
    }

    /// Steps over what ends a cell.
    fn after_cell(&mut self, rest: &'a str) -> bool {
        let more = rest.starts_with(self.separator);
        if !more {
            self.line += 1;
        }
        self.rest = rest.get(1..).unwrap_or_default();
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u32, Vec<String>)> {
        let mut rows = Rows::new(text);
        rows.choose_separator();
        let mut out = Vec::new();
        while let Some(row) = rows.next_row() {
            let cells = |rows: &Rows<'_>| rows.cells().iter().map(|cell| cell.to_string()).collect();
            match row {
                Ok(line) => out.push((line, cells(&rows))),
                Err((line, complaint)) => out.push((line, vec![complaint.problem])),
            }
        }
        out
    }

    #[test]
    fn quotes_commas_and_line_ends_are_told_apart() {
        let text = "a,b\r\n\"x,1\",\"say \"\"hi\"\"\"\r\n\n; note\n\"two\nlines\",z\nlast,";
        let cells = |list: &[&str]| list.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            rows(text),
            [
                (1, cells(&["a", "b"])),
                (2, cells(&["x,1", "say \"hi\""])),
                (5, cells(&["two\nlines", "z"])),
                (7, cells(&["last", ""])),
            ]
        );
    }

    #[test]
    fn semicolons_and_tabs_separate_where_the_header_uses_them() {
        assert_eq!(rows("a;b\n1;2\n")[1].1, ["1", "2"]);
        assert_eq!(rows("a\tb\n1,5\t2\n")[1].1, ["1,5", "2"]);
    }

    #[test]
    fn a_broken_quote_costs_its_own_line_only() {
        let found = rows("a,b\n\"x\"y,1\nok,2\n\"open,3\nok,4\n");
        assert_eq!(found[1].1, ["text follows the closing quote of \"x\""]);
        assert_eq!(found[2].1, ["ok", "2"]);
        assert_eq!(found[3].1, ["a quote is opened and never closed"]);
        assert_eq!(found[4].1, ["ok", "4"]);
    }
}
