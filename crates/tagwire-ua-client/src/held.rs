//! The types that nodes hold, so that a value can be written in the type that fits.

use opcua_types::{AttributeId, NodeId, StatusCode, TimestampsToReturn, Variant};
use tagwire_model::{DataType, Status};

use crate::error::StatusName;
use crate::{Client, Error, value};

/// The type that a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of a scalar or of each element.
    pub data_type: DataType,
    /// Number of dimensions; 0 for a scalar.
    pub rank: usize,
}

impl Client {
    /// The type that each node holds, from its current value or else from its declaration; a bad status says why it is
    /// not known.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn held_types(&self, nodes: &[NodeId]) -> Result<Vec<Result<Held, Status>>, Error> {
        const ATTRIBUTES: [AttributeId; 3] = [AttributeId::Value, AttributeId::DataType, AttributeId::ValueRank];
        let wanted: Vec<_> =
            nodes.iter().flat_map(|node| ATTRIBUTES.map(|attribute| (node.clone(), attribute))).collect();
        let found = self.read_attribute(&wanted, TimestampsToReturn::Neither).await?;
        let mut held = Vec::with_capacity(nodes.len());
        for answers in found.chunks(ATTRIBUTES.len()) {
            let [current, declared, rank] = answers else { break };
            if let Some((data_type, dims)) = current.value.as_ref().and_then(value::variant_type) {
                held.push(Ok(Held { data_type, rank: dims.rank() }));
                continue;
            }
            let Some(Variant::NodeId(declared_type)) = &declared.value else {
                let status = declared.status.or(current.status).unwrap_or(StatusCode::BadNodeIdUnknown);
                held.push(Err(StatusName::of(status).0));
                continue;
            };
            let rank = match rank.value {
                Some(Variant::Int32(rank)) => usize::try_from(rank).map_or(0, |rank| rank.max(1)),
                _ => 0,
            };
            held.push(match self.built_in(declared_type).await {
                Ok(data_type) => Ok(Held { data_type, rank }),
                Err(Error::Options(_)) => Err(StatusName::of(StatusCode::BadDataTypeIdUnknown).0),
                Err(error) => return Err(error),
            });
        }
        Ok(held)
    }
}
