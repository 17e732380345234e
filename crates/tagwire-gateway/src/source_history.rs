//! History that other servers keep, for the tags that come from them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tagwire_history::{ColumnType, Elsewhere, HistoryError, Modification, Reason, Samples, TagNumber};
use tagwire_hub::Registry;
use tagwire_model::{ConvertError, Sample, Status, Timestamp, Value, ValueType};
use tagwire_ua_client::Identity;
use tagwire_ua_server::SOURCE_NUMBERS;
use tagwire_upstream::{Address, OpcUaKind, SourceHistory};
use tokio::runtime::Handle;

use crate::running::RunningLink;

/// Longest wait for one page.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tags whose history is kept by their sources.
pub(crate) struct SourceArchive {
    runtime: Handle,
    numbers: HashMap<Box<str>, u32>,
    tags: Vec<KeptTag>,
}

struct KeptTag {
    source: Arc<SourceHistory>,
    address: Address,
    value_type: ValueType,
}

impl SourceArchive {
    /// The tags of these links whose devices say so; `None` when there are none. To be called within a runtime.
    pub(crate) fn of<'a>(
        links: impl Iterator<Item = &'a RunningLink>,
        registry: &Registry,
        identity: Option<&Identity>,
    ) -> Option<Self> {
        let mut archive = Self { runtime: Handle::current(), numbers: HashMap::new(), tags: Vec::new() };
        for link in links.filter(|link| link.driver == OpcUaKind::NAME) {
            let mut devices =
                link.numbered_devices().filter(|(_, device)| OpcUaKind.has_source_history(&device.settings)).peekable();
            if devices.peek().is_none() {
                continue;
            }
            let Ok(source) = SourceHistory::new(&link.spec(registry), identity.cloned()) else { continue };
            let source = Arc::new(source);
            for (id, _) in devices.flat_map(|(_, device)| &device.tags) {
                let Some(tag) = registry.tag(*id) else { continue };
                let Ok(address) = Address::parse(tag.address) else { continue };
                let number = u32::try_from(archive.tags.len()).unwrap_or(u32::MAX);
                archive.numbers.insert(tag.path.into(), number);
                archive.tags.push(KeptTag { source: Arc::clone(&source), address, value_type: tag.value_type });
            }
        }
        (!archive.tags.is_empty()).then_some(archive)
    }

    fn tag(&self, number: TagNumber) -> Result<&KeptTag, HistoryError> {
        let place = (number.0 & !SOURCE_NUMBERS) as usize;
        self.tags.get(place).ok_or(HistoryError::UnknownTag(number))
    }
}

impl Elsewhere for SourceArchive {
    fn number(&self, path: &str, value_type: ValueType) -> Option<TagNumber> {
        let number = *self.numbers.get(path)?;
        let tag = self.tags.get(number as usize)?;
        (tag.value_type == value_type).then_some(TagNumber(number | SOURCE_NUMBERS))
    }

    fn column_type(&self, tag: TagNumber) -> Result<ColumnType, HistoryError> {
        let value_type = self.tag(tag)?.value_type;
        Ok(if value_type.is_scalar() { ColumnType::Scalar(value_type.data_type) } else { ColumnType::Array })
    }

    fn page(
        &self,
        number: TagNumber,
        (low, high): (i64, i64),
        backward: bool,
        max: usize,
    ) -> Result<Samples, HistoryError> {
        let tag = self.tag(number)?;
        let ends = (Timestamp::from_ticks(low), Timestamp::from_ticks(high));
        let page = tag.source.page(&tag.address, ends, backward, max);
        let failed = |problem: String| HistoryError::Elsewhere(problem);
        // Whoever reads history may wait, and does so on a thread for that.
        let found = self.runtime.block_on(async {
            let asked = tokio::time::timeout(PATIENCE, page);
            asked.await
        });
        let found = found
            .map_err(|_| failed(format!("{} did not answer within {PATIENCE:?}", tag.address)))?
            .map_err(|error| failed(error.to_string()))?;
        let mut samples = Samples::empty(self.column_type(number)?);
        for sample in found {
            samples.push(&in_type(sample, tag.value_type), Reason::Unknown);
        }
        Ok(samples)
    }

    fn modified(&self, _: TagNumber, _: Timestamp, _: Timestamp) -> Result<Vec<Modification>, HistoryError> {
        Err(HistoryError::Elsewhere("changes of history stay with its source".to_owned()))
    }
}

/// The sample in the type of its tag; one that does not fit has no value.
fn in_type(sample: Sample, value_type: ValueType) -> Sample {
    let fits = match sample.value.value_type() {
        None => Ok(sample.value.clone()),
        Some(own) if own.data_type == value_type.data_type && own.dims.rank() == value_type.dims.rank() => {
            Ok(sample.value.clone())
        }
        Some(own) if own.dims.rank() == value_type.dims.rank() => {
            sample.value.convert(ValueType { data_type: value_type.data_type, dims: own.dims })
        }
        Some(_) => Err(ConvertError::Dimensions),
    };
    match fits {
        Ok(value) => Sample { value, ..sample },
        Err(_) => Sample { value: Value::Null, status: Status::BAD_TYPE_MISMATCH, ..sample },
    }
}
