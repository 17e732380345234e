//! Signals as a user of the driver sees them: addresses in, values at times out.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::testing::Recorder;
use tagwire_driver::{
    Clock, DeviceSettings, DeviceSpec, DriverKind, LinkHandle, LinkSettings, LinkSetup, LinkSpec, Options, Settings,
    TagSpec, supervise,
};
use tagwire_model::{Access, Status, TagId, Timestamp, Value, ValueType};
use tagwire_sim::SimKind;
use tokio::time::sleep;

fn tag(id: u32, address: &str, value_type: &str) -> TagSpec {
    TagSpec {
        id: TagId(id),
        address: address.to_owned(),
        value_type: ValueType::parse(value_type).expect("type"),
        access: if address.starts_with("static") { Access::READ_WRITE } else { Access::READ },
        scan: None,
        scaling: None,
        settings: Settings::new(),
    }
}

fn start(tags: Vec<TagSpec>) -> (LinkHandle, Arc<Recorder>) {
    let device = DeviceSpec { name: "plant".to_owned(), settings: Settings::new(), tags };
    let spec = LinkSpec {
        name: "demo".to_owned(),
        kind: "sim".to_owned(),
        address: String::new(),
        settings: Settings::new(),
        devices: vec![device],
    };
    let settings = DeviceSettings { scan: Duration::from_millis(100), ..DeviceSettings::default() };
    let recorder = Arc::new(Recorder::default());
    let source = move || LinkSetup::new(&SimKind, spec.clone(), LinkSettings::default(), vec![settings.clone()]);
    let clock = Clock::new(|| Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS), |_| {});
    let link = supervise(Box::new(source), recorder.clone(), Options { clock, seed: 1 }).expect("starts");
    (link, recorder)
}

