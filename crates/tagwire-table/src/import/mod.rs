//! Samples out of files: what an export wrote, and the common shapes of other makers.

mod shape;
mod types;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tagwire_history::{Import, Imported, Reason};
use tagwire_model::{Sample, Value, ValueType};

use crate::csv::CsvTable;
use crate::field::Field;
use crate::{Format, TableError};
use shape::Shape;
use types::Types;

/// Samples that are handed over at once.
const BATCH: usize = 10_000;
/// Bytes of values that are handed over at once, and most bytes of one value.
const BATCH_BYTES: usize = 256 << 10;

/// A row of a table from elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// The number of its first line, or of the row, from 1.
    pub(crate) number: u64,
    pub(crate) fields: Vec<Field>,
    /// Why it could not be taken apart.
    pub(crate) problem: Option<&'static str>,
}

/// A table from elsewhere.
pub(crate) trait Table {
    /// Names of the columns.
    fn header(&self) -> &[String];
    /// Whether numbers may have a comma before their fraction.
    fn has_decimal_commas(&self) -> bool;
    /// Bytes read so far.
    fn bytes_read(&self) -> u64;
    /// The next row; whether there was one.
    fn next(&mut self, row: &mut Row) -> Result<bool, TableError>;
}

/// How a file is understood.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Stands before the path of every tag.
    pub prefix: String,
    /// The type of tags that nobody knows yet; by their first value when nothing is said.
    pub value_type: Option<ValueType>,
}

/// Who takes samples.
pub trait Taker {
    /// The types of tags that are known.
    ///
    /// # Errors
    /// [`TableError`].
    fn types(&mut self, tags: &[String]) -> Result<Vec<Option<ValueType>>, TableError>;

    /// Takes samples, which are on the disk then.
    ///
    /// # Errors
    /// [`TableError`].
    fn take(&mut self, imports: &[Import]) -> Result<Imported, TableError>;
}

/// A line that was not taken, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its number, from 1; rows of Parquet count from 1, too.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportTold {
    /// Samples.
    pub samples: Imported,
    /// Rows read.
    pub rows: u64,
    /// Lines with a problem.
    pub bad: u64,
    /// Tags.
    pub tags: usize,
}

/// Takes all samples of a file. `problem` hears of every line that cannot be taken, `tell` the bytes and rows read so far
/// after each batch.
///
/// # Errors
/// [`TableError`]; what was taken by then stays, and importing the file again takes the rest.
pub fn import(
    path: &Path,
    options: &ImportOptions,
    taker: &mut dyn Taker,
    mut problem: impl FnMut(&Problem),
    mut tell: impl FnMut(u64, &ImportTold),
) -> Result<ImportTold, TableError> {
    let mut table: Box<dyn Table> = match Format::of(path)? {
        Format::Csv => Box::new(CsvTable::open(path)?),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(crate::parquet::ParquetTable::open(path)?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(TableError::Without("Parquet")),
    };
    import_table(&mut *table, options, taker, &mut problem, &mut tell)
}

fn import_table(
    table: &mut dyn Table,
    options: &ImportOptions,
    taker: &mut dyn Taker,
    problem: &mut dyn FnMut(&Problem),
    tell: &mut dyn FnMut(u64, &ImportTold),
) -> Result<ImportTold, TableError> {
    let shape = Shape::of(table.header(), &options.prefix)?;
    let mut types = Types::new(options.value_type, table.has_decimal_commas());
    let mut told = ImportTold::default();
    let mut batch = Batch::default();
    let mut row = Row::default();
    while table.next(&mut row)? {
        told.rows += 1;
        let line = row.number;
        let outcome = match row.problem {
            Some(what) => Err(what.to_owned()),
            None => shape.samples(&row.fields, &mut |tag, found| {
                let value_type = types.of(tag, &found, taker)?;
                batch.add(tag, value_type, found.sample(value_type, types.comma)?)
            }),
        };
        if let Err(what) = outcome {
            told.bad += 1;
            problem(&Problem { line, what });
        }
        if batch.is_full() {
            told.samples += taker.take(&batch.take())?;
            tell(table.bytes_read(), &told);
        }
        if let Some(error) = types.error.take() {
            return Err(error);
        }
    }
    if batch.n > 0 {
        told.samples += taker.take(&batch.take())?;
    }
    told.tags = types.len();
    tell(table.bytes_read(), &told);
    Ok(told)
}

type Waiting = (ValueType, Vec<(Sample, Reason)>);

/// Samples that wait, by tag.
#[derive(Default)]
struct Batch {
    /// By path and the name of the type.
    tags: BTreeMap<(Arc<str>, String), Waiting>,
    n: usize,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, tag: &Arc<str>, value_type: ValueType, sample: (Sample, Reason)) -> Result<(), String> {
        let bytes = match &sample.0.value {
            Value::String(text) => text.len(),
            Value::ByteString(bytes) => bytes.len(),
            Value::Array(array) => {
                let elements = (0..array.data().len()).filter_map(|idx| array.data().element(idx));
                let size = |element: Value| match element {
                    Value::String(text) => text.len() + 4,
                    Value::ByteString(bytes) => bytes.len() + 4,
                    _ => 8,
                };
                elements.map(size).sum()
            }
            _ => 0,
        };
        if bytes > BATCH_BYTES / 2 {
            return Err("the value is longer than 128 KiB".to_owned());
        }
        let entry = self.tags.entry((Arc::clone(tag), value_type.to_string()));
        let entry = entry.or_insert_with(|| {
            self.bytes += tag.len() + 16;
            (value_type, Vec::new())
        });
        entry.1.push(sample);
        self.n += 1;
        // A sample takes about so many bytes besides a long value.
        self.bytes += bytes + 25;
        Ok(())
    }

    const fn is_full(&self) -> bool {
        self.n >= BATCH || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Vec<Import> {
        (self.n, self.bytes) = (0, 0);
        let of = |((path, _), (value_type, samples))| Import { path, value_type, samples };
        std::mem::take(&mut self.tags).into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests;
