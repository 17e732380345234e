//! Reading, whoever wrote it.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tagwire_model::Timestamp;

use super::failed;
use crate::TableError;
use crate::field::Field;
use crate::import::{Row, Table};

const BATCH: usize = 4096;

/// The rows of a file.
pub(crate) struct ParquetTable {
    path: PathBuf,
    header: Vec<String>,
    reader: ParquetRecordBatchReader,
    batch: Option<(RecordBatch, usize)>,
    rows: u64,
    all_rows: u64,
    bytes: u64,
}

impl ParquetTable {
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(TableError::io(path))?;
        let bytes = file.metadata().map_err(TableError::io(path))?.len();
        // Without the writer's own notes, texts come as texts and not as dictionaries of any kind.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(failed(path))?;
        let header = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let all_rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        for field in builder.schema().fields() {
            if !is_known(field.data_type()) {
                let what = format!("the column {} has the type {}, which no tag has", field.name(), field.data_type());
                return Err(TableError::Header(what));
            }
        }
        let reader = builder.with_batch_size(BATCH).build().map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), header, reader, batch: None, rows: 0, all_rows, bytes })
    }
}

impl Table for ParquetTable {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn has_decimal_commas(&self) -> bool {
        false
    }

    fn bytes_read(&self) -> u64 {
        let part = self.rows as f64 / self.all_rows.max(1) as f64;
        (self.bytes as f64 * part) as u64
    }

    fn next(&mut self, row: &mut Row) -> Result<bool, TableError> {
        let (batch, at) = loop {
            if let Some((batch, at)) = &mut self.batch
                && *at < batch.num_rows()
            {
                *at += 1;
                break (&*batch, *at - 1);
            }
            match self.reader.next() {
                None => return Ok(false),
                Some(batch) => self.batch = Some((batch.map_err(failed(&self.path))?, 0)),
            }
        };
        self.rows += 1;
        row.number = self.rows;
        row.problem = None;
        row.fields.clear();
        row.fields.extend(batch.columns().iter().map(|column| field(column, at)));
        Ok(true)
    }
}

fn is_known(data_type: &DataType) -> bool {
    use DataType::{
        Binary, Boolean, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Timestamp, UInt8, UInt16,
        UInt32, UInt64, Utf8, Utf8View,
    };
    matches!(
        data_type,
        Null | Boolean
            | Int8
            | Int16
            | Int32
            | Int64
            | UInt8
            | UInt16
            | UInt32
            | UInt64
            | Float32
            | Float64
            | Utf8
            | LargeUtf8
            | Utf8View
            | Binary
            | Timestamp(..)
    )
}

fn field(column: &ArrayRef, at: usize) -> Field {
    if column.is_null(at) {
        return Field::Empty;
    }
    macro_rules! integer {
        ($type:ty) => {
            Field::Integer(i128::from(column.as_primitive::<$type>().value(at)))
        };
    }
    macro_rules! time {
        ($type:ty, $unit:expr) => {
            Field::Time(Timestamp::from_unix_nanos(i128::from(column.as_primitive::<$type>().value(at)) * $unit))
        };
    }
    match column.data_type() {
        DataType::Boolean => Field::Flag(column.as_boolean().value(at)),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        // The shortest digits of a single, not those of the double nearest to it.
        DataType::Float32 => {
            let single = column.as_primitive::<Float32Type>().value(at);
            Field::Number(format!("{single:?}").parse().unwrap_or_else(|_| f64::from(single)))
        }
        DataType::Float64 => Field::Number(column.as_primitive::<Float64Type>().value(at)),
        DataType::Utf8 => Field::Text(column.as_string::<i32>().value(at).to_owned()),
        DataType::LargeUtf8 => Field::Text(column.as_string::<i64>().value(at).to_owned()),
        DataType::Utf8View => Field::Text(column.as_string_view().value(at).to_owned()),
        // Bytes that are text, as old writers leave them.
        DataType::Binary => Field::Text(String::from_utf8_lossy(column.as_binary::<i32>().value(at)).into_owned()),
        DataType::Timestamp(TimeUnit::Second, _) => time!(TimestampSecondType, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => time!(TimestampMillisecondType, 1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => time!(TimestampMicrosecondType, 1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => time!(TimestampNanosecondType, 1),
        _ => Field::Empty,
    }
}
