//! Engineering units (OPC UA Part 8, 5.6.3).

use opcua_types::{AttributeId, TimestampsToReturn};
use opcua_types::{
    BrowsePath, EUInformation, NodeId, QualifiedName, ReferenceTypeId, RelativePath, RelativePathElement, Variant,
};

use crate::{Client, Error, guard};

/// Longest unit, in characters; a longer one is a mistake or mischief of the server.
const MAX_UNIT: usize = 32;

impl Client {
    /// The engineering unit of each node for people, such as `°C`; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed, as with a server that does not know the service.
    pub async fn units(&self, nodes: &[NodeId]) -> Result<Vec<Option<String>>, Error> {
        let mut properties: Vec<(usize, NodeId)> = Vec::new();
        for (batch, chunk) in nodes.chunks(self.batches.browse.max(1)).enumerate() {
            let paths: Vec<BrowsePath> = chunk.iter().map(path).collect();
            let call = self.session.translate_browse_paths_to_node_ids(&paths);
            let answers = guard::call("TranslateBrowsePathsToNodeIds", self.timeout, call).await?;
            let first = batch * self.batches.browse.max(1);
            for (idx, answer) in answers.into_iter().take(chunk.len()).enumerate() {
                let target = answer.targets.and_then(|targets| targets.into_iter().next());
                properties.extend(target.map(|target| (first + idx, target.target_id.node_id)));
            }
        }
        let wanted: Vec<_> = properties.iter().map(|(_, node)| (node.clone(), AttributeId::Value)).collect();
        let found = self.read_attribute(&wanted, TimestampsToReturn::Neither).await?;
        let mut units = vec![None; nodes.len()];
        for ((idx, _), value) in properties.iter().zip(found) {
            if let (Some(unit), Some(Variant::ExtensionObject(structure))) = (units.get_mut(*idx), value.value) {
                *unit = structure.inner_as::<EUInformation>().and_then(text);
            }
        }
        Ok(units)
    }
}

fn text(unit: &EUInformation) -> Option<String> {
    let text: String = unit.display_name.text.as_ref().trim().chars().take(MAX_UNIT).collect();
    (!text.is_empty()).then_some(text)
}

fn path(node: &NodeId) -> BrowsePath {
    let step = RelativePathElement {
        reference_type_id: ReferenceTypeId::HasProperty.into(),
        is_inverse: false,
        include_subtypes: true,
        target_name: QualifiedName::new(0, "EngineeringUnits"),
    };
    BrowsePath { starting_node: node.clone(), relative_path: RelativePath { elements: Some(vec![step]) } }
}
