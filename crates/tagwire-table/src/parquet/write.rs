//! Writing row groups one after the other, so that a file can be gone on with: the footer is written at the end, from
//! what the journal kept of every row group.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::Value as Json;
use tagwire_history::{Series, View};
use tagwire_model::hex;

use super::failed;
use crate::arrow::{Columns, schema};
use crate::export::Sink;
use crate::{COLUMNS, StatusNames, TableError};

/// Rows and bytes of texts that are encoded at once.
const BATCH: usize = 1 << 16;
const BATCH_BYTES: usize = 16 << 20;
/// Most rows of a row group; parts are smaller.
const MAX_ROWS: usize = 1 << 24;
/// The first bytes of a file.
const MAGIC: u64 = 4;
/// The length of the footer and the magic behind it.
const TAIL: usize = 8;
const CREATED_BY: &str = concat!("tagwire version ", env!("CARGO_PKG_VERSION"));

/// Writes samples as row groups.
pub(crate) struct ParquetSink {
    path: PathBuf,
    writer: ArrowWriter<Behind>,
    columns: Columns,
    /// Row groups whose places are those of the file.
    groups: Vec<RowGroupMetaData>,
    /// Row groups that this writer wrote and that are among them already.
    seen: usize,
    /// What the writer's places lack to those of the file.
    shift: u64,
}

/// A file behind what an earlier run wrote: the writer's magic is not written again.
struct Behind {
    file: BufWriter<File>,
    skip: usize,
}

impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.skip == 0 {
            return self.file.write(bytes);
        }
        let n = self.skip.min(bytes.len());
        self.skip -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ParquetSink {
    /// Goes on at the end of the row groups that the journal tells of; a new file has none.
    pub(crate) fn new(
        path: &Path,
        mut file: File,
        (end, earlier): (u64, &[Json]),
        names: StatusNames,
    ) -> Result<Self, TableError> {
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(TableError::io(path))?;
        let properties = properties().map_err(failed(path))?;
        let behind = Behind { file: BufWriter::with_capacity(1 << 18, file), skip: end.min(MAGIC) as usize };
        let writer = ArrowWriter::try_new(behind, schema(), Some(properties)).map_err(failed(path))?;
        let columns = Columns::new((0..COLUMNS.len()).collect(), names).map_err(failed(path))?;
        let mut groups = Vec::new();
        for footer in earlier.iter().filter_map(Json::as_str) {
            let bytes =
                hex::decode(footer).ok_or_else(|| failed::<&str>(path)("the state file beside it is damaged"))?;
            let metadata = ParquetMetaDataReader::decode_metadata(&bytes).map_err(failed(path))?;
            groups.extend_from_slice(metadata.row_groups());
        }
        let shift = end.saturating_sub(MAGIC);
        Ok(Self { path: path.to_owned(), writer, columns, groups, seen: 0, shift })
    }

    fn write_batch(&mut self) -> Result<(), TableError> {
        if self.columns.len() == 0 {
            return Ok(());
        }
        let batch = self.columns.take().map_err(failed(&self.path))?;
        self.writer.write(&batch).map_err(failed(&self.path))
    }

    /// Ends the row group; its footer.
    fn end_group(&mut self) -> Result<Json, TableError> {
        self.write_batch()?;
        self.writer.flush().map_err(failed(&self.path))?;
        let fresh: Vec<_> = self.writer.flushed_row_groups().iter().skip(self.seen).cloned().collect();
        self.seen += fresh.len();
        let first = self.groups.len();
        for group in fresh {
            let placed = placed(group, self.groups.len(), self.shift as i64).map_err(failed(&self.path))?;
            self.groups.push(placed);
        }
        if self.groups.len() == first {
            return Ok(Json::Null);
        }
        let mut footer = Vec::new();
        let metadata = self.metadata(self.groups.get(first..).unwrap_or_default()).map_err(failed(&self.path))?;
        ParquetMetaDataWriter::new(&mut footer, &metadata).finish().map_err(failed(&self.path))?;
        footer.truncate(footer.len().saturating_sub(TAIL));
        Ok(Json::String(hex::encode(&footer)))
    }

    fn metadata(&self, groups: &[RowGroupMetaData]) -> Result<ParquetMetaData, ParquetError> {
        let mut properties = properties()?;
        let arrow = schema();
        parquet::arrow::add_encoded_arrow_schema_to_metadata(&arrow, &mut properties);
        let descriptor = parquet::arrow::ArrowSchemaConverter::new().convert(&arrow)?;
        let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
        let file = FileMetaData::new(
            1,
            rows,
            Some(CREATED_BY.to_owned()),
            properties.key_value_metadata().cloned(),
            Arc::new(descriptor),
            None,
        );
        Ok(ParquetMetaData::new(file, groups.to_vec()))
    }
}

impl Sink for ParquetSink {
    fn put(&mut self, series: &Series, view: &View<'_>) -> Result<u64, TableError> {
        let n = self.columns.put(series, view);
        if self.columns.len() >= BATCH || self.columns.text_len() >= BATCH_BYTES {
            self.write_batch()?;
        }
        Ok(n as u64)
    }

    fn checkpoint(&mut self) -> Result<(u64, Json), TableError> {
        let footer = self.end_group()?;
        self.writer.sync().map_err(TableError::io(&self.path))?;
        self.writer.inner().file.get_ref().sync_data().map_err(TableError::io(&self.path))?;
        Ok((self.writer.bytes_written() as u64 + self.shift, footer))
    }

    fn finish(mut self: Box<Self>) -> Result<File, TableError> {
        self.end_group()?;
        let metadata = self.metadata(&self.groups).map_err(failed(&self.path))?;
        let path = self.path;
        let mut behind = self.writer.into_inner().map_err(failed(&path))?;
        ParquetMetaDataWriter::new(&mut behind, &metadata).finish().map_err(failed(&path))?;
        behind.file.into_inner().map_err(|error| TableError::io(&path)(error.into_error()))
    }
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let column = |name: &str| ColumnPath::from(name);
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(MAX_ROWS));
    // Times hardly repeat, and their differences do.
    for name in ["time", "server_time"] {
        builder = builder
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

/// A row group as the file has it: at its place behind those of earlier runs.
fn placed(group: RowGroupMetaData, ordinal: usize, shift: i64) -> Result<RowGroupMetaData, ParquetError> {
    let columns = group.columns().to_vec();
    let offset = group.file_offset();
    let mut builder = group.into_builder().set_ordinal(i16::try_from(ordinal).unwrap_or(i16::MAX));
    if let Some(offset) = offset {
        builder = builder.set_file_offset(offset + shift);
    }
    let mut moved = Vec::with_capacity(columns.len());
    for column in columns {
        let (data, dictionary) = (column.data_page_offset(), column.dictionary_page_offset());
        let placed = column
            .into_builder()
            .set_data_page_offset(data + shift)
            .set_dictionary_page_offset(dictionary.map(|offset| offset + shift));
        moved.push(placed.build()?);
    }
    builder.set_column_metadata(moved).build()
}
