//! Links with two paths to their devices.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::testing::{Fault, Recorder};
use tagwire_driver::{
    Demotion, DeviceSettings, Driver, LINK_ITEMS, LinkHandle, LinkItem, LinkSettings, LinkSetup, LinkSpec, Options,
    ScanMode, Sink, SystemTags, supervise,
};
use tagwire_model::{Status, TagId, Value};

use crate::fake::{Fake, clock, device, link, link_tag, one, wait};

/// A link over two fakes, one for each path.
fn start(paths: &[Fake; 2], settings: LinkSettings) -> (LinkHandle, Arc<Recorder>) {
    start_with(paths, settings, one(2, 100))
}

fn start_with(
    paths: &[Fake; 2],
    settings: LinkSettings,
    (spec, devices): (LinkSpec, Vec<DeviceSettings>),
) -> (LinkHandle, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::with_log());
    let [primary, secondary] = paths.clone();
    let source = move || {
        Ok(LinkSetup {
            driver: Driver::Pair(Box::new(primary.driver(&spec)), Box::new(secondary.driver(&spec))),
            system: SystemTags {
                link: LINK_ITEMS.iter().map(|tag| (tag.item, link_tag(tag.item))).collect(),
                devices: vec![Vec::new(); spec.devices.len()],
            },
            spec: spec.clone(),
            settings: settings.clone(),
            devices: devices.clone(),
        })
    };
    let options = Options { clock: clock(paths[0].world().started), seed: 1 };
    let link = supervise(Box::new(source), Arc::clone(&recorder) as Arc<dyn Sink>, options).expect("starts");
    (link, recorder)
}

fn settings() -> LinkSettings {
    LinkSettings { secondary: Some("other".to_owned()), ..LinkSettings::default() }
}

fn path(recorder: &Recorder) -> Value {
    recorder.seen(link_tag(LinkItem::ActivePath)).value
}

#[tokio::test(start_paused = true)]
async fn a_link_goes_over_to_its_other_path_and_comes_back_without_a_gap() {
    for fault in [Fault::Killed, Fault::Unreachable, Fault::Silent(0)] {
        let paths = [Fake::new(0), Fake::new(0)];
        let (link, recorder) = start(&paths, settings());
        wait(1_000).await;
        assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
        assert_eq!((path(&recorder), paths[1].world().n_connections), (Value::text("primary"), 0), "{fault:?}");
        paths[0].world().fault = Some(fault);
        wait(4_000).await;
        assert_eq!(path(&recorder), Value::text("primary"), "{fault:?} is sat out for five seconds");
        wait(6_000).await;
        assert_eq!(path(&recorder), Value::text("secondary"), "{fault:?}");
        assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD, "{fault:?}");
        paths[0].world().fault = None;
        recorder.take_log();
        wait(70_000).await;
        assert_eq!(path(&recorder), Value::text("primary"), "{fault:?}");
        assert!(recorder.take_log().iter().all(|update| update.status.is_good()), "no gap on the way back: {fault:?}");
        assert_eq!(recorder.seen(link_tag(LinkItem::PathSwitches)).value, Value::UInt32(2));
        assert_eq!(link.statistics().link.n_path_switches, 2);
        assert_eq!(&*link.statistics().link.peer, "");
    }
}

#[tokio::test(start_paused = true)]
async fn polls_go_on_while_the_primary_path_is_looked_at() {
    let paths = [Fake::new(0), Fake::new(0)];
    let settings = LinkSettings { return_after: Duration::from_secs(5), ..settings() };
    let (_link, recorder) = start(&paths, settings);
    wait(1_000).await;
    paths[0].world().fault = Some(Fault::Unreachable);
    wait(15_000).await;
    assert_eq!(path(&recorder), Value::text("secondary"));
    recorder.take_log();
    // Every look takes as long as connecting may take.
    wait(30_000).await;
    let log = recorder.take_log();
    let times: Vec<_> = log.iter().filter(|update| update.tag == TagId(0)).map(|update| update.server_time).collect();
    assert!(log.iter().all(|update| update.status.is_good()));
    let longest = times.windows(2).map(|pair| pair[1].ticks_since(pair[0])).max().expect("polls");
    assert!(longest < 2_500_000, "{longest} ticks between two polls");
}

