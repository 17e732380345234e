//! The slots of all tags, in segments that never move.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use tagwire_model::{DataType, Sample, Status, TagId, Timestamp, Update, Value};

use crate::slot::{Kind, Slot, Snapshot, TagFlags};

const SEGMENT_BITS: usize = 12;
const SEGMENT_LEN: usize = 1 << SEGMENT_BITS;
const MAX_SEGMENTS: usize = 4096;

type HeapCell = ArcSwapOption<Value>;

/// A tag's sample without the cost of cloning text or arrays.
#[derive(Clone, Debug)]
pub enum Reading {
    /// A scalar of at most 64 bits, or no value.
    Fixed {
        /// Type of the value; `None` when there is no value.
        data_type: Option<DataType>,
        /// The value's bits, as [`Value::from_bits`] takes them.
        bits: u64,
        /// Quality.
        status: Status,
        /// Source time.
        source_time: Timestamp,
        /// Server time.
        server_time: Timestamp,
    },
    /// Text, bytes or an array.
    Heap {
        /// The value.
        value: Arc<Value>,
        /// Quality.
        status: Status,
        /// Source time.
        source_time: Timestamp,
        /// Server time.
        server_time: Timestamp,
    },
}

impl Reading {
    /// The reading as a sample of its own.
    pub fn to_sample(&self) -> Sample {
        match self {
            Self::Fixed { data_type, bits, status, source_time, server_time } => Sample {
                value: data_type.map_or(Value::Null, |data_type| Value::from_bits(data_type, *bits)),
                status: *status,
                source_time: *source_time,
                server_time: *server_time,
            },
            Self::Heap { value, status, source_time, server_time } => Sample {
                value: Value::clone(value),
                status: *status,
                source_time: *source_time,
                server_time: *server_time,
            },
        }
    }
}

/// What an update did to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Value or status differ from before.
    pub(crate) changed: bool,
    /// The source time that was stored, and whether it differs from before.
    pub(crate) source_time: Timestamp,
    pub(crate) is_later: bool,
    /// The status that was stored, which differs from the update's when the value did not fit the tag.
    pub(crate) status: Status,
}

/// All slots. Segments are made on demand and stay where they are, so that no reader ever waits for growth.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Box<[OnceLock<Box<[Slot]>>]>,
    heap: Box<[OnceLock<Box<[HeapCell]>>]>,
}

impl Table {
    /// Most tags that fit.
    pub(crate) const CAPACITY: usize = SEGMENT_LEN * MAX_SEGMENTS;

