//! SQL over the tables `history` and `tags`.

mod answer;
mod filter;
mod scan;
mod table;

use std::io::Write;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures_util::StreamExt as _;
use tagwire_history::History;
use tokio::runtime::Runtime;

use crate::{StatusNames, TableError};
use answer::Writer;
use table::{HistoryTable, TagsTable};

pub use answer::Answer;

/// Bytes that a query may take for sorting and joining before it uses the disk.
const MEMORY: usize = 400 << 20;

/// Answers questions about a history.
pub struct Database {
    runtime: Runtime,
    session: SessionContext,
}

impl Database {
    /// The tables of a history.
    ///
    /// # Errors
    /// [`TableError::Sql`] when the engine cannot start.
    pub fn new(history: History, names: StatusNames) -> Result<Self, TableError> {
        let failed = |error: &dyn std::fmt::Display| TableError::Sql(error.to_string());
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(n_threads).enable_time().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let environment = RuntimeEnvBuilder::new().with_memory_limit(MEMORY, 1.0).build_arc();
        let environment = environment.map_err(|error| failed(&error))?;
        let config = SessionConfig::new().with_target_partitions(n_threads).with_information_schema(true);
        let session = SessionContext::new_with_config_rt(config, environment);
        let tags = TagsTable::new(history.clone());
        let history = HistoryTable::new(history, names, n_threads);
        session.register_table("history", Arc::new(history)).map_err(|error| sql(&error))?;
        session.register_table("tags", Arc::new(tags)).map_err(|error| sql(&error))?;
        Ok(Self { runtime, session })
    }

    /// Writes the answer to a query, row by row as it comes.
    ///
    /// # Errors
    /// [`TableError::Sql`] when the query is wrong or changes something, [`TableError::Io`] when nobody takes the answer.
    pub fn answer(&self, query: &str, form: Answer, out: &mut dyn Write) -> Result<(), TableError> {
        let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        self.runtime.block_on(async {
            let frame = self.session.sql_with_options(query, options).await.map_err(|error| sql(&error))?;
            let mut rows = frame.execute_stream().await.map_err(|error| sql(&error))?;
            let mut writer = Writer::new(form, rows.schema());
            while let Some(batch) = rows.next().await {
                writer.put(&batch.map_err(|error| sql(&error))?, out)?;
            }
            writer.finish(out)
        })
    }
}

fn sql(error: &DataFusionError) -> TableError {
    TableError::Sql(error.strip_backtrace())
}

#[cfg(test)]
mod tests;
