//! The table as links and faces use it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_hub::{
    Change, FolderId, FolderKind, Hub, Inbox, Interest, LinkId, NewTag, PathTarget, RegistryError, Route, RouteFuture,
    TagExtra, WatchId,
};
use tagwire_model::{Access, ArrayData, Deadband, Dims, Status, TagId, Timestamp, Update, Value, ValueType};

const NOW: Timestamp = Timestamp::from_ticks(1_000);

fn new_tag(folder: FolderId, name: &str, value_type: &str) -> NewTag<'static> {
    NewTag {
        folder,
        name: Box::leak(name.to_owned().into_boxed_str()),
        value_type: ValueType::parse(value_type).expect("type"),
        access: Access::READ_WRITE,
        link: LinkId(0),
        address: "",
        scan_ms: 100,
        is_system: false,
        on_demand: false,
        extra: None,
    }
}

fn hub_with(types: &[&str]) -> (Hub, Vec<TagId>) {
    let hub = Hub::new(Instant::now());
    let link = hub.folder(FolderId::ROOT, "line1", FolderKind::Link).expect("link");
    let device = hub.folder(link, "press", FolderKind::Device).expect("device");
    let names: Vec<String> = (0..types.len()).map(|idx| format!("tag{idx}")).collect();
    let tags = names.iter().zip(types).map(|(name, value_type)| new_tag(device, name, value_type));
    let ids = hub.add_tags(tags.collect::<Vec<_>>().into_iter(), NOW).into_iter().map(|id| id.expect("made")).collect();
    (hub, ids)
}

fn update(tag: TagId, value: Value, at: i64) -> Update {
    let time = Timestamp::from_ticks(at);
    Update { tag, value: Some(value), status: Status::GOOD, source_time: time, server_time: time }
}

fn apply(hub: &Hub, updates: &[Update]) {
    hub.apply(&mut updates.to_vec(), Instant::now());
}

fn subscribe(hub: &Hub, tags: &[TagId], capacity: usize) -> (Arc<Inbox>, WatchId) {
    let inbox = Arc::new(Inbox::new(capacity, capacity, || ()));
    let id = hub.attach(Arc::clone(&inbox));
    let interests: Vec<Interest> = (0_u32..)
        .zip(tags)
        .map(|(handle, tag)| Interest { tag: *tag, handle, interval: Duration::from_millis(50), timestamps: false })
        .collect();
    assert!(hub.watch(id, &interests).into_iter().all(|known| known));
    (inbox, id)
}

fn taken(inbox: &Inbox) -> Vec<Change> {
    let mut changes = Vec::new();
    inbox.take(&mut changes);
    changes
}