    pub(crate) fn new() -> Self {
        Self {
            slots: (0..MAX_SEGMENTS).map(|_| OnceLock::new()).collect(),
            heap: (0..MAX_SEGMENTS).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Makes room for a tag and resets its slot. A heap tag's bits hold the index of its heap cell from then on.
    pub(crate) fn create(&self, tag: TagId, flags: TagFlags, heap_cell: Option<u32>, initial: &Sample) {
        let Some(segment) = self.slots.get(tag.index() >> SEGMENT_BITS) else { return };
        segment.get_or_init(|| (0..SEGMENT_LEN).map(|_| Slot::default()).collect());
        if let Some(cell) = heap_cell
            && let Some(segment) = self.heap.get(cell as usize >> SEGMENT_BITS)
        {
            let cells = segment.get_or_init(|| (0..SEGMENT_LEN).map(|_| HeapCell::empty()).collect());
            if let Some(cell) = cells.get(cell as usize & (SEGMENT_LEN - 1)) {
                cell.store(None);
            }
        }
        if let Some(slot) = self.slot(tag) {
            let kind = Kind::from_flags(flags, if heap_cell.is_some() { Kind::HEAP } else { Kind::NULL });
            let (status, source_time, server_time) = (initial.status, initial.source_time, initial.server_time);
            let bits = u64::from(heap_cell.unwrap_or(0));
            slot.update(|_| (Snapshot { kind, bits, status, source_time, server_time }, ()));
        }
    }

    #[inline]
    pub(crate) fn slot(&self, tag: TagId) -> Option<&Slot> {
        self.slots.get(tag.index() >> SEGMENT_BITS)?.get()?.get(tag.index() & (SEGMENT_LEN - 1))
    }

    fn heap_cell(&self, cell: u64) -> Option<&HeapCell> {
        let cell = cell as usize;
        self.heap.get(cell >> SEGMENT_BITS)?.get()?.get(cell & (SEGMENT_LEN - 1))
    }

    /// The current state of a tag; `None` for a number that was never given out.
    #[inline]
    pub(crate) fn read(&self, tag: TagId) -> Option<Reading> {
        let slot = self.slot(tag)?;
        loop {
            let seen = slot.load();
            let Snapshot { kind, bits, status, source_time, server_time } = seen;
            if kind.code() != Kind::HEAP {
                let data_type = DataType::from_kind(kind);
                return Some(Reading::Fixed { data_type, bits, status, source_time, server_time });
            }
            let value = self.heap_cell(bits)?.load_full();
            // The cell may have been replaced between the two loads; equal times and status mean that it was not.
            let again = slot.load();
            if again.server_time == server_time && again.status == status && again.source_time == source_time {
                return Some(match value {
                    Some(value) => Reading::Heap { value, status, source_time, server_time },
                    None => Reading::Fixed { data_type: None, bits: 0, status, source_time, server_time },
                });
            }
        }
    }

    /// Stores an update. `None` for a number that was never given out.
    #[inline]
    pub(crate) fn apply(&self, update: &Update) -> Option<Effect> {
        let slot = self.slot(update.tag)?;
        Some(slot.update(|old| {
            let (new, changed) = self.step(old, update);
            let is_later = old.source_time != new.source_time;
            (new, Effect { changed, source_time: new.source_time, is_later, status: new.status })
        }))
    }

    #[inline]
    fn step(&self, old: Snapshot, update: &Update) -> (Snapshot, bool) {
        let source_time = match (update.source_time.is_none(), old.source_time.is_none()) {
            (false, _) => update.source_time,
            (true, false) => old.source_time,
            (true, true) => update.server_time,
        };
        let mut new = Snapshot { status: update.status, source_time, server_time: update.server_time, ..old };
        let mut changed = old.status != update.status;
        if let Some(value) = &update.value {
            match value.to_bits() {
                Some((data_type, bits)) if old.kind.code() != Kind::HEAP => {
                    let kind = old.kind.with_code(u32::from(data_type.ua_id()));
                    changed |= old.bits != bits || old.kind != kind;
                    (new.kind, new.bits) = (kind, bits);
                }
                None if old.kind.code() == Kind::HEAP => {
                    if let Some(cell) = self.heap_cell(old.bits) {
                        let same = cell.load().as_deref().is_some_and(|last| last.same_as(value));
                        if !same {
                            cell.store(Some(Arc::new(value.clone())));
                            changed = true;
                        }
                    }
                }
                // A value of the other storage class means that the driver broke its promise about the tag's type.
                _ => {
                    new.status = Status::BAD_TYPE_MISMATCH;
                    changed = old.status != new.status;
                }
            }
        }
        (new, changed)
    }
}

/// The table stores a fixed type under its OPC UA number.
trait FromKind: Sized {
    fn from_kind(kind: Kind) -> Option<Self>;
}

impl FromKind for DataType {
    #[inline]
    fn from_kind(kind: Kind) -> Option<Self> {
        Some(match kind.code() {
            1 => Self::Boolean,
            2 => Self::Int8,
            3 => Self::UInt8,
            4 => Self::Int16,
            5 => Self::UInt16,
            6 => Self::Int32,
            7 => Self::UInt32,
            8 => Self::Int64,
            9 => Self::UInt64,
            10 => Self::Float,
            11 => Self::Double,
            13 => Self::DateTime,
            _ => return None,
        })
    }
}
