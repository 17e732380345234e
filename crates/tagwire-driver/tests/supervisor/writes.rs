//! Writes: order, confirmation, limits, and what happens when nobody answers.

use std::time::Duration;

use tagwire_driver::testing::Fault;
use tagwire_driver::{DeviceSettings, LinkSettings, MAX_QUEUED_ITEMS, ScanMode, WriteOptimisation};
use tagwire_model::{Access, Clamp, Curve, DataType, Scaling, Status, TagId, Value, ValueType};
use tokio::time::Instant;

use crate::fake::{Fake, device, link, one, start, wait};

fn number(value: u32) -> Value {
    Value::UInt32(value)
}

fn written(fake: &Fake) -> Vec<(u32, Value)> {
    fake.world().written.drain(..).map(|(_, tag, value)| (tag, value)).collect()
}

#[tokio::test(start_paused = true)]
async fn momentary_writes_both_reach_the_device_in_order() {
    let fake = Fake::new(0);
    let (spec, devices) = one(2, 1_000);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(100).await;
    let (press, release) = (link.write(vec![(TagId(0), number(1))]), link.write(vec![(TagId(0), number(0))]));
    assert_eq!(press.await, [Status::GOOD]);
    assert_eq!(recorder.seen(TagId(0)).value, number(1), "the live value follows the confirmed write");
    assert_eq!(release.await, [Status::GOOD]);
    assert_eq!(written(&fake), [(0, number(1)), (0, number(0))]);
}

