//! The running historian: what the live table hears is found again, also after stops and crashes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tagwire_history::{Clock, Disk, Historian, Moment, Options, Reason, Rule, Samples, Span, Store, Wanted, When};
use tagwire_hub::{FolderId, Hub, LinkId, NewTag};
use tagwire_model::{Access, DataType, Status, TagId, Timestamp, Update, Value, ValueType};

const DOUBLE: ValueType = ValueType::scalar(DataType::Double);

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_unix_nanos(since_epoch.as_nanos() as i128)
}

struct Plant {
    hub: Arc<Hub>,
    tags: Vec<TagId>,
    clock: Clock,
}

impl Plant {
    fn new(n: usize) -> Self {
        let hub = Arc::new(Hub::new(Instant::now()));
        let names: Vec<String> = (0..n).map(|n| format!("t{n}")).collect();
        let new = names.iter().map(|name| NewTag {
            folder: FolderId::ROOT,
            name,
            value_type: DOUBLE,
            access: Access::READ_WRITE,
            link: LinkId(0),
            address: "",
            scan_ms: 100,
            is_system: false,
            on_demand: false,
            extra: None,
        });
        let tags = hub.add_tags(new, now()).into_iter().map(|tag| tag.expect("made"));
        let start = Instant::now();
        let clock: Clock = Arc::new(move || Moment { steady: start.elapsed(), utc: now() });
        Self { tags: tags.collect(), hub, clock }
    }

    fn historian(&self, folder: &Path) -> Historian {
        let options = Options { commit_interval: Duration::from_millis(20), ..Options::default() };
        let disk = Arc::new(Disk::new(folder).expect("folder"));
        let (store, opened) = Store::open(disk, options, (self.clock)()).expect("opened");
        assert!(opened.damage.is_empty());
        let historian = Historian::start(store, Arc::clone(&self.hub), Arc::clone(&self.clock)).expect("started");
        historian.collect(self.wanted(&self.tags, When::Change)).expect("taken");
        wait(|| historian.number(self.tags[0]).is_some());
        historian
    }

    fn wanted(&self, tags: &[TagId], when: When) -> Vec<Wanted> {
        let registry = self.hub.registry();
        let wanted = |tag: &TagId| Wanted {
            tag: *tag,
            path: registry.tag(*tag).expect("there").path.into(),
            value_type: DOUBLE,
            group: Some(1),
            rule: Rule { when, deadband: 0.0 },
        };
        tags.iter().map(wanted).collect()
    }

    fn scan(&self, value: f64) {
        let now = now();
        let mut batch: Vec<Update> = self
            .tags
            .iter()
            .map(|tag| Update {
                tag: *tag,
                value: Some(Value::Double(value)),
                status: Status::GOOD,
                source_time: now,
                server_time: now,
            })
            .collect();
        self.hub.apply(&mut batch, Instant::now());
    }
}

fn wait(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < end, "it took too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn samples(historian: &Historian, path: &str) -> Vec<(Value, Status, Reason)> {
    let history = historian.history();
    let [series] = history.find(path).try_into().expect("one series");
    let span = Span::all();
    let mut cursor = history.read(series.number, span).expect("read");
    let mut found = Samples::empty(series.column_type());
    let mut result = Vec::new();
    while let Some(view) = cursor.next(1000).expect("read") {
        found.clone_from(&view.to_samples());
        for idx in 0..found.len() {
            let sample = found.sample(idx).expect("there");
            result.push((sample.value, sample.status, found.reasons[idx]));
        }
    }
    result
}

fn good(value: f64, reason: Reason) -> (Value, Status, Reason) {
    (Value::Double(value), Status::GOOD, reason)
}

const UNKNOWN: (Value, Status, Reason) = (Value::Null, Status::BAD_NO_DATA, Reason::Stop);

#[test]
fn changes_are_kept_over_a_stop_that_is_noted() {
    let folder = tempfile::tempdir().expect("folder");
    let plant = Plant::new(3);
    {
        let historian = plant.historian(folder.path());
        for value in [1.0, 1.0, 2.0] {
            plant.scan(value);
        }
        historian.stop().expect("stopped");
        plant.scan(3.0);
    }
    let historian = plant.historian(folder.path());
    plant.scan(4.0);
    wait(|| samples(&historian, "t2").len() == 5);
    for path in ["t0", "t2"] {
        let expected = [
            good(1.0, Reason::Start),
            good(2.0, Reason::Changed),
            UNKNOWN,
            good(3.0, Reason::Start),
            good(4.0, Reason::Changed),
        ];
        assert_eq!(samples(&historian, path), expected);
    }
}

#[test]
fn a_tag_taken_out_ends_with_a_gap_and_the_others_see_none() {
    let folder = tempfile::tempdir().expect("folder");
    let plant = Plant::new(2);
    let historian = plant.historian(folder.path());
    plant.scan(1.0);
    wait(|| samples(&historian, "t1").len() == 1);
    historian.collect(plant.wanted(&plant.tags[..1], When::Change)).expect("taken");
    wait(|| historian.number(plant.tags[1]).is_none());
    plant.scan(2.0);
    wait(|| samples(&historian, "t0").len() == 2);
    assert_eq!(samples(&historian, "t0"), [good(1.0, Reason::Start), good(2.0, Reason::Changed)]);
    assert_eq!(samples(&historian, "t1"), [good(1.0, Reason::Start), UNKNOWN]);
}

#[test]
fn cyclic_samples_come_though_nothing_changes() {
    let folder = tempfile::tempdir().expect("folder");
    let plant = Plant::new(1);
    let historian = plant.historian(folder.path());
    plant.scan(1.0);
    historian.collect(plant.wanted(&plant.tags, When::Cyclic(Duration::from_millis(50)))).expect("taken");
    wait(|| samples(&historian, "t0").iter().filter(|(.., reason)| *reason == Reason::Cyclic).count() >= 5);
}
