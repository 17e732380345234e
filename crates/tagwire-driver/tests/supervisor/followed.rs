//! Drivers that deliver by themselves, keep their session and can be asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagwire_driver::testing::Recorder;
use tagwire_driver::{
    AddressError, BoxFuture, DeviceItem, DeviceSettings, DeviceSpec, Driver, LINK_ITEMS, LinkError, LinkHandle,
    LinkItem, LinkSettings, LinkSetup, Options, Order, PushedDriver, Report, SystemTags, supervise,
};
use tagwire_model::{Status, TagId, Timestamp, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::fake::{clock, device, device_items, device_tag, link, link_tag, wait};

const ON: Value = Value::Boolean(true);
const OFF: Value = Value::Boolean(false);
const AT_SOURCE: Timestamp = Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS + 70_000_000);

/// What the source was told, and what it does.
#[derive(Debug, Default)]
struct World {
    /// Which devices were to be asked, at each run.
    asked: Vec<Vec<bool>>,
    n_disconnects: u32,
    reads: Vec<(usize, Vec<u32>)>,
    is_deaf: bool,
    next: Vec<(usize, u32, Value, Status, Timestamp)>,
}

struct Source(Arc<Mutex<World>>);

impl PushedDriver for Source {
    fn run<'a>(
        &'a mut self,
        reports: mpsc::Sender<Report>,
        orders: &'a mut mpsc::Receiver<Order>,
    ) -> BoxFuture<'a, LinkError> {
        Box::pin(async move {
            let _ = reports.send(Report::Connected).await;
            loop {
                let next = std::mem::take(&mut self.0.lock().expect("world").next);
                let _ = reports.send(Report::Samples(next)).await;
                let order = tokio::select! {
                    Some(order) = orders.recv() => order,
                    () = sleep(Duration::from_millis(50)) => continue,
                };
                if self.0.lock().expect("world").is_deaf {
                    continue;
                }
                let _ = match order {
                    Order::Write(number, items) => {
                        reports.send(Report::Written(number, vec![Status::GOOD; items.len()])).await
                    }
                    Order::Read(number, at, tags) => {
                        self.0.lock().expect("world").reads.push((at, tags.clone()));
                        let seen = |tag| (at, tag, Value::UInt32(100 + tag), Status::GOOD, AT_SOURCE);
                        reports.send(Report::Read(number, tags.into_iter().map(seen).collect(), Vec::new())).await
                    }
                };
            }
        })
    }

    fn set_device(&mut self, _: usize, _: &DeviceSpec) -> Result<(), AddressError> {
        Ok(())
    }

    fn set_common(&mut self, _: &LinkSettings, devices: &[DeviceSettings]) {
        self.0.lock().expect("world").asked.push(devices.iter().map(|device| device.enabled).collect());
    }

    fn disconnect(&mut self) -> BoxFuture<'_, ()> {
        self.0.lock().expect("world").n_disconnects += 1;
        Box::pin(async {})
    }

    fn echoes_writes(&self) -> bool {
        true
    }

    fn can_read(&self) -> bool {
        true
    }
}

fn start() -> (LinkHandle, Arc<Recorder>, Arc<Mutex<World>>) {
    let world = Arc::new(Mutex::new(World::default()));
    let recorder = Arc::new(Recorder::with_log());
    let source_world = Arc::clone(&world);
    let source = move || {
        Ok(LinkSetup {
            spec: link(vec![device(0, 2), device(1, 2)]),
            driver: Driver::Pushed(Box::new(Source(Arc::clone(&source_world)))),
            settings: LinkSettings::default(),
            devices: vec![DeviceSettings::default(); 2],
            system: SystemTags {
                link: LINK_ITEMS.iter().map(|tag| (tag.item, link_tag(tag.item))).collect(),
                devices: (0..2).map(device_items).collect(),
            },
        })
    };
    let options = Options { clock: clock(Instant::now()), seed: 1 };
    let link = supervise(Box::new(source), recorder.clone(), options).expect("starts");
    (link, recorder, world)
}

fn tell(world: &Mutex<World>, at: usize, tag: u32, value: Value, status: Status) {
    world.lock().expect("world").next.push((at, tag, value, status, AT_SOURCE));
}

