//! The tags of one device, as little of each as the supervisor needs.

use std::time::Duration;

use tagwire_model::{Access, ConvertError, DataType, Scaling, Status, TagId, Value, ValueType};

use crate::TagSpec;

const NO_SCALING: u32 = u32::MAX;

/// What clients see of a raw value: the value and Good with limit bits, or the quality that tells why there is none.
pub(crate) type Shown = Result<(Value, Status), Status>;

/// What every poll needs of a tag.
#[derive(Clone, Copy, Debug)]
struct Hot {
    id: TagId,
    scaling: u32,
}

/// What only writes and planning need of a tag.
#[derive(Clone, Copy, Debug)]
struct Cold {
    value_type: ValueType,
    scan_ms: u32,
    access: Access,
}

/// The tags of one device by their index in it.
#[derive(Debug, Default)]
pub(crate) struct TagTable {
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    /// The type of each tag that can be written and takes scalars as they are, apart from the rest because a request that
    /// writes many tags then finds them all near by.
    plain: Vec<Option<DataType>>,
    scalings: Vec<Scaling>,
}

impl TagTable {
    pub(crate) fn new(specs: &[TagSpec]) -> Self {
        let mut table =
            Self { hot: Vec::with_capacity(specs.len()), cold: Vec::with_capacity(specs.len()), ..Self::default() };
        table.plain.reserve_exact(specs.len());
        for spec in specs {
            let scaling = match &spec.scaling {
                Some(scaling) => {
                    table.scalings.push(**scaling);
                    (table.scalings.len() - 1) as u32
                }
                None => NO_SCALING,
            };
            table.hot.push(Hot { id: spec.id, scaling });
            let scan_ms = spec.scan.map_or(0, |scan| u32::try_from(scan.as_millis()).unwrap_or(u32::MAX));
            let is_scaled = scaling != NO_SCALING;
            table.cold.push(Cold { value_type: spec.value_type, scan_ms, access: spec.access });
            let is_plain = spec.access.write && !is_scaled && spec.value_type.is_scalar();
            table.plain.push(is_plain.then_some(spec.value_type.data_type));
        }
        table
    }

    pub(crate) const fn len(&self) -> usize {
        self.hot.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = TagId> {
        self.hot.iter().map(|hot| hot.id)
    }

    pub(crate) fn id(&self, tag: u32) -> Option<TagId> {
        self.hot.get(tag as usize).map(|hot| hot.id)
    }

    pub(crate) fn value_type(&self, tag: u32) -> Option<ValueType> {
        self.cold.get(tag as usize).map(|cold| cold.value_type)
    }

    pub(crate) fn access(&self, tag: u32) -> Option<Access> {
        self.cold.get(tag as usize).map(|cold| cold.access)
    }

    /// The scan interval of the tag alone.
    pub(crate) fn scan(&self, tag: u32) -> Option<Duration> {
        let cold = self.cold.get(tag as usize)?;
        (cold.scan_ms > 0).then(|| Duration::from_millis(u64::from(cold.scan_ms)))
    }

    /// The number of a tag that is not scaled, which most are.
    #[inline]
    pub(crate) fn plain_id(&self, tag: u32) -> Option<TagId> {
        self.hot.get(tag as usize).filter(|hot| hot.scaling == NO_SCALING).map(|hot| hot.id)
    }

    /// What clients see of a raw value of the tag.
    pub(crate) fn to_engineering(&self, tag: u32, raw: Value) -> Option<(TagId, Shown)> {
        let hot = self.hot.get(tag as usize)?;
        let scaled = match self.scalings.get(hot.scaling as usize) {
            Some(scaling) => scaling.to_engineering(&raw).map_err(status_of),
            None => Ok((raw, Status::GOOD)),
        };
        Some((hot.id, scaled.map_err(|_| Status::BAD_OUT_OF_RANGE)))
    }

    /// Whether a tag can be written and a client's value is what the device takes, as it is.
    #[inline]
    pub(crate) fn is_raw(&self, tag: u32, value: &Value) -> bool {
        let plain = self.plain.get(tag as usize).copied().flatten();
        plain.is_some() && plain == value.to_bits().map(|(data_type, _)| data_type)
    }

    /// The raw value of the tag's own type that a client's value stands for.
    pub(crate) fn to_raw(&self, tag: u32, value: Value) -> Result<Value, Status> {
        let cold = self.cold.get(tag as usize).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        if !cold.access.write {
            return Err(Status::BAD_NOT_WRITABLE);
        }
        let scaling = self.hot.get(tag as usize).and_then(|hot| self.scalings.get(hot.scaling as usize));
        let raw = match scaling {
            Some(scaling) => scaling.to_raw(&value, cold.value_type.data_type).map_err(status_of)?,
            None => value,
        };
        raw.convert(cold.value_type).map_err(status_of)
    }
}

/// The answer to a write of a value that does not fit its tag.
pub(crate) const fn status_of(error: ConvertError) -> Status {
    match error {
        ConvertError::Type | ConvertError::Dimensions => Status::BAD_TYPE_MISMATCH,
        ConvertError::Range => Status::BAD_OUT_OF_RANGE,
    }
}

/// Tags whose numbers follow each other, as do their indices in their device.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: TagId,
    len: u32,
    device: u32,
    tag: u32,
}

