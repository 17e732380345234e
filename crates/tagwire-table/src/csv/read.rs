//! Reading, with the number of every line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::TableError;
use crate::field::Field;
use crate::import::{Row, Table};

/// Longest record in bytes.
const MAX_RECORD: usize = 1 << 20;

/// A file with a head line; comma, semicolon or tab separate its fields, whichever the head line has most of.
pub(crate) struct CsvTable<R> {
    path: PathBuf,
    input: BufReader<R>,
    separator: u8,
    header: Vec<String>,
    /// Lines read so far.
    line: u64,
    bytes: u64,
    record: Vec<u8>,
}

impl CsvTable<File> {
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        Self::new(path, File::open(path).map_err(TableError::io(path))?)
    }
}

impl<R: Read> CsvTable<R> {
    fn new(path: &Path, input: R) -> Result<Self, TableError> {
        let input = BufReader::with_capacity(1 << 18, input);
        let mut table = Self {
            path: path.to_owned(),
            input,
            separator: 0,
            header: Vec::new(),
            line: 0,
            bytes: 0,
            record: Vec::new(),
        };
        let head = loop {
            match table.read_record()? {
                Some((_, Ok(()))) if table.record.trim_ascii().is_empty() => {}
                Some((_, Ok(()))) => break String::from_utf8_lossy(&table.record).into_owned(),
                Some((_, Err(problem))) => return Err(TableError::Header(problem.to_owned())),
                None => return Err(TableError::Header("the file is empty".to_owned())),
            }
        };
        let head = head.trim_start_matches('\u{feff}').to_owned();
        let count = |separator: u8| head.bytes().filter(|byte| *byte == separator).count();
        table.separator = [b',', b';', b'\t'].into_iter().rev().max_by_key(|found| count(*found)).unwrap_or(b',');
        let fields = fields(&head, table.separator).map_err(|problem| TableError::Header(problem.to_owned()))?;
        table.header = fields.into_iter().map(|field| field.text().trim().to_owned()).collect();
        Ok(table)
    }

    /// The bytes of the next record and the number of its first line; a record that is too long is told after all of
    /// its lines were passed over.
    #[expect(clippy::type_complexity, reason = "a number and an outcome")]
    fn read_record(&mut self) -> Result<Option<(u64, Result<(), &'static str>)>, TableError> {
        self.record.clear();
        let first = self.line + 1;
        let (mut quotes, mut is_long) = (Quotes::default(), false);
        loop {
            let buffer = self.input.fill_buf().map_err(TableError::io(&self.path))?;
            if buffer.is_empty() {
                if self.line < first && self.record.is_empty() && !is_long {
                    return Ok(None);
                }
                break;
            }
            let end = buffer.iter().position(|byte| *byte == b'\n').map_or(buffer.len(), |at| at + 1);
            let (piece, is_end) = (&buffer[..end], buffer[end - 1] == b'\n');
            quotes.pass(piece, self.separator);
            if self.record.len() + piece.len() > MAX_RECORD {
                is_long = true;
            } else {
                self.record.extend_from_slice(piece);
            }
            self.bytes += end as u64;
            self.input.consume(end);
            if is_end {
                self.line += 1;
                if !quotes.is_open || is_long {
                    break;
                }
            } else if is_long {
                self.record.clear();
            }
        }
        if self.line < first {
            // The last line has no end.
            self.line = first;
        }
        while matches!(self.record.last(), Some(b'\n' | b'\r')) {
            self.record.pop();
        }
        let outcome = match (is_long, quotes.is_open) {
            (true, _) => Err("the line is longer than 1 MiB, or a quote is never closed"),
            (_, true) => Err("a quote is never closed"),
            _ => Ok(()),
        };
        Ok(Some((first, outcome)))
    }
}

impl<R: Read> Table for CsvTable<R> {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn has_decimal_commas(&self) -> bool {
        self.separator != b','
    }

    fn bytes_read(&self) -> u64 {
        self.bytes
    }

    fn next(&mut self, row: &mut Row) -> Result<bool, TableError> {
        loop {
            let Some((line, outcome)) = self.read_record()? else { return Ok(false) };
            row.number = line;
            row.problem = outcome.err();
            row.fields.clear();
            if row.problem.is_some() {
                return Ok(true);
            }
            if self.record.trim_ascii().is_empty() {
                continue;
            }
            match std::str::from_utf8(&self.record).map_err(|_| "the line is no UTF-8") {
                Ok(text) => match fields(text, self.separator) {
                    Ok(fields) => row.fields = fields,
                    Err(problem) => row.problem = Some(problem),
                },
                Err(problem) => row.problem = Some(problem),
            }
            return Ok(true);
        }
    }
}