#[tokio::test(start_paused = true)]
async fn quality_and_time_are_those_of_the_source_and_a_bad_sample_keeps_the_last_value() {
    let (_link, recorder, world) = start();
    let uncertain = Status(0x4093_0000);
    for (value, status, shown) in [
        (Value::UInt32(5), uncertain, Value::UInt32(5)),
        (Value::Null, Status::BAD_TIMEOUT, Value::UInt32(5)),
        (Value::UInt32(6), Status::GOOD, Value::UInt32(6)),
    ] {
        tell(&world, 0, 1, value, status);
        wait(100).await;
        let seen = recorder.seen(TagId(1));
        assert_eq!((seen.value, seen.status), (shown, status));
    }
    let log = recorder.take_log();
    let times: Vec<_> = log.iter().filter(|update| update.tag == TagId(1)).map(|update| update.source_time).collect();
    assert_eq!(times[times.len() - 3..], [AT_SOURCE; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_explicit_read_reaches_the_source_and_one_without_an_answer_is_a_timeout() {
    let (link, recorder, world) = start();
    wait(100).await;
    let read = link.read(vec![TagId(3), TagId(2)]).await;
    let found: Vec<_> = read.iter().map(|update| (update.tag, update.value.clone(), update.status)).collect();
    let expected = |tag, value| (TagId(tag), Some(Value::UInt32(value)), Status::GOOD);
    assert_eq!(found, [expected(3, 101), expected(2, 100)]);
    assert!(read.iter().all(|update| update.source_time == AT_SOURCE));
    assert_eq!(recorder.seen(TagId(3)).value, Value::UInt32(101), "everybody sees what was read");
    let mut asked = world.lock().expect("world").reads.clone();
    asked.iter_mut().for_each(|(_, tags)| tags.sort_unstable());
    assert_eq!(asked, [(1, vec![0, 1])]);
    world.lock().expect("world").is_deaf = true;
    let started = Instant::now();
    assert_eq!(link.read(vec![TagId(2)]).await[0].status, Status::BAD_TIMEOUT);
    assert_eq!(started.elapsed(), DeviceSettings::default().request_timeout);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_is_shown_by_the_source_alone() {
    let (link, recorder, world) = start();
    tell(&world, 0, 0, Value::UInt32(1), Status::GOOD);
    wait(100).await;
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(9))]).await, [Status::GOOD]);
    wait(100).await;
    assert_eq!(recorder.seen(TagId(0)).value, Value::UInt32(1), "the source has not told it yet");
    tell(&world, 0, 0, Value::UInt32(9), Status::GOOD);
    wait(100).await;
    assert_eq!(recorder.seen(TagId(0)).value, Value::UInt32(9));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_switched_off_is_told_to_the_driver_and_its_samples_are_not_shown() {
    let (link, recorder, world) = start();
    wait(100).await;
    let enabled = device_tag(0, DeviceItem::Enabled);
    assert_eq!(link.write(vec![(enabled, OFF)]).await, [Status::GOOD]);
    wait(100).await;
    tell(&world, 0, 0, Value::UInt32(7), Status::GOOD);
    tell(&world, 1, 0, Value::UInt32(8), Status::GOOD);
    wait(100).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(recorder.seen(TagId(2)).value, Value::UInt32(8), "its neighbour goes on");
    assert_eq!(link.read(vec![TagId(0)]).await[0].status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(link.write(vec![(enabled, ON)]).await, [Status::GOOD]);
    wait(100).await;
    tell(&world, 0, 0, Value::UInt32(9), Status::GOOD);
    wait(100).await;
    assert_eq!((recorder.seen(TagId(0)).status, recorder.seen(TagId(0)).value), (Status::GOOD, Value::UInt32(9)));
    let world = world.lock().expect("world");
    assert_eq!(world.asked, [[true, true], [false, true], [true, true]]);
    assert_eq!(world.n_disconnects, 0, "the session is kept");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_switched_off_is_left() {
    let (link, recorder, world) = start();
    wait(100).await;
    assert_eq!(link.write(vec![(link_tag(LinkItem::Enabled), OFF)]).await, [Status::GOOD]);
    wait(1_100).await;
    assert!(world.lock().expect("world").n_disconnects >= 1);
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(recorder.seen(link_tag(LinkItem::Connected)).value, OFF);
    assert_eq!(link.write(vec![(link_tag(LinkItem::Enabled), ON)]).await, [Status::GOOD]);
    wait(1_100).await;
    assert_eq!(recorder.seen(link_tag(LinkItem::Connected)).value, ON);
    link.stop().await;
}
