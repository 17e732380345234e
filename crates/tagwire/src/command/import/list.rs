//! Tag lists as tables: rows of text under a header, from CSV or from a sheet.

use std::collections::HashMap;

/// A table with a header.
pub(super) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<(u64, Vec<String>)>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    columns: &'a HashMap<String, usize>,
    cells: &'a [String],
    /// Line in the file, or row of the sheet.
    pub(super) line: u64,
}

impl<'a> Cells<'a> {
    /// The text below a heading; empty when the table has no such column.
    pub(super) fn get(self, heading: &str) -> &'a str {
        self.columns.get(heading).and_then(|idx| self.cells.get(*idx)).map_or("", |cell| cell.trim())
    }
}

/// A heading without blanks and in lower case, as headings are compared.
fn plain(heading: &str) -> String {
    heading.chars().filter(|c| !c.is_whitespace() && *c != '\u{FEFF}').collect::<String>().to_lowercase()
}

impl Table {
    /// The rows of a CSV text, whose separator is the one that its first line has most of; the header is the first row
    /// with the heading `wanted`.
    pub(super) fn from_csv(text: &str, wanted: &str) -> Result<Self, String> {
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with(['#', ';'])).unwrap_or("");
        let count = |separator: &u8| first.bytes().filter(|byte| byte == separator).count();
        let separator = [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push((line, record.iter().map(str::to_owned).collect()));
        }
        Self::new(rows, wanted)
    }

    /// A table of numbered rows; rows above the header, empty ones and comments are passed over.
    pub(super) fn new(mut rows: Vec<(u64, Vec<String>)>, wanted: &str) -> Result<Self, String> {
        let has_wanted = |row: &(u64, Vec<String>)| row.1.iter().any(|cell| plain(cell) == wanted);
        let Some(at) = rows.iter().position(has_wanted) else {
            return Err(format!("no row has the heading \"{wanted}\""));
        };
        let mut columns = HashMap::new();
        for (idx, cell) in rows[at].1.iter().enumerate() {
            columns.entry(plain(cell)).or_insert(idx);
        }
        rows.drain(..=at);
        rows.retain(|(_, cells)| {
            let is_comment = cells.first().is_some_and(|cell| cell.starts_with(['#', ';']));
            !is_comment && cells.iter().any(|cell| !cell.trim().is_empty())
        });
        Ok(Self { columns, rows })
    }

    pub(super) fn has(&self, heading: &str) -> bool {
        self.columns.contains_key(heading)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Cells<'_>> {
        self.rows.iter().map(|(line, cells)| Cells { columns: &self.columns, cells, line: *line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_their_heading_whatever_separates_them() {
        for text in
            ["; note\nTag Name,Address\na,\"1,2\"\n\n", "Address;Tag Name\n1,2;a\n", "Tag Name\tAddress\na\t1,2"]
        {
            let table = Table::from_csv(text, "tagname").expect("a table");
            let rows: Vec<_> = table.rows().collect();
            assert_eq!(rows.len(), 1, "{text}");
            assert_eq!((rows[0].get("tagname"), rows[0].get("address"), rows[0].get("none")), ("a", "1,2", ""));
        }
        assert!(Table::from_csv("a,b\n1,2\n", "tagname").is_err());
    }
}