#[test]
fn a_new_tag_waits_for_its_first_value() {
    let (hub, tags) = hub_with(&["f64"]);
    let sample = hub.read(tags[0]).expect("exists").to_sample();
    assert_eq!(sample.status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    assert_eq!(sample.value, Value::Null);
    assert_eq!(hub.read(TagId(77)).expect("slot").status(), Status::BAD_NODE_ID_UNKNOWN);
    assert!(hub.read(TagId(77_777)).is_none());
}

#[test]
fn every_kind_of_value_comes_back_as_it_went_in() {
    let (hub, tags) = hub_with(&["f64", "bool", "string", "i16[2]", "bytes", "datetime"]);
    let pair = Value::array(Dims::one(2), ArrayData::Int16(vec![1, -1])).expect("pair");
    let values = [
        Value::Double(1.5),
        Value::Boolean(true),
        Value::text("höher"),
        pair,
        Value::bytes(&[1, 2]),
        Value::DateTime(NOW),
    ];
    for (tag, value) in tags.iter().zip(values) {
        apply(&hub, &[update(*tag, value.clone(), 5)]);
        let sample = hub.read(*tag).expect("exists").to_sample();
        assert_eq!((sample.value, sample.status, sample.source_time.ticks()), (value, Status::GOOD, 5));
    }
}

#[test]
fn a_failure_keeps_the_last_value() {
    let (hub, tags) = hub_with(&["f64", "string"]);
    apply(&hub, &[update(tags[0], Value::Double(2.0), 1), update(tags[1], Value::text("on"), 1)]);
    let fail = |tag| Update { value: None, status: Status::BAD_NO_COMMUNICATION, ..update(tag, Value::Null, 9) };
    let (inbox, _) = subscribe(&hub, &tags, 10);
    apply(&hub, &[fail(tags[0]), fail(tags[1])]);
    let sample = hub.read(tags[0]).expect("exists").to_sample();
    assert_eq!((sample.value, sample.status), (Value::Double(2.0), Status::BAD_NO_COMMUNICATION));
    let changes = taken(&inbox);
    assert_eq!(changes[1].value, Value::text("on"));
    assert_eq!(changes[1].status, Status::BAD_NO_COMMUNICATION);
}

#[test]
fn watchers_hear_of_changes_only_and_each_on_its_own() {
    let (hub, tags) = hub_with(&["i32", "i32"]);
    let (first, first_id) = subscribe(&hub, &tags, 100);
    let (second, _) = subscribe(&hub, &tags[1..], 100);
    apply(&hub, &[update(tags[0], Value::Int32(1), 1), update(tags[1], Value::Int32(1), 1)]);
    apply(&hub, &[update(tags[0], Value::Int32(1), 2), update(tags[1], Value::Int32(2), 2)]);
    assert_eq!(taken(&first).iter().map(|change| change.handle).collect::<Vec<_>>(), [0, 1, 1]);
    assert_eq!(taken(&second).len(), 2);
    hub.unwatch(first_id, &[(tags[1], 1)]);
    apply(&hub, &[update(tags[1], Value::Int32(3), 3)]);
    assert_eq!((taken(&first).len(), taken(&second).len()), (0, 1));
    assert_eq!(hub.demand(tags[0]), Some(Duration::from_millis(50)));
    hub.unwatch(first_id, &[(tags[0], 0)]);
    assert_eq!(hub.demand(tags[0]), None);
}

#[test]
fn a_slow_subscriber_loses_its_own_changes_and_no_others() {
    let (hub, tags) = hub_with(&["i32"]);
    let (slow, _) = subscribe(&hub, &tags, 3);
    let (quick, _) = subscribe(&hub, &tags, 100);
    for round in 0..10 {
        apply(&hub, &[update(tags[0], Value::Int32(round), 1)]);
    }
    let mut changes = Vec::new();
    assert!(slow.take(&mut changes));
    assert_eq!(changes.len(), 3);
    assert_eq!(taken(&quick).len(), 10);
}

#[test]
fn a_change_within_the_deadband_is_held_back() {
    let hub = Hub::new(Instant::now());
    let link = hub.folder(FolderId::ROOT, "l", FolderKind::Link).expect("link");
    let extra = TagExtra { deadband: Deadband::Absolute(1.0), ..TagExtra::default() };
    let tag = NewTag { extra: Some(extra), ..new_tag(link, "t", "f64") };
    let tag = hub.add_tags([tag].into_iter(), NOW)[0].clone().expect("made");
    for (value, seen) in [(10.0, 10.0), (10.9, 10.0), (9.5, 10.0), (11.5, 11.5)] {
        apply(&hub, &[update(tag, Value::Double(value), 1)]);
        assert_eq!(hub.read(tag).expect("exists").to_sample().value, Value::Double(seen));
    }
}

#[test]
fn paths_lead_to_tags_and_folders_and_clashes_are_refused() {
    let (hub, tags) = hub_with(&["f64"]);
    let registry = hub.registry();
    assert_eq!(registry.find_tag(b"line1.press.tag0"), Some(tags[0]));
    assert!(matches!(registry.find(b"line1.press"), Some(PathTarget::Folder(_))));
    assert_eq!(registry.find(b"line1.pres"), None);
    let Some(PathTarget::Folder(press)) = registry.find(b"line1.press") else { panic!("folder") };
    drop(registry);
    let again = hub.add_tags([new_tag(press, "tag0", "f64")].into_iter(), NOW);
    assert_eq!(again[0], Err(RegistryError::Taken("line1.press.tag0".into())));
    assert!(hub.folder(press, "tag0", FolderKind::Group).is_err());
}

#[test]
fn a_removed_tag_says_goodbye_and_its_number_waits_for_the_last_watcher() {
    let (hub, tags) = hub_with(&["f64", "f64"]);
    let (inbox, id) = subscribe(&hub, &tags[..1], 10);
    hub.remove_tags(&tags, NOW, Instant::now());
    assert_eq!(taken(&inbox)[0].status, Status::BAD_NODE_ID_UNKNOWN);
    assert_eq!(hub.registry().find(b"line1"), None);
    let link = hub.folder(FolderId::ROOT, "line2", FolderKind::Link).expect("link");
    let made = hub.add_tags([new_tag(link, "a", "f64"), new_tag(link, "b", "f64")].into_iter(), NOW);
    assert!(made.iter().all(|made| made.clone().expect("made") != tags[0]));
    hub.unwatch(id, &[(tags[0], 0)]);
    let made = hub.add_tags([new_tag(link, "c", "f64")].into_iter(), NOW);
    assert_eq!(made[0], Ok(tags[0]));
}

struct Echo;

impl Route for Echo {
    fn write(&self, writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>> {
        let statuses = writes.iter().map(|(_, value)| Status(value.as_f64().unwrap_or(0.0) as u32)).collect();
        Box::pin(async move { statuses })
    }

    fn refresh(&self, _tags: Vec<TagId>) -> RouteFuture<()> {
        Box::pin(async {})
    }
}

fn now_or_never<T>(mut future: RouteFuture<T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the route answers at once"),
    }
}

#[test]
fn writes_are_converted_routed_and_answered_in_order() {
    let (hub, tags) = hub_with(&["u8", "string"]);
    let write = |items: Vec<(TagId, Value)>| now_or_never(hub.write(items));
    assert_eq!(write(vec![(tags[0], Value::Int64(5))]), [Status::BAD_NO_COMMUNICATION]);
    hub.set_route(LinkId(0), Some(Arc::new(Echo)));
    let items = vec![
        (tags[0], Value::Int64(5)),
        (tags[0], Value::Int64(300)),
        (tags[1], Value::Int64(5)),
        (TagId(999), Value::Null),
        (tags[0], Value::UInt8(7)),
    ];
    let expected =
        [Status(5), Status::BAD_OUT_OF_RANGE, Status::BAD_TYPE_MISMATCH, Status::BAD_NODE_ID_UNKNOWN, Status(7)];
    assert_eq!(write(items), expected);
}

#[test]
fn a_changed_tag_keeps_its_value_and_its_watchers() {
    let (hub, tags) = hub_with(&["f64"]);
    apply(&hub, &[update(tags[0], Value::Double(1.5), 1)]);
    let (inbox, _) = subscribe(&hub, &tags, 10);
    let registry = hub.registry();
    let folder = registry.tag(tags[0]).expect("meta").folder;
    drop(registry);
    let changed = NewTag { access: Access::READ, address: "40009", scan_ms: 200, ..new_tag(folder, "tag0", "f64") };
    hub.change_tag(tags[0], changed.clone()).expect("changed");
    assert_eq!(hub.read(tags[0]).expect("reading").to_sample().value, Value::Double(1.5));
    assert!(!hub.flags(tags[0]).expect("flags").writable());
    assert_eq!(hub.registry().tag(tags[0]).expect("meta").address, "40009");
    apply(&hub, &[update(tags[0], Value::Double(2.5), 2)]);
    assert_eq!(inbox.len(), 1);
    let other_type = NewTag { value_type: ValueType::parse("i8").expect("type"), ..changed };
    assert!(matches!(hub.change_tag(tags[0], other_type), Err(RegistryError::Fixed(_))));
    assert_eq!(hub.change_tag(TagId(99), new_tag(folder, "x", "f64")), Err(RegistryError::NoTag));
}

#[test]
fn a_million_tags_fit() {
    let hub = Hub::new(Instant::now());
    let link = hub.folder(FolderId::ROOT, "l", FolderKind::Link).expect("link");
    let names: Vec<String> = (0..1_000_000).map(|idx| format!("tag{idx}")).collect();
    let value_type = ValueType::parse("f64").expect("type");
    let tags = names.iter().map(|name| NewTag {
        folder: link,
        name,
        value_type,
        access: Access::READ,
        link: LinkId(0),
        address: "",
        scan_ms: 0,
        is_system: false,
        on_demand: false,
        extra: None,
    });
    assert!(hub.add_tags(tags, NOW).iter().all(Result::is_ok));
    let registry = hub.registry();
    for idx in (0..1_000_000).step_by(997) {
        let tag = registry.find_tag(format!("l.tag{idx}").as_bytes()).expect("found");
        assert_eq!(registry.tag(tag).expect("meta").name(), format!("tag{idx}"));
    }
}
