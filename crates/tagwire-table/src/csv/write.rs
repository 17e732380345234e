//! Writing.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tagwire_history::{Series, Values, View};
use tagwire_model::{Status, Timestamp};

use crate::cell::{each_cell, put_text};
use crate::export::Sink;
use crate::{COLUMNS, StatusNames, TableError};

/// Writes samples as lines.
pub(crate) struct CsvSink {
    path: PathBuf,
    file: BufWriter<File>,
    end: u64,
    names: StatusNames,
    /// The name of the status met last.
    status: (u32, String),
    scratch: String,
    line: String,
}

impl CsvSink {
    /// Goes on at `end`, 0 for a new file.
    pub(crate) fn new(path: &Path, mut file: File, end: u64, names: StatusNames) -> Result<Self, TableError> {
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(TableError::io(path))?;
        let mut sink = Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 18, file),
            end,
            names,
            status: (0, names(Status::GOOD)),
            scratch: String::new(),
            line: String::new(),
        };
        if end == 0 {
            sink.line = COLUMNS.join(",") + "\n";
            sink.write()?;
        }
        Ok(sink)
    }

    fn write(&mut self) -> Result<(), TableError> {
        self.file.write_all(self.line.as_bytes()).map_err(TableError::io(&self.path))?;
        self.end += self.line.len() as u64;
        self.line.clear();
        Ok(())
    }
}

impl Sink for CsvSink {
    fn put(&mut self, series: &Series, view: &View<'_>) -> Result<u64, TableError> {
        let mut head = String::new();
        quote(&mut head, &series.path);
        let value_type = series.value_type.to_string();
        let (values, range) = view.values();
        // Singles and large integers have other digits as doubles.
        let has_own_digits = matches!(values, Values::Float(_) | Values::Int64(_) | Values::UInt64(_));
        let (line, status, names) = (&mut self.line, &mut self.status, self.names);
        let mut digits = String::new();
        each_cell(view, &mut self.scratch, |idx, cell| {
            line.push_str(&head);
            line.push(',');
            put_time(line, view.times()[idx]);
            line.push(',');
            if view.server_times()[idx] != 0 {
                put_time(line, view.server_times()[idx]);
            }
            line.push(',');
            quote(line, &value_type);
            line.push(',');
            if let Some(number) = cell.value {
                digits.clear();
                if has_own_digits {
                    put_text(&mut digits, &values.value(range.start + idx));
                } else {
                    put_number(&mut digits, number);
                }
                line.push_str(&digits);
            }
            line.push(',');
            if let Some(text) = cell.text {
                quote(line, text);
            }
            let code = view.statuses()[idx];
            if code != status.0 {
                *status = (code, names(Status(code)));
            }
            line.push(',');
            digits.clear();
            put_integer(&mut digits, i64::from(code));
            line.push_str(&digits);
            line.push(',');
            quote(line, &status.1);
            line.push(',');
            line.push_str(view.reasons()[idx].word());
            line.push('\n');
        });
        self.write()?;
        Ok(view.len() as u64)
    }

    fn checkpoint(&mut self) -> Result<(u64, Json), TableError> {
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        flushed.map_err(TableError::io(&self.path))?;
        Ok((self.end, Json::Null))
    }

    fn finish(self: Box<Self>) -> Result<File, TableError> {
        let path = self.path;
        self.file.into_inner().map_err(|error| TableError::io(&path)(error.into_error()))
    }
}

fn put_time(out: &mut String, ticks: i64) {
    use std::fmt::Write as _;
    let _ = write!(out, "{}", Timestamp::from_ticks(ticks));
}

/// Whole numbers without a fraction, as most are; others with the fewest digits.
fn put_number(out: &mut String, number: f64) {
    use std::fmt::Write as _;
    if number.fract() == 0.0 && number.abs() < 1e15 && (number != 0.0 || number.is_sign_positive()) {
        put_integer(out, number as i64);
    } else {
        let _ = write!(out, "{number:?}");
    }
}

fn put_integer(out: &mut String, number: i64) {
    use std::fmt::Write as _;
    let _ = write!(out, "{number}");
}

/// Appends a text, in quotes where it needs them.
pub(crate) fn quote(out: &mut String, text: &str) {
    let is_plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r', ';', '\t']) && text.trim() == text;
    if is_plain {
        return out.push_str(text);
    }
    out.push('"');
    for part in text.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_need_it() {
        for (text, expected) in
            [("a b", "a b"), ("", "\"\""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), (" a", "\" a\"")]
        {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn numbers_have_the_fewest_digits_that_mean_them() {
        for (number, expected) in [
            (1.0, "1"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (1e15, "1000000000000000.0"),
        ] {
            let mut out = String::new();
            put_number(&mut out, number);
            assert_eq!(out, expected);
        }
    }
}
