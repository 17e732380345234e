//! History read back from the database, for servers that share one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tagwire_history::{
    Author, ChangeKind, ColumnType, Elsewhere, HistoryError, Modification, Reason, Samples, TagNumber,
};
use tagwire_model::{Sample, Status, Timestamp, ValueType};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Row, Statement};

use crate::cell::{Cell, Instant, Micros};
use crate::connect::{Connection, in_time};
use crate::schema::Tables;
use crate::send::KIND_INSERTED;
use crate::{ForwardError, Settings};

/// How often new tags are looked for.
const LOOK: Duration = Duration::from_secs(2);
/// Longest time for one page.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sessions that wait for the next read.
const MAX_IDLE: usize = 4;
/// Changes of samples that are told at most.
const MAX_CHANGES: i64 = 100_000;
const VALUE: &str = "time, rest, status, server_delay, bool, int, float, text, bytes";

/// The history in a database. Reads block, for a bounded time, so they must run where that is allowed.
pub struct Shared {
    inner: Arc<Inner>,
    runtime: Handle,
    looking: JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

struct Inner {
    settings: Settings,
    tables: Tables,
    tags: RwLock<Tags>,
    idle: Mutex<Vec<Session>>,
}

#[derive(Default)]
struct Tags {
    by_path: HashMap<Arc<str>, Vec<(ValueType, TagNumber)>>,
    types: HashMap<u32, ColumnType>,
    last: i32,
}

struct Session {
    connection: Connection,
    forward: Statement,
    backward: Statement,
    changes: Statement,
}

impl Shared {
    /// Begins to look which tags there are; to be called within a runtime.
    pub fn start(settings: Settings) -> Self {
        let tables = Tables::of(&settings);
        let (tags, idle) = (RwLock::default(), Mutex::default());
        let inner = Arc::new(Inner { settings, tables, tags, idle });
        let looking = tokio::spawn(look(Arc::clone(&inner)));
        Self { inner, runtime: Handle::current(), looking }
    }

    /// Reads with a session; once more with a fresh one when it was an idle one that had ended meanwhile.
    fn read<T>(&self, read: impl AsyncFn(&Session) -> Result<T, ForwardError>) -> Result<T, HistoryError> {
        let reading = async {
            let idle = self.inner.idle.lock().pop().filter(|session| !session.connection.client.is_closed());
            if let Some(session) = idle {
                match read(&session).await {
                    Ok(found) => return Ok((session, found)),
                    Err(_) if session.connection.client.is_closed() => {}
                    Err(error) => return Err(error),
                }
            }
            let session = self.inner.session().await?;
            let found = read(&session).await?;
            Ok((session, found))
        };
        let read = self.runtime.block_on(async { in_time(PATIENCE, reading).await });
        let (session, found) = read.map_err(|error| HistoryError::Elsewhere(error.to_string()))?;
        let mut idle = self.inner.idle.lock();
        if idle.len() < MAX_IDLE {
            idle.push(session);
        }
        Ok(found)
    }
}

impl Inner {
    async fn session(&self) -> Result<Session, ForwardError> {
        let connection = Connection::open(&self.settings, "tagwire history").await?;
        let client = &connection.client;
        self.tables.check(client, &self.settings.place()).await?;
        client.batch_execute("SET statement_timeout = '20s'").await?;
        let samples = &self.tables.samples;
        let page = |order: &str| {
            format!(
                "SELECT {VALUE}, reason FROM {samples}
                 WHERE tag = $1 AND (time, rest) >= ($2, $3) AND (time, rest) <= ($4, $5) ORDER BY {order} LIMIT $6"
            )
        };
        let forward = client.prepare(&page("time, rest")).await?;
        let backward = client.prepare(&page("time DESC, rest DESC")).await?;
        let changes = format!(
            "SELECT {VALUE}, kind, changed_at, changed_by FROM {}
             WHERE tag = $1 AND (time, rest) >= ($2, $3) AND (time, rest) <= ($4, $5) ORDER BY change LIMIT $6",
            self.tables.changes
        );
        let changes = client.prepare(&changes).await?;
        Ok(Session { connection, forward, backward, changes })
    }

