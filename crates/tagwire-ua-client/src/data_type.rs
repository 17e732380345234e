//! What data types say of themselves (OPC UA Part 3, 5.8.3 and 8.48).

use std::sync::Arc;

use opcua_types::type_loader::ByteStringBody;
use opcua_types::{
    AttributeId, BrowseDescription, BrowseDirection, DataValue, NodeId, ReferenceTypeId, StatusCode,
    TimestampsToReturn, Variant,
};
use tagwire_model::Status;

use crate::attribute::check_len;
use crate::structure::SourceSample;
use crate::value::to_source_sample;
use crate::{Client, Error, guard};

/// The encoding of a StructureDefinition (Part 6, Annex A).
const STRUCTURE_DEFINITION: u32 = 122;
/// Subtypes of one type at most.
const MAX_SUBTYPES: u32 = 1_000;

/// A data type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeNode {
    /// Its browse name.
    pub name: String,
    /// The body of its StructureDefinition in OPC UA binary, of a structure that has one.
    pub definition: Option<Arc<[u8]>>,
    /// The type that it derives from; looked up only where there is no definition.
    pub parent: Option<NodeId>,
}

/// The body of a type's StructureDefinition in OPC UA binary; `None` where it has none, and an error where the server
/// does not tell at the moment.
pub type Definition = Result<Option<Arc<[u8]>>, Status>;

/// The body of a StructureDefinition.
fn body(value: Option<&Variant>) -> Option<Arc<[u8]>> {
    match value {
        Some(Variant::ExtensionObject(object)) => object
            .inner_as::<ByteStringBody>()
            .filter(|body| *body.encoding_id() == NodeId::new(0, STRUCTURE_DEFINITION))
            .map(|body| Arc::from(body.raw_body().as_ref())),
        _ => None,
    }
}

fn definition(told: &DataValue) -> Definition {
    match told.status {
        Some(StatusCode::BadNodeIdUnknown | StatusCode::BadAttributeIdInvalid) => Ok(None),
        Some(status) if status.is_bad() => Err(Status(status.bits())),
        _ => Ok(body(told.value.as_ref())),
    }
}

impl Client {
    /// Reads values as [`Client::read_source`] does, and in the same request, where the server takes that many
    /// operations, the definitions of data types, which are looked up after the values.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn read_defined(
        &self,
        nodes: &[NodeId],
        types: &[NodeId],
    ) -> Result<(Vec<SourceSample>, Vec<Definition>), Error> {
        let values = nodes.iter().map(|node| (node.clone(), AttributeId::Value));
        let wanted: Vec<_> =
            values.chain(types.iter().map(|node| (node.clone(), AttributeId::DataTypeDefinition))).collect();
        let mut found = self.read_attribute(&wanted, TimestampsToReturn::Both).await?;
        check_len("Read", found.len(), wanted.len())?;
        let definitions = found.split_off(nodes.len()).iter().map(definition).collect();
        Ok((found.into_iter().map(to_source_sample).collect(), definitions))
    }

    /// The DataType of each variable.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn data_types(&self, variables: &[NodeId]) -> Result<Vec<Option<NodeId>>, Error> {
        let wanted: Vec<_> = variables.iter().map(|node| (node.clone(), AttributeId::DataType)).collect();
        let found = self.read_attribute(&wanted, TimestampsToReturn::Neither).await?;
        let node = |value| match value {
            Some(Variant::NodeId(node)) => Some(*node),
            _ => None,
        };
        Ok(found.into_iter().map(|found| node(found.value)).collect())
    }

    /// What data types say of themselves, one answer for each.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn type_nodes(&self, types: &[NodeId]) -> Result<Vec<TypeNode>, Error> {
        const ATTRIBUTES: [AttributeId; 2] = [AttributeId::BrowseName, AttributeId::DataTypeDefinition];
        let wanted: Vec<_> =
            types.iter().flat_map(|node| ATTRIBUTES.map(|attribute| (node.clone(), attribute))).collect();
        let found = self.read_attribute(&wanted, TimestampsToReturn::Neither).await?;
        let mut nodes: Vec<TypeNode> = found
            .chunks(ATTRIBUTES.len())
            .map(|answers| {
                let value = |idx: usize| answers.get(idx).and_then(|answer| answer.value.as_ref());
                let name = match value(0) {
                    Some(Variant::QualifiedName(name)) => name.name.as_ref().to_owned(),
                    _ => String::new(),
                };
                TypeNode { name, definition: body(value(1)), parent: None }
            })
            .collect();
        check_len("Read", nodes.len(), types.len())?;
        let lacking: Vec<usize> = (0..nodes.len()).filter(|idx| nodes[*idx].definition.is_none()).collect();
        let asked: Vec<NodeId> = lacking.iter().map(|idx| types[*idx].clone()).collect();
        let parents = self.related(&asked, BrowseDirection::Inverse, ReferenceTypeId::HasSubtype, 1).await?;
        for (idx, parents) in lacking.into_iter().zip(parents) {
            nodes[idx].parent = parents.into_iter().next();
        }
        Ok(nodes)
    }

    /// The data type that an encoding belongs to, where the server tells.
    ///
    /// # Errors
    /// [`Error`] when the request as a whole failed.
    pub async fn type_of_encoding(&self, encoding: &NodeId) -> Result<Option<NodeId>, Error> {
        let asked = std::slice::from_ref(encoding);
        let found = self.related(asked, BrowseDirection::Inverse, ReferenceTypeId::HasEncoding, 1).await?;
        Ok(found.into_iter().flatten().next())
    }

    /// The types that derive from these directly.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn subtypes(&self, types: &[NodeId]) -> Result<Vec<NodeId>, Error> {
        let found = self.related(types, BrowseDirection::Forward, ReferenceTypeId::HasSubtype, MAX_SUBTYPES).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The nodes at the other end of references, at most `max` of each node.
    async fn related(
        &self,
        nodes: &[NodeId],
        direction: BrowseDirection,
        reference: ReferenceTypeId,
        max: u32,
    ) -> Result<Vec<Vec<NodeId>>, Error> {
        let mut related = Vec::with_capacity(nodes.len());
        for batch in nodes.chunks(self.batches.browse.max(1)) {
            let questions: Vec<_> = batch
                .iter()
                .map(|node| BrowseDescription {
                    node_id: node.clone(),
                    browse_direction: direction,
                    reference_type_id: reference.into(),
                    include_subtypes: false,
                    node_class_mask: 0,
                    result_mask: 0,
                })
                .collect();
            let answers = guard::call("Browse", self.timeout, self.session.browse(&questions, max, None)).await?;
            check_len("Browse", answers.len(), batch.len())?;
            let mut points = Vec::new();
            for answer in answers {
                if !answer.continuation_point.is_null_or_empty() {
                    points.push(answer.continuation_point);
                }
                let references = answer.references.unwrap_or_default().into_iter();
                let own = references.filter(|reference| reference.node_id.server_index == 0);
                related.push(own.map(|reference| reference.node_id.node_id).take(max as usize).collect());
            }
            if !points.is_empty() {
                // The server forgets them with the session at the latest, whatever it answers here.
                let _ = guard::call("BrowseNext", self.timeout, self.session.browse_next(true, &points)).await;
            }
        }
        Ok(related)
    }
}
