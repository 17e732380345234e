//! System and statistics tags, demotion, disabled and simulated devices.

use std::time::Duration;

use tagwire_driver::testing::Fault;
use tagwire_driver::{Demotion, DeviceItem, DeviceSettings, DeviceState, LinkItem, LinkSettings};
use tagwire_model::{Status, TagId, Value};

use crate::fake::{Fake, device, device_tag, link, link_tag, one, start, wait};

const ON: Value = Value::Boolean(true);
const OFF: Value = Value::Boolean(false);

#[tokio::test(start_paused = true)]
async fn a_device_can_be_switched_off_and_on() {
    let fake = Fake::new(0);
    let settings = DeviceSettings { scan: Duration::from_millis(100), ..DeviceSettings::default() };
    let spec = link(vec![device(0, 2), device(1, 2)]);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings.clone(), settings]);
    wait(1_000).await;
    let enabled = device_tag(0, DeviceItem::Enabled);
    assert_eq!(link.write(vec![(enabled, OFF)]).await, [Status::GOOD]);
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_OUT_OF_SERVICE]);
    assert_eq!(link.read(vec![TagId(0)]).await[0].status, Status::BAD_OUT_OF_SERVICE);
    fake.world().requests.clear();
    wait(2_000).await;
    assert!(fake.world().requests.iter().all(|request| request.0 == 1));
    assert_eq!(recorder.seen(enabled).value, OFF);
    assert_eq!(recorder.seen(TagId(2)).status, Status::GOOD);
    assert_eq!(link.write(vec![(enabled, ON)]).await, [Status::GOOD]);
    wait(200).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn a_link_can_be_switched_off_and_on() {
    let fake = Fake::new(0);
    let (spec, devices) = one(2, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(1_000).await;
    assert_eq!(recorder.seen(link_tag(LinkItem::Connected)).value, ON);
    assert_eq!(link.write(vec![(link_tag(LinkItem::Enabled), OFF)]).await, [Status::GOOD]);
    wait(1_100).await;
    assert_eq!(recorder.seen(link_tag(LinkItem::Connected)).value, OFF);
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(link.write(vec![(link_tag(LinkItem::Enabled), ON)]).await, [Status::GOOD]);
    wait(1_100).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
    assert_eq!(fake.world().n_connections, 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_starts_disabled_is_out_of_service_at_once() {
    let fake = Fake::new(0);
    let (spec, mut devices) = one(2, 100);
    devices[0].enabled = false;
    let (_link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(10).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::BAD_OUT_OF_SERVICE);
    assert_eq!(fake.world().n_connections, 0);
}

#[tokio::test(start_paused = true)]
async fn a_demoted_device_is_left_alone_for_its_period() {
    let fake = Fake::new(0);
    let settings = DeviceSettings {
        scan: Duration::from_millis(100),
        request_timeout: Duration::from_millis(200),
        demotion: Demotion { on: true, failures: 3, period: Duration::from_secs(30), discard_writes: false },
        ..DeviceSettings::default()
    };
    let spec = link(vec![device(0, 2), device(1, 2)]);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), vec![settings.clone(), settings]);
    wait(1_000).await;
    let demoted = device_tag(0, DeviceItem::AutoDemoted);
    fake.world().fault = Some(Fault::Silent(0));
    wait(10_000).await;
    assert_eq!(recorder.seen(demoted).value, ON);
    assert_eq!(link.statistics().devices[0].state, DeviceState::Demoted);
    fake.world().requests.clear();
    wait(10_000).await;
    assert!(fake.world().requests.iter().all(|request| request.0 == 1), "not one attempt");
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_TIMEOUT], "writes are tried");
    let discard = device_tag(0, DeviceItem::AutoDemotionDiscardWrites);
    assert_eq!(link.write(vec![(discard, ON)]).await, [Status::GOOD]);
    wait(3_000).await;
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_NO_COMMUNICATION]);
    fake.world().fault = None;
    wait(30_000).await;
    assert_eq!(recorder.seen(TagId(0)).status, Status::GOOD);
    assert_eq!(recorder.seen(demoted).value, OFF);
}