#[tokio::test(start_paused = true)]
async fn a_person_may_force_a_path() {
    let paths = [Fake::new(0), Fake::new(0)];
    let (link, recorder) = start(&paths, settings());
    wait(500).await;
    let write = |text: &str| link.write(vec![(link_tag(LinkItem::ActivePath), Value::text(text))]);
    assert_eq!(write("secondary").await, [Status::GOOD]);
    wait(2_000).await;
    assert_eq!(path(&recorder), Value::text("secondary"));
    assert_eq!(recorder.seen(link_tag(LinkItem::PathForced)).value, Value::Boolean(true));
    assert!(paths[1].world().n_connections > 0);
    paths[1].world().fault = Some(Fault::Killed);
    wait(100_000).await;
    assert_eq!(path(&recorder), Value::text("secondary"), "a forced path stays");
    assert_eq!(write("auto").await, [Status::GOOD]);
    wait(10_000).await;
    assert_eq!(path(&recorder), Value::text("primary"));
    assert_eq!(recorder.seen(link_tag(LinkItem::PathForced)).value, Value::Boolean(false));
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
    assert_eq!(write("middle").await, [Status::BAD_OUT_OF_RANGE]);
}

#[tokio::test(start_paused = true)]
async fn two_dead_paths_are_tried_in_turn() {
    let paths = [Fake::new(0), Fake::new(0)];
    for fake in &paths {
        fake.world().fault = Some(Fault::Killed);
    }
    let (link, recorder) = start(&paths, settings());
    wait(200_000).await;
    let n = link.statistics().link.n_path_switches;
    assert!((4..=10).contains(&n), "{n} switches");
    paths[1].world().fault = None;
    wait(130_000).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_asked_does_not_hold_its_link_on_a_dead_path() {
    let paths = [Fake::new(0), Fake::new(0)];
    let (_, polled) = one(2, 100);
    let on_demand = DeviceSettings { scan_mode: ScanMode::Demand, ..polled[0].clone() };
    let devices = (link(vec![device(0, 2), device(1, 2)]), vec![polled[0].clone(), on_demand]);
    let (_link, recorder) = start_with(&paths, settings(), devices);
    wait(1_000).await;
    paths[0].world().fault = Some(Fault::Silent(0));
    wait(12_000).await;
    assert_eq!(path(&recorder), Value::text("secondary"));
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn a_demoted_device_is_asked_on_the_other_path() {
    let paths = [Fake::new(0), Fake::new(0)];
    let (spec, mut devices) = one(2, 100);
    let demotion = Demotion { on: true, failures: 3, period: Duration::from_secs(600), ..Demotion::default() };
    devices[0] = DeviceSettings { attempts: 1, demotion, ..devices[0].clone() };
    let (link, recorder) = start_with(&paths, settings(), (spec, devices));
    wait(1_000).await;
    paths[0].world().fault = Some(Fault::Silent(0));
    wait(20_000).await;
    assert_eq!((path(&recorder), recorder.seen(TagId(0)).status), (Value::text("secondary"), Status::GOOD));
    assert_eq!(link.statistics().link.n_path_switches, 1);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_forced_while_the_other_one_is_looked_at_is_the_one_in_use() {
    for offset in (0..3_000).step_by(7) {
        let paths = [Fake::new(0), Fake::new(0)];
        for fake in &paths {
            fake.world().latency = Duration::from_millis(40);
        }
        let settings = LinkSettings { return_after: Duration::from_secs(2), ..settings() };
        let (link, recorder) = start(&paths, settings);
        wait(1_000).await;
        paths[0].world().fault = Some(Fault::Killed);
        wait(10_000).await;
        assert_eq!(path(&recorder), Value::text("secondary"));
        paths[0].world().fault = None;
        wait(offset).await;
        let wish = vec![(link_tag(LinkItem::ActivePath), Value::text("secondary"))];
        assert_eq!(link.write(wish).await, [Status::GOOD]);
        wait(3_000).await;
        for fake in &paths {
            fake.world().requests.clear();
        }
        wait(1_000).await;
        let asked = paths.each_ref().map(|fake| !fake.world().requests.is_empty());
        assert_eq!((path(&recorder), asked), (Value::text("secondary"), [false, true]), "after {offset} ms");
        link.stop().await;
    }
}