/// Follows where a field is in quotes, in which lines may end.
#[derive(Debug, Default)]
struct Quotes {
    is_open: bool,
    /// The last byte was a quote that closed a field, which a further one opens again.
    has_closed: bool,
    /// Something of a field without quotes was passed.
    is_within: bool,
}

impl Quotes {
    fn pass(&mut self, piece: &[u8], separator: u8) {
        for byte in piece {
            match byte {
                b'"' if self.is_open => (self.is_open, self.has_closed) = (false, true),
                b'"' if self.has_closed || !self.is_within || separator == 0 => {
                    (self.is_open, self.is_within) = (true, true)
                }
                _ if self.is_open => {}
                byte => {
                    self.has_closed = false;
                    self.is_within = *byte != separator && *byte != b'\n';
                }
            }
        }
    }
}

/// The fields of a record.
fn fields(record: &str, separator: u8) -> Result<Vec<Field>, &'static str> {
    let separator = char::from(separator);
    let mut all = Vec::new();
    let mut rest = record;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut tail = quoted;
            loop {
                let (part, after) = tail.split_once('"').ok_or("a quote is never closed")?;
                text.push_str(part);
                match after.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        tail = more;
                    }
                    None => {
                        tail = after;
                        break;
                    }
                }
            }
            all.push(Field::Text(text));
            match tail.strip_prefix(separator) {
                Some(next) => rest = next,
                None if tail.trim().is_empty() => return Ok(all),
                None => return Err("text follows a closing quote"),
            }
        } else {
            let (text, next) = match rest.split_once(separator) {
                Some((text, next)) => (text, Some(next)),
                None => (rest, None),
            };
            all.push(if text.trim().is_empty() { Field::Empty } else { Field::Text(text.to_owned()) });
            match next {
                Some(next) => rest = next,
                None => return Ok(all),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (u64, Result<Vec<Field>, &'static str>);

    fn rows(text: &str) -> (Vec<String>, Vec<Found>) {
        let mut table = CsvTable::new(Path::new("x.csv"), text.as_bytes()).expect("has a head");
        let (mut row, mut all) = (Row::default(), Vec::new());
        while table.next(&mut row).expect("reads") {
            all.push((row.number, row.problem.map_or_else(|| Ok(row.fields.clone()), Err)));
        }
        (table.header, all)
    }

    fn text(text: &str) -> Field {
        Field::Text(text.to_owned())
    }

    #[test]
    fn quotes_line_ends_and_empty_fields_are_told_apart() {
        let (header, found) = rows("\u{feff}a,\"b, c\"\r\n1,\r\n\"\",\"x\n\"\"y\"\"\"\n\nlast,2");
        assert_eq!(header, ["a", "b, c"]);
        let expected = [
            (2, Ok(vec![text("1"), Field::Empty])),
            (3, Ok(vec![text(""), text("x\n\"y\"")])),
            (6, Ok(vec![text("last"), text("2")])),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_separator_is_the_one_that_the_head_line_has_most_of() {
        for head in ["time;tag;value", "time\ttag\tvalue", "time,tag,value"] {
            assert_eq!(rows(head).0, ["time", "tag", "value"], "{head}");
        }
    }

    #[test]
    fn a_broken_line_is_told_by_its_number_and_the_next_one_is_read() {
        let (_, found) = rows("a,b\n\"x\"y,1\n3,4\n");
        assert_eq!(found, [(2, Err("text follows a closing quote")), (3, Ok(vec![text("3"), text("4")]))]);
        assert_eq!(rows("a,b\n5\" pipe,1\n3,4\n").1.len(), 2, "a quote within a field is a character");
        let (_, found) = rows("a,b\n1,\"never closed\n3,4\n");
        assert_eq!(found, [(2, Err("a quote is never closed"))]);
        let long = format!("a,b\n{},1\n3,4\n", "x".repeat(3 * MAX_RECORD));
        let (_, found) = rows(&long);
        assert_eq!(found[0].0, 2);
        assert!(found[0].1.is_err());
        assert_eq!(found[1], (3, Ok(vec![text("3"), text("4")])));
    }
}
