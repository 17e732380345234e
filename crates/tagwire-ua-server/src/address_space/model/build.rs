//! From the nodes of the files to the table.

use std::collections::{HashMap, HashSet};

use hashbrown::HashTable;
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::node as ids;
use tagwire_ua_proto::types::{NodeId, Variant};

use super::super::{Node, Reference, ReferenceTypes, StandardNode, class};
use super::{Model, ModelNode, Place, Record, definition, hierarchy};
use crate::node_set::{DraftNode, DraftReference, Notice, Notices};

/// Ordinals are one byte, and the largest marks that a node has none.
const MAX_REFERENCE_TYPES: usize = 255;

/// References of one node while they are collected: forward and inverse.
type Both = [Vec<Reference>; 2];

struct Builder<'a> {
    drafts: Vec<&'a DraftNode>,
    places: HashMap<&'a NodeId, ModelNode>,
    reference_types: Vec<ModelNode>,
    forward: Vec<Vec<Reference>>,
    inverse: Vec<Vec<Reference>>,
    standard: HashMap<StandardNode, Both>,
    bytes: Vec<u8>,
    notices: &'a mut Notices,
}

impl Model {
    /// Puts nodes together; nodes of the server's own come as `more`.
    pub(crate) fn link(drafts: &[DraftNode], more: &[DraftNode], notices: &mut Notices) -> Self {
        let drafts: Vec<&DraftNode> = drafts.iter().chain(more).collect();
        let places = drafts.iter().enumerate().map(|(idx, draft)| (&draft.id, ModelNode::new(idx, draft.class)));
        let n_nodes = drafts.len();
        let mut builder = Builder {
            places: places.collect(),
            drafts,
            reference_types: Vec::new(),
            forward: vec![Vec::new(); n_nodes],
            inverse: vec![Vec::new(); n_nodes],
            standard: HashMap::new(),
            bytes: Vec::new(),
            notices,
        };
        builder.number_reference_types();
        builder.connect();
        builder.finish()
    }
}