#[tokio::test(start_paused = true)]
async fn demotion_is_set_at_run_time_within_its_ranges() {
    let fake = Fake::new(0);
    let (spec, devices) = one(1, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    let tag = |item| device_tag(0, item);
    let items = vec![
        (tag(DeviceItem::AutoDemotionEnabled), ON),
        (tag(DeviceItem::AutoDemotedFailureCount), Value::Int32(5)),
        (tag(DeviceItem::AutoDemotedFailureCount), Value::UInt32(31)),
        (tag(DeviceItem::AutoDemotionIntervalMs), Value::Double(1.0)),
        (tag(DeviceItem::AutoDemotionIntervalMs), Value::UInt32(99)),
        (tag(DeviceItem::Error), ON),
        (tag(DeviceItem::Enabled), Value::text("no")),
    ];
    let statuses = link.write(items).await;
    let (range, wrong) = (Status::BAD_OUT_OF_RANGE, Status::BAD_TYPE_MISMATCH);
    assert_eq!(statuses, [Status::GOOD, Status::GOOD, range, wrong, range, Status::BAD_NOT_WRITABLE, wrong]);
    wait(1_100).await;
    assert_eq!(recorder.seen(tag(DeviceItem::AutoDemotionEnabled)).value, ON);
    assert_eq!(recorder.seen(tag(DeviceItem::AutoDemotedFailureCount)).value, Value::UInt32(5));
    assert_eq!(recorder.seen(tag(DeviceItem::AutoDemotionIntervalMs)).value, Value::UInt32(10_000));
}

#[tokio::test(start_paused = true)]
async fn statistics_count_and_can_be_set_to_zero() {
    let fake = Fake::new(0);
    let (spec, devices) = one(3, 100);
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(5_050).await;
    link.write(vec![(TagId(0), Value::UInt32(1)), (TagId(1), Value::UInt32(1))]).await;
    wait(1_000).await;
    let shown = |tag| recorder.seen(tag).value.as_f64().expect("number");
    let reads = device_tag(0, DeviceItem::SuccessfulReads);
    assert!(shown(reads) >= 50.0 && shown(link_tag(LinkItem::SuccessfulReads)) >= 50.0);
    assert_eq!(shown(device_tag(0, DeviceItem::SuccessfulWrites)), 2.0);
    assert!(shown(device_tag(0, DeviceItem::LastRoundTripMs)) >= 1.0);
    let reset = device_tag(0, DeviceItem::Reset);
    assert_eq!(link.write(vec![(reset, ON)]).await, [Status::GOOD]);
    wait(20).await;
    assert!(shown(reads) <= 1.0);
    assert_eq!(recorder.seen(reset).value, OFF);
    assert!(shown(link_tag(LinkItem::SuccessfulReads)) >= 50.0, "the link has a reset of its own");
    assert!(link.statistics().devices[0].n_reads >= 50, "metrics only grow");
}

#[tokio::test(start_paused = true)]
async fn a_simulated_device_has_good_values_without_any_request() {
    let fake = Fake::new(0);
    let (spec, mut devices) = one(3, 100);
    devices[0].simulated = true;
    let (link, recorder) = start(&fake, spec, LinkSettings::default(), devices);
    wait(100).await;
    assert_eq!((recorder.seen(TagId(0)).value, recorder.seen(TagId(0)).status), (Value::UInt32(0), Status::GOOD));
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(5))]).await, [Status::GOOD]);
    assert_eq!(recorder.seen(TagId(0)).value, Value::UInt32(5));
    assert_eq!(link.read(vec![TagId(0)]).await[0].value, Some(Value::UInt32(5)));
    assert_eq!(fake.world().n_connections, 0);
    assert_eq!(recorder.seen(device_tag(0, DeviceItem::Simulated)).value, ON);
}