#[tokio::test(start_paused = true)]
async fn waves_follow_the_clock() {
    let cases = [
        ("sine(period=10s, low=-50, high=50)", "f64", ["0", "50", "0", "-50"]),
        ("sawtooth(period=10s)", "f32", ["0", "25", "50", "75"]),
        ("triangle(period=10s, low=0, high=8)", "i16", ["0", "4", "8", "4"]),
        ("square(period=10s)", "u8", ["100", "100", "0", "0"]),
        ("square(period=10s)", "bool", ["true", "true", "false", "false"]),
        ("counter(period=2500ms)", "u32", ["0", "1", "2", "3"]),
        ("ramp(period=2500ms, low=10, high=16, step=3)", "f64", ["10", "13", "16", "10"]),
        ("RAMP(2500, 10, 16, 3)", "f64", ["10", "13", "16", "10"]),
        ("SINE(10, -1, 1, 0.1, 90)", "f64", ["1", "0", "-1", "0"]),
        ("USER(2500, 5, 7.5)", "f64", ["5", "7.5", "5", "7.5"]),
        ("USER(2500, on, off)", "string", ["on", "off", "on", "off"]),
    ];
    let tags = (0..).zip(&cases).map(|(id, (address, of, _))| tag(id, address, of)).collect();
    let (_link, recorder) = start(tags);
    sleep(Duration::from_millis(50)).await;
    for quarter in 0..4 {
        for (id, (address, _, wanted)) in (0..).zip(&cases) {
            let seen = recorder.seen(TagId(id)).value;
            let shown = match seen.as_f64() {
                Some(number) if !matches!(seen, Value::Boolean(_)) => {
                    // The sines are not exact at their zeros.
                    ((number * 1e6).round() / 1e6 + 0.0).to_string()
                }
                _ => seen.to_string(),
            };
            assert_eq!(shown, wanted[quarter], "{address} after {quarter} quarters");
        }
        sleep(Duration::from_millis(2_500)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn random_stays_in_range_and_changes_once_per_period() {
    let (_link, recorder) =
        start(vec![tag(0, "random(period=1s, low=10, high=20)", "f64"), tag(1, "RANDOM(1000,10,20)", "i32")]);
    let mut seen = Vec::new();
    for _ in 0..100 {
        sleep(Duration::from_secs(1)).await;
        seen.push(recorder.seen(TagId(0)).value.as_f64().expect("number"));
        assert!((10.0..=20.0).contains(&recorder.seen(TagId(1)).value.as_f64().expect("number")));
    }
    assert!(seen.iter().all(|number| (10.0..20.0).contains(number)));
    seen.sort_by(f64::total_cmp);
    seen.dedup();
    assert!(seen.len() > 90 && seen[0] < 12.0 && seen[seen.len() - 1] > 18.0);
}

#[tokio::test(start_paused = true)]
async fn static_signals_of_every_type_keep_what_is_written() {
    let types = ["bool", "i8", "u64", "f32", "f64", "string", "bytes", "datetime", "f32[3]", "string[2]", "u16[2,2]"];
    let tags = (0..).zip(types).map(|(id, of)| tag(id, "static", of)).collect();
    let (link, recorder) = start(tags);
    sleep(Duration::from_millis(50)).await;
    let texts = [
        "true",
        "-5",
        "5000000000",
        "1.5",
        "-2.5",
        "warm",
        "DEAD",
        "2024-05-01",
        "[1, 2, 3]",
        "[a, b]",
        "[1, 2, 3, 4]",
    ];
    for (id, (of, text)) in (0..).zip(types.into_iter().zip(texts)) {
        let value_type = ValueType::parse(of).expect("type");
        assert_eq!(recorder.seen(TagId(id)).status, Status::GOOD, "{of}");
        assert_eq!(recorder.seen(TagId(id)).value.value_type(), Some(value_type), "{of}");
        let value = Value::parse(text, value_type).expect(text);
        assert_eq!(link.write(vec![(TagId(id), value.clone())]).await, [Status::GOOD], "{of}");
        assert_eq!(recorder.seen(TagId(id)).value, value);
        sleep(Duration::from_millis(300)).await;
        assert_eq!(recorder.seen(TagId(id)).value, value, "the next poll brings it back");
    }
}

#[test]
fn initial_values_and_types_come_from_the_address() {
    let default = |address: &str| SimKind.default_type(address).map(|of| of.to_string());
    assert_eq!(default("static(5)").as_deref(), Some("f64"));
    assert_eq!(default("static(true)").as_deref(), Some("bool"));
    assert_eq!(default("static(\"idle\")").as_deref(), Some("string"));
    assert_eq!(default("counter").as_deref(), Some("i32"));
    assert_eq!(default("sine").as_deref(), Some("f64"));
    for (address, of) in [("static([1, 2, 3])", "f32[3]"), ("static(\"idle\")", "string"), ("static(0x10)", "u8")] {
        assert_eq!(SimKind.check_tag(&Settings::new(), &tag(0, address, of)), Ok(()), "{address}");
    }
}

#[test]
fn bad_addresses_say_what_is_wrong_and_what_to_write() {
    let cases = [
        ("cosine", "f64", "\"cosine\" is no signal"),
        ("", "f64", "\"\" is no signal"),
        ("sine(period=10s", "f64", "has no closing parenthesis"),
        ("sine(periode=10s)", "f64", "\"periode=10s\" is no argument of sine"),
        ("sine(period=ten)", "f64", "period=ten is no time"),
        ("sine(period=0s)", "f64", "period=0s is no time"),
        ("sine(low=a)", "f64", "low=a is no number"),
        ("sine(low=100, high=0)", "f64", "high is not above low"),
        ("ramp(step=0)", "f64", "step is not above 0"),
        ("sine(high=300)", "u8", "300 does not fit the type u8"),
        ("sine", "string", "gives numbers, not string"),
        ("sine", "f64[3]", "gives numbers, not f64[3]"),
        ("static(warm)", "f64", "\"warm\" is no f64"),
        ("USER(1000)", "f64", "needs a rate and values"),
    ];
    for (address, of, wanted) in cases {
        let error = SimKind.check_tag(&Settings::new(), &tag(0, address, of)).expect_err(address);
        assert!(error.problem.contains(wanted), "{address}: {error}");
        assert!(!error.fix.is_empty());
    }
    let writable = TagSpec { access: Access::READ_WRITE, ..tag(0, "sine", "f64") };
    assert!(SimKind.check_tag(&Settings::new(), &writable).expect_err("sine").problem.contains("cannot be written"));
}
