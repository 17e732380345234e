use std::sync::Arc;

use tagwire_access::{Anonymous, ChannelSecurity, Face, Identity, Origin, Peer, Policy, Role, RoleSet};

use tagwire_model::{Status, TagId, Timestamp, Update, Value};
use tagwire_ua_proto::codec::{Decode as _, DecodeError, Reader};
use tagwire_ua_proto::services::{DataChangeNotification, TimestampsToReturn};
use tagwire_ua_proto::types::{ExtensionObject, NodeId, UaString};

use super::{Kept, Side, Stored};
use crate::address_space::AddressSpace;
use crate::event::Events;
use crate::fixture::{NOW, plant};
use crate::monotonic;
use crate::ownership::Ownership;
use crate::quota::{Budget, Quota};
use crate::subscription::{
    AttributeSource, Captured, ItemSettings, Mode, NewItem, Notification, Subscription, SubscriptionSettings, Target,
    Trigger,
};

const SETTINGS: SubscriptionSettings = SubscriptionSettings {
    publishing_interval: 1_000,
    max_keep_alive: 10,
    lifetime: 30,
    max_notifications: 0,
    priority: 3,
};

/// Nothing but tags is watched here.
struct Nothing(Arc<Events>);

impl AttributeSource for Nothing {
    fn wall_time(&self) -> Timestamp {
        Timestamp::NONE
    }

    fn sample(&self, _: &NodeId, _: u32) -> Notification {
        Notification::bad(Status::BAD_NODE_ID_UNKNOWN)
    }

    fn events(&self) -> &Arc<Events> {
        &self.0
    }
}

struct Bench {
    space: AddressSpace,
    tag: TagId,
    source: Nothing,
    quota: Quota,
    disk: Budget,
    policy: Arc<Policy>,
    owner: Ownership,
}

impl Bench {
    fn new(disk: usize) -> Self {
        let space = plant();
        let tag = space.hub().registry().find_tag(b"line1.press.speed").expect("a tag");
        let policy = Arc::new(Policy::new(Anonymous::None));
        let origin = Origin { face: Face::Ua, peer: None, security: ChannelSecurity::Signed };
        let principal = policy.principal(Peer::user("anna"), RoleSet::of(&[Role::OPERATOR]), origin);
        Self {
            space,
            tag,
            source: Nothing(Arc::new(Events::new(Arc::new(|| NOW), Arc::clone(&policy)))),
            quota: Quota::default(),
            disk: Budget::new(disk),
            policy,
            owner: Ownership::for_tests(Arc::new(principal)),
        }
    }

    fn empty(&self, id: u32, hours: u32) -> Subscription {
        let ticket = self.quota.subscription().expect("free");
        let mut made = Subscription::new(id, SETTINGS, true, Arc::clone(self.space.hub()), 0, ticket, || {});
        let side = Side::new(hours, self.disk.share(), 20_000, self.quota.durable().expect("free"));
        made.make_durable(hours, || Ok(side)).expect("free");
        made
    }

    fn new_item(&self, queue_size: u32) -> NewItem {
        let settings = ItemSettings {
            client_handle: 7,
            sampling_ms: 0,
            queue_size,
            discard_oldest: true,
            trigger: Trigger::StatusValue,
            deadband: None,
        };
        let ticket = self.quota.item().expect("free");
        let timestamps = TimestampsToReturn::BOTH;
        NewItem {
            target: Target::Tag(self.tag),
            mode: Mode::Reporting,
            settings,
            range: None,
            aggregation: None,
            timestamps,
            ticket,
        }
    }

    /// A subscription with one item, at `slot` places from the first.
    fn subscription(&self, queue_size: u32, slot: u32) -> (Subscription, u32) {
        let mut made = self.empty(5, 2);
        let others: Vec<u32> = (0..slot).filter_map(|_| made.add_item(self.new_item(1), &self.source)).collect();
        let kept = made.reserve(kept).expect("room");
        let id = made.add_item(self.new_item(queue_size), &self.source).expect("a place");
        made.remember(id, kept);
        made.remove_items(&others);
        (made, id)
    }

    fn change(&self, value: f64) {
        let time = Timestamp::from_ticks(NOW.ticks() + value as i64);
        let update = Update {
            tag: self.tag,
            value: Some(Value::Double(value)),
            status: Status::GOOD,
            source_time: time,
            server_time: time,
        };
        self.space.hub().apply(&mut vec![update], monotonic::now());
    }

