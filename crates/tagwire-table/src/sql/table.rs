//! The tables.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use tagwire_history::{History, Series, Span};
use tagwire_model::Timestamp;

use super::filter::{of_tag, of_time};
use super::scan::Scan;
use crate::arrow::schema;
use crate::cell::unix_nanos;
use crate::{StatusNames, selection};

/// Every sample.
#[derive(Debug)]
pub(super) struct HistoryTable {
    history: History,
    names: StatusNames,
    schema: SchemaRef,
    n_parts: usize,
}

impl HistoryTable {
    pub(super) fn new(history: History, names: StatusNames, n_parts: usize) -> Self {
        Self { history, names, schema: schema(), n_parts: n_parts.max(1) }
    }

    /// The tags that conditions leave, shared among the parts that are read at the same time.
    fn parts(&self, filters: &[Expr]) -> Vec<Vec<Series>> {
        let mut tags = self.history.all_series();
        tags.retain(|series| filters.iter().all(|filter| of_tag(filter, &series.path) != Some(false)));
        selection::sort(&mut tags);
        let n_each = tags.len().div_ceil(self.n_parts).max(1);
        let mut parts: Vec<Vec<Series>> = tags.chunks(n_each).map(<[Series]>::to_vec).collect();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        parts
    }
}

#[async_trait]
impl TableProvider for HistoryTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // What is read may be more than what meets the conditions, never less.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let projected = Arc::new(self.schema.project(&wanted)?);
        let (low, high) =
            filters.iter().map(of_time).fold((i64::MIN, i64::MAX), |all, span| (all.0.max(span.0), all.1.min(span.1)));
        let span = Span::forward(Timestamp::from_ticks(low), Timestamp::from_ticks(high.saturating_add(1)));
        let part = |tags: Vec<Series>| -> Arc<dyn PartitionStream> {
            Arc::new(Scan {
                history: self.history.clone(),
                names: self.names,
                tags,
                span,
                wanted: wanted.clone(),
                schema: Arc::clone(&projected),
                limit,
            })
        };
        let parts = self.parts(filters).into_iter().map(part).collect();
        Ok(Arc::new(StreamingTableExec::try_new(Arc::clone(&projected), parts, None, [], false, limit)?))
    }
}

/// Every tag.
#[derive(Debug)]
pub(super) struct TagsTable {
    history: History,
    schema: SchemaRef,
}

impl TagsTable {
    pub(super) fn new(history: History) -> Self {
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let fields = vec![
            Field::new("tag", DataType::Utf8, false),
            Field::new("type", DataType::Utf8, false),
            Field::new("first_time", time, true),
        ];
        Self { history, schema: Arc::new(Schema::new(fields)) }
    }

    fn rows(&self) -> Result<RecordBatch> {
        let mut tags = self.history.all_series();
        selection::sort(&mut tags);
        let mut first = Vec::with_capacity(tags.len());
        for series in &tags {
            let begin =
                self.history.begin(series.number).map_err(|error| DataFusionError::External(Box::new(error)))?;
            first.push(begin.and_then(|time| unix_nanos(time.ticks())));
        }
        let paths: StringArray = tags.iter().map(|series| Some(&*series.path)).collect();
        let types: StringArray = tags.iter().map(|series| Some(series.value_type.to_string())).collect();
        let first = TimestampNanosecondArray::from(first).with_timezone("UTC");
        let columns: Vec<ArrayRef> = vec![Arc::new(paths), Arc::new(types), Arc::new(first)];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

#[async_trait]
impl TableProvider for TagsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table = MemTable::try_new(Arc::clone(&self.schema), vec![vec![self.rows()?]])?;
        table.scan(session, projection, filters, limit).await
    }
}
