//! One session that sends: each step in one transaction with the position behind it.

use std::collections::HashMap;
use std::io::Cursor;
use std::time::Duration;

use futures_util::SinkExt as _;
use tagwire_history::{Edited, History, Reason, TagNumber, What};
use tagwire_model::Sample;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Statement, Transaction};

use crate::cell::{Cell, Instant, Micros, micros_of};
use crate::connect::{Connection, in_time};
use crate::feed::Position;
use crate::rows::{NAMES, Rows};
use crate::schema::Tables;
use crate::{ForwardError, Settings};

/// Longest time for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);
const STAGING: &str = "pg_temp.tagwire_staging";

/// How many samples there were in a step, and how many the tables have no place for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) samples: u64,
    pub(crate) refused: u64,
}

/// A session with the prepared statements of a sender.
pub(crate) struct Session {
    connection: Connection,
    tables: Tables,
    node: i16,
    tags: HashMap<TagNumber, i32>,
    advance: Statement,
    merge: String,
    note: Statement,
    delete: Statement,
    put: Statement,
}

impl Session {
    /// Opens a session, makes what is missing and finds out how far the database has come with this store.
    pub(crate) async fn open(settings: &Settings, identity: u64) -> Result<(Self, Position), ForwardError> {
        let application = format!("tagwire {identity:016x}");
        let mut connection = Connection::open(settings, &application).await?;
        in_time(PATIENCE, async move {
            let tables = Tables::of(settings);
            let client = &mut connection.client;
            // A session of ours that lost its network may still hold locks and be about to commit.
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE application_name = $1 AND usename = current_user AND pid <> pg_backend_pid()";
            client.execute(end, &[&application]).await?;
            client.batch_execute("SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '30s'").await?;
            tables.ensure(client, &settings.place()).await?;
            let (node, position) = tables.node(client, identity, &settings.node).await?;
            client
                .batch_execute(&format!(
                    "CREATE TEMP TABLE tagwire_staging (LIKE {} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS",
                    tables.samples
                ))
                .await?;
            let advance = client.prepare(&tables.advance()).await?;
            let samples = &tables.samples;
            let whole = "status, server_delay, bool, int, float, text, bytes, reason";
            let set: Vec<String> = format!("node, {whole}").split(", ").map(|c| format!("{c} = excluded.{c}")).collect();
            let set = set.join(", ");
            let of = |table: &str| whole.split(", ").map(|c| format!("{table}.{c}")).collect::<Vec<_>>().join(", ");
            // What is there already is not written again, so that sending twice costs no space.
            let on_conflict = format!(
                "ON CONFLICT (tag, time, rest) DO UPDATE SET {set} WHERE ({}) IS DISTINCT FROM ({})",
                of("s"),
                of("excluded")
            );
            let merge =
                format!("INSERT INTO {samples} AS s ({NAMES}) SELECT {NAMES} FROM {STAGING} {on_conflict}");
            let put = format!(
                "INSERT INTO {samples} AS s ({NAMES})
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) {on_conflict}"
            );
            let put = client.prepare(&put).await?;
            let span = "tag = $1 AND (time, rest) >= ($2, $3) AND (time, rest) < ($4, $5)";
            let delete = client.prepare(&format!("DELETE FROM {samples} WHERE {span}")).await?;
            let values = "status, server_delay, bool, int, float, text, bytes";
            let note = format!(
                "INSERT INTO {} (tag, time, rest, kind, changed_at, changed_by, node, {values})
                 SELECT tag, time, rest, $6::smallint, $7::timestamptz, $8::text, $9::smallint, {values} FROM {samples} WHERE {span} ORDER BY time, rest",
                tables.changes
            );
            let note = client.prepare(&note).await?;
            let tags = HashMap::new();
            Ok((Self { connection, tables, node, tags, advance, merge, note, delete, put }, position))
        })
        .await
    }

    /// Whether the session has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.connection.client.is_closed()
    }

    /// Sends samples and moves the position; `is_again` when many of them are likely to be there already.
    pub(crate) async fn samples(
        &mut self,
        history: &History,
        samples: Vec<(TagNumber, Sample, Reason)>,
        is_again: bool,
        (from, to): (Position, Position),
    ) -> Result<Sent, ForwardError> {
        in_time(PATIENCE, async {
            self.know(history, samples.iter().map(|(tag, ..)| *tag)).await?;
            let mut sent = Sent { samples: samples.len() as u64, refused: 0 };
            let mut rows = Rows::default();
            for (tag, sample, reason) in &samples {
                let is_taken = self.tags.get(tag).is_some_and(|tag| rows.push(*tag, sample, *reason));
                sent.refused += u64::from(!is_taken);
            }
            let is_empty = rows.is_empty();
            let (bytes, _) = rows.encode(self.node);
            let (table, merge) = (self.tables.samples.clone(), self.merge.clone());
            let mut transaction = self.connection.client.transaction().await?;
            if !is_empty {
                let mut is_there = false;
                if !is_again {
                    let direct = transaction.transaction().await?;
                    match copy(&direct, &table, bytes.clone()).await {
                        Ok(()) => {
                            direct.commit().await?;
                            is_there = true;
                        }
                        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => direct.rollback().await?,
                        Err(error) => return Err(error.into()),
                    }
                }
                if !is_there {
                    copy(&transaction, STAGING, bytes).await?;
                    transaction.execute(&merge, &[]).await?;
                }
            }
            advance(&transaction, &self.advance, self.node, from, to).await?;
            transaction.commit().await?;
            Ok(sent)
        })
        .await
    }

    /// Carries out changes in their order, notes what stood there before, and moves the position.
    pub(crate) async fn changes(
        &mut self,
        history: &History,
        changes: &[Edited],
        (from, to): (Position, Position),
    ) -> Result<(), ForwardError> {
        in_time(PATIENCE, async {
            self.know(history, changes.iter().map(|change| change.tag)).await?;
            let transaction = self.connection.client.transaction().await?;
            for change in changes {
                let Some(tag) = self.tags.get(&change.tag) else { continue };
                let (low, high) = match &change.what {
                    What::Put(sample, _) => (sample.source_time, sample.source_time.saturating_add_ticks(1)),
                    What::Deleted(low, high) => (*low, *high),
                };
                let (low, high) = (Instant::nearest(low.ticks()), Instant::nearest(high.ticks()));
                let (low_at, high_at) = (Micros(low.micros), Micros(high.micros));
                let (at, by) = (micros_of(change.author.time), change.author.user.replace('\0', ""));
                let kind = match change.what {
                    What::Put(..) => KIND_REPLACED,
                    What::Deleted(..) => KIND_DELETED,
                };
                let n_there = transaction
                    .execute(&self.note, &[tag, &low_at, &low.rest, &high_at, &high.rest, &kind, &at, &by, &self.node])
                    .await?;
                let What::Put(sample, reason) = &change.what else {
                    transaction.execute(&self.delete, &[tag, &low_at, &low.rest, &high_at, &high.rest]).await?;
                    continue;
                };
                put(&transaction, &self.put, (*tag, self.node), sample, *reason).await?;
                if n_there == 0 {
                    // An insertion has nothing before it; what was inserted is told.
                    let kind = KIND_INSERTED;
                    transaction
                        .execute(
                            &self.note,
                            &[tag, &low_at, &low.rest, &high_at, &high.rest, &kind, &at, &by, &self.node],
                        )
                        .await?;
                }
            }
            advance(&transaction, &self.advance, self.node, from, to).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    /// Moves the position only.
    pub(crate) async fn go_to(&mut self, (from, to): (Position, Position)) -> Result<(), ForwardError> {
        in_time(PATIENCE, async {
            let transaction = self.connection.client.transaction().await?;
            advance(&transaction, &self.advance, self.node, from, to).await?;
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Finds the numbers that the database has for tags, and gives those a number that have none.
    async fn know(&mut self, history: &History, tags: impl Iterator<Item = TagNumber>) -> Result<(), ForwardError> {
        let mut unknown: Vec<TagNumber> = tags.filter(|tag| !self.tags.contains_key(tag)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut numbers: HashMap<(String, String), TagNumber> = HashMap::new();
        for tag in unknown {
            // A sample of a tag that the catalogue does not know cannot be told apart from damage.
            let Ok(series) = history.series(tag) else { continue };
            numbers.insert((series.path.replace('\0', ""), series.value_type.to_string()), tag);
        }
        let (paths, types): (Vec<String>, Vec<String>) = numbers.keys().cloned().unzip();
        let find = format!(
            "SELECT t.tag, t.path, t.type FROM {} t JOIN unnest($1::text[], $2::text[]) AS w (path, type)
             ON t.path = w.path AND t.type = w.type",
            self.tables.tags
        );
        let add = format!(
            "INSERT INTO {0} (path, type) SELECT w.path, w.type FROM unnest($1::text[], $2::text[]) AS w (path, type)
             WHERE NOT EXISTS (SELECT 1 FROM {0} t WHERE t.path = w.path AND t.type = w.type)
             ON CONFLICT DO NOTHING",
            self.tables.tags
        );
        let client = &self.connection.client;
        client.execute(&add, &[&paths, &types]).await?;
        for row in client.query(&find, &[&paths, &types]).await? {
            let key = (row.try_get::<_, String>(1)?, row.try_get::<_, String>(2)?);
            if let Some(number) = numbers.get(&key) {
                self.tags.insert(*number, row.try_get(0)?);
            }
        }
        Ok(())
    }
}

/// Kinds of changes, as in OPC UA Part 11, HistoryUpdateType.
pub(crate) const KIND_INSERTED: i16 = 1;
const KIND_REPLACED: i16 = 2;
const KIND_DELETED: i16 = 4;

/// Inserts or replaces one sample.
async fn put(
    transaction: &Transaction<'_>,
    statement: &Statement,
    (tag, node): (i32, i16),
    sample: &Sample,
    reason: Reason,
) -> Result<(), ForwardError> {
    let Some(time) = Instant::of(sample.source_time.ticks()) else { return Ok(()) };
    let delay =
        (!sample.server_time.is_none()).then(|| sample.server_time.ticks().wrapping_sub(sample.source_time.ticks()));
    let (mut bool, mut int, mut float) = (None, None, None);
    let (mut text, mut bytes): (Option<String>, Option<Vec<u8>>) = (None, None);
    match Cell::of(&sample.value) {
        Cell::None => {}
        Cell::Bool(v) => bool = Some(v),
        Cell::Int(v) => int = Some(v),
        Cell::Float(v) => float = Some(v),
        Cell::Text(v) => text = Some(v.to_string()),
        Cell::Bytes(v) => bytes = Some(v.to_vec()),
    }
    let (status, reason) = (i64::from(sample.status.0), reason as i16);
    let micros = Micros(time.micros);
    transaction
        .execute(
            statement,
            &[&tag, &micros, &time.rest, &node, &reason, &status, &delay, &bool, &int, &float, &text, &bytes],
        )
        .await?;
    Ok(())
}

async fn copy(transaction: &Transaction<'_>, table: &str, bytes: Vec<u8>) -> Result<(), tokio_postgres::Error> {
    let sink = transaction.copy_in::<_, Cursor<Vec<u8>>>(&Tables::copy(table)).await?;
    let mut sink = std::pin::pin!(sink);
    sink.send(Cursor::new(bytes)).await?;
    sink.finish().await?;
    Ok(())
}

async fn advance(
    transaction: &Transaction<'_>,
    statement: &Statement,
    node: i16,
    from: Position,
    to: Position,
) -> Result<(), ForwardError> {
    let fill_to = to.fill.map(|fill| fill.to as i64);
    let fill_tag = to.fill.map(|fill| i64::from(fill.tag));
    let (number, serial) = (to.number as i64, to.serial as i64);
    let (old_number, old_serial) = (from.number as i64, from.serial as i64);
    let n = transaction
        .execute(statement, &[&node, &number, &serial, &fill_to, &fill_tag, &old_number, &old_serial])
        .await?;
    if n == 1 { Ok(()) } else { Err(ForwardError::Moved) }
}
