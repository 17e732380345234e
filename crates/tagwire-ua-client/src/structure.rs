//! Structures as a server sends them: the id of their encoding and the bytes of their body (OPC UA Part 6, 5.2.2.15).

use std::sync::Arc;

use opcua_types::type_loader::ByteStringBody;
use opcua_types::{
    Array as WireArray, AttributeId, ByteString, ContextOwned, DataValue, ExtensionObject, NodeId, Variant,
    VariantScalarTypeId, WriteValue,
};
use tagwire_model::{Sample, Status};

use crate::attribute::check_len;
use crate::{Client, Error, guard};

/// One structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Structure {
    /// The node of its encoding, by which its type is known; null where there is no structure.
    pub encoding: NodeId,
    /// Its body in OPC UA binary.
    pub body: Arc<[u8]>,
}

/// A value that consists of structures.
#[derive(Clone, Debug, PartialEq)]
pub enum Structured {
    /// A single one.
    One(Structure),
    /// An array.
    Many(Vec<Structure>),
}

/// A sample with the structures that its value consists of, where it does.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSample {
    /// The sample; a single structure of the server's own is the bytes of its body in it.
    pub sample: Sample,
    /// The structures.
    pub structured: Option<Box<Structured>>,
}

impl From<Sample> for SourceSample {
    fn from(sample: Sample) -> Self {
        Self { sample, structured: None }
    }
}

/// The structure of an extension object; those that this client decodes are encoded again.
fn structure(object: &ExtensionObject) -> Option<Structure> {
    if let Some(raw) = object.inner_as::<ByteStringBody>() {
        return Some(Structure { encoding: raw.encoding_id().clone(), body: Arc::from(raw.raw_body().as_ref()) });
    }
    let body = object.body.as_ref()?;
    let owned = ContextOwned::default();
    let mut bytes = Vec::new();
    body.encode_binary(&mut bytes, &owned.context()).ok()?;
    Some(Structure { encoding: body.binary_type_id().node_id, body: Arc::from(bytes) })
}

/// The structures of a value.
pub(crate) fn of_variant(value: &Variant) -> Option<Structured> {
    match value {
        Variant::ExtensionObject(object) => structure(object).map(Structured::One),
        Variant::Array(array) if array.value_type == VariantScalarTypeId::ExtensionObject => {
            let nothing = || Structure { encoding: NodeId::null(), body: Arc::from([]) };
            let each = |value: &Variant| match value {
                Variant::ExtensionObject(object) => structure(object).unwrap_or_else(nothing),
                _ => nothing(),
            };
            Some(Structured::Many(array.values.iter().map(each).collect()))
        }
        _ => None,
    }
}

fn object(structure: &Structure) -> ExtensionObject {
    if structure.encoding.is_null() {
        return ExtensionObject::null();
    }
    ExtensionObject::new(ByteStringBody::new(ByteString::from(structure.body.to_vec()), structure.encoding.clone()))
}

fn to_variant(value: &Structured) -> Variant {
    match value {
        Structured::One(structure) => Variant::ExtensionObject(object(structure)),
        Structured::Many(all) => Variant::Array(Box::new(WireArray {
            value_type: VariantScalarTypeId::ExtensionObject,
            values: all.iter().map(|structure| Variant::ExtensionObject(object(structure))).collect(),
            dimensions: None,
        })),
    }
}

impl Client {
    /// Writes structures in the encoding that they name; one status per node.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed; what was written before that stays written.
    pub async fn write_structures(&self, values: &[(NodeId, Structured)]) -> Result<Vec<Status>, Error> {
        let mut results = Vec::with_capacity(values.len());
        for batch in values.chunks(self.batches.write.max(1)) {
            let wanted: Vec<WriteValue> = batch
                .iter()
                .map(|(node, value)| WriteValue {
                    node_id: node.clone(),
                    attribute_id: AttributeId::Value as u32,
                    value: DataValue { value: Some(to_variant(value)), ..DataValue::default() },
                    ..WriteValue::default()
                })
                .collect();
            let found = guard::call("Write", self.timeout, self.session.write(&wanted)).await?;
            check_len("Write", found.len(), wanted.len())?;
            results.extend(found.into_iter().map(|status| Status(status.bits())));
        }
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua_types::Range;

    #[test]
    fn a_structure_goes_out_as_it_came_in_whether_this_client_knows_it_or_not() {
        let known = ExtensionObject::from_message(Range { low: 1.0, high: 2.0 });
        let found = structure(&known).expect("a structure");
        assert_eq!((found.encoding.clone(), found.body.len()), (NodeId::new(0, 886_u32), 16));
        let own = Structure { encoding: NodeId::new(2, "Motor"), body: Arc::from([1, 2, 3]) };
        for value in [
            Structured::One(own.clone()),
            Structured::One(found),
            Structured::Many(vec![own, Structure { encoding: NodeId::null(), body: Arc::from([]) }]),
        ] {
            assert_eq!(of_variant(&to_variant(&value)), Some(value));
        }
        assert_eq!(of_variant(&Variant::Int32(1)), None);
    }
}
