//! Properties of items, numbered as in OPC Classic.

use tagwire_access::Operation;

use crate::ask::Arguments;
use crate::items::Asker;
use crate::status::{Raised, quality};
use crate::wire::Dialect;
use crate::{Face, Literal, value};

/// Most items of one call.
const MAX_ITEMS: usize = 10_000;

pub(crate) const NAMES: &[&str] = &["tags", "id"];

/// What is known about an item.
struct Known {
    item: String,
    rows: Vec<(i128, &'static str, Literal)>,
}

/// The rows, and whether the one row stands alone.
pub(crate) fn properties(
    face: &Face,
    asker: &Asker,
    asked: &Arguments<'_>,
    dialect: Dialect,
) -> Result<(Vec<Literal>, bool), Raised> {
    let (tags, is_single) = asked.names("tags")?;
    if tags.is_empty() && !is_single {
        return Err(asked.wrong("tags", "a string or a list of strings"));
    }
    if tags.len() > MAX_ITEMS {
        return Err(Raised::opc(format!("properties: more than {MAX_ITEMS} items")));
    }
    let id = asked.get("id");
    let known = tags.iter().map(|tag| look_up(face, asker, tag)).collect::<Result<Vec<_>, Raised>>()?;
    if dialect == Dialect::Pyro5 {
        let is_alone = is_single && matches!(id, Literal::Int(_));
        return Ok((known.iter().map(as_object).collect(), is_alone));
    }
    let with_tag = |known: &Known, mut cells: Vec<Literal>| {
        if !is_single {
            cells.insert(0, Literal::text(known.item.as_str()));
        }
        Literal::Tuple(cells)
    };
    let mut rows = Vec::new();
    match id {
        Literal::None => {
            for known in &known {
                rows.extend(known.rows.iter().map(|(number, text, found)| {
                    with_tag(known, vec![Literal::Int(*number), Literal::text(*text), found.clone()])
                }));
            }
        }
        Literal::Int(number) => {
            for known in &known {
                let found = known.find(*number);
                rows.push(if is_single { found } else { with_tag(known, vec![found]) });
            }
        }
        several => {
            let wrong = || asked.wrong("id", "a number or a list of numbers");
            let number = |literal: &Literal| match literal {
                Literal::Int(number) => Some(*number),
                _ => None,
            };
            let numbers = several.elements().ok_or_else(wrong)?.iter().map(number);
            let mut numbers = numbers.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
            numbers.sort_by_key(|number| *number != 0);
            for known in &known {
                rows.extend(
                    numbers.iter().map(|number| with_tag(known, vec![Literal::Int(*number), known.find(*number)])),
                );
            }
        }
    }
    Ok((rows, is_single && matches!(id, Literal::Int(_))))
}

impl Known {
    fn find(&self, number: i128) -> Literal {
        let found = self.rows.iter().find(|(known, ..)| *known == number);
        found.map_or(Literal::None, |(_, _, value)| value.clone())
    }
}

fn look_up(face: &Face, asker: &Asker, item: &str) -> Result<Known, Raised> {
    let tag = asker
        .find(face, item, Operation::Read)
        .map_err(|status| Raised::opc(format!("properties: {item}: {status}")))?;
    let sample = face.hub.read(tag).map(|reading| reading.to_sample());
    let registry = face.hub.registry();
    let (Some(view), Some(sample)) = (registry.tag(tag), sample) else {
        return Err(Raised::opc(format!("properties: {item}: there is no such item")));
    };
    let rights = match (view.access.read, view.access.write) {
        (true, true) => "Read/Write",
        (false, true) => "Write",
        _ => "Read",
    };
    let time = if sample.source_time.is_none() { sample.server_time } else { sample.source_time };
    let mut rows = vec![
        (0, "Item ID (virtual property)", Literal::text(item)),
        (1, "Item Canonical DataType", Literal::Text(value::variant_type(view.value_type))),
        (2, "Item Value", value::to_literal(&sample.value)),
        (3, "Item Quality", Literal::text(quality(sample.status))),
        (4, "Item Timestamp", value::time(time)),
        (5, "Item Access Rights", Literal::text(rights)),
        (6, "Server Scan Rate", Literal::Float(f64::from(view.scan_ms))),
    ];
    if let Some(extra) = &view.extra {
        if !extra.unit.is_empty() {
            rows.push((100, "EU Units", Literal::text(extra.unit.as_str())));
        }
        if !extra.description.is_empty() {
            rows.push((101, "Item Description", Literal::text(extra.description.as_str())));
        }
        if let Some(range) = &extra.eu_range {
            rows.push((102, "High EU", Literal::Float(range.high)));
            rows.push((103, "Low EU", Literal::Float(range.low)));
        }
    }
    Ok(Known { item: item.to_owned(), rows })
}

/// The object that openopc2 makes of the properties of an item.
fn as_object(known: &Known) -> Literal {
    Literal::dict([
        ("__class__", Literal::text("opc_types.TagProperties")),
        ("tag_name", Literal::text(known.item.as_str())),
        ("data_type", known.find(1)),
        ("value", known.find(2)),
        ("quality", known.find(3)),
        ("timestamp", known.find(4)),
        ("access_rights", known.find(5)),
        ("server_scan_rate", known.find(6)),
        ("eu_type", Literal::None),
        ("eu_info", Literal::None),
        ("description", known.find(101)),
    ])
}
