//! Reading and writing.

use std::time::Duration;

use futures_util::future::try_join_all;
use opcua_client::UARequest as _;
use opcua_client::services::Read;
use opcua_types::{
    AttributeId, BrowseDescription, BrowseDirection, DataTypeId, DataValue, NodeId, ReadValueId, ReferenceTypeId,
    StatusCode, TimestampsToReturn, Variant, WriteValue,
};
use tagwire_model::{DataType, Dims, Sample, Status, Value, ValueType};

use crate::error::StatusName;
use crate::structure::SourceSample;
use crate::{Client, Error, guard, print_node_id, value};

/// Most steps from a data type to the built-in type that it derives from.
const MAX_TYPE_DEPTH: usize = 16;
/// Requests of one read that are under way at once: while one answer is decoded, the server works on the next.
const MAX_PARTS: usize = 4;
/// Tags below which a read is one request.
const MIN_PART: usize = 500;

/// Answers that say that a request held too much.
pub(crate) const fn is_too_much(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BadTooManyOperations
            | StatusCode::BadEncodingLimitsExceeded
            | StatusCode::BadResponseTooLarge
            | StatusCode::BadRequestTooLarge
            | StatusCode::BadTcpMessageTooLarge
    )
}

impl Client {
    /// Reads values; one sample per node, whose status says what became of it.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn read(&self, nodes: &[NodeId]) -> Result<Vec<Sample>, Error> {
        self.read_aged(nodes, Duration::ZERO).await
    }

    /// Reads values that may be up to `max_age` old, which lets a server answer from its cache.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn read_aged(&self, nodes: &[NodeId], max_age: Duration) -> Result<Vec<Sample>, Error> {
        self.read_parts(nodes, TimestampsToReturn::Both, max_age, value::to_sample).await
    }

    /// As [`Client::read`], with the structures, as in what a feed tells.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn read_source(&self, nodes: &[NodeId]) -> Result<Vec<SourceSample>, Error> {
        self.read_parts(nodes, TimestampsToReturn::Both, Duration::ZERO, value::to_source_sample).await
    }

    /// Reads values without their times, which take longer than the values; each with the status that says what it is
    /// worth.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn read_values(&self, nodes: &[NodeId]) -> Result<Vec<(Value, Status)>, Error> {
        let convert = |found| {
            let sample = value::to_sample(found);
            (sample.value, sample.status)
        };
        self.read_parts(nodes, TimestampsToReturn::Neither, Duration::ZERO, convert).await
    }

    /// Reads values in several requests at once where there are many.
    async fn read_parts<T>(
        &self,
        nodes: &[NodeId],
        timestamps: TimestampsToReturn,
        max_age: Duration,
        convert: fn(DataValue) -> T,
    ) -> Result<Vec<T>, Error> {
        let part_len = nodes.len().div_ceil(MAX_PARTS).max(MIN_PART);
        let parts = nodes.chunks(part_len).map(|part| async move {
            let wanted = |idx: usize| (part[idx].clone(), AttributeId::Value);
            let found = self.read_batches(part.len(), wanted, timestamps, max_age).await?;
            Ok::<Vec<T>, Error>(found.into_iter().map(convert).collect())
        });
        let found = try_join_all(parts).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads any attributes, numbered as in Part 6, A.1; what the model has no type for becomes text.
    ///
    /// # Errors
    /// [`Error`] when a number is none of an attribute, or a request as a whole failed.
    pub async fn read_attributes(&self, wanted: &[(NodeId, u32)]) -> Result<Vec<Sample>, Error> {
        let wanted = wanted
            .iter()
            .map(|(node, id)| {
                let attribute = AttributeId::from_u32(*id);
                let attribute = attribute.map_err(|_| Error::Options(format!("there is no attribute {id}")))?;
                Ok((node.clone(), attribute))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let found = self.read_attribute(&wanted, TimestampsToReturn::Both).await?;
        Ok(found.into_iter().map(value::to_sample).collect())
    }

    /// Writes values as they are; one status per node.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed; what was written before that stays written.
    pub async fn write(&self, values: &[(NodeId, Value)]) -> Result<Vec<Status>, Error> {
        let mut results = Vec::with_capacity(values.len());
        let mut batch_len = self.batches.write;
        while results.len() < values.len() {
            let batch: Vec<WriteValue> = values
                .iter()
                .skip(results.len())
                .take(batch_len)
                .map(|(node, value)| WriteValue {
                    node_id: node.clone(),
                    attribute_id: AttributeId::Value as u32,
                    value: DataValue { value: Some(value::to_variant(value)), ..DataValue::default() },
                    ..WriteValue::default()
                })
                .collect();
            match guard::call("Write", self.timeout, self.session.write(&batch)).await {
                Ok(found) => {
                    check_len("Write", found.len(), batch.len())?;
                    results.extend(found.into_iter().map(|status| Status(status.bits())));
                }
                // A server that refuses the request as a whole has written nothing of it.
                Err(Error::Refused { status, .. }) if is_too_much(StatusCode::from(status.0.0)) && batch.len() > 1 => {
                    batch_len = batch.len() / 2;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }

    /// Writes what a person typed, in the type that the node holds; gives the value that was sent.
    ///
    /// # Errors
    /// [`Error::Value`] when the text does not fit, [`Error::Fraction`] when it would have to be rounded, [`Error::Refused`] when the server does not take it.
    pub async fn write_text(&self, node: &NodeId, text: &str) -> Result<Value, Error> {
        let wanted = self.value_type(node, text).await?;
        let value = Value::parse(text, wanted).map_err(|source| Error::Value {
            text: text.to_owned(),
            wanted: wanted.to_string(),
            source,
        })?;
        let is_float = matches!(wanted.data_type, DataType::Float | DataType::Double);
        if wanted.data_type.is_number() && !is_float && has_fraction(text) {
            return Err(Error::Fraction { text: text.to_owned(), wanted: wanted.to_string() });
        }
        let results = self.write(&[(node.clone(), value.clone())]).await?;
        match results.first() {
            Some(status) if status.is_bad() => Err(Error::Refused { what: "Write", status: StatusName(*status) }),
            _ => Ok(value),
        }
    }

    /// The type that a node holds, from its current value or else from its declaration; the number of elements of an
    /// array is that of `text`.
    async fn value_type(&self, node: &NodeId, text: &str) -> Result<ValueType, Error> {
        let attributes = [AttributeId::Value, AttributeId::DataType, AttributeId::ValueRank];
        let wanted: Vec<_> = attributes.into_iter().map(|attribute| (node.clone(), attribute)).collect();
        let mut found = self.read_attribute(&wanted, TimestampsToReturn::Neither).await?.into_iter();
        let current = found.next().unwrap_or_default();
        let declared = found.next().unwrap_or_default();
        let rank = found.next().and_then(|rank| rank.value);
        let Some(Variant::NodeId(declared_type)) = declared.value else {
            let status = declared.status.or(current.status).unwrap_or(StatusCode::BadNodeIdUnknown);
            return Err(Error::Refused { what: "reading the data type", status: StatusName::of(status) });
        };
        let held = current.value.as_ref().and_then(value::variant_type);
        let is_array = match (&held, rank) {
            (Some((_, dims)), _) => dims.rank() > 0,
            (None, Some(Variant::Int32(rank))) => rank >= 0,
            _ => text.trim_start().starts_with('['),
        };
        let data_type = match &held {
            Some((data_type, _)) => *data_type,
            None => self.built_in(&declared_type).await?,
        };
        let n_elements = text.split([',', '[', ']']).filter(|part| !part.trim().is_empty()).count();
        let dims = match held {
            Some((_, dims)) if dims.rank() > 1 => dims,
            _ if is_array => Dims::one(u32::try_from(n_elements).unwrap_or(u32::MAX)),
            _ => Dims::SCALAR,
        };
        Ok(ValueType { data_type, dims })
    }

    /// The built-in type that a data type derives from.
    pub(crate) async fn built_in(&self, data_type: &NodeId) -> Result<DataType, Error> {
        let mut node = data_type.clone();
        for _ in 0..MAX_TYPE_DEPTH {
            if node == DataTypeId::Enumeration {
                return Ok(DataType::Int32);
            }
            let id = if node.namespace == 0 { node.as_u32() } else { None };
            if let Some(found) = id.and_then(|id| u8::try_from(id).ok()).and_then(DataType::from_ua_id) {
                return Ok(found);
            }
            let question = BrowseDescription {
                node_id: node.clone(),
                browse_direction: BrowseDirection::Inverse,
                reference_type_id: ReferenceTypeId::HasSubtype.into(),
                include_subtypes: false,
                node_class_mask: 0,
                result_mask: 0,
            };
            let answer = guard::call("Browse", self.timeout, self.session.browse(&[question], 1, None)).await?;
            let parent =
                answer.into_iter().next().and_then(|found| found.references).and_then(|found| found.into_iter().next());
            let Some(parent) = parent else { break };
            node = parent.node_id.node_id;
        }
        Err(Error::Options(format!("data type {} is none that can be typed as text", print_node_id(data_type))))
    }

    /// Reads attributes in batches of what the server permits, smaller ones when it complains.
    pub(crate) async fn read_attribute(
        &self,
        wanted: &[(NodeId, AttributeId)],
        timestamps: TimestampsToReturn,
    ) -> Result<Vec<DataValue>, Error> {
        self.read_batches(wanted.len(), |idx| wanted[idx].clone(), timestamps, Duration::ZERO).await
    }

    async fn read_batches(
        &self,
        n: usize,
        wanted: impl Fn(usize) -> (NodeId, AttributeId),
        timestamps: TimestampsToReturn,
        max_age: Duration,
    ) -> Result<Vec<DataValue>, Error> {
        let max_age = max_age.as_secs_f64() * 1_000.0;
        let mut results = Vec::with_capacity(n);
        let mut batch_len = self.batches.read.max(1);
        while results.len() < n {
            let end = n.min(results.len() + batch_len);
            let batch = (results.len()..end).map(|idx| {
                let (node_id, attribute) = wanted(idx);
                ReadValueId { node_id, attribute_id: attribute as u32, ..ReadValueId::default() }
            });
            let asked = batch.len();
            // The session's own method would copy every node id once more.
            let request = Read::new(&self.session).nodes_to_read(batch.collect());
            let request = request.timestamps_to_return(timestamps).max_age(max_age);
            match guard::call("Read", self.timeout, request.send(self.session.channel())).await {
                Ok(answer) => {
                    let found = answer.results.unwrap_or_default();
                    check_len("Read", found.len(), asked)?;
                    if results.is_empty() {
                        results = found;
                    } else {
                        results.extend(found);
                    }
                }
                Err(Error::Refused { status, .. }) if is_too_much(StatusCode::from(status.0.0)) && asked > 1 => {
                    batch_len = asked / 2;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }
}

/// Whether a number in the text, or one of its list, is none of the whole ones.
fn has_fraction(text: &str) -> bool {
    let numbers = text.split([',', '[', ']']).filter_map(|part| part.trim().parse::<f64>().ok());
    numbers.filter(|number| number.is_finite()).any(|number| number.fract() != 0.0)
}

pub(crate) fn check_len(what: &'static str, found: usize, asked: usize) -> Result<(), Error> {
    if found == asked {
        Ok(())
    } else {
        Err(Error::Peer(format!("answer to {what} holds {found} results instead of {asked}")))
    }
}

#[cfg(test)]
mod tests {
    use super::has_fraction;

    #[test]
    fn a_fraction_is_found_also_inside_a_list() {
        for text in ["1.5", "-0.25", "1e-3", "[1, 2.5]", " 2.5 "] {
            assert!(has_fraction(text), "{text}");
        }
        for text in ["1", "-5", "2.0", "1e3", "[1, 2]", "0x10", "x", "inf"] {
            assert!(!has_fraction(text), "{text}");
        }
    }
}
