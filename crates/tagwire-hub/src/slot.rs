//! One tag's place in the table: a sequence counter over atomics, so that readers never wait.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering, fence};

use tagwire_model::{Access, DataType, Status, Timestamp};

use crate::routes::LinkId;

/// What the 64 value bits of a slot mean (low byte), and the tag's flags above, which only [`Kind::with_code`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u32);

impl Kind {
    /// No value yet; any other code below [`Kind::HEAP`] is an OPC UA type number.
    pub(crate) const NULL: u32 = 0;
    /// The value lies in the heap cell whose index is in the bits.
    pub(crate) const HEAP: u32 = 0xFF;

    /// What the bits mean.
    pub(crate) const fn code(self) -> u32 {
        self.0 & 0xFF
    }

    /// The same flags with another meaning of the bits.
    pub(crate) const fn with_code(self, code: u32) -> Self {
        Self(self.0 & !0xFF | code)
    }

    /// The flags of a tag that has no value yet.
    pub(crate) const fn from_flags(flags: TagFlags, code: u32) -> Self {
        Self(flags.0 | code)
    }

    /// The tag's flags.
    pub(crate) const fn flags(self) -> TagFlags {
        TagFlags(self.0 & !0xFF)
    }
}

/// What a request must know of a tag before it touches the value, kept beside the value so that it costs no look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagFlags(u32);

impl TagFlags {
    /// The flags of a tag.
    pub(crate) fn new(access: Access, on_demand: bool, scalar_type: Option<DataType>, link: LinkId) -> Self {
        let scalar_type = scalar_type.map_or(0, |data_type| u32::from(data_type.ua_id()));
        Self(
            u32::from(access.read) << 8
                | u32::from(access.write) << 9
                | u32::from(on_demand) << 10
                | scalar_type << 12
                | link.0 << 16,
        )
    }

    /// Whether clients may read the value.
    pub const fn readable(self) -> bool {
        self.0 & 1 << 8 != 0
    }

    /// Whether clients may write the value.
    pub const fn writable(self) -> bool {
        self.0 & 1 << 9 != 0
    }

    /// Whether the device must be asked when a client wants a fresh value.
    pub const fn on_demand(self) -> bool {
        self.0 & 1 << 10 != 0
    }

    /// OPC UA number of the type clients see, 0 where not every value of a scalar type can be written.
    pub const fn scalar_type(self) -> u8 {
        (self.0 >> 12 & 0xF) as u8
    }

    /// The link whose route takes writes.
    pub const fn link(self) -> LinkId {
        LinkId(self.0 >> 16)
    }
}

/// One consistent view of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    pub(crate) kind: Kind,
    pub(crate) bits: u64,
    pub(crate) status: Status,
    pub(crate) source_time: Timestamp,
    pub(crate) server_time: Timestamp,
}

/// 40 bytes; an odd sequence number means that a writer is at work.
#[derive(Debug)]
pub(crate) struct Slot {
    sequence: AtomicU32,
    kind: AtomicU32,
    status: AtomicU32,
    /// Index of the list of watchers plus one; 0 when nobody watches.
    pub(crate) watch: AtomicU32,
    bits: AtomicU64,
    source_time: AtomicI64,
    server_time: AtomicI64,
}

impl Default for Slot {
    /// A slot that no tag uses.
    fn default() -> Self {
        Self {
            sequence: AtomicU32::new(0),
            kind: AtomicU32::new(Kind::NULL),
            status: AtomicU32::new(Status::BAD_NODE_ID_UNKNOWN.0),
            watch: AtomicU32::new(0),
            bits: AtomicU64::new(0),
            source_time: AtomicI64::new(0),
            server_time: AtomicI64::new(0),
        }
    }
}

impl Slot {
    /// Reads all fields as one writer left them.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        let mut n_tries = 0;
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            if before & 1 == 0 {
                let snapshot = self.load_unguarded();
                fence(Ordering::Acquire);
                if self.sequence.load(Ordering::Relaxed) == before {
                    return snapshot;
                }
            }
            back_off(&mut n_tries);
        }
    }

    /// The tag's flags.
    #[inline]
    pub(crate) fn flags(&self) -> TagFlags {
        Kind(self.kind.load(Ordering::Relaxed)).flags()
    }

    /// Lets `change` see the current fields and return the new ones, with other writers kept out.
    #[inline]
    pub(crate) fn update<T>(&self, change: impl FnOnce(Snapshot) -> (Snapshot, T)) -> T {
        let mut before = self.sequence.load(Ordering::Relaxed);
        let mut n_tries = 0;
        loop {
            if before & 1 == 0 {
                match self.sequence.compare_exchange_weak(
                    before,
                    before.wrapping_add(1),
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break,
                    Err(now) => before = now,
                }
            } else {
                back_off(&mut n_tries);
                before = self.sequence.load(Ordering::Relaxed);
            }
        }
        fence(Ordering::Release);
        let (new, result) = change(self.load_unguarded());
        self.kind.store(new.kind.0, Ordering::Relaxed);
        self.status.store(new.status.0, Ordering::Relaxed);
        self.bits.store(new.bits, Ordering::Relaxed);
        self.source_time.store(new.source_time.ticks(), Ordering::Relaxed);
        self.server_time.store(new.server_time.ticks(), Ordering::Relaxed);
        self.sequence.store(before.wrapping_add(2), Ordering::Release);
        result
    }

    #[inline]
    fn load_unguarded(&self) -> Snapshot {
        Snapshot {
            kind: Kind(self.kind.load(Ordering::Relaxed)),
            bits: self.bits.load(Ordering::Relaxed),
            status: Status(self.status.load(Ordering::Relaxed)),
            source_time: Timestamp::from_ticks(self.source_time.load(Ordering::Relaxed)),
            server_time: Timestamp::from_ticks(self.server_time.load(Ordering::Relaxed)),
        }
    }
}

/// Spins while a writer finishes; gives the core away when that writer seems to have lost its own.
#[cold]
fn back_off(n_tries: &mut u32) {
    *n_tries += 1;
    if n_tries.is_multiple_of(64) {
        std::thread::yield_now();
    } else {
        spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_never_see_a_torn_slot() {
        let slot = Slot::default();
        let rounds = 20_000_u64;
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for round in 1..=rounds {
                        slot.update(|_| {
                            let ticks = Timestamp::from_ticks(round as i64);
                            let status = Status(round as u32);
                            (
                                Snapshot {
                                    kind: Kind(11),
                                    bits: round,
                                    status,
                                    source_time: ticks,
                                    server_time: ticks,
                                },
                                (),
                            )
                        });
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..rounds {
                    let seen = slot.load();
                    assert_eq!(seen.bits, u64::from(seen.status.0));
                    assert_eq!(seen.bits, seen.source_time.ticks() as u64);
                    assert_eq!(seen.bits, seen.server_time.ticks() as u64);
                }
            });
        });
    }
}