    fn keep(&self, subscription: &mut Subscription, is_final: bool) -> Vec<u8> {
        match subscription.capture(0, &self.owner, &self.policy, is_final) {
            Captured::Bytes(bytes) => bytes,
            Captured::Same => panic!("nothing changed"),
            Captured::NoRoom => panic!("no room"),
        }
    }

    fn restore(&self, bytes: &[u8]) -> Subscription {
        let mut stored = Stored::read(bytes).expect("what was written");
        let mut made = self.empty(stored.id(), stored.hours);
        let items = std::mem::take(&mut stored.items);
        made.restore(&mut stored);
        for item in items {
            let new = NewItem { settings: item.settings, mode: item.mode, ..self.new_item(1) };
            let waiting = (item.queue, item.is_triggered, item.links);
            assert!(made.restore_item(item.id, new, item.kept, waiting, &self.source, !stored.is_final));
        }
        made
    }

    /// The next message: its number, and values with their overflow bits.
    fn message(&self, from: &mut Subscription, now: u64) -> (u32, Vec<(f64, bool)>) {
        from.cycle(now, &self.source, true);
        let publication = from.publish(NOW);
        assert!(publication.has_notifications, "something waits");
        let message = from.sent().message(publication.sequence).expect("sent").to_vec();
        let mut reader = Reader::new(&message);
        let sequence = reader.u32().expect("a number");
        reader.timestamp().expect("a time");
        assert_eq!(reader.u32(), Ok(1));
        let changes = ExtensionObject::decode(&mut reader).expect("an object");
        let changes = changes.decode_as::<DataChangeNotification>().expect("changes").expect("good");
        let overflow = |status: Option<Status>| status.is_some_and(|status| status.0 & 0x480 == 0x480);
        let value = |value: tagwire_ua_proto::types::DataValue| match value.value {
            Some(tagwire_ua_proto::types::Variant::Double(number)) => (number, overflow(value.status)),
            _ => (f64::NAN, overflow(value.status)),
        };
        (sequence, changes.monitored_items.into_iter().map(|item| value(item.value)).collect())
    }
}

fn kept() -> Kept {
    Kept {
        node: NodeId::string(2, "line1.press.speed"),
        attribute: 13,
        range: UaString::default(),
        filter: ExtensionObject::default(),
    }
}

#[test]
fn queues_come_back_in_order_with_ids_settings_and_numbers() {
    let bench = Bench::new(1 << 20);
    bench.change(0.0);
    let (mut before, id) = bench.subscription(100, 3);
    assert_eq!(bench.message(&mut before, 1_000), (1, vec![(0.0, false)]));
    (1..=50).for_each(|value| bench.change(f64::from(value)));
    let bytes = bench.keep(&mut before, true);
    drop(before);
    let mut after = bench.restore(&bytes);
    assert_eq!((after.id, after.settings.priority, after.settings.lifetime), (5, 3, 7_200));
    assert!(after.item(id).is_some(), "the client knows it by this number");
    assert_eq!(after.sent().available().collect::<Vec<_>>(), [1], "what was not acknowledged can be asked for again");
    let expected: Vec<(f64, bool)> = (1..=50).map(|value| (f64::from(value), false)).collect();
    assert_eq!(bench.message(&mut after, 1_000), (2, expected), "and what the tag has now is no change");
    bench.change(51.0);
    assert_eq!(bench.message(&mut after, 2_000), (3, vec![(51.0, false)]));
    // The places that were free before are free again.
    let more: Vec<u32> = (0..4).filter_map(|_| after.add_item(bench.new_item(1), &bench.source)).collect();
    assert!(more.len() == 4 && !more.contains(&id));
}

#[test]
fn an_overflow_before_the_end_is_told_after_it() {
    let bench = Bench::new(1 << 20);
    let (mut before, _) = bench.subscription(3, 0);
    (1..=9).for_each(|value| bench.change(f64::from(value)));
    let bytes = bench.keep(&mut before, true);
    drop(before);
    let (_, values) = bench.message(&mut bench.restore(&bytes), 1_000);
    assert_eq!(values, [(7.0, true), (8.0, false), (9.0, false)]);
}

