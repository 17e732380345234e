//! System and statistics tags: what links and devices offer as tags beside those of the devices (gateway-behaviour B-43
//! and B-44). The gateway registers them and hands back their numbers.

use tagwire_model::{Access, DataType, Status, TagId, Timestamp, Value};

use crate::Update;

/// One tag on offer.
#[derive(Clone, Copy, Debug)]
pub struct SystemTag<I> {
    /// Which one it is.
    pub item: I,
    /// Name below the link or device; the dot makes a group.
    pub name: &'static str,
    /// Type of the value.
    pub data_type: DataType,
    /// What clients may do.
    pub access: Access,
    /// One sentence for the generated reference.
    pub doc: &'static str,
}

macro_rules! items {
    ($(#[$doc:meta])* $enum:ident, $list:ident, $list_doc:literal: $($item:ident $name:literal $data_type:ident $access:ident $text:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $enum {
            $(#[doc = $text] $item,)*
        }

        #[doc = $list_doc]
        pub const $list: &[SystemTag<$enum>] = &[
            $(SystemTag {
                item: $enum::$item,
                name: $name,
                data_type: DataType::$data_type,
                access: Access::$access,
                doc: $text,
            },)*
        ];
    };
}

items! {
    /// A system or statistics tag of a link.
    LinkItem, LINK_ITEMS, "All system and statistics tags of a link.":
    Enabled "_System._Enabled" Boolean READ_WRITE "Whether the link is used; writing false closes it.";
    Connected "_System._Connected" Boolean READ "Whether the connection is open.";
    Panics "_System._Panics" UInt32 READ "How often the link's task failed inside and was started again.";
    SuccessfulReads "_Statistics._SuccessfulReads" UInt32 READ "Read requests that were answered.";
    FailedReads "_Statistics._FailedReads" UInt32 READ "Read requests that failed after all attempts.";
    SuccessfulWrites "_Statistics._SuccessfulWrites" UInt32 READ "Values written and confirmed.";
    FailedWrites "_Statistics._FailedWrites" UInt32 READ "Values that could not be written.";
    RxBytes "_Statistics._RxBytes" UInt32 READ "Bytes received.";
    TxBytes "_Statistics._TxBytes" UInt32 READ "Bytes sent.";
    MaxPendingReads "_Statistics._MaxPendingReads" UInt32 READ "Most explicit reads that waited at the same time.";
    MaxPendingWrites "_Statistics._MaxPendingWrites" UInt32 READ "Most writes that waited at the same time.";
    Overruns "_Statistics._Overruns" UInt32 READ "Polls that came too late or were left out.";
    Connects "_Statistics._Connects" UInt32 READ "How often the connection was opened.";
    FailedConnects "_Statistics._FailedConnects" UInt32 READ "How often opening the connection failed.";
    Reset "_Statistics._Reset" Boolean READ_WRITE "Writing true sets the statistics tags of the link to zero.";
    ActivePath "_System._ActivePath" String READ_WRITE "The path in use, primary or secondary; writing one of them forces it, writing auto ends that.";
    PathForced "_System._PathForced" Boolean READ "Whether the path was forced.";
    PathSwitches "_Statistics._PathSwitches" UInt32 READ "How often the link went over to its other path.";
}

items! {
    /// A system or statistics tag of a device.
    DeviceItem, DEVICE_ITEMS, "All system and statistics tags of a device.":
    Enabled "_System._Enabled" Boolean READ_WRITE "Whether the device is asked; writing false puts its tags out of service.";
    Error "_System._Error" Boolean READ "Whether the device is bad.";
    NoError "_System._NoError" Boolean READ "The opposite of _Error.";
    Simulated "_System._Simulated" Boolean READ "Whether the values come from memory.";
    AutoDemoted "_System._AutoDemoted" Boolean READ "Whether the device is resting after several failures.";
    AutoDemotionEnabled "_System._AutoDemotionEnabled" Boolean READ_WRITE "Whether the device gets a rest after several failures.";
    AutoDemotedFailureCount "_System._AutoDemotedFailureCount" UInt32 READ_WRITE "Successive failures after which the device gets its rest, 1 to 30.";
    AutoDemotionIntervalMs "_System._AutoDemotionIntervalMS" UInt32 READ_WRITE "How long the rest is in milliseconds, 100 to 3600000.";
    AutoDemotionDiscardWrites "_System._AutoDemotionDiscardWrites" Boolean READ_WRITE "Whether writes during the rest fail at once.";
    DemandPoll "_System._DemandPoll" Boolean READ_WRITE "Writing true polls all tags once; true until that is done.";
    ScanRateMs "_System._ScanRateMS" UInt32 READ "Scan interval in milliseconds.";
    SuccessfulReads "_Statistics._SuccessfulReads" UInt32 READ "Read requests that were answered.";
    FailedReads "_Statistics._FailedReads" UInt32 READ "Read requests that failed after all attempts.";
    SuccessfulWrites "_Statistics._SuccessfulWrites" UInt32 READ "Values written and confirmed.";
    FailedWrites "_Statistics._FailedWrites" UInt32 READ "Values that could not be written.";
    Timeouts "_Statistics._Timeouts" UInt32 READ "Requests that were not answered in time.";
    Overruns "_Statistics._Overruns" UInt32 READ "Polls that came too late or were left out.";
    RefusedTags "_Statistics._RefusedTags" UInt32 READ "Tags that the device refuses.";
    LastRoundTripMs "_Statistics._LastRoundTripMS" Double READ "Milliseconds from the last answered request to its answer.";
    Reset "_Statistics._Reset" Boolean READ_WRITE "Writing true sets the statistics tags of the device to zero.";
}

/// The numbers of the system tags that the gateway registered; those left out are not published.
#[derive(Clone, Debug, Default)]
pub struct SystemTags {
    /// Those of the link.
    pub link: Vec<(LinkItem, TagId)>,
    /// Those of each device, by its index.
    pub devices: Vec<Vec<(DeviceItem, TagId)>>,
}

/// System tags with what was last published.
#[derive(Debug)]
pub(crate) struct Board<I> {
    tags: Vec<(I, TagId, Value)>,
}

impl<I: Copy> Board<I> {
    pub(crate) fn new(tags: &[(I, TagId)]) -> Self {
        Self { tags: tags.iter().map(|&(item, id)| (item, id, Value::Null)).collect() }
    }

    /// Adds an update for each tag whose value changed.
    pub(crate) fn publish(&mut self, now: Timestamp, batch: &mut Vec<Update>, value_of: impl Fn(I) -> Value) {
        for (item, tag, last) in &mut self.tags {
            let value = value_of(*item);
            if !value.same_as(last) {
                last.clone_from(&value);
                batch.push(Update {
                    tag: *tag,
                    value: Some(value),
                    status: Status::GOOD,
                    source_time: now,
                    server_time: now,
                });
            }
        }
    }

    /// Which tag has this number, and its last value.
    pub(crate) fn find(&self, id: TagId) -> Option<(I, &Value)> {
        self.tags.iter().find(|(_, tag, _)| *tag == id).map(|(item, _, last)| (*item, last))
    }
}

/// A counter as its tag shows it: since the last reset, rolling over at 32 bits (B-44).
pub(crate) const fn counter(total: u64, at_reset: u64) -> Value {
    Value::UInt32(total.wrapping_sub(at_reset) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_offered_once() {
        let mut names: Vec<&str> = DEVICE_ITEMS.iter().map(|tag| tag.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DEVICE_ITEMS.len());
        assert!(LINK_ITEMS.iter().all(|tag| tag.name.starts_with("_System.") || tag.name.starts_with("_Statistics.")));
    }

    #[test]
    fn only_changes_are_published() {
        let mut board = Board::new(&[(LinkItem::RxBytes, TagId(1)), (LinkItem::TxBytes, TagId(2))]);
        let mut batch = Vec::new();
        let mut publish = |total| {
            batch.clear();
            board.publish(Timestamp::NONE, &mut batch, |item| match item {
                LinkItem::RxBytes => counter(total, 0),
                _ => counter(5, 5),
            });
            batch.len()
        };
        assert_eq!([publish(1), publish(1), publish(2)], [2, 0, 1]);
    }
}
