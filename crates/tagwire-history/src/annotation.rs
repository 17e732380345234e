//! Notes of users at points in the history of a tag.

use std::sync::Arc;

use tagwire_model::Timestamp;

use crate::bytes::{Reader, Short, put_text};
use crate::edit::{Author, ChangeKind};

/// A note (OPC UA Part 11, Annotation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its number, by which it can be changed; 0 for a new one.
    pub id: u64,
    /// The point in history that it belongs to.
    pub time: Timestamp,
    /// What it says.
    pub message: Arc<str>,
    /// Who says it.
    pub user: Arc<str>,
    /// When that was said.
    pub annotation_time: Timestamp,
}

/// A state of an annotation, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredAnnotation {
    pub(crate) kind: ChangeKind,
    /// The annotation that it changes; 0 for a new one.
    pub(crate) of: u64,
    pub(crate) author: Author,
    pub(crate) annotation: Annotation,
}

impl StoredAnnotation {
    pub(crate) const fn is_there(&self) -> bool {
        !matches!(self.kind, ChangeKind::Deleted)
    }

    pub(crate) fn put(&self) -> Vec<u8> {
        let mut out = vec![self.kind as u8];
        out.extend_from_slice(&self.of.to_le_bytes());
        out.extend_from_slice(&self.author.time.ticks().to_le_bytes());
        put_text(&mut out, &self.author.user);
        out.extend_from_slice(&self.annotation.annotation_time.ticks().to_le_bytes());
        put_text(&mut out, &self.annotation.user);
        put_text(&mut out, &self.annotation.message);
        out
    }

    pub(crate) fn read(time: Timestamp, bytes: &[u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(bytes);
        let kind = match reader.u8()? {
            1 => ChangeKind::Inserted,
            2 => ChangeKind::Replaced,
            4 => ChangeKind::Deleted,
            _ => return Err(Short),
        };
        let of = reader.u64()?;
        let made = Timestamp::from_ticks(reader.i64()?);
        let author = Author { time: made, user: reader.text()?.into() };
        let annotation_time = Timestamp::from_ticks(reader.i64()?);
        let (user, message) = (reader.text()?.into(), reader.text()?.into());
        Ok(Self { kind, of, author, annotation: Annotation { id: of, time, message, user, annotation_time } })
    }
}
