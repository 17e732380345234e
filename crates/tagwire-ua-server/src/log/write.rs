//! Writes: the request is copied as it came, and read again on the log's own thread.

use std::sync::Arc;

use tagwire_access::audit::{Details, Fields};
use tagwire_access::{Actor, Audit, AuditEvent, What};
use tagwire_hub::Reading;
use tagwire_model::{Status, TagId, Timestamp, Value};
use tagwire_ua_proto::codec::{Decode, Reader};
use tagwire_ua_proto::hot::{WriteRequestRef, WriteValueRef};

use super::value::{write_reading, write_value};
use super::{Client, Record, name, sender};
use crate::services::{Context, VALUE};

/// Bytes of items in a record after which no further one is noted.
const MAX_RECORD: usize = 64 << 10;

/// Fields of one structure that are noted.
const MAX_FIELDS: usize = 256;

/// Bytes that an item may take on average before the last ones are left out of a record.
const ITEM_BYTES: usize = 256;

/// As much of the items as a record can need; an item that is cut off is not noted.
fn first_items(encoded: &[u8], max_noted: usize) -> &[u8] {
    let len = max_noted.saturating_mul(ITEM_BYTES).min(MAX_RECORD);
    encoded.get(..len).unwrap_or(encoded)
}

/// A Write request while it is carried out. Once it is sent, dropping it tells that nobody learned how it ended.
pub(crate) struct WriteNote {
    audit: Arc<dyn Audit>,
    time: Timestamp,
    is_sent: bool,
    /// Empty once the record is made.
    open: Option<(Actor, Client, Written)>,
}

/// One tag of a structure that was written.
struct NotedField {
    name: String,
    old: Option<Reading>,
    new: Value,
}

/// A Write request, with its results as far as they are known.
struct Written {
    n_items: usize,
    /// Most items that are noted one by one.
    max_noted: usize,
    /// The items as they came over the wire.
    encoded: Vec<u8>,
    /// Values before the write, of the items that are noted.
    old: Vec<Option<Reading>>,
    /// Whole structures among the items that are noted, by their place.
    structures: Vec<(usize, Vec<NotedField>)>,
    results: Option<Vec<Status>>,
}

impl WriteNote {
    /// Notes a request; `None` when writes are not recorded.
    pub(crate) fn of(context: &Context<'_>, request: &WriteRequestRef<'_>) -> Option<Self> {
        let audit = &context.server.audit;
        let max_noted = audit.write_items()?;
        let written = Written {
            n_items: request.n_nodes(),
            max_noted,
            encoded: first_items(request.encoded_nodes(), max_noted).to_vec(),
            old: Vec::with_capacity(max_noted.min(request.n_nodes())),
            structures: Vec::new(),
            results: None,
        };
        let open = Some((sender(context), Client::of(context), written));
        Some(Self { audit: Arc::clone(audit), time: context.time, is_sent: false, open })
    }

    /// Notes the values before the write, of the tags that the next items name.
    #[inline]
    pub(crate) fn before(&mut self, context: &Context<'_>, named: impl Iterator<Item = Option<TagId>>) {
        let Some((_, _, written)) = &mut self.open else { return };
        let left = written.max_noted - written.old.len().min(written.max_noted);
        written.old.extend(named.take(left).map(|tag| tag.and_then(|tag| context.server.hub.read(tag))));
    }

    /// Notes what the tags of a structure at a place of the request are to become.
    pub(crate) fn structure(
        &mut self,
        context: &Context<'_>,
        position: usize,
        names: Vec<String>,
        members: &[(TagId, Value)],
    ) {
        let Some((_, _, written)) = &mut self.open else { return };
        if position < written.max_noted {
            let noted = names.into_iter().zip(members).take(MAX_FIELDS).map(|(name, (tag, new))| NotedField {
                name,
                old: context.server.hub.read(*tag),
                new: new.clone(),
            });
            written.structures.push((position, noted.collect()));
        }
    }

    /// Nothing keeps the values from the devices any more; a request that was refused before is no write.
    pub(crate) const fn sent(&mut self) {
        self.is_sent = true;
    }

    /// Makes the record.
    pub(crate) fn finish(mut self, results: Vec<Status>) {
        if let Some((_, _, written)) = &mut self.open {
            written.results = Some(results);
        }
    }
}

impl Drop for WriteNote {
    fn drop(&mut self) {
        if let Some((actor, client, written)) = self.open.take().filter(|_| self.is_sent) {
            let details = Box::new(Record(client, written));
            self.audit.record(AuditEvent { time: self.time, what: What::Write, actor, details });
        }
    }
}

impl Details for Written {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.field("n_items").number(self.n_items);
        match &self.results {
            Some(results) => fields.field("n_failed").number(results.iter().filter(|result| result.is_bad()).count()),
            // The connection ended first, so neither the client nor this record has them.
            None => fields.field("unanswered").boolean(true),
        }
        let start = fields.len();
        let mut reader = Reader::new(&self.encoded);
        let mut n_noted = 0;
        fields.field("items").list(|list| {
            while n_noted < self.n_items.min(self.max_noted) && list.len() - start < MAX_RECORD {
                let Ok(item) = WriteValueRef::decode(&mut reader) else { return };
                let old = self.old.get(n_noted).and_then(Option::as_ref);
                let result = self.results.as_ref().and_then(|results| results.get(n_noted));
                list.item().object(|fields| {
                    fields.field("node").shown(item.node_id);
                    if item.attribute_id != VALUE {
                        fields.field("attribute").number(item.attribute_id);
                    }
                    if !item.index_range.is_empty() {
                        fields.text("range", item.index_range);
                    }
                    if let Some(old) = old {
                        write_reading(old, fields.field("old"));
                    }
                    match self.structures.iter().find(|(position, _)| *position == n_noted) {
                        Some((_, noted)) => fields.field("fields").list(|list| {
                            for NotedField { name, old, new } in noted {
                                list.item().object(|fields| {
                                    fields.text("field", name);
                                    if let Some(old) = old {
                                        write_reading(old, fields.field("old"));
                                    }
                                    fields.field("new").value(new);
                                });
                            }
                        }),
                        None => write_value(&item.value.value, fields.field("new")),
                    }
                    if let Some(result) = result {
                        fields.text("result", &name(*result));
                    }
                });
                n_noted += 1;
            }
        });
    }

    fn held_bytes(&self) -> usize {
        let results = self.results.as_ref().map_or(0, Vec::len);
        let fields = self.structures.iter().flat_map(|(_, fields)| fields);
        let structures: usize = fields.map(|field| size_of::<NotedField>() + field.name.len()).sum();
        structures + self.encoded.len() + self.old.len() * size_of::<Option<Reading>>() + results * size_of::<Status>()
    }
}