/// Where each tag of a link is found.
#[derive(Debug, Default)]
pub(crate) struct Index {
    runs: Vec<Run>,
}

impl Index {
    /// Rebuilds the index from the tables of all devices, in their order.
    pub(crate) fn rebuild<'a>(&mut self, tables: impl Iterator<Item = &'a TagTable>) {
        self.runs.clear();
        for (device, table) in (0..).zip(tables) {
            for (tag, id) in (0..).zip(table.ids()) {
                match self.runs.last_mut() {
                    Some(run) if run.device == device && run.first.0 + run.len == id.0 && run.tag + run.len == tag => {
                        run.len += 1;
                    }
                    _ => self.runs.push(Run { first: id, len: 1, device, tag }),
                }
            }
        }
        self.runs.sort_unstable_by_key(|run| run.first);
        self.runs.shrink_to_fit();
    }

    /// Device and index in the device of a tag.
    pub(crate) fn place(&self, id: TagId) -> Option<(usize, u32)> {
        let behind = self.runs.partition_point(|run| run.first <= id);
        let run = self.runs.get(behind.checked_sub(1)?)?;
        let offset = id.0 - run.first.0;
        (offset < run.len).then_some((run.device as usize, run.tag + offset))
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::{Clamp, Curve};

    use super::*;
    use crate::Settings;

    fn spec(id: u32, scaling: Option<Scaling>) -> TagSpec {
        TagSpec {
            id: TagId(id),
            address: String::new(),
            value_type: ValueType::scalar(DataType::Int16),
            access: Access::READ_WRITE,
            scan: None,
            scaling: scaling.map(Box::new),
            settings: Settings::new(),
        }
    }

    #[test]
    fn values_are_scaled_both_ways() {
        let clamp = Clamp { low: true, high: true };
        let scaling = Scaling::new(Curve::Linear, (0.0, 1000.0), (0.0, 100.0), clamp, false, DataType::Double);
        let table = TagTable::new(&[spec(7, None), spec(8, Some(scaling.expect("valid")))]);
        let seen = |tag, raw| table.to_engineering(tag, Value::Int16(raw)).expect("tag");
        assert_eq!(seen(0, 5), (TagId(7), Ok((Value::Int16(5), Status::GOOD))));
        assert_eq!(seen(1, 500), (TagId(8), Ok((Value::Double(50.0), Status::GOOD))));
        let (_, held) = seen(1, 2000);
        assert_eq!(held, Ok((Value::Double(100.0), Status::GOOD.with_info(Status::LIMIT_HIGH))));
        assert_eq!(table.to_raw(1, Value::Double(50.0)), Ok(Value::Int16(500)));
        assert_eq!(table.to_raw(0, Value::Int64(70_000)), Err(Status::BAD_OUT_OF_RANGE));
        assert_eq!(table.to_raw(0, Value::text("5")), Err(Status::BAD_TYPE_MISMATCH));
    }

    #[test]
    fn a_tag_costs_little_memory() {
        let per_tag = size_of::<Hot>() + size_of::<Cold>() + size_of::<Option<DataType>>();
        // Two more words hold the tag's index in its scan class and in its block.
        assert!(per_tag + 2 * size_of::<u32>() <= 48, "{per_tag} bytes");
    }

    #[test]
    fn every_tag_is_found_and_no_other() {
        let (first, second) = (TagTable::new(&[spec(9, None), spec(4, None)]), TagTable::new(&[spec(6, None)]));
        let mut index = Index::default();
        index.rebuild([&first, &second].into_iter());
        assert_eq!(index.place(TagId(9)), Some((0, 0)));
        assert_eq!(index.place(TagId(4)), Some((0, 1)));
        assert_eq!(index.place(TagId(6)), Some((1, 0)));
        assert_eq!(index.place(TagId(5)), None);
    }
}