#[tokio::test(start_paused = true)]
async fn optimised_writes_leave_out_what_is_replaced_before_it_is_sent() {
    let cases = [
        (WriteOptimisation::All, vec![(0, 1), (1, 1), (0, 2), (1, 0), (0, 3)]),
        (WriteOptimisation::LatestNonBoolean, vec![(1, 1), (1, 0), (0, 3)]),
        (WriteOptimisation::Latest, vec![(1, 0), (0, 3)]),
    ];
    for (write_optimisation, wanted) in cases {
        let fake = Fake::new(0);
        let (mut spec, devices) = one(2, 1_000);
        spec.devices[0].tags[1].value_type = ValueType::scalar(DataType::Boolean);
        let settings = LinkSettings { write_optimisation, ..LinkSettings::default() };
        let (link, _) = start(&fake, spec, settings, devices);
        wait(100).await;
        let items =
            [(0, number(1)), (1, Value::Boolean(true)), (0, number(2)), (1, Value::Boolean(false)), (0, number(3))];
        let statuses = link.write(items.map(|(tag, value)| (TagId(tag), value)).to_vec()).await;
        let sent: Vec<(u32, i128)> =
            written(&fake).iter().map(|(tag, value)| (*tag, value.as_i128().expect("number"))).collect();
        assert_eq!(sent, wanted, "{write_optimisation:?}");
        let n_good = statuses.iter().filter(|status| status.is_good()).count();
        assert_eq!(n_good, wanted.len(), "a write that was left out is not Good: {statuses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_the_confirmation_of_the_device() {
    let fake = Fake::new(0);
    let (spec, devices) = one(1, 100_000);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(100).await;
    fake.world().latency = Duration::from_millis(700);
    let before = recorder.seen(TagId(0)).value;
    let started = Instant::now();
    let write = tokio::spawn(link.write(vec![(TagId(0), number(7))]));
    wait(500).await;
    assert_eq!(recorder.seen(TagId(0)).value, before);
    assert_eq!(write.await.expect("task"), [Status::GOOD]);
    assert_eq!(started.elapsed(), Duration::from_millis(700));
}

#[tokio::test(start_paused = true)]
async fn a_write_without_answer_is_a_timeout_and_is_sent_once() {
    let fake = Fake::new(1);
    let (spec, devices) = one(1, 60_000);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(100).await;
    fake.world().fault = Some(Fault::Late(Duration::from_secs(5)));
    let started = Instant::now();
    assert_eq!(link.write(vec![(TagId(0), number(7))]).await, [Status::BAD_TIMEOUT]);
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    wait(10_000).await;
    fake.world().fault = None;
    wait(10_000).await;
    assert!(written(&fake).is_empty(), "it is not sent again");
    assert_ne!(recorder.seen(TagId(0)).value, number(7));
}

#[tokio::test(start_paused = true)]
async fn a_write_to_a_device_known_to_be_down_fails_at_once() {
    let fake = Fake::new(0);
    let settings = DeviceSettings { scan: Duration::from_millis(100), ..DeviceSettings::default() };
    let spec = link(vec![device(0, 1), device(1, 1)]);
    let (link, _) = start(&fake, spec, LinkSettings::default(), vec![settings.clone(), settings]);
    wait(100).await;
    fake.world().fault = Some(Fault::Silent(0));
    wait(5_000).await;
    for _ in 0..20 {
        wait(173).await;
        let started = Instant::now();
        assert_eq!(link.write(vec![(TagId(0), number(7))]).await, [Status::BAD_NO_COMMUNICATION]);
        assert_eq!(started.elapsed(), Duration::ZERO, "even while an attempt is under way");
    }
    assert_eq!(link.write(vec![(TagId(1), number(7))]).await, [Status::GOOD], "the neighbour can be written");
}

#[tokio::test(start_paused = true)]
async fn many_writes_to_a_dead_device_end_in_bounded_time() {
    let fake = Fake::new(0);
    let (spec, devices) = one(1, 100);
    let (link, _) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_000).await;
    fake.world().fault = Some(Fault::Silent(0));
    let writes: Vec<_> = (0..1_000).map(|at| link.write(vec![(TagId(0), number(at))])).collect();
    let started = Instant::now();
    for write in writes {
        assert!(write.await[0].is_bad());
    }
    assert!(started.elapsed() <= Duration::from_millis(3_100), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn reads_are_not_starved_by_writes() {
    let fake = Fake::new(0);
    fake.world().latency = Duration::from_millis(10);
    let (spec, devices) = one(1, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_000).await;
    recorder.take_log();
    fake.world().requests.clear();
    let writes = link.write((0..200).map(|at| (TagId(0), number(at))).collect());
    assert!(writes.await.iter().all(|status| status.is_good()));
    let n_polls = fake.world().requests.len();
    assert!((18..=22).contains(&n_polls), "one poll per ten writes: {n_polls}");
}

#[tokio::test(start_paused = true)]
async fn a_written_tag_can_be_read_back_instead() {
    let fake = Fake::new(0);
    let (spec, mut devices) = one(1, 60_000);
    devices[0].read_after_write = true;
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(5_000).await;
    assert_eq!(link.write(vec![(TagId(0), number(7))]).await, [Status::GOOD]);
    wait(10).await;
    let shown = recorder.seen(TagId(0)).value.as_f64().expect("number");
    assert!(shown >= 5_000.0, "what the device says, not what was written: {shown}");
}

#[tokio::test(start_paused = true)]
async fn values_that_do_not_fit_are_refused_before_they_are_sent() {
    let fake = Fake::new(0);
    let (mut spec, devices) = one(4, 1_000);
    let clamp = Clamp { low: true, high: true };
    let scaling = Scaling::new(Curve::Linear, (0.0, 1_000.0), (0.0, 100.0), clamp, false, DataType::Double);
    spec.devices[0].tags[1].scaling = Some(Box::new(scaling.expect("valid")));
    spec.devices[0].tags[2].access = Access::READ;
    spec.devices[0].tags[3].access = Access::WRITE;
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_500).await;
    let items = vec![
        (TagId(0), Value::Int64(-1)),
        (TagId(0), Value::text("5")),
        (TagId(0), Value::Double(5.0)),
        (TagId(1), Value::Double(50.0)),
        (TagId(2), number(1)),
        (TagId(3), number(9)),
        (TagId(77), number(1)),
    ];
    let statuses = link.write(items).await;
    let wanted = [
        Status::BAD_OUT_OF_RANGE,
        Status::BAD_TYPE_MISMATCH,
        Status::GOOD,
        Status::GOOD,
        Status::BAD_NOT_WRITABLE,
        Status::GOOD,
        Status::BAD_NODE_ID_UNKNOWN,
    ];
    assert_eq!(statuses, wanted);
    assert_eq!(written(&fake), [(0, number(5)), (1, number(500)), (3, number(9))]);
    assert_eq!(recorder.seen(TagId(1)).value, Value::Double(50.0));
    assert_eq!(link.read(vec![TagId(3)]).await[0].status, Status::BAD_NOT_READABLE);
    assert_eq!(recorder.seen(TagId(3)).n_good, 1, "what can only be written is not polled");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_empties_again() {
    let fake = Fake::new(0);
    let (spec, devices) = one(1, 1_000);
    let (link, _) = start(&fake, spec, LinkSettings::default(), devices);
    wait(100).await;
    fake.world().fault = Some(Fault::Silent(0));
    let many = link.write(vec![(TagId(0), number(1)); MAX_QUEUED_ITEMS]);
    assert_eq!(link.write(vec![(TagId(0), number(1))]).await, [Status::BAD_RESOURCE_UNAVAILABLE]);
    assert!(many.await.iter().all(|status| status.is_bad()));
    fake.world().fault = None;
    wait(5_000).await;
    assert_eq!(link.write(vec![(TagId(0), number(1))]).await, [Status::GOOD]);
}

#[tokio::test(start_paused = true)]
async fn a_write_finds_a_dead_device_again_when_nobody_polls_it() {
    let fake = Fake::new(0);
    let (spec, _) = one(1, 1_000);
    let settings = DeviceSettings { scan_mode: ScanMode::Demand, attempts: 1, ..DeviceSettings::default() };
    let (link, _) = start(&fake, spec, LinkSettings::default(), vec![settings]);
    fake.world().fault = Some(Fault::Silent(0));
    assert_eq!(link.write(vec![(TagId(0), number(1))]).await, [Status::BAD_TIMEOUT]);
    assert_eq!(link.write(vec![(TagId(0), number(1))]).await, [Status::BAD_NO_COMMUNICATION], "within the back-off");
    fake.world().fault = None;
    wait(2_500).await;
    assert_eq!(link.write(vec![(TagId(0), number(1))]).await, [Status::GOOD]);
}

#[tokio::test(start_paused = true)]
async fn requests_keep_their_distance_where_a_delay_is_set() {
    let fake = Fake::new(0);
    let settings = LinkSettings { inter_request_delay: Duration::from_millis(200), ..LinkSettings::default() };
    let device_settings = DeviceSettings { scan: Duration::from_millis(100), ..DeviceSettings::default() };
    let spec = link(vec![device(0, 1), device(1, 1)]);
    let (_link, _) = start(&fake, spec, settings, vec![device_settings.clone(), device_settings]);
    wait(10_000).await;
    let n_requests = fake.world().requests.len();
    assert!((49..=50).contains(&n_requests), "one per 201 ms: {n_requests}");
}
