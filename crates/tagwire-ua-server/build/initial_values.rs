//! Gives every variable without a value the neutral one of its data type, so that reading it is never an error.

use std::collections::BTreeMap;

use opcua_types::{DataTypeDefinition, StructureDefinition};

use crate::layout::{DECLARATION, IS_ABSTRACT};
use crate::source::{CLASS_VARIABLE, NodeSet, number};

const INT32: u32 = 6;
const STRUCTURE: u32 = 22;
const BASE_DATA_TYPE: u32 = 24;
const LAST_BUILT_IN: u32 = 25;
const ENUMERATION: u32 = 29;

const ARRAY: u8 = 0x80;
const DIMENSIONS: u8 = 0x40;
const NULL_LENGTH: [u8; 4] = [0xFF; 4];

struct Types<'a> {
    supertypes: BTreeMap<u32, u32>,
    structures: BTreeMap<u32, &'a StructureDefinition>,
    abstract_types: Vec<u32>,
}

/// Fills in the absent values.
pub(crate) fn fill(set: &mut NodeSet) {
    let structures = set.nodes.iter().filter_map(|(id, node)| match &node.definition {
        Some(DataTypeDefinition::Structure(structure)) => Some((*id, structure)),
        _ => None,
    });
    let abstract_types = set.nodes.iter().filter(|(_, node)| node.flags & IS_ABSTRACT != 0).map(|(id, _)| *id);
    let types = Types {
        supertypes: set.supertypes(),
        structures: structures.collect(),
        abstract_types: abstract_types.collect(),
    };
    let values: Vec<(u32, Vec<u8>)> = set
        .nodes
        .iter()
        .filter(|(_, node)| node.class == CLASS_VARIABLE && node.value.is_none())
        .map(|(id, node)| {
            // What a type declares describes its instances, so a made-up structure there would mislead.
            let is_declared = node.flags & DECLARATION != 0 && types.built_in(node.data_type) == STRUCTURE;
            let value = if is_declared && node.value_rank < 0 {
                vec![0]
            } else {
                types.variant(node.data_type, node.value_rank)
            };
            (*id, value)
        })
        .collect();
    for (id, value) in values {
        if let Some(node) = set.nodes.get_mut(&id) {
            node.value = Some(value);
        }
    }
}

impl Types<'_> {
    /// The number of the built-in type that carries a data type (Part 6, 5.1.2).
    fn built_in(&self, mut data_type: u32) -> u32 {
        loop {
            match data_type {
                ENUMERATION => return INT32,
                1..=LAST_BUILT_IN => return data_type,
                _ => {}
            }
            match self.supertypes.get(&data_type) {
                Some(above) => data_type = *above,
                None => return BASE_DATA_TYPE,
            }
        }
    }

    fn variant(&self, data_type: u32, value_rank: i32) -> Vec<u8> {
        let built_in = self.built_in(data_type);
        let is_array = value_rank >= 0;
        if built_in == BASE_DATA_TYPE && !(is_array && data_type == BASE_DATA_TYPE) {
            return vec![0];
        }
        let code = built_in as u8;
        match value_rank {
            0 | 1 => vec![code | ARRAY, 0, 0, 0, 0],
            2.. => {
                let mut bytes = vec![code | ARRAY | DIMENSIONS, 0, 0, 0, 0];
                bytes.extend_from_slice(&value_rank.to_le_bytes());
                bytes.resize(bytes.len() + 4 * value_rank as usize, 0);
                bytes
            }
            _ if built_in == STRUCTURE => match self.extension_object(data_type) {
                Some(object) => [vec![code], object].concat(),
                None => vec![0],
            },
            _ => [vec![code], self.scalar(data_type)].concat(),
        }
    }

    /// A neutral structure in its wrapping; `None` for an abstract one.
    fn extension_object(&self, data_type: u32) -> Option<Vec<u8>> {
        let definition = self.structures.get(&data_type)?;
        let encoding = number(&definition.default_encoding_id).ok().filter(|id| *id != 0)?;
        if self.abstract_types.contains(&data_type) {
            return None;
        }
        let body = self.structure(definition);
        // A four-byte NodeId of namespace 0, then a body in a ByteString.
        let mut bytes = vec![0x01, 0x00];
        bytes.extend_from_slice(&u16::try_from(encoding).ok()?.to_le_bytes());
        bytes.push(0x01);
        bytes.extend_from_slice(&(body.len() as i32).to_le_bytes());
        bytes.extend_from_slice(&body);
        Some(bytes)
    }

    fn structure(&self, definition: &StructureDefinition) -> Vec<u8> {
        let fields = definition.fields.iter().flatten();
        fields
            .flat_map(|field| {
                let data_type = number(&field.data_type).unwrap_or(BASE_DATA_TYPE);
                match field.value_rank {
                    0.. => vec![0; 4],
                    _ if field.is_optional => vec![0; 3],
                    _ => self.scalar(data_type),
                }
            })
            .collect()
    }

    fn scalar(&self, data_type: u32) -> Vec<u8> {
        match self.built_in(data_type) {
            1..=3 => vec![0],
            4 | 5 => vec![0; 2],
            6 | 7 | 10 | 19 => vec![0; 4],
            8 | 9 | 11 | 13 => vec![0; 8],
            12 | 15 | 16 => NULL_LENGTH.to_vec(),
            14 => vec![0; 16],
            17 | 18 => vec![0; 2],
            20 => [&[0, 0][..], &NULL_LENGTH].concat(),
            STRUCTURE => match self.structures.get(&data_type) {
                Some(definition) => self.structure(definition),
                None => vec![0; 3],
            },
            _ => vec![0],
        }
    }
}
