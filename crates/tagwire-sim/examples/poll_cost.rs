//! What polling costs: processor time of supervisor and driver per value, and per request on many idle links.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tagwire_driver::{
    Clock, DeviceSettings, DeviceSpec, DriverKind, LinkHandle, LinkSettings, LinkSetup, LinkSpec, Options, Settings,
    Sink, TagSpec, Update, supervise,
};
use tagwire_model::{Access, TagId, Value};
use tagwire_sim::SimKind;

/// Counts updates and drops them.
#[derive(Default)]
struct Counter(AtomicU64);

impl Sink for Counter {
    fn apply(&self, batch: &mut Vec<Update>) {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        batch.clear();
    }

    fn demand(&self, _tag: TagId) -> Option<Duration> {
        None
    }

    fn demand_version(&self) -> u64 {
        0
    }
}

fn start(n_devices: u32, n_tags: u32, address: &str, scan: Duration, sink: &Arc<Counter>) -> LinkHandle {
    let devices = (0..n_devices).map(|device| DeviceSpec {
        name: format!("d{device}"),
        settings: Settings::new(),
        tags: (0..n_tags)
            .map(|tag| TagSpec {
                id: TagId(device * n_tags + tag),
                address: address.to_owned(),
                value_type: SimKind.default_type(address).expect("type"),
                access: if address == "static" { Access::READ_WRITE } else { Access::READ },
                scan: None,
                scaling: None,
                settings: Settings::new(),
            })
            .collect(),
    });
    let spec = LinkSpec {
        name: "cost".to_owned(),
        kind: "sim".to_owned(),
        address: String::new(),
        settings: Settings::new(),
        devices: devices.collect(),
    };
    let settings = DeviceSettings { scan, ..DeviceSettings::default() };
    let source = move || {
        LinkSetup::new(&SimKind, spec.clone(), LinkSettings::default(), vec![settings.clone(); n_devices as usize])
    };
    supervise(Box::new(source), sink.clone(), Options { clock: Clock::system(|_| {}), seed: 1 }).expect("starts")
}

/// Processor time of this process so far.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

async fn measure(name: &str, links: Vec<LinkHandle>, sink: &Counter) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (values, cpu) = (sink.0.load(Ordering::Relaxed), busy());
    let length = Duration::from_secs(5);
    tokio::time::sleep(length).await;
    let (values, cpu) = (sink.0.load(Ordering::Relaxed) - values, busy() - cpu);
    let share = cpu.as_secs_f64() / length.as_secs_f64() * 100.0;
    let overruns: u64 = links.iter().flat_map(|link| link.statistics().devices).map(|device| device.n_overruns).sum();
    println!(
        "{name}: {values} values in {length:?}, {:.1} ns each, {share:.2} % of a core, {overruns} overruns",
        cpu.as_nanos() as f64 / values.max(1) as f64
    );
    for link in links {
        link.stop().await;
    }
}

async fn measure_writes(name: &str, stride: u32) {
    let sink = Arc::new(Counter::default());
    let link = start(100, 1_000, "static", Duration::from_secs(3_600), &sink);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (cpu, n_requests) = (busy(), 1_000);
    for request in 0..n_requests {
        let items = (0..1_000).map(|item| (TagId((request * 7_919 + item * stride) % 100_000), Value::Double(1.0)));
        assert!(link.write(items.collect()).await.iter().all(|status| status.is_good()));
    }
    let cpu = busy() - cpu;
    println!("writes of 1,000 {name} values: {:.1} ns each", cpu.as_nanos() as f64 / f64::from(n_requests) / 1_000.0);
    link.stop().await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for address in ["static", "counter", "sine"] {
        let sink = Arc::new(Counter::default());
        let link = start(100, 1_000, address, Duration::from_millis(100), &sink);
        measure(&format!("100,000 {address} tags at 100 ms"), vec![link], &sink).await;
    }
    measure_writes("neighbouring", 1).await;
    measure_writes("scattered", 97).await;
    let sink = Arc::new(Counter::default());
    let links = (0..100).map(|_| start(8, 1, "static", Duration::from_secs(1), &sink)).collect();
    measure("100 links with 8 requests/s", links, &sink).await;
}