#[test]
fn after_an_end_without_warning_a_gap_is_told() {
    let bench = Bench::new(1 << 20);
    bench.change(1.0);
    let (mut before, _) = bench.subscription(10, 0);
    let bytes = bench.keep(&mut before, false);
    bench.change(2.0);
    drop(before);
    let (sequence, values) = bench.message(&mut bench.restore(&bytes), 1_000);
    assert!(sequence > 100_000, "numbers that were perhaps used do not come again");
    assert_eq!(values, [(1.0, false), (2.0, true)]);
}

#[test]
fn a_subscription_is_written_when_something_changed_and_not_too_often() {
    let bench = Bench::new(1 << 20);
    let (mut subscription, id) = bench.subscription(10, 0);
    assert!(subscription.is_due_to_keep(0));
    bench.keep(&mut subscription, false);
    assert!(!subscription.is_due_to_keep(9_999));
    assert!(subscription.is_due_to_keep(10_000));
    let again = subscription.capture(10_000, &bench.owner, &bench.policy, false);
    assert!(matches!(again, Captured::Same), "nothing changed");
    subscription.remove_items(&[id]);
    assert!(subscription.is_due_to_keep(1_000), "settings are written at once");
    assert!(matches!(subscription.capture(11_000, &bench.owner, &bench.policy, false), Captured::Bytes(_)));
}

#[test]
fn a_queue_that_is_too_long_for_the_disk_loses_its_oldest() {
    let bench = Bench::new(8_000);
    let (mut subscription, _) = bench.subscription(100_000, 0);
    (0..1_000).for_each(|value| bench.change(f64::from(value)));
    let bytes = bench.keep(&mut subscription, false);
    assert!(bytes.len() <= 8_000 && bench.disk.used() == bytes.len());
    let (_, values) = bench.message(&mut subscription, 1_000);
    let first = values[0].0;
    assert!(values.len() > 50 && values[0].1, "the oldest that is left tells of the others");
    assert!(values.iter().zip(0..).all(|((value, _), n)| *value == first + f64::from(n)));
    assert_eq!(values.last().map(|(value, _)| *value), Some(999.0));
    drop(subscription);
    assert_eq!(bench.disk.used(), 0);
}

#[test]
fn items_without_room_on_the_disk_are_refused() {
    let bench = Bench::new(3_000);
    let mut subscription = bench.empty(1, 1);
    let n_reserved = (0..100).take_while(|_| subscription.reserve(kept).is_ok()).count();
    assert!((5..50).contains(&n_reserved), "{n_reserved}");
    assert_eq!(subscription.reserve(kept).err(), Some(Status::BAD_RESOURCE_UNAVAILABLE));
}

#[test]
fn the_owner_is_who_it_was() {
    let bench = Bench::new(1 << 20);
    let (mut subscription, _) = bench.subscription(1, 0);
    let stored = Stored::read(&bench.keep(&mut subscription, true)).expect("what was written");
    let owner = stored.claim.owner(&bench.policy);
    assert_eq!(*owner.principal.identity(), Identity::User("anna".into()));
    assert_eq!(owner.principal.roles(), bench.owner.principal.roles());
    assert!(owner.may_pass_to(&bench.owner));
    let signed = Origin { face: Face::Ua, peer: None, security: ChannelSecurity::None };
    let plain = bench.policy.principal(Peer::user("anna"), RoleSet::of(&[Role::OPERATOR]), signed);
    assert!(!owner.may_pass_to(&Ownership::for_tests(Arc::new(plain))), "a weaker channel is not enough");
}

#[test]
fn what_no_server_writes_is_refused() {
    let bench = Bench::new(1 << 20);
    bench.change(1.0);
    let (mut subscription, _) = bench.subscription(10, 0);
    let good = bench.keep(&mut subscription, true);
    assert!(Stored::read(&good).is_ok());
    for end in 0..good.len() {
        assert!(Stored::read(&good[..end]).is_err(), "cut at {end}");
    }
    let mut other = good.clone();
    other[0] = 2;
    assert_eq!(Stored::read(&other).map(|_| ()), Err(DecodeError::Form), "another version");
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(Stored::read(&longer).map(|_| ()), Err(DecodeError::Trailing));
    // Any other byte gives a subscription or an error, and neither a panic nor much memory.
    for at in 0..good.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            let _ = Stored::read(&bad);
        }
    }
}
