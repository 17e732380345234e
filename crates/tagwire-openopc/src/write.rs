//! Writing.

use tagwire_access::audit::{Details, Fields};
use tagwire_access::{Actor, AuditEvent, Operation, What};
use tagwire_model::{Status, TagId, Value};

use crate::ask::Arguments;
use crate::items::Asker;
use crate::status::{BAD_TYPE_MISMATCH, Raised, error_text};
use crate::{Face, Literal, value};

/// Most items of one call.
const MAX_ITEMS: usize = 100_000;
/// Items that a record of the audit log names.
const MAX_RECORDED: usize = 100;

pub(crate) const NAMES: &[&str] = &["tag_value_pairs", "size", "pause", "include_error"];

/// The rows of a write, and whether a single pair was given.
pub(crate) async fn write(face: &Face, asker: &Asker, asked: &Arguments<'_>) -> Result<(Vec<Literal>, bool), Raised> {
    let (pairs, is_single) = pairs(asked)?;
    let has_errors = asked.flag("include_error");
    let mut statuses = vec![Status::GOOD; pairs.len()];
    let mut places = Vec::new();
    let mut writes: Vec<(TagId, Value)> = Vec::new();
    for (place, (item, literal)) in pairs.iter().enumerate() {
        match writable(face, asker, item, literal) {
            Ok(write) => {
                places.push(place);
                writes.push(write);
            }
            Err(status) => statuses[place] = status,
        }
    }
    let answers = if writes.is_empty() { Vec::new() } else { face.hub.write(writes).await };
    for (place, status) in places.into_iter().zip(answers) {
        statuses[place] = status;
    }
    record(face, asker, &pairs, &statuses);
    let rows = pairs.iter().zip(&statuses).map(|((item, _), status)| row(item, *status, is_single, has_errors));
    Ok((rows.collect(), is_single))
}

type Pairs<'a> = Vec<(&'a str, &'a Literal)>;

fn pairs<'a>(asked: &Arguments<'a>) -> Result<(Pairs<'a>, bool), Raised> {
    let wrong = || asked.wrong("tag_value_pairs", "a (tag, value) tuple or a list of (tag, value) tuples");
    let given = asked.get("tag_value_pairs").elements().ok_or_else(wrong)?;
    if let [Literal::Text(item), value] = given {
        return Ok((vec![(item, value)], true));
    }
    if given.len() > MAX_ITEMS {
        return Err(Raised::opc(format!("write: more than {MAX_ITEMS} items")));
    }
    let pair = |pair: &'a Literal| match pair.elements() {
        Some([Literal::Text(item), value]) => Some((item.as_str(), value)),
        _ => None,
    };
    Ok((given.iter().map(pair).collect::<Option<_>>().ok_or_else(wrong)?, false))
}

fn writable(face: &Face, asker: &Asker, item: &str, literal: &Literal) -> Result<(TagId, Value), Status> {
    let tag = asker.find(face, item, Operation::Write)?;
    let wanted = {
        let registry = face.hub.registry();
        let view = registry.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        if !view.access.write {
            return Err(Status::BAD_NOT_WRITABLE);
        }
        view.value_type
    };
    value::from_literal(literal, wanted).map(|value| (tag, value)).ok_or(BAD_TYPE_MISMATCH)
}

fn row(item: &str, status: Status, is_single: bool, has_errors: bool) -> Literal {
    let word = Literal::text(if status.is_bad() { "Error" } else { "Success" });
    let text = Literal::Text(error_text(status));
    match (is_single, has_errors) {
        (true, false) => word,
        (true, true) => Literal::Tuple(vec![word, text]),
        (false, false) => Literal::Tuple(vec![Literal::text(item), word]),
        (false, true) => Literal::Tuple(vec![Literal::text(item), word, text]),
    }
}

fn record(face: &Face, asker: &Asker, pairs: &[(&str, &Literal)], statuses: &[Status]) {
    let named = pairs.iter().zip(statuses).take(MAX_RECORDED);
    let written = Written {
        n_items: statuses.len(),
        n_failed: statuses.iter().filter(|status| status.is_bad()).count(),
        items: named.map(|((item, _), status)| ((*item).to_owned(), *status)).collect(),
    };
    let origin = asker.principal.origin();
    let actor = Actor {
        face: Some(origin.face),
        identity: Some(asker.principal.identity().clone()),
        uid: None,
        peer: origin.peer,
    };
    face.audit.record(AuditEvent { time: (face.clock)(), what: What::Write, actor, details: Box::new(written) });
}

struct Written {
    n_items: usize,
    n_failed: usize,
    items: Vec<(String, Status)>,
}

impl Details for Written {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.field("n_items").number(self.n_items);
        fields.field("n_failed").number(self.n_failed);
        fields.field("items").list(|list| {
            for (item, status) in &self.items {
                list.item().object(|fields| {
                    fields.text("tag", item);
                    fields.field("result").shown(status);
                });
            }
        });
    }
}
