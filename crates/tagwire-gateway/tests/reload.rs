//! A running gateway takes over changes of its configuration; what did not change goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tagwire_gateway::config::Config;
use tagwire_gateway::drivers::DRIVERS;
use tagwire_gateway::{Gateway, ReloadError};
use tagwire_hub::{Hub, Inbox, Interest};
use tagwire_model::{Status, Value};

const HEAD: &str = "version = 1\n[ua]\nlisten = \"127.0.0.1:0\"\nsecurity = [\"none\"]\nanonymous = \"write\"\n";

fn link(name: &str, devices: &str) -> String {
    format!("[[link]]\nname = \"{name}\"\ndriver = \"sim\"\n{devices}")
}

fn device(name: &str, scan: &str, tags: &[(&str, &str)]) -> String {
    let tags = tags.iter().map(|(tag, rest)| format!("[[link.device.tag]]\nname = \"{tag}\"\n{rest}\n"));
    format!("[[link.device]]\nname = \"{name}\"\nscan = \"{scan}\"\n{}", tags.collect::<String>())
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("tagwire.toml");
    fs::write(&path, format!("{HEAD}{text}")).expect("written");
    path
}

async fn start(path: &Path) -> Gateway {
    let config = Config::load(path, DRIVERS).unwrap_or_else(|problems| panic!("{problems}"));
    Gateway::start(config).await.expect("started")
}

fn sample(hub: &Hub, path: &str) -> Option<(Value, Status)> {
    let tag = hub.registry().find_tag(path.as_bytes())?;
    hub.read(tag).map(|reading| reading.to_sample()).map(|sample| (sample.value, sample.status))
}