impl Builder<'_> {
    fn complain(&mut self, draft: &DraftNode, line: u32, problem: String, fix: &str) {
        let (file, node) = (draft.file, draft.written.to_string());
        self.notices.error(Notice { file, line, node, problem, fix: fix.to_owned() });
    }

    fn resolve(&self, id: &NodeId) -> Option<Node> {
        match id.as_ns0() {
            Some(id) => Node::standard(id),
            None => self.places.get(id).copied().map(Node::Model),
        }
    }

    fn number_reference_types(&mut self) {
        let room = MAX_REFERENCE_TYPES - usize::from(StandardNode::n_reference_types());
        for (idx, draft) in self.drafts.clone().into_iter().enumerate() {
            if draft.class != class::REFERENCE_TYPE {
                continue;
            }
            if self.reference_types.len() == room {
                let problem = format!("the models have more than {room} reference types");
                self.complain(draft, draft.line, problem, "leave out models that are not needed");
                return;
            }
            self.reference_types.push(ModelNode::new(idx, draft.class));
        }
    }

    fn ordinal(&self, type_id: &NodeId) -> Option<u8> {
        match self.resolve(type_id)? {
            Node::Standard(node) => node.ordinal(),
            Node::Model(node) => {
                let place = self.reference_types.iter().position(|known| *known == node)?;
                u8::try_from(usize::from(StandardNode::n_reference_types()) + place).ok()
            }
            _ => None,
        }
    }

    /// Enters every reference at both of its ends, once.
    fn connect(&mut self) {
        let mut seen = HashSet::new();
        let mut ordinals: HashMap<&NodeId, Option<u8>> = HashMap::new();
        for (idx, draft) in self.drafts.clone().into_iter().enumerate() {
            let own = Node::Model(ModelNode::new(idx, draft.class));
            for reference in &draft.references {
                let ordinal = *ordinals.entry(&reference.type_id).or_insert_with(|| self.ordinal(&reference.type_id));
                let Some(ordinal) = ordinal else {
                    let problem = format!("the reference type {} is not known", reference.type_id);
                    let fix = "correct it, or add the model that defines it before this one";
                    self.complain(draft, reference.line, problem, fix);
                    continue;
                };
                let Some(other) = self.resolve(&reference.target) else {
                    self.dangling(draft, reference);
                    continue;
                };
                let (source, target) = if reference.is_forward { (own, other) } else { (other, own) };
                if seen.insert((source, ordinal, target)) {
                    self.enter(source, Reference { type_ordinal: ordinal, target }, true);
                    self.enter(target, Reference { type_ordinal: ordinal, target: source }, false);
                }
            }
        }
    }

    fn dangling(&mut self, draft: &DraftNode, reference: &DraftReference) {
        let target = &reference.target;
        let is_type = reference.type_id == NodeId::ns0(ids::HAS_TYPE_DEFINITION)
            || reference.type_id == NodeId::ns0(ids::HAS_SUBTYPE);
        if is_type {
            let problem = format!("the type {target} is not known");
            self.complain(
                draft,
                reference.line,
                problem,
                "correct it, or add the model that defines it before this one",
            );
            return;
        }
        self.notices.warn(Notice {
            file: draft.file,
            line: reference.line,
            node: draft.written.to_string(),
            problem: format!("a reference leads to {target}, which is not there, and is left out"),
            fix: "correct it, or add the model that defines it".to_owned(),
        });
    }

    fn enter(&mut self, at: Node, reference: Reference, is_forward: bool) {
        let list = match at {
            Node::Model(node) if is_forward => self.forward.get_mut(node.idx()),
            Node::Model(node) => self.inverse.get_mut(node.idx()),
            Node::Standard(node) => self.standard.entry(node).or_default().get_mut(usize::from(!is_forward)),
            _ => None,
        };
        if let Some(list) = list {
            list.push(reference);
        }
    }

    fn place(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Place {
        let at = self.bytes.len();
        write(&mut self.bytes);
        Place { at: at as u32, len: (self.bytes.len() - at) as u32 }
    }

    /// The first target of a reference of one type.
    fn target(&self, idx: usize, is_forward: bool, type_id: u32) -> Option<Node> {
        let ordinal = StandardNode::find(type_id).and_then(StandardNode::ordinal)?;
        let list = if is_forward { self.forward.get(idx) } else { self.inverse.get(idx) };
        list?.iter().find(|reference| reference.type_ordinal == ordinal).map(|reference| reference.target)
    }

    fn record(&mut self, idx: usize, draft: &DraftNode) -> Record {
        let is_variable = matches!(draft.class, class::VARIABLE | class::VARIABLE_TYPE);
        let data_type = if is_variable { self.resolve(&draft.data_type) } else { None };
        if is_variable && data_type.is_none_or(|data_type| data_type.class() != class::DATA_TYPE) {
            let problem = format!("the data type {} is not known", draft.data_type);
            let fix = "correct it, or add the model that defines it before this one";
            self.complain(draft, draft.line, problem, fix);
        }
        let mut type_definition = self.target(idx, true, ids::HAS_TYPE_DEFINITION);
        let names_one = |reference: &DraftReference| reference.type_id == NodeId::ns0(ids::HAS_TYPE_DEFINITION);
        let is_instance = matches!(draft.class, class::OBJECT | class::VARIABLE);
        if type_definition.is_none() && is_instance && !draft.references.iter().any(names_one) {
            let problem = "the node has no type definition".to_owned();
            self.complain(draft, draft.line, problem, "add a reference HasTypeDefinition");
        }
        type_definition =
            type_definition.filter(|node| matches!(node.class(), class::OBJECT_TYPE | class::VARIABLE_TYPE));
        Record {
            id: draft.id.clone(),
            class: draft.class,
            flags: draft.flags,
            access_level: draft.access_level,
            browse_namespace: draft.browse_name.namespace,
            browse_name: self.place(|out| out.extend_from_slice(draft.browse_name.name.as_bytes())),
            display_name: self.place(|out| draft.display_name.encode(out)),
            description: self.place(|out| draft.description.iter().for_each(|text| text.encode(out))),
            inverse_name: self.place(|out| draft.inverse_name.iter().for_each(|text| text.encode(out))),
            data_type,
            value_rank: draft.value_rank,
            dimensions: match &draft.dimensions[..] {
                [] => Place::NONE,
                lens => self.place(|out| Variant::from(lens.to_vec()).encode(out)),
            },
            min_sampling: draft.min_sampling,
            value: self.place(|out| draft.value.iter().for_each(|value| value.encode(out))),
            definition: Place::NONE,
            type_definition,
            supertype: self.target(idx, false, ids::HAS_SUBTYPE),
            references: [0; 2],
        }
    }

    fn finish(mut self) -> Model {
        let drafts = self.drafts.clone();
        let mut records: Vec<Record> = drafts.iter().enumerate().map(|(idx, draft)| self.record(idx, draft)).collect();
        for idx in hierarchy::end_all(&mut records) {
            let draft = drafts[idx];
            let problem = "the line of its supertypes does not end".to_owned();
            self.complain(draft, draft.line, problem, "correct the HasSubtype references");
        }
        let subtypes = match &self.reference_types[..] {
            [] => Box::default(),
            reference_types => hierarchy::subtypes(&records, reference_types),
        };
        let aggregates = StandardNode::find(ids::AGGREGATES);
        let aggregates = match subtypes.get(aggregates.and_then(StandardNode::ordinal).map_or(usize::MAX, usize::from))
        {
            Some(set) => Some(*set),
            None => aggregates.and_then(|node| ReferenceTypes::of(node, true)),
        };
        hierarchy::mark_declarations(&mut records, &self.forward, aggregates.unwrap_or(ReferenceTypes::ALL));
        let mut model = Model {
            records: records.into_boxed_slice(),
            reference_types: std::mem::take(&mut self.reference_types).into_boxed_slice(),
            subtypes,
            ..Model::default()
        };
        for (idx, draft) in drafts.iter().enumerate() {
            let Some(value) = definition::of(&model, &drafts, idx, &self.forward) else { continue };
            self.check_fields(draft);
            let place = self.place(|out| value.encode(out));
            model.records[idx].definition = place;
        }
        self.flatten(&mut model);
        model.index = HashTable::with_capacity(drafts.len());
        let hash = |idx: &u32| drafts.get(*idx as usize).map_or(0, |draft| draft.id.borrowed().hash64());
        for idx in 0..drafts.len() as u32 {
            model.index.insert_unique(hash(&idx), idx, hash);
        }
        model.bytes = self.bytes.into_boxed_slice();
        model
    }

    fn check_fields(&mut self, draft: &DraftNode) {
        let fields = draft.definition.iter().flat_map(|definition| &definition.fields);
        let unknown: Vec<(String, String)> = fields
            .filter(|field| self.resolve(&field.data_type).is_none())
            .map(|field| (field.name.to_string(), field.data_type.to_string()))
            .collect();
        for (name, data_type) in unknown {
            let problem = format!("the field \"{name}\" has the data type {data_type}, which is not known");
            self.complain(draft, draft.line, problem, "correct it, or add the model that defines it before this one");
        }
    }

    /// Lays the references of all nodes one behind the other.
    fn flatten(&mut self, model: &mut Model) {
        let mut references = Vec::new();
        for (idx, record) in model.records.iter_mut().enumerate() {
            let first = references.len() as u32;
            references.append(&mut self.forward[idx]);
            record.references = [first, references.len() as u32];
            references.append(&mut self.inverse[idx]);
        }
        model.n_own = references.len() as u32;
        let mut standard: Vec<(StandardNode, Both)> = self.standard.drain().collect();
        standard.sort_unstable_by_key(|(node, _)| *node);
        for (node, [forward, inverse]) in standard {
            let first = references.len() as u32;
            references.extend(forward);
            let middle = references.len() as u32;
            references.extend(inverse);
            model.standard.insert(node, [first, middle, references.len() as u32]);
        }
        model.references = references.into_boxed_slice();
    }
}
