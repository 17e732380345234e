//! Definitions that a server changes while it runs.

use tagwire_ua_client::{Definition, Error, NodeId};

use super::TypeSource;
use super::definition::definition;
use super::load::complete;
use super::types::Types;

/// The structures whose definitions differ from what is known; one that is not told at the moment does not.
pub(crate) fn differing(known: &Types, data_types: &[NodeId], told: &[Definition]) -> Vec<NodeId> {
    let is_same = |data_type: &NodeId, told: &Definition| match (known.shape(data_type), told) {
        (None, _) | (_, Err(_)) => true,
        (Some(shape), Ok(body)) => {
            body.as_deref().and_then(|body| definition(body).ok()).is_some_and(|new| new == *shape)
        }
    };
    let told = data_types.iter().zip(told);
    told.filter(|(data_type, told)| !is_same(data_type, told)).map(|(data_type, _)| data_type.clone()).collect()
}

/// Asks once more what some types consist of.
pub(crate) async fn reload(source: &dyn TypeSource, known: &Types, data_types: &[NodeId]) -> Result<Types, Error> {
    let (known, mut found) = (known.without(data_types), Types::default());
    for data_type in data_types {
        complete(source, &known, &mut found, data_type.clone()).await?;
    }
    Ok(found)
}
