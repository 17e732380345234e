//! Serialises the node set in the shape that `layout` describes.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use opcua_types::{BinaryEncodable, ContextOwned, Variant};

use crate::layout::{self, NO_NODE, NO_ORDINAL, NONE, RECORD_LEN};
use crate::source::{Node, NodeSet, reference_type};

const CLASS_REFERENCE_TYPE: u8 = 32;

/// Bytes with a length in front, each kept once.
struct Pool {
    bytes: Vec<u8>,
    known: HashMap<Vec<u8>, u32>,
}

impl Pool {
    fn new() -> Self {
        Self { bytes: Vec::new(), known: HashMap::new() }
    }

    fn put(&mut self, item: Option<&[u8]>) -> u32 {
        let Some(item) = item else { return NONE };
        if let Some(at) = self.known.get(item) {
            return *at;
        }
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&(item.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(item);
        self.known.insert(item.to_vec(), at);
        at
    }
}

/// The whole table.
pub(crate) fn encode(set: &NodeSet) -> Result<Vec<u8>, Box<dyn Error>> {
    let positions: BTreeMap<u32, u16> = set.nodes.keys().copied().zip(0_u16..NO_NODE).collect();
    if positions.len() != set.nodes.len() {
        return Err("too many nodes for 16-bit positions".into());
    }
    let is_reference_type = |id: &&u32| set.nodes[*id].class == CLASS_REFERENCE_TYPE;
    let ordinals: BTreeMap<u32, u8> = set.nodes.keys().filter(is_reference_type).copied().zip(0..NO_ORDINAL).collect();
    // A set of reference types is a u128 in the server.
    if ordinals.len() > 128 {
        return Err("too many reference types for a 128-bit set".into());
    }
    let mut sections: [Vec<u8>; layout::N_SECTIONS] = Default::default();
    let (mut strings, mut values) = (Pool::new(), Pool::new());
    let supertypes = set.supertypes();
    for (id, node) in &set.nodes {
        let mut record = record(*id, node, &mut strings, &mut values);
        let position = |id: Option<u32>| id.and_then(|id| positions.get(&id).copied()).unwrap_or(NO_NODE);
        let type_definition = set.targets(*id, reference_type::HAS_TYPE_DEFINITION).next();
        put(&mut record, layout::TYPE_DEFINITION, &position(type_definition).to_le_bytes());
        put(&mut record, layout::SUPERTYPE, &position(supertypes.get(id).copied()).to_le_bytes());
        record[layout::ORDINAL] = ordinals.get(id).copied().unwrap_or(NO_ORDINAL);
        sections[layout::RECORDS].extend_from_slice(&record);
    }
    let last = set.nodes.keys().last().copied().unwrap_or_default();
    for id in 0..=last {
        let position = positions.get(&id).copied().unwrap_or(NO_NODE);
        sections[layout::INDEX].extend_from_slice(&position.to_le_bytes());
    }
    for id in ordinals.keys() {
        sections[layout::REFERENCE_TYPES].extend_from_slice(&positions[id].to_le_bytes());
    }
    let entry = |type_id: u32, other: u32| u32::from(ordinals[&type_id]) << 16 | u32::from(positions[&other]);
    let forward = set.references.iter().map(|(source, type_id, target)| (*source, entry(*type_id, *target)));
    let inverse = set.references.iter().map(|(source, type_id, target)| (*target, entry(*type_id, *source)));
    (sections[layout::FORWARD_STARTS], sections[layout::FORWARD]) = grouped(set, forward.collect());
    (sections[layout::INVERSE_STARTS], sections[layout::INVERSE]) = grouped(set, inverse.collect());
    sections[layout::STRINGS] = strings.bytes;
    sections[layout::VALUES] = values.bytes;
    Ok(with_header(&sections))
}

fn record(id: u32, node: &Node, strings: &mut Pool, values: &mut Pool) -> [u8; RECORD_LEN] {
    let context = ContextOwned::default();
    let mut encoded = |value: Option<Variant>| {
        let bytes = value.map(|value| value.encode_to_vec(&context.context()));
        values.put(bytes.as_deref()).to_le_bytes()
    };
    let mut record = [0; RECORD_LEN];
    put(&mut record, layout::ID, &id.to_le_bytes());
    record[layout::CLASS] = node.class;
    record[layout::FLAGS] = node.flags;
    record[layout::ACCESS_LEVEL] = node.access_level;
    record[layout::EVENT_NOTIFIER] = node.event_notifier;
    for (at, text) in [
        (layout::BROWSE_NAME, Some(&node.browse_name)),
        (layout::DISPLAY_NAME, Some(&node.display_name)),
        (layout::DESCRIPTION, node.description.as_ref()),
        (layout::INVERSE_NAME, node.inverse_name.as_ref()),
    ] {
        put(&mut record, at, &strings.put(text.map(|text| text.as_bytes())).to_le_bytes());
    }
    put(&mut record, layout::DATA_TYPE, &node.data_type.to_le_bytes());
    put(&mut record, layout::VALUE_RANK, &node.value_rank.to_le_bytes());
    put(&mut record, layout::DIMENSIONS, &encoded(node.dimensions.clone().map(Variant::from)));
    put(&mut record, layout::MIN_SAMPLING, &encoded(node.min_sampling.map(Variant::from)));
    put(&mut record, layout::DEFINITION, &encoded(node.definition.clone().map(Variant::from)));
    put(&mut record, layout::VALUE, &values.put(node.value.as_deref()).to_le_bytes());
    record
}

fn put(record: &mut [u8; RECORD_LEN], at: usize, bytes: &[u8]) {
    record[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The references of all nodes one after the other, and where each node's begin.
fn grouped(set: &NodeSet, references: Vec<(u32, u32)>) -> (Vec<u8>, Vec<u8>) {
    let mut of_node: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (node, entry) in references {
        of_node.entry(node).or_default().push(entry);
    }
    let (mut starts, mut entries) = (Vec::new(), Vec::new());
    let mut n_entries = 0_u32;
    for id in set.nodes.keys() {
        starts.extend_from_slice(&n_entries.to_le_bytes());
        for entry in of_node.get(id).into_iter().flatten() {
            entries.extend_from_slice(&entry.to_le_bytes());
            n_entries += 1;
        }
    }
    starts.extend_from_slice(&n_entries.to_le_bytes());
    (starts, entries)
}

fn with_header(sections: &[Vec<u8>; layout::N_SECTIONS]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = layout::N_SECTIONS * 8;
    for section in sections {
        out.extend_from_slice(&(at as u32).to_le_bytes());
        out.extend_from_slice(&(section.len() as u32).to_le_bytes());
        at += section.len();
    }
    sections.iter().for_each(|section| out.extend_from_slice(section));
    out
}