/// Waits until a tag is good.
async fn good(hub: &Hub, path: &str) -> Value {
    for _ in 0..500 {
        if let Some((value, status)) = sample(hub, path)
            && status.is_good()
            && value != Value::Null
        {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{path} is not good: {:?}", sample(hub, path));
}

const COUNTER: &str = "address = \"counter(period=20ms)\"";
const MEMORY: &str = "address = \"static\"\ntype = \"f64\"\naccess = \"rw\"";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_difference_is_taken_over() {
    let folder = tempfile::tempdir().expect("folder");
    let kept = ("kept", COUNTER);
    let before = link("a", &device("d", "20ms", &[kept, ("gone", COUNTER), ("retyped", MEMORY), ("told", MEMORY)]));
    let path = write(folder.path(), &before);
    let gateway = start(&path).await;
    let hub = Arc::clone(gateway.hub());
    good(&hub, "a.d.kept").await;
    let (kept_id, told_id) = {
        let registry = hub.registry();
        (registry.find_tag(b"a.d.kept").expect("tag"), registry.find_tag(b"a.d.told").expect("tag"))
    };
    let inbox = Arc::new(Inbox::new(10_000, 1, || ()));
    let watch = hub.attach(Arc::clone(&inbox));
    let interest = |tag, handle| Interest { tag, handle, interval: Duration::ZERO, timestamps: false };
    hub.watch(watch, &[interest(kept_id, 0)]);
    let told = format!("{MEMORY}\ndescription = \"by hand\"");
    let retyped = MEMORY.replace("f64", "i32");
    let tags = [kept, ("retyped", retyped.as_str()), ("told", told.as_str()), ("new", COUNTER)];
    let after = [link("a", &device("d", "20ms", &tags)), link("b", &device("d", "20ms", &[("x", COUNTER)]))].concat();
    write(folder.path(), &after);
    let changes = gateway.reload().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(changes.n_tags(), (2, 1, 2), "{changes}");
    good(&hub, "a.d.new").await;
    good(&hub, "b.d.x").await;
    good(&hub, "a.d.retyped").await;
    assert_eq!(sample(&hub, "a.d.gone"), None);
    {
        let registry = hub.registry();
        assert_eq!(registry.find_tag(b"a.d.kept"), Some(kept_id));
        assert_eq!(registry.find_tag(b"a.d.told"), Some(told_id), "a description does not make another tag");
        let extra = registry.tag(told_id).and_then(|tag| tag.meta.extra.as_ref()).expect("description");
        assert_eq!(extra.description, "by hand");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut changes = Vec::new();
    assert!(!inbox.take(&mut changes), "nothing was lost");
    assert!(changes.iter().all(|change| change.status.is_good()), "no gap: {changes:?}");
    assert!(changes.len() > 5, "{} changes", changes.len());
    let again = gateway.reload().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(again.is_empty(), "{again}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_devices_come_and_go() {
    let folder = tempfile::tempdir().expect("folder");
    let tags: &[(&str, &str)] = &[("x", COUNTER)];
    let two = [device("one", "20ms", tags), device("two", "20ms", tags)].concat();
    let path = write(folder.path(), &[link("a", &two), link("b", &two)].concat());
    let gateway = start(&path).await;
    let hub = Arc::clone(gateway.hub());
    for tag in ["a.one.x", "a.two.x", "b.one.x", "b.two.x"] {
        good(&hub, tag).await;
    }
    let n_before = hub.registry().n_tags();
    write(folder.path(), &link("a", &[device("two", "50ms", tags), device("three", "20ms", tags)].concat()));
    gateway.reload().await.unwrap_or_else(|error| panic!("{error}"));
    good(&hub, "a.three.x").await;
    good(&hub, "a.two.x").await;
    assert_eq!((sample(&hub, "a.one.x"), sample(&hub, "b.one.x")), (None, None));
    assert!(hub.registry().find(b"b").is_none(), "empty folders go as well");
    write(folder.path(), &[link("a", &two), link("b", &two)].concat());
    gateway.reload().await.unwrap_or_else(|error| panic!("{error}"));
    for tag in ["a.one.x", "a.two.x", "b.one.x", "b.two.x"] {
        good(&hub, tag).await;
    }
    assert_eq!(hub.registry().n_tags(), n_before, "there and back leaves nothing behind");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let path = write(folder.path(), &link("a", &device("d", "20ms", &[("x", COUNTER)])));
    let gateway = start(&path).await;
    let hub = Arc::clone(gateway.hub());
    good(&hub, "a.d.x").await;
    write(folder.path(), &link("a", &device("d", "20", &[("x", "address = \"nonsense\"")])));
    let error = gateway.reload().await.expect_err("two mistakes");
    assert!(matches!(&error, ReloadError::Config(problems) if problems.len() == 2), "{error}");
    good(&hub, "a.d.x").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_after_a_restart_is_said() {
    let folder = tempfile::tempdir().expect("folder");
    let path = write(folder.path(), "");
    let gateway = start(&path).await;
    fs::write(&path, HEAD.replace("write", "read").replace("[ua]", "[server]\nname = \"other\"\n[ua]"))
        .expect("written");
    let changes = gateway.reload().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(changes.needs_restart, ["[server] name"]);
    assert!(changes.access, "who may do what counts at once");
    gateway.stop().await;
}

fn derived(name: &str, rest: &str) -> String {
    format!("[[derived]]\nname = \"{name}\"\n{rest}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn derived_tags_follow_their_inputs_and_survive_a_reload() {
    let folder = tempfile::tempdir().expect("folder");
    let plant = link("a", &device("d", "20ms", &[("x", MEMORY), ("y", MEMORY), ("out", MEMORY), ("count", COUNTER)]));
    let sum = derived("calc.sum", "kind = \"expression\"\ninputs = [\"x=a.d.x\", \"y=a.d.y\"]\nexpression = \"x + y\"");
    let twice = derived("calc.twice", "kind = \"expression\"\ninputs = [\"calc.sum\"]\nexpression = \"sum * 2\"");
    let copy = derived("calc.copy", "kind = \"link\"\ninputs = \"calc.twice\"\noutput = \"a.d.out\"");
    let total = derived("calc.total", "kind = \"cumulative\"\ninputs = \"a.d.count\"");
    let path = write(folder.path(), &[plant.as_str(), &sum, &twice, &copy, &total].concat());
    let gateway = start(&path).await;
    let hub = Arc::clone(gateway.hub());
    good(&hub, "a.d.y").await;
    let tag = |path: &str| hub.registry().find_tag(path.as_bytes()).expect("tag");
    hub.write(vec![(tag("a.d.x"), Value::Double(3.0)), (tag("a.d.y"), Value::Double(4.0))]).await;
    let becomes = async |path: &str, wanted: f64| {
        for _ in 0..500 {
            if sample(&hub, path).is_some_and(|(value, status)| status.is_good() && value.as_f64() == Some(wanted)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{path} is not {wanted}: {:?}", sample(&hub, path));
    };
    becomes("calc.sum", 7.0).await;
    becomes("calc.twice", 14.0).await;
    becomes("a.d.out", 14.0).await;
    becomes("calc.copy", 14.0).await;
    assert_eq!(hub.write(vec![(tag("calc.sum"), Value::Double(1.0))]).await, [Status::BAD_NOT_WRITABLE]);
    let (sum_id, counted) = (tag("calc.sum"), good(&hub, "calc.total").await.as_f64().unwrap_or_default());
    let sum_more = sum.replace("x + y", "x + y + 1");
    let highest = derived("calc.new", "kind = \"maximum\"\ninputs = [\"a.d.x\", \"a.d.y\"]");
    write(folder.path(), &[plant, sum_more, total, highest].concat());
    let changes = gateway.reload().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(changes.n_tags(), (1, 2, 1), "{changes}");
    becomes("calc.sum", 8.0).await;
    becomes("calc.new", 4.0).await;
    assert_eq!((tag("calc.sum"), sample(&hub, "calc.twice")), (sum_id, None));
    assert!(good(&hub, "calc.total").await.as_f64().unwrap_or_default() >= counted, "a total goes on");
    gateway.stop().await;
}
