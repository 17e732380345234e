//! Writes to members of structures: the value as it is now, with other members, written back as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tagwire_model::{Status, Value};
use tagwire_ua_client::{Error, NodeId, SourceSample, Structured};

use super::definitions::confirmed;
use super::live::limited;
use super::orders::failure;
use crate::session::Session;
use crate::structure::{Ask, Members, Path, Types, Wanted, change, load, locate, members};

/// Rounds of questions about structures within structures.
const MAX_ROUNDS: usize = 8;

/// The value and quality of a member, or the quality that says why it has none.
type Told = Result<(Value, Status), Status>;

/// A variable, what its server told of it, and the members that are wanted, each with its number.
pub(super) type Source<'a> = (&'a NodeId, &'a SourceSample, &'a [(u32, Path)]);

/// The members of a sample, by their numbers.
pub(super) fn members_of(types: &Types, told: &SourceSample, paths: &[(u32, Path)]) -> Vec<(u32, Told)> {
    let status = told.sample.status;
    let all = |status| paths.iter().map(|(tag, _)| (*tag, Err(status))).collect();
    if status.is_bad() {
        return all(status);
    }
    match members(types, told, &Wanted::new(paths.iter().map(|(tag, path)| (*tag, path)))) {
        Members::Needs(_) => all(Status::BAD_CONFIGURATION_ERROR),
        Members::Read(read) => read
            .into_iter()
            .map(|(tag, found)| (tag, found.map(|value| (value, status)).map_err(|miss| miss.status())))
            .collect(),
    }
}

/// Asks for all types that some samples need; gives all types that are known then, and those that were learned.
pub(super) async fn settle(
    session: &Arc<dyn Session>,
    types: Arc<Types>,
    structures: &[Source<'_>],
    limit: Duration,
) -> Result<(Arc<Types>, Types), Error> {
    let (mut types, mut learned) = (types, Types::default());
    for _ in 0..MAX_ROUNDS {
        let mut asks: Vec<Ask> = Vec::new();
        for (node, told, paths) in structures {
            let wanted = Wanted::new(paths.iter().map(|(tag, path)| (*tag, path)));
            if let Members::Needs(needs) = members(&types, told, &wanted) {
                asks.extend(needs.into_iter().map(|encoding| Ask { variable: (*node).clone(), encoding }));
            }
        }
        if asks.is_empty() {
            break;
        }
        let (source, known) = (Arc::clone(session), Arc::clone(&types));
        let found = limited(limit, "Read", Box::pin(async move { load(&*source, &known, &asks).await })).await?;
        Arc::make_mut(&mut types).learn(found.clone());
        learned.learn(found);
    }
    Ok((types, learned))
}

/// Members to be written, by their variables.
#[derive(Default)]
pub(super) struct Splices {
    nodes: Vec<NodeId>,
    numbers: HashMap<NodeId, usize>,
    /// Of each variable: place among all writes, member, value.
    writes: Vec<Vec<(usize, Path, Value)>>,
    /// The types that the variables had when they were seen last.
    types: HashSet<NodeId>,
}

impl Splices {
    /// `types` are those that the variable had when it was seen last.
    pub(super) fn add(&mut self, place: usize, node: NodeId, path: Path, value: Value, types: HashSet<NodeId>) {
        self.types.extend(types);
        let next = self.nodes.len();
        let number = *self.numbers.entry(node.clone()).or_insert(next);
        if number == next {
            self.nodes.push(node);
            self.writes.push(Vec::new());
        }
        if let Some(writes) = self.writes.get_mut(number) {
            writes.push((place, path, value));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Reads values with their definitions, changes and writes; gives the status of each write by its place, and types that were learned on the way.
    pub(super) async fn run(
        self,
        session: &Arc<dyn Session>,
        types: Arc<Types>,
        limit: Duration,
    ) -> (Vec<(usize, Status)>, Types) {
        let Self { nodes, writes, types: guess, .. } = self;
        let all = |status| writes.iter().flatten().map(|(place, ..)| (*place, status)).collect();
        let paths: Vec<Vec<(u32, Path)>> =
            writes.iter().map(|writes| writes.iter().map(|(_, path, _)| (0, path.clone())).collect()).collect();
        let mut confirmed = match confirmed(session, types, &nodes, &paths, guess, limit).await {
            Ok(confirmed) => confirmed,
            Err(status) => return (all(status), Types::default()),
        };
        let samples = std::mem::take(&mut confirmed.samples);
        let mut statuses = Vec::new();
        let mut outgoing: Vec<(NodeId, Structured)> = Vec::new();
        let mut places: Vec<Vec<usize>> = Vec::new();
        for (((node, told), writes), paths) in nodes.into_iter().zip(samples).zip(&writes).zip(&paths) {
            let doubt = confirmed.doubt((&node, &told, paths));
            let mut value = match told.structured {
                Some(value) if !told.sample.status.is_bad() && doubt.is_none() => *value,
                _ => {
                    let bad = Some(told.sample.status).filter(|status| status.is_bad()).or(doubt);
                    let bad = bad.unwrap_or(Status::BAD_TYPE_MISMATCH);
                    statuses.extend(writes.iter().map(|(place, ..)| (*place, bad)));
                    continue;
                }
            };
            let mut changed = Vec::new();
            for (place, path, new) in writes {
                match splice(&confirmed.types, &mut value, path, new) {
                    Ok(()) => changed.push(*place),
                    Err(status) => statuses.push((*place, status)),
                }
            }
            if !changed.is_empty() {
                outgoing.push((node, value));
                places.push(changed);
            }
        }
        let n_nodes = outgoing.len();
        let asked = if outgoing.is_empty() {
            Ok(Vec::new())
        } else {
            limited(limit, "Write", session.write_structures(outgoing)).await
        };
        // What the server makes of a request that it did not answer is unknown, which is not Good.
        let results = asked.unwrap_or_else(|error| vec![failure(&error); n_nodes]);
        for (places, status) in places.into_iter().zip(results) {
            statuses.extend(places.into_iter().map(|place| (place, status)));
        }
        (statuses, confirmed.learned)
    }
}

/// Puts another value in the place of a member.
fn splice(types: &Types, value: &mut Structured, path: &Path, new: &Value) -> Result<(), Status> {
    let (index, found) = locate(types, value, path).map_err(|miss| miss.status())?;
    let structure = match value {
        Structured::One(structure) => structure,
        Structured::Many(structures) => structures.get_mut(index).ok_or(Status::BAD_NO_DATA)?,
    };
    structure.body = change(&structure.body, &found, new.clone())?.into();
    Ok(())
}
