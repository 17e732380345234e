//! The tables: their names, how they are made, and their version.

use tokio_postgres::Client;

use crate::feed::{Fill, Position};
use crate::rows::NAMES;
use crate::{ForwardError, Settings};

/// The version of the tables that this program makes, and the highest one that it uses.
pub const SCHEMA_VERSION: i32 = 1;

/// Any number, the same in every tagwire: whoever makes tables holds this lock.
const MAKING: i64 = 0x7461_6777_6972_6501;

/// Names of the tables, quoted and with their schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) schema: String,
    pub(crate) meta: String,
    pub(crate) nodes: String,
    pub(crate) tags: String,
    pub(crate) samples: String,
    pub(crate) changes: String,
    view: String,
    index: String,
    timescale: bool,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Tables {
    pub(crate) fn of(settings: &Settings) -> Self {
        let schema = quoted(&settings.schema);
        let table = |name: &str| format!("{schema}.{}", quoted(&format!("{}{name}", settings.prefix)));
        Self {
            meta: table("meta"),
            nodes: table("nodes"),
            tags: table("tags"),
            samples: table("samples"),
            changes: table("changes"),
            view: table("history"),
            index: quoted(&format!("{}changes_by_time", settings.prefix)),
            schema,
            timescale: settings.timescale,
        }
    }

    /// The version of the tables that are there; `None` when there are none.
    pub(crate) async fn version(&self, client: &Client) -> Result<Option<i32>, ForwardError> {
        let there = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&self.meta]).await?;
        if !there.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        let row = client.query_opt(&format!("SELECT version FROM {}", self.meta), &[]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Refuses tables that a newer program made, and those that are not there.
    pub(crate) async fn check(&self, client: &Client, place: &str) -> Result<(), ForwardError> {
        match self.version(client).await? {
            Some(found) if found > SCHEMA_VERSION => Err(self.newer(place, found)),
            Some(_) => Ok(()),
            None => Err(ForwardError::NoTables(format!("{place}, schema {}", self.schema))),
        }
    }

    fn newer(&self, place: &str, found: i32) -> ForwardError {
        ForwardError::Newer { place: format!("{place}, schema {}", self.schema), found, known: SCHEMA_VERSION }
    }

    /// Makes what is missing.
    pub(crate) async fn ensure(&self, client: &mut Client, place: &str) -> Result<(), ForwardError> {
        match self.version(client).await? {
            Some(found) if found > SCHEMA_VERSION => return Err(self.newer(place, found)),
            // Whoever may only write need not be allowed to make tables.
            Some(_) => return Ok(()),
            None => {}
        }
        let making = client.transaction().await?;
        making.execute("SELECT pg_advisory_xact_lock($1)", &[&MAKING]).await?;
        making.batch_execute(&self.statements()).await?;
        making.commit().await?;
        match self.version(client).await? {
            Some(found) if found > SCHEMA_VERSION => Err(self.newer(place, found)),
            _ => Ok(()),
        }
    }

    fn statements(&self) -> String {
        let Self { schema, meta, nodes, tags, samples, changes, view, index, timescale } = self;
        let value = "bool boolean, int bigint, float double precision, text text, bytes bytea";
        let hypertable = if *timescale {
            format!(
                "SELECT create_hypertable('{}', 'time', if_not_exists => true, migrate_data => true);",
                samples.replace('\'', "''")
            )
        } else {
            String::new()
        };
        format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};
            CREATE TABLE IF NOT EXISTS {meta} (single boolean PRIMARY KEY DEFAULT true CHECK (single), version integer NOT NULL);
            INSERT INTO {meta} (version) VALUES ({SCHEMA_VERSION}) ON CONFLICT DO NOTHING;
            CREATE TABLE IF NOT EXISTS {nodes} (
                node smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                identity text NOT NULL UNIQUE,
                name text NOT NULL,
                number bigint NOT NULL DEFAULT 0,
                serial bigint NOT NULL DEFAULT 0,
                fill_to bigint,
                fill_tag bigint,
                at timestamptz NOT NULL DEFAULT now());
            CREATE TABLE IF NOT EXISTS {tags} (
                tag integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                path text NOT NULL,
                type text NOT NULL,
                UNIQUE (path, type));
            CREATE TABLE IF NOT EXISTS {samples} (
                time timestamptz NOT NULL,
                status bigint NOT NULL,
                server_delay bigint,
                int bigint,
                float double precision,
                tag integer NOT NULL,
                rest smallint NOT NULL,
                node smallint NOT NULL,
                reason smallint NOT NULL,
                bool boolean,
                text text,
                bytes bytea,
                PRIMARY KEY (tag, time, rest));
            CREATE TABLE IF NOT EXISTS {changes} (
                change bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                tag integer NOT NULL,
                time timestamptz NOT NULL,
                rest smallint NOT NULL,
                kind smallint NOT NULL,
                changed_at timestamptz NOT NULL,
                changed_by text NOT NULL,
                node smallint NOT NULL,
                status bigint,
                server_delay bigint,
                {value});
            CREATE INDEX IF NOT EXISTS {index} ON {changes} (tag, time);
            {hypertable}
            CREATE OR REPLACE VIEW {view} AS
                SELECT t.path, s.time, s.rest, coalesce(s.float, s.int::float8, s.bool::int::float8) AS number,
                    s.text, s.bytes, s.status, s.reason, s.node
                FROM {samples} s JOIN {tags} t USING (tag);"
        )
    }

    /// The number of a node, and how far its store has been forwarded.
    pub(crate) async fn node(
        &self,
        client: &Client,
        identity: u64,
        name: &str,
    ) -> Result<(i16, Position), ForwardError> {
        let statement = format!(
            "INSERT INTO {} AS n (identity, name) VALUES ($1, $2)
             ON CONFLICT (identity) DO UPDATE SET name = excluded.name
             RETURNING n.node, n.number, n.serial, n.fill_to, n.fill_tag",
            self.nodes
        );
        let row = client.query_one(&statement, &[&format!("{identity:016x}"), &name]).await?;
        let number = |column| row.try_get::<_, i64>(column).map(|number| number as u64);
        let fill_to: Option<i64> = row.try_get(3)?;
        let fill_tag: Option<i64> = row.try_get(4)?;
        let fill = fill_to.zip(fill_tag).map(|(to, tag)| Fill { to: to as u64, tag: tag as u32 });
        Ok((row.try_get(0)?, Position { number: number(1)?, serial: number(2)?, fill }))
    }

    /// The statement that moves the position of a node, given where it stood.
    pub(crate) fn advance(&self) -> String {
        format!(
            "UPDATE {} SET number = $2, serial = $3, fill_to = $4, fill_tag = $5, at = now()
             WHERE node = $1 AND number = $6 AND serial = $7",
            self.nodes
        )
    }

    /// The statement that copies rows into a table.
    pub(crate) fn copy(into: &str) -> String {
        format!("COPY {into} ({NAMES}) FROM STDIN BINARY")
    }
}
