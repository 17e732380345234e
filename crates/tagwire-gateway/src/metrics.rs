//! `/metrics` in the text format of Prometheus (gateway-behaviour B-46).

use std::fmt::Write as _;

use tagwire_driver::Statistics;
use tagwire_ua_server::Usage;

/// Takes one figure out of a link's statistics.
type Figure = fn(&Statistics) -> f64;

/// What the server counts about itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerFigures {
    pub(crate) uptime_seconds: u64,
    pub(crate) n_tags: usize,
    pub(crate) ua: Usage,
    pub(crate) n_clock_steps: u64,
    pub(crate) n_stuck_links: usize,
    pub(crate) n_reloads: u64,
    pub(crate) n_lost_audit_records: u64,
    pub(crate) forward: Option<ForwardFigures>,
}

/// How far a database is behind that gets the samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ForwardFigures {
    pub(crate) is_connected: bool,
    pub(crate) lag_samples: u64,
    pub(crate) lag_seconds: f64,
    pub(crate) n_sent: u64,
    pub(crate) n_failures: u64,
}

/// One kind of figure: name, type, help.
struct Metric(&'static str, &'static str, &'static str);

/// The page, from figures of the server and of each link by name.
pub(crate) fn page(server: &ServerFigures, links: &[(String, Statistics)]) -> String {
    let mut page = Page(String::with_capacity(1024 + links.len() * 2048));
    let count = |n: usize| n as f64;
    for (metric, value) in [
        (Metric("uptime_seconds", "gauge", "Seconds since the start."), server.uptime_seconds as f64),
        (Metric("tags", "gauge", "Tags of all devices."), count(server.n_tags)),
        (Metric("ua_connections", "gauge", "Open OPC UA connections."), count(server.ua.connections)),
        (Metric("ua_sessions", "gauge", "OPC UA sessions."), count(server.ua.sessions)),
        (Metric("ua_subscriptions", "gauge", "OPC UA subscriptions."), count(server.ua.subscriptions)),
        (Metric("ua_monitored_items", "gauge", "Items that OPC UA clients monitor."), count(server.ua.items)),
        (Metric("ua_waiting_publishes", "gauge", "Publish requests that wait."), count(server.ua.waiting_publishes)),
        (Metric("ua_continuation_points", "gauge", "Continuation points held."), count(server.ua.continuation_points)),
        (Metric("ua_open_files", "gauge", "Files that clients have open."), count(server.ua.open_files)),
        (Metric("ua_open_file_bytes", "gauge", "Bytes of those files."), count(server.ua.open_file_bytes)),
        (Metric("ua_unfinished_bytes", "gauge", "Bytes of unfinished requests."), count(server.ua.unfinished_bytes)),
        (Metric("ua_unsent_bytes", "gauge", "Bytes that clients have not taken."), count(server.ua.unsent_bytes)),
        (
            Metric("ua_unacknowledged_bytes", "gauge", "Bytes of messages kept for clients to ask again."),
            count(server.ua.unacknowledged_bytes),
        ),
        (
            Metric("ua_queued_value_bytes", "gauge", "Bytes of values in the queues of items."),
            count(server.ua.queued_value_bytes),
        ),
        (
            Metric("ua_queued_event_bytes", "gauge", "Bytes of events in the queues of items."),
            count(server.ua.queued_event_bytes),
        ),
        (Metric("ua_event_filter_bytes", "gauge", "Bytes of event filters."), count(server.ua.event_filter_bytes)),
        (
            Metric("ua_durable_subscriptions", "gauge", "Subscriptions that survive the end of the server."),
            count(server.ua.durable_subscriptions),
        ),
        (
            Metric("ua_durable_bytes", "gauge", "Bytes of durable subscriptions on the disk."),
            count(server.ua.durable_bytes),
        ),
        (Metric("clock_steps_total", "counter", "Steps of the wall clock."), server.n_clock_steps as f64),
        (Metric("stuck_links", "gauge", "Links whose task does not move."), count(server.n_stuck_links)),
        (Metric("reloads_total", "counter", "Configurations taken over."), server.n_reloads as f64),
        (
            Metric("audit_lost_records_total", "counter", "Records that the audit log lost."),
            server.n_lost_audit_records as f64,
        ),
    ] {
        page.head(&metric);
        page.line(metric.0, "", value);
    }
    if let Some(forward) = &server.forward {
        for (metric, value) in [
            (
                Metric("forward_connected", "gauge", "Whether the database that gets the samples can be reached."),
                f64::from(u8::from(forward.is_connected)),
            ),
            (Metric("forward_lag_samples", "gauge", "Samples that wait for it."), forward.lag_samples as f64),
            (Metric("forward_lag_seconds", "gauge", "Age of the oldest of them."), forward.lag_seconds),
            (Metric("forward_samples_total", "counter", "Samples sent to it."), forward.n_sent as f64),
            (Metric("forward_failures_total", "counter", "Sessions lost or refused."), forward.n_failures as f64),
        ] {
            page.head(&metric);
            page.line(metric.0, "", value);
        }
    }
    let link_metrics: [(Metric, Figure); 7] = [
        (Metric("link_connected", "gauge", "Whether the connection is open."), |s| {
            f64::from(u8::from(s.link.connected))
        }),
        (Metric("link_connects_total", "counter", "Connections opened."), |s| s.link.n_connects as f64),
        (Metric("link_failed_connects_total", "counter", "Connections that failed."), |s| {
            s.link.n_failed_connects as f64
        }),
        (Metric("link_recv_bytes_total", "counter", "Bytes received."), |s| s.link.rx_bytes as f64),
        (Metric("link_send_bytes_total", "counter", "Bytes sent."), |s| s.link.tx_bytes as f64),
        (Metric("link_panics_total", "counter", "Restarts of the link's task."), |s| s.link.n_panics as f64),
        (Metric("link_max_pending_writes", "gauge", "Most writes that waited."), |s| s.link.max_pending_writes as f64),
    ];
    for (metric, value) in link_metrics {
        page.head(&metric);
        for (name, statistics) in links {
            page.line(metric.0, &format!("{{link=\"{}\"}}", escape(name)), value(statistics));
        }
    }
    page.devices(links);
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, Metric(name, kind, help): &Metric) {
        let _ = writeln!(self.0, "# HELP tagwire_{name} {help}\n# TYPE tagwire_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "tagwire_{name}{labels} {value}");
    }

    fn devices(&mut self, links: &[(String, Statistics)]) {
        type Figure = fn(&tagwire_driver::DeviceStatistics) -> f64;
        let metrics: [(Metric, Figure); 11] = [
            (Metric("device_tags", "gauge", "Tags of the device."), |d| d.n_tags as f64),
            (Metric("device_refused_tags", "gauge", "Tags that the device refuses."), |d| d.n_refused_tags as f64),
            (Metric("tag_reads_total", "counter", "Good values read."), |d| d.n_values as f64),
            (Metric("tag_read_errors_total", "counter", "Values that failed."), |d| d.n_bad_values as f64),
            (Metric("reads_total", "counter", "Read requests answered."), |d| d.n_reads as f64),
            (Metric("read_errors_total", "counter", "Read requests failed after all attempts."), |d| {
                d.n_failed_reads as f64
            }),
            (Metric("tag_writes_total", "counter", "Values written and confirmed."), |d| d.n_writes as f64),
            (Metric("tag_write_errors_total", "counter", "Values not written."), |d| d.n_failed_writes as f64),
            (Metric("timeouts_total", "counter", "Requests not answered in time."), |d| d.n_timeouts as f64),
            (Metric("overruns_total", "counter", "Polls late or left out."), |d| d.n_overruns as f64),
            (Metric("last_rtt_ms", "gauge", "Last time from request to answer."), |d| {
                d.last_round_trip.as_secs_f64() * 1e3
            }),
        ];
        for (metric, value) in metrics {
            self.head(&metric);
            for (link, device) in devices(links) {
                let labels = format!("{{link=\"{}\",device=\"{}\"}}", escape(link), escape(&device.name));
                self.line(metric.0, &labels, value(device));
            }
        }
        self.head(&Metric("device_state", "gauge", "1 for the state that the device is in."));
        for (link, device) in devices(links) {
            let labels = format!(
                "{{link=\"{}\",device=\"{}\",state=\"{}\"}}",
                escape(link),
                escape(&device.name),
                device.state.name()
            );
            self.line("device_state", &labels, 1.0);
        }
    }
}

fn devices(links: &[(String, Statistics)]) -> impl Iterator<Item = (&str, &tagwire_driver::DeviceStatistics)> {
    links.iter().flat_map(|(name, statistics)| statistics.devices.iter().map(move |device| (name.as_str(), device)))
}

/// A label's value as Prometheus wants it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagwire_driver::DeviceStatistics;

    #[test]
    fn every_figure_has_its_head_and_its_labels() {
        let device = DeviceStatistics { name: "pr\"ess".into(), n_values: 7, ..DeviceStatistics::default() };
        let statistics = Statistics { devices: vec![device], ..Statistics::default() };
        let page = page(&ServerFigures { n_tags: 3, ..ServerFigures::default() }, &[("line1".to_owned(), statistics)]);
        assert!(page.contains("# TYPE tagwire_tags gauge\ntagwire_tags 3\n"), "{page}");
        assert!(page.contains("tagwire_tag_reads_total{link=\"line1\",device=\"pr\\\"ess\"} 7\n"), "{page}");
        assert!(
            page.contains("tagwire_device_state{link=\"line1\",device=\"pr\\\"ess\",state=\"waiting\"} 1\n"),
            "{page}"
        );
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            assert!(page.contains(&format!("# TYPE {name} ")), "{name}");
        }
    }
}