    /// Takes in the tags that are new.
    async fn look(&self, session: &Session) -> Result<(), ForwardError> {
        let last = self.tags.read().last;
        let statement = format!("SELECT tag, path, type FROM {} WHERE tag > $1 ORDER BY tag", self.tables.tags);
        let rows = session.connection.client.query(&statement, &[&last]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut tags = self.tags.write();
        for row in rows {
            let (tag, path, text): (i32, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            tags.last = tags.last.max(tag);
            // A newer server may know types that this one does not.
            let Ok(value_type) = ValueType::parse(&text) else { continue };
            let Ok(number) = u32::try_from(tag) else { continue };
            let column_type =
                if value_type.is_scalar() { ColumnType::Scalar(value_type.data_type) } else { ColumnType::Array };
            tags.types.insert(number, column_type);
            tags.by_path.entry(path.into()).or_default().push((value_type, TagNumber(number)));
        }
        Ok(())
    }
}

async fn look(inner: Arc<Inner>) {
    let mut session: Option<Session> = None;
    let mut trouble = String::new();
    loop {
        let looked = in_time(PATIENCE, async {
            let known = match session.take() {
                Some(session) => session,
                None => inner.session().await?,
            };
            inner.look(&known).await?;
            Ok(known)
        });
        match looked.await {
            Ok(known) => {
                session = Some(known);
                if !std::mem::take(&mut trouble).is_empty() {
                    tracing::info!(place = %inner.settings.place(), "shared history can be read");
                }
            }
            Err(error) => {
                let words = error.to_string();
                if words != trouble {
                    tracing::warn!("shared history cannot be read: {words}");
                    trouble = words;
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Elsewhere for Shared {
    fn number(&self, path: &str, value_type: ValueType) -> Option<TagNumber> {
        let tags = self.inner.tags.read();
        let found = tags.by_path.get(path)?.iter().find(|(known, _)| *known == value_type);
        found.map(|(_, number)| *number)
    }

    fn column_type(&self, tag: TagNumber) -> Result<ColumnType, HistoryError> {
        self.inner.tags.read().types.get(&tag.0).copied().ok_or(HistoryError::UnknownTag(tag))
    }

    fn page(
        &self,
        tag: TagNumber,
        (low, high): (i64, i64),
        backward: bool,
        max: usize,
    ) -> Result<Samples, HistoryError> {
        let column_type = self.column_type(tag)?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = self.read(async |session: &Session| {
            let statement = if backward { &session.backward } else { &session.forward };
            rows(session, statement, tag, (low, high), limit).await
        })?;
        let mut samples = Samples::empty(column_type);
        for row in &rows {
            let found = sample_of(row, column_type).and_then(|sample| Ok((sample, row.try_get::<_, i16>(9)?)));
            let (sample, reason) = found.map_err(|error| HistoryError::Elsewhere(error.to_string()))?;
            samples.push(&sample, Reason::from_code(u8::try_from(reason).unwrap_or(0)));
        }
        Ok(samples)
    }

    fn modified(&self, tag: TagNumber, from: Timestamp, to: Timestamp) -> Result<Vec<Modification>, HistoryError> {
        let column_type = self.column_type(tag)?;
        let rows = self.read(async |session: &Session| {
            rows(session, &session.changes, tag, (from.ticks(), to.ticks()), MAX_CHANGES).await
        })?;
        let modification = |row: &Row| -> Result<Modification, tokio_postgres::Error> {
            let sample = sample_of(row, column_type)?;
            let kind = match row.try_get::<_, i16>(9)? {
                KIND_INSERTED => ChangeKind::Inserted,
                4 => ChangeKind::Deleted,
                _ => ChangeKind::Replaced,
            };
            let at = Instant { micros: row.try_get::<_, Micros>(10)?.0, rest: 0 };
            let user: String = row.try_get(11)?;
            let author = Author { user: user.into(), time: Timestamp::from_ticks(at.ticks()) };
            let time = sample.source_time;
            let (before, after) =
                if kind == ChangeKind::Inserted { (None, Some(sample)) } else { (Some(sample), None) };
            Ok(Modification { time, kind, author, before, after })
        };
        let found = rows.iter().map(modification).collect::<Result<Vec<_>, _>>();
        found.map_err(|error| HistoryError::Elsewhere(error.to_string()))
    }
}

async fn rows(
    session: &Session,
    statement: &Statement,
    tag: TagNumber,
    (low, high): (i64, i64),
    limit: i64,
) -> Result<Vec<Row>, ForwardError> {
    let tag = i32::try_from(tag.0).unwrap_or(0);
    let (low, high) = (Instant::nearest(low), Instant::nearest(high));
    let (low_at, high_at) = (Micros(low.micros), Micros(high.micros));
    Ok(session.connection.client.query(statement, &[&tag, &low_at, &low.rest, &high_at, &high.rest, &limit]).await?)
}

fn sample_of(row: &Row, column_type: ColumnType) -> Result<Sample, tokio_postgres::Error> {
    let time = Instant { micros: row.try_get::<_, Micros>(0)?.0, rest: row.try_get(1)? }.ticks();
    let status = row.try_get::<_, Option<i64>>(2)?.and_then(|status| u32::try_from(status).ok()).unwrap_or_default();
    let delay: Option<i64> = row.try_get(3)?;
    let cell = if let Some(v) = row.try_get::<_, Option<bool>>(4)? {
        Cell::Bool(v)
    } else if let Some(v) = row.try_get::<_, Option<i64>>(5)? {
        Cell::Int(v)
    } else if let Some(v) = row.try_get::<_, Option<f64>>(6)? {
        Cell::Float(v)
    } else if let Some(v) = row.try_get::<_, Option<&str>>(7)? {
        Cell::Text(v.into())
    } else if let Some(v) = row.try_get::<_, Option<&[u8]>>(8)? {
        Cell::Bytes(v.into())
    } else {
        Cell::None
    };
    Ok(Sample {
        // A value of another type than that of the tag was not written by a tagwire.
        value: cell.value(column_type).unwrap_or(tagwire_model::Value::Null),
        status: Status(status),
        source_time: Timestamp::from_ticks(time),
        server_time: Timestamp::from_ticks(delay.map_or(0, |delay| time.wrapping_add(delay))),
    })
}
