//! When tags are polled, and explicit reads.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::testing::Recorder;
use tagwire_driver::{DeviceItem, DeviceSettings, LinkSettings, Poll, ScanMode, Sink, Update};
use tagwire_model::{Status, TagId, Value};

use crate::fake::{Fake, device_tag, one, start, start_with, wait};

const SECOND: Duration = Duration::from_secs(1);

fn count(recorder: &Recorder, tag: u32) -> u64 {
    recorder.seen(TagId(tag)).n_good
}

#[tokio::test(start_paused = true)]
async fn polls_follow_a_grid_that_does_not_drift() {
    let fake = Fake::new(4);
    let (spec, devices) = one(3, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(10_050).await;
    assert_eq!(count(&recorder, 0), 101);
    assert_eq!(link.statistics().devices[0].n_overruns, 0);
}

#[tokio::test(start_paused = true)]
async fn polls_that_take_too_long_are_counted_and_do_not_burst() {
    let fake = Fake::new(1);
    fake.world().latency = Duration::from_millis(250);
    let (spec, devices) = one(3, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(10_300).await;
    let polled = count(&recorder, 0);
    assert!((39..=40).contains(&polled), "back to back: {polled}");
    let overruns = link.statistics().devices[0].n_overruns;
    assert!((95..=101).contains(&overruns), "every tick that came too late counts: {overruns}");
    fake.world().latency = Duration::from_millis(1);
    wait(1_000).await;
    recorder.reset();
    wait(1_000).await;
    assert_eq!(count(&recorder, 0), 10, "nothing is caught up");
}

#[tokio::test(start_paused = true)]
async fn a_tag_may_have_an_interval_of_its_own() {
    let fake = Fake::new(0);
    let (mut spec, devices) = one(2, 1_000);
    spec.devices[0].tags[1].scan = Some(Duration::from_millis(100));
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(5_050).await;
    assert_eq!((count(&recorder, 0), count(&recorder, 1)), (6, 51));
}

/// Polls per tag in five seconds: tag 0 nobody wants, tag 1 a client wants every 200 ms, tag 2 every 2 s; tag 3 has an
/// interval of 500 ms of its own and nobody wants it. The scan interval is one second.
async fn polls_in(settings: DeviceSettings) -> [u64; 4] {
    let fake = Fake::new(0);
    let (mut spec, _) = one(4, 1_000);
    spec.devices[0].tags[3].scan = Some(Duration::from_millis(500));
    // Far enough apart that no poll reads a neighbour along.
    for (tag, address) in ["0", "100", "200", "300"].iter().enumerate() {
        spec.devices[0].tags[tag].address = (*address).to_owned();
    }
    let recorder = Arc::new(Recorder::default());
    recorder.want(TagId(1), Some(Duration::from_millis(200)));
    recorder.want(TagId(2), Some(Duration::from_secs(2)));
    let _link = start_with(&fake, spec, LinkSettings::default(), vec![settings], &recorder);
    wait(4_950).await;
    [0, 1, 2, 3].map(|tag| count(&recorder, tag))
}

#[tokio::test(start_paused = true)]
async fn scan_modes_decide_who_is_polled_how_often() {
    let mode = |scan_mode, poll| DeviceSettings { scan_mode, poll, scan: SECOND, ..DeviceSettings::default() };
    assert_eq!(polls_in(mode(ScanMode::All, Poll::Always)).await, [5, 5, 5, 10]);
    assert_eq!(polls_in(mode(ScanMode::All, Poll::Referenced)).await, [0, 5, 5, 0]);
    assert_eq!(polls_in(mode(ScanMode::Client, Poll::Always)).await, [0, 25, 3, 0]);
    assert_eq!(polls_in(mode(ScanMode::NotFaster, Poll::Always)).await, [0, 5, 3, 0]);
    assert_eq!(polls_in(mode(ScanMode::Demand, Poll::Always)).await, [0, 0, 0, 0]);
    assert_eq!(polls_in(mode(ScanMode::Tag, Poll::Always)).await, [0, 25, 3, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_a_client_starts_to_want_is_read_at_once_unless_it_may_wait() {
    for (from_cache, at_once) in [(false, 1), (true, 0)] {
        let fake = Fake::new(0);
        let (spec, _) = one(2, 1_000);
        let settings = DeviceSettings {
            scan_mode: ScanMode::Client,
            initial_updates_from_cache: from_cache,
            ..DeviceSettings::default()
        };
        let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings]);
        recorder.want(TagId(0), Some(Duration::from_secs(10)));
        wait(10_500).await;
        let before = count(&recorder, 1);
        recorder.want(TagId(1), Some(Duration::from_secs(10)));
        link.wake();
        wait(20).await;
        assert_eq!(count(&recorder, 1) - before, at_once, "from cache: {from_cache}");
        wait(10_000).await;
        assert_eq!(count(&recorder, 1) - before, at_once + 1);
        recorder.want(TagId(1), None);
        wait(200).await;
        let before = count(&recorder, 1);
        wait(30_000).await;
        assert_eq!(count(&recorder, 1), before, "nobody wants it any more");
    }
}

#[tokio::test(start_paused = true)]
async fn explicit_reads_go_out_at_once_in_every_mode() {
    for scan_mode in [ScanMode::All, ScanMode::Client, ScanMode::NotFaster, ScanMode::Demand, ScanMode::Tag] {
        let fake = Fake::new(0);
        let (spec, _) = one(5, 10_000);
        let settings = DeviceSettings { scan_mode, scan: SECOND * 10, ..DeviceSettings::default() };
        let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings]);
        wait(1_000).await;
        let read = link.read(vec![TagId(3), TagId(1), TagId(3), TagId(99), device_tag(0, DeviceItem::Enabled)]).await;
        let statuses: Vec<Status> = read.iter().map(|update| update.status).collect();
        let good = Status::GOOD;
        assert_eq!(statuses, [good, good, good, Status::BAD_NODE_ID_UNKNOWN, good], "{scan_mode:?}");
        assert_eq!(read.iter().map(|update| update.tag.0).collect::<Vec<_>>()[..4], [3, 1, 3, 99]);
        let value = read[0].value.as_ref().and_then(Value::as_f64).expect("value");
        assert!((1_000.0..1_010.0).contains(&value), "{value}");
        assert_eq!(read[4].value, Some(Value::Boolean(true)));
        assert_eq!(recorder.seen(TagId(1)).value, *read[1].value.as_ref().expect("value"), "the live value follows");
    }
}

#[tokio::test(start_paused = true)]
async fn a_demand_poll_reads_everything_once_and_tells_when_it_is_done() {
    let fake = Fake::new(0);
    fake.world().latency = Duration::from_millis(100);
    let (spec, _) = one(5, 1_000);
    let settings = DeviceSettings { scan_mode: ScanMode::Demand, ..DeviceSettings::default() };
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings]);
    wait(5_000).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    let flag = device_tag(0, DeviceItem::DemandPoll);
    assert_eq!(recorder.seen(flag).value, Value::Boolean(false));
    assert_eq!(link.write(vec![(flag, Value::Boolean(true))]).await, [Status::GOOD]);
    wait(50).await;
    assert_eq!(recorder.seen(flag).value, Value::Boolean(true));
    wait(100).await;
    assert_eq!(recorder.seen(flag).value, Value::Boolean(false));
    wait(5_000).await;
    assert_eq!([0, 1, 2, 3, 4].map(|tag| count(&recorder, tag)), [1; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_only_read_on_demand_is_found_again_after_a_failure() {
    let fake = Fake::new(0);
    let (spec, _) = one(2, 1_000);
    let settings = DeviceSettings { scan_mode: ScanMode::Demand, attempts: 1, ..DeviceSettings::default() };
    let (link, _) = start(&fake, spec, LinkSettings::default(), vec![settings]);
    let read = async || link.read(vec![TagId(0)]).await[0].status;
    assert_eq!(read().await, Status::GOOD);
    fake.world().fault = Some(tagwire_driver::testing::Fault::Silent(0));
    assert_eq!(read().await, Status::BAD_TIMEOUT);
    fake.world().fault = None;
    wait(2_500).await;
    assert_eq!(read().await, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn source_time_is_the_time_of_the_answer() {
    let fake = Fake::new(0);
    let (spec, devices) = one(1, 1_000);
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(2_500).await;
    let log = recorder.take_log();
    let last = log.iter().rfind(|update| update.tag == TagId(0)).expect("polled");
    // The second poll starts at 2 s and the answer takes one millisecond.
    assert_eq!(last.source_time.to_string(), "2024-05-01T00:00:02.001Z");
    assert_eq!(last.server_time, last.source_time);
}

/// A sink that takes its time, as a table does whose processor is busy.
#[derive(Default)]
struct Slow(Recorder);

impl Sink for Slow {
    fn apply(&self, batch: &mut Vec<Update>) {
        std::thread::sleep(Duration::from_millis(20));
        self.0.apply(batch);
    }

    fn demand(&self, tag: TagId) -> Option<Duration> {
        self.0.demand(tag)
    }

    fn demand_version(&self) -> u64 {
        self.0.demand_version()
    }

    fn tag_name(&self, tag: TagId) -> String {
        self.0.tag_name(tag)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_told_that_a_read_is_done_finds_the_value_in_the_table() {
    let fake = Fake::new(0);
    let (spec, settings) = one(1, 60_000);
    let sink = Arc::new(Slow::default());
    let link = start_with(&fake, spec, LinkSettings::default(), settings, &sink);
    for _ in 0..5 {
        let told = link.read(vec![TagId(0)]).await[0].value.clone();
        assert_eq!(told, Some(sink.0.seen(TagId(0)).value));
    }
}
