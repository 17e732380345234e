//! Definitions of structures that the server may change at any time: looked at again every few seconds while members are
//! watched, and together with each value that a member is written into.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tagwire_model::Status;
use tagwire_ua_client::{Error, NodeId, SourceSample};

use super::SETUP;
use super::live::limited;
use super::orders::failure;
use super::splices::{Source, settle};
use crate::session::Session;
use crate::structure::{Path, Types, Wanted, differing, relied_on, reload};

/// How often definitions are looked at.
pub(super) const CHECK: Duration = Duration::from_secs(5);
/// Types of one request, and fields of them, so that no answer is larger than those at first.
const MAX_TYPES: usize = 500;
const MAX_FIELDS: usize = 5_000;
/// Readings of a value and its definitions, each of which may show something new.
const MAX_ROUNDS: usize = 6;

/// Asks for all definitions that are known; gives what is different by now.
pub(super) async fn check(session: &Arc<dyn Session>, known: &Arc<Types>) -> Result<Types, Error> {
    let mut changed = Vec::new();
    for part in parts(known) {
        let (_, told) = limited(SETUP, "Read", session.read_defined(Vec::new(), part.clone())).await?;
        changed.extend(differing(known, &part, &told));
    }
    ask_again(session, known, changed, SETUP).await
}

/// All structures, in parts for one request each.
fn parts(known: &Types) -> Vec<Vec<NodeId>> {
    let mut parts: Vec<Vec<NodeId>> = vec![Vec::new()];
    let mut n_fields = 0;
    for (data_type, shape) in known.structures() {
        n_fields += shape.fields.len();
        match parts.last_mut() {
            Some(part) if part.is_empty() || part.len() < MAX_TYPES && n_fields <= MAX_FIELDS => {
                part.push(data_type.clone());
            }
            _ => {
                n_fields = shape.fields.len();
                parts.push(vec![data_type.clone()]);
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

async fn ask_again(
    session: &Arc<dyn Session>,
    known: &Arc<Types>,
    changed: Vec<NodeId>,
    limit: Duration,
) -> Result<Types, Error> {
    if changed.is_empty() {
        return Ok(Types::default());
    }
    let (source, known) = (Arc::clone(session), Arc::clone(known));
    limited(limit, "Read", Box::pin(async move { reload(&*source, &known, &changed).await })).await
}

/// Values, and the definitions that counted when they were read.
pub(super) struct Confirmed {
    pub(super) samples: Vec<SourceSample>,
    pub(super) types: Arc<Types>,
    /// What was learned on the way.
    pub(super) learned: Types,
    /// Structures that the server did not tell of.
    unknown: HashMap<NodeId, Status>,
}

impl Confirmed {
    /// Why the definitions of a value are not certain.
    pub(super) fn doubt(&self, (_, told, paths): Source<'_>) -> Option<Status> {
        if self.unknown.is_empty() {
            return None;
        }
        needed(&self.types, told, paths).iter().find_map(|data_type| self.unknown.get(data_type).copied())
    }
}

/// The structures whose definitions say where members of a sample stand.
fn needed(types: &Types, told: &SourceSample, paths: &[(u32, Path)]) -> HashSet<NodeId> {
    let wanted = Wanted::new(paths.iter().map(|(tag, path)| (*tag, path)));
    told.structured.as_deref().map(|value| relied_on(types, value, &wanted)).unwrap_or_default()
}

/// Reads values together with the definitions that their members go by, until both fit together; `guess` has the types
/// that will probably be needed.
pub(super) async fn confirmed(
    session: &Arc<dyn Session>,
    mut types: Arc<Types>,
    nodes: &[NodeId],
    paths: &[Vec<(u32, Path)>],
    mut guess: HashSet<NodeId>,
    limit: Duration,
) -> Result<Confirmed, Status> {
    let mut learned = Types::default();
    for _ in 0..MAX_ROUNDS {
        let asked: Vec<NodeId> = guess.iter().filter(|data_type| types.shape(data_type).is_some()).cloned().collect();
        let reading = session.read_defined(nodes.to_vec(), asked.clone());
        let (samples, told) = limited(limit, "Read", reading).await.map_err(|error| failure(&error))?;
        let changed = differing(&types, &asked, &told);
        if !changed.is_empty() {
            let found = ask_again(session, &types, changed, limit).await.map_err(|error| failure(&error))?;
            Arc::make_mut(&mut types).learn(found.clone());
            learned.learn(found);
            continue;
        }
        let sources: Vec<Source<'_>> =
            nodes.iter().zip(&samples).zip(paths).map(|((node, told), paths)| (node, told, paths.as_slice())).collect();
        let settled = settle(session, types, &sources, limit).await.map_err(|error| failure(&error))?;
        types = settled.0;
        learned.learn(settled.1);
        let all = sources.iter().flat_map(|(_, told, paths)| needed(&types, told, paths));
        let lacking: Vec<NodeId> = all.filter(|data_type| !asked.contains(data_type)).collect();
        if lacking.is_empty() {
            let unknown = asked.into_iter().zip(told).filter_map(|(data_type, told)| Some((data_type, told.err()?)));
            return Ok(Confirmed { samples, types, learned, unknown: unknown.collect() });
        }
        guess.extend(lacking);
    }
    // Definitions that are others each time say nothing about the value.
    Err(Status::BAD_CONFIGURATION_ERROR)
}
