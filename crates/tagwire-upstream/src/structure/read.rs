//! Members out of what a server told of a node.

use std::collections::HashSet;
use std::sync::Arc;

use tagwire_model::Value;
use tagwire_ua_client::{NodeId, SourceSample, Structure, Structured};

use super::Path;
use super::bytes::Flaw;
use super::path::Step;
use super::types::Types;
use super::walk::{Found, Miss, Wanted, met, search};

/// What became of the members of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Members {
    /// Each with its value or the reason why there is none.
    Read(Vec<(u32, Result<Value, Miss>)>),
    /// These encodings have to be known first.
    Needs(Vec<NodeId>),
}

/// The members that are wanted of a sample.
pub(crate) fn members(types: &Types, told: &SourceSample, wanted: &Wanted) -> Members {
    let (mut read, mut needs) = (Vec::new(), Vec::new());
    match told.structured.as_deref() {
        None => {
            let is_empty = matches!(told.sample.value, Value::Null);
            let miss = if is_empty { Miss::Absent } else { Miss::Wrong(Arc::from("value is no structure")) };
            all(wanted, &miss, &mut read);
        }
        Some(Structured::One(structure)) => one(types, structure, wanted, &mut read, &mut needs),
        Some(Structured::Many(structures)) => {
            for index in wanted.indices() {
                let Some(inside) = wanted.element(index) else { continue };
                match structures.get(index as usize) {
                    Some(structure) => one(types, structure, inside, &mut read, &mut needs),
                    None => all(inside, &Miss::Absent, &mut read),
                }
            }
            let reason = Miss::Wrong(Arc::from("value is an array: name one element, as in [0]"));
            wanted.fields().for_each(|inside| all(inside, &reason, &mut read));
        }
    }
    if needs.is_empty() { Members::Read(read) } else { Members::Needs(needs) }
}

fn all(wanted: &Wanted, miss: &Miss, read: &mut Vec<(u32, Result<Value, Miss>)>) {
    read.extend(wanted.all().into_iter().map(|number| (number, Err(miss.clone()))));
}

fn one(
    types: &Types,
    structure: &Structure,
    wanted: &Wanted,
    read: &mut Vec<(u32, Result<Value, Miss>)>,
    needs: &mut Vec<NodeId>,
) {
    if structure.encoding.is_null() {
        return all(wanted, &Miss::Absent, read);
    }
    let data_type = match types.encoding(&structure.encoding) {
        Some(Ok(data_type)) => data_type,
        Some(Err(reason)) => return all(wanted, &Miss::Wrong(Arc::clone(reason)), read),
        None => return needs.push(structure.encoding.clone()),
    };
    match search(types, data_type, &structure.body, wanted) {
        Ok(outcome) if outcome.needs.is_empty() => {
            read.extend(outcome.found.into_iter().map(|(number, found)| (number, found.and_then(value))));
        }
        Ok(outcome) => needs.extend(outcome.needs),
        Err(Flaw::Unknown(reason)) => all(wanted, &Miss::Wrong(reason), read),
        Err(flaw) => all(wanted, &Miss::Broken(Arc::from(flaw.to_string())), read),
    }
}

fn value(found: Found) -> Result<Value, Miss> {
    match found.value {
        Some(value) => Ok(value),
        // An empty one has no value at the moment, whatever it may hold another time.
        None if found.is_open() => Err(Miss::Absent),
        None => Err(Miss::Wrong(Arc::from("no tag can hold the member"))),
    }
}

/// The structures whose definitions say where members of a value stand.
pub(crate) fn relied_on(types: &Types, value: &Structured, wanted: &Wanted) -> HashSet<NodeId> {
    let of = |structure: &Structure, wanted: &Wanted| match types.encoding(&structure.encoding) {
        Some(Ok(data_type)) => met(types, data_type, &structure.body, wanted),
        _ => HashSet::new(),
    };
    match value {
        Structured::One(structure) => of(structure, wanted),
        Structured::Many(structures) => wanted
            .indices()
            .filter_map(|index| Some(of(structures.get(index as usize)?, wanted.element(index)?)))
            .flatten()
            .collect(),
    }
}

/// Where a member stands: the number of the structure of an array, and the place in it.
pub(crate) fn locate(types: &Types, value: &Structured, path: &Path) -> Result<(usize, Found), Miss> {
    let wrong = |reason: &str| Miss::Wrong(Arc::from(reason));
    let (index, structure, rest) = match (value, path.steps()) {
        (Structured::One(structure), _) => (0, structure, path.clone()),
        (Structured::Many(structures), [Step::Element(index), rest @ ..]) => {
            let rest = Path::new(rest).ok_or_else(|| wrong("an element cannot be written as a whole"))?;
            (*index as usize, structures.get(*index as usize).ok_or(Miss::Absent)?, rest)
        }
        (Structured::Many(_), _) => return Err(wrong("value is an array: name one element, as in [0]")),
    };
    let data_type = types.encoding(&structure.encoding).cloned().ok_or(Miss::Absent)?.map_err(Miss::Wrong)?;
    let outcome = search(types, &data_type, &structure.body, &Wanted::new([(0, &rest)]))
        .map_err(|flaw| Miss::Broken(Arc::from(flaw.to_string())))?;
    let (_, found) = outcome.found.into_iter().next().ok_or(Miss::Absent)?;
    found.map(|found| (index, found))
}
