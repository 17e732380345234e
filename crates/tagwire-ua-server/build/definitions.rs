//! Completes the DataTypeDefinitions, which the node set crate carries without base types, without inherited fields and
//! without the marks of fields that take subtypes (Part 3, 8.48 and 8.51).

use std::collections::BTreeMap;

use opcua_types::{DataTypeDefinition, NodeId, StructureField, StructureType};

use crate::layout::IS_ABSTRACT;
use crate::source::{NodeSet, reference_type};

const STRUCTURE: u32 = 22;
const ENUMERATION: u32 = 29;
const UNION: u32 = 12756;

/// Corrects the definition of every structure.
pub(crate) fn complete(set: &mut NodeSet) {
    let supertypes = set.supertypes();
    let own_fields: BTreeMap<u32, Vec<StructureField>> = set
        .nodes
        .iter()
        .filter_map(|(id, node)| match &node.definition {
            Some(DataTypeDefinition::Structure(structure)) => Some((*id, structure.fields.clone().unwrap_or_default())),
            _ => None,
        })
        .collect();
    let is_below = |mut id: u32, ancestor: u32| {
        while let Some(above) = supertypes.get(&id) {
            id = *above;
            if id == ancestor {
                return true;
            }
        }
        false
    };
    let abstract_structures: Vec<u32> = set
        .nodes
        .iter()
        .filter(|(id, node)| node.flags & IS_ABSTRACT != 0 && is_below(**id, STRUCTURE))
        .map(|(id, _)| *id)
        .collect();
    let encodings: BTreeMap<u32, u32> = own_fields
        .keys()
        .filter_map(|id| {
            let mut encodings = set.targets(*id, reference_type::HAS_ENCODING);
            let binary = encodings.find(|target| set.nodes[target].browse_name == "Default Binary")?;
            Some((*id, binary))
        })
        .collect();
    for (id, node) in &mut set.nodes {
        let Some(DataTypeDefinition::Structure(structure)) = &mut node.definition else { continue };
        if *id == ENUMERATION {
            node.definition = None;
            continue;
        }
        let mut lineage = vec![*id];
        while let Some(above) = lineage.last().and_then(|last| supertypes.get(last)) {
            lineage.push(*above);
        }
        let mut fields: Vec<StructureField> =
            lineage.iter().rev().filter_map(|id| own_fields.get(id)).flatten().cloned().collect();
        for field in &mut fields {
            if crate::source::number(&field.data_type).is_ok_and(|id| abstract_structures.contains(&id)) {
                field.is_optional = true;
                structure.structure_type = StructureType::StructureWithSubtypedValues;
            }
        }
        if lineage.contains(&UNION) {
            structure.structure_type = StructureType::Union;
        }
        structure.fields = Some(fields);
        structure.base_data_type = NodeId::new(0, supertypes.get(id).copied().unwrap_or_default());
        structure.default_encoding_id = encodings.get(id).map_or_else(NodeId::null, |id| NodeId::new(0, *id));
    }
}
