//! Reading samples for a query, a batch ahead of it.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use tagwire_history::{History, Series, Span};

use crate::StatusNames;
use crate::arrow::Columns;

/// Samples taken at once, and rows of a batch.
const STEP: usize = 1 << 13;
/// Bytes of texts of a batch.
const BATCH_BYTES: usize = 4 << 20;
/// Batches that wait for the query.
const AHEAD: usize = 2;

/// Some of the tags of a scan.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) history: History,
    pub(super) names: StatusNames,
    pub(super) tags: Vec<Series>,
    pub(super) span: Span,
    pub(super) wanted: Vec<usize>,
    pub(super) schema: SchemaRef,
    pub(super) limit: Option<usize>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), AHEAD);
        let (batches, scan) = (stream.tx(), self.clone());
        stream.spawn_blocking(move || {
            scan.read(|columns| {
                let batch = columns.take()?;
                // Whoever asked may have enough already.
                Ok(batches.blocking_send(Ok(batch)).is_ok())
            })
        });
        stream.build()
    }
}

impl Scan {
    /// Reads all samples; `put` takes full columns and says whether to go on.
    fn read(&self, mut put: impl FnMut(&mut Columns) -> Result<bool>) -> Result<()> {
        let failed = |error| DataFusionError::External(Box::new(error));
        let mut columns = Columns::new(self.wanted.clone(), self.names)?;
        let mut left = self.limit.unwrap_or(usize::MAX);
        for series in &self.tags {
            let mut cursor = self.history.read(series.number, self.span).map_err(failed)?;
            while left > 0
                && let Some(view) = cursor.next(STEP.min(left)).map_err(failed)?
            {
                left -= columns.put(series, &view);
                if (columns.len() >= STEP || columns.text_len() >= BATCH_BYTES) && !put(&mut columns)? {
                    return Ok(());
                }
            }
        }
        if columns.len() > 0 {
            put(&mut columns)?;
        }
        Ok(())
    }
}
