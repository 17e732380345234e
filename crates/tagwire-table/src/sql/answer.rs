//! The answer to a query: a table for people, CSV, or JSON.

use std::io::Write;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::util::pretty::pretty_format_batches;
use serde_json::{Map, Value as Json};

use crate::TableError;
use crate::csv::quote;

/// Rows of a table for people; more are only counted.
const MAX_SHOWN: usize = 1_000;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A table with lines, of a thousand rows at most.
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON object per line.
    Json,
}

pub(super) struct Writer {
    form: Answer,
    schema: SchemaRef,
    shown: Vec<RecordBatch>,
    n_shown: usize,
    n: usize,
}

impl Writer {
    pub(super) fn new(form: Answer, schema: SchemaRef) -> Self {
        Self { form, schema, shown: Vec::new(), n_shown: 0, n: 0 }
    }

    pub(super) fn put(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), TableError> {
        let is_first = self.n == 0;
        self.n += batch.num_rows();
        let text = match self.form {
            Answer::Table => {
                let n = batch.num_rows().min(MAX_SHOWN - self.n_shown);
                if n > 0 {
                    self.n_shown += n;
                    self.shown.push(batch.slice(0, n));
                }
                return Ok(());
            }
            Answer::Csv => (if is_first { self.head() } else { String::new() }) + &csv(batch).map_err(failed)?,
            Answer::Json => json(batch).map_err(failed)?,
        };
        out.write_all(text.as_bytes()).map_err(TableError::io(Path::new("standard output")))
    }

    pub(super) fn finish(self, out: &mut dyn Write) -> Result<(), TableError> {
        let text = match self.form {
            Answer::Table => {
                let mut batches = self.shown;
                if batches.is_empty() {
                    batches.push(RecordBatch::new_empty(self.schema));
                }
                let mut text = format!("{}\n", pretty_format_batches(&batches).map_err(failed)?);
                if self.n > self.n_shown {
                    text += &format!("the first {} of {} rows; --csv writes all\n", self.n_shown, self.n);
                }
                text
            }
            Answer::Csv if self.n == 0 => self.head(),
            _ => return Ok(()),
        };
        out.write_all(text.as_bytes()).map_err(TableError::io(Path::new("standard output")))
    }

    fn head(&self) -> String {
        let mut line = String::new();
        for (idx, field) in self.schema.fields().iter().enumerate() {
            if idx > 0 {
                line.push(',');
            }
            quote(&mut line, field.name());
        }
        line + "\n"
    }
}

fn failed(error: ArrowError) -> TableError {
    TableError::Sql(error.to_string())
}

fn formatters(batch: &RecordBatch) -> Result<Vec<ArrayFormatter<'_>>, ArrowError> {
    const OPTIONS: &FormatOptions<'static> = &FormatOptions::new().with_display_error(true);
    batch.columns().iter().map(|column| ArrayFormatter::try_new(column, OPTIONS)).collect()
}

fn csv(batch: &RecordBatch) -> Result<String, ArrowError> {
    let formatters = formatters(batch)?;
    let mut out = String::new();
    for row in 0..batch.num_rows() {
        for (idx, (formatter, column)) in formatters.iter().zip(batch.columns()).enumerate() {
            if idx > 0 {
                out.push(',');
            }
            if !column.is_null(row) {
                quote(&mut out, &formatter.value(row).to_string());
            }
        }
        out.push('\n');
    }
    Ok(out)
}

fn json(batch: &RecordBatch) -> Result<String, ArrowError> {
    let formatters = formatters(batch)?;
    let mut out = String::new();
    for row in 0..batch.num_rows() {
        let mut object = Map::new();
        for (idx, formatter) in formatters.iter().enumerate() {
            let column = batch.column(idx);
            let value = if column.is_null(row) { Json::Null } else { field(column, row, formatter) };
            object.insert(batch.schema_ref().field(idx).name().clone(), value);
        }
        out += &Json::Object(object).to_string();
        out.push('\n');
    }
    Ok(out)
}

/// Numbers and Booleans as such, everything else as text.
fn field(column: &ArrayRef, row: usize, formatter: &ArrayFormatter<'_>) -> Json {
    let text = || formatter.value(row).to_string();
    match column.data_type() {
        DataType::Boolean => Json::Bool(column.as_boolean().value(row)),
        DataType::Float64 => {
            let number = column.as_primitive::<Float64Type>().value(row);
            serde_json::Number::from_f64(number).map_or_else(|| Json::String(text()), Json::Number)
        }
        found if found.is_numeric() => text().parse().map_or_else(|_| Json::String(text()), Json::Number),
        _ => Json::String(text()),
    }
}
