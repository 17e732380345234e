//! What the control socket can have done.

use std::sync::Arc;

use serde_json::{Value, json};
use tagwire_access::{Actor, What};
use tagwire_driver::{DeviceState, Statistics};
use tagwire_model::Timestamp;

use crate::changes::{Action, Changes};
use crate::config::{Problems, counted, format_duration};
use crate::control::{Answer, Control, Request};
use crate::gateway::{ReloadError, Shared};
use crate::history_processed::KeptNow;
use crate::{history_commands, renewal, trust, users};

impl Control for Shared {
    async fn handle(&self, request: Request, uid: Option<u32>) -> Answer {
        let by = Actor::command(uid);
        match request {
            Request::Status {} => Answer::good(self.status()),
            Request::Plan {} => changes_answer(self.plan().await),
            Request::Reload {} => changes_answer(self.reload(by).await),
            Request::Trace { link, on } => self.trace(&link, on, by).await,
            Request::AuditFlush {} => self.recorder.flush_answer().await,
            Request::TrustList {}
            | Request::TrustAccept { .. }
            | Request::TrustReject { .. }
            | Request::TrustBlock { .. } => {
                let (trust, users, own) =
                    (Arc::clone(&self.trust), Arc::clone(&self.user_trust), Arc::clone(&self.own));
                let now = self.clock.now();
                let is_change = !matches!(request, Request::TrustList {});
                let carry_out = move || {
                    let own = own.all();
                    let own: Vec<_> = own.iter().map(|own| own.certificate()).collect();
                    trust::carry_out((&trust, &users), &own, &request, now, &by)
                };
                let answer = blocking(carry_out).await;
                if is_change {
                    self.ua.recheck_trust();
                }
                answer
            }
            Request::HistoryRead { tag, from, to, next, max, processed: Some(wanted) } => {
                let Some(historian) = self.history.historian() else { return no_history() };
                let is_live =
                    self.hub.registry().find_tag(tag.as_bytes()).is_some_and(|tag| historian.number(tag).is_some());
                let rule = self.plant.lock().await.running.history.rule(&tag).cloned();
                let kept = KeptNow { stepped: rule.is_some_and(|rule| rule.stepped), is_live };
                let now = self.clock.now();
                let carry_out = move || {
                    let page = (next.as_deref(), max);
                    history_commands::read_processed(&historian, &tag, &wanted, (from, to), page, (kept, now))
                };
                blocking(carry_out).await
            }
            Request::HistoryStatus {} | Request::HistoryRead { .. } | Request::HistoryBackup { .. } => {
                let Some(historian) = self.history.historian() else { return no_history() };
                // Reading waits for the disk.
                let forwarding = self.history.forwarding();
                let carry_out = move || history_commands::carry_out(&historian, forwarding.as_ref(), &request);
                blocking(carry_out).await
            }
            Request::HistoryCompare { from, to, start } => {
                let (Some(historian), Some(settings)) = (self.history.historian(), self.history.postgres()) else {
                    return Answer::refused(
                        "the server has no database to compare with",
                        "add [history.postgres] to the configuration",
                    );
                };
                let rules = self.plant.lock().await.running.history.clone();
                let runtime = tokio::runtime::Handle::current();
                let asked = ((from, to), start);
                // It reads the store between the answers of the database.
                let carry_out =
                    move || runtime.block_on(history_commands::compare_with(&historian, &settings, &rules, asked));
                blocking(carry_out).await
            }
            Request::HistoryTypes { tags } => {
                let historian = self.history.historian();
                Answer::good(history_commands::types(historian.as_deref(), &self.hub.registry(), &tags))
            }
            Request::HistoryFreeze {} | Request::HistoryImport { .. } => {
                let Some(historian) = self.history.historian() else { return no_history() };
                if let Request::HistoryImport { file: Some(file), .. } = &request {
                    self.recorder.record(What::HistoryImport, by, vec![("file", file.clone())]);
                }
                let views = self.history.views();
                let carry_out = move || match &request {
                    Request::HistoryImport { samples, .. } => history_commands::import(&historian, samples),
                    _ => views.make(&historian),
                };
                blocking(carry_out).await
            }
            Request::TrustRenew {} => {
                let (own, settings, recorder) =
                    (Arc::clone(&self.own), self.own_settings.clone(), self.recorder.clone());
                let now = self.clock.now();
                let renew = move || renewal::renew(&own, &settings, now, &recorder, &by);
                let answer = blocking(renew).await;
                if answer.ok {
                    self.ua.identify(Arc::clone(&self.own));
                }
                answer
            }
            Request::UserAdd { .. } | Request::UserList {} | Request::UserRemove { .. } => {
                let (users, recorder) = (Arc::clone(&self.users), self.recorder.clone());
                let touched = match &request {
                    Request::UserAdd { name, .. } | Request::UserRemove { name } => Some(name.clone()),
                    _ => None,
                };
                // Hashing a password takes a part of a second of a core.
                let known = self.ua.roles();
                let carry_out = move || {
                    users::carry_out(&users, &request, &recorder, by, |role| known.iter().any(|known| known == role))
                };
                let answer = blocking(carry_out).await;
                if let Some(name) = touched.filter(|_| answer.ok) {
                    self.ua.end_sessions_of_user(&name);
                }
                answer
            }
        }
    }
}

/// Has a command carried out where it may wait for the disk.
async fn blocking(carry_out: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let done = tokio::task::spawn_blocking(carry_out).await;
    done.unwrap_or_else(|_| Answer::refused("the command failed inside", ""))
}

fn no_history() -> Answer {
    Answer::refused("the server keeps no history", "add a [[history.rule]] to the configuration")
}

impl Shared {
    async fn trace(&self, link: &str, on: bool, by: Actor) -> Answer {
        let plant = self.plant.lock().await;
        let found = plant.running.links.iter().map(|running| running.lock()).find(|running| running.name == link);
        let handle = found.and_then(|running| plant.handles.get(&running.id));
        match handle {
            Some(handle) => {
                handle.set_trace(on);
                tracing::info!(link, on, "trace switched");
                let word = if on { "on" } else { "off" };
                self.recorder.record(What::Trace, by, vec![("link", link.to_owned()), ("switched", word.to_owned())]);
                Answer::good(
                    json!({ "link": link, "on": on, "text": format!("trace of {link} is {word}; see the log") }),
                )
            }
            None => {
                let known: Vec<String> = plant.running.links.iter().map(|link| link.lock().name.clone()).collect();
                Answer::refused(format!("there is no link \"{link}\""), format!("known are {}", known.join(", ")))
            }
        }
    }

    fn status(&self) -> Value {
        let figures = self.figures();
        let statistics = self.statistics.lock().clone();
        let endpoints: Vec<String> = self.ua.addresses().iter().map(|at| format!("opc.tcp://{at}")).collect();
        let links: Vec<Value> = statistics.iter().map(|(name, statistics)| link_json(name, statistics)).collect();
        let uptime = format_duration(std::time::Duration::from_secs(figures.uptime_seconds));
        let mut text = format!(
            "{} at {}, up {uptime}, {}, {}, {}\n",
            self.name,
            endpoints.join(", "),
            counted(figures.n_tags, "tag"),
            counted(figures.ua.sessions, "session"),
            counted(figures.ua.items, "monitored item")
        );
        for (name, statistics) in &statistics {
            write_link(&mut text, name, statistics);
        }
        json!({
            "name": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "config": self.config_path,
            "endpoints": endpoints,
            "fingerprint": self.own.current().map(|own| own.certificate().fingerprint().to_string()),
            "uptime_seconds": figures.uptime_seconds,
            "tags": figures.n_tags,
            "sessions": figures.ua.sessions,
            "subscriptions": figures.ua.subscriptions,
            "monitored_items": figures.ua.items,
            "connections": figures.ua.connections,
            "waiting_publishes": figures.ua.waiting_publishes,
            "continuation_points": figures.ua.continuation_points,
            "open_files": figures.ua.open_files,
            "open_file_bytes": figures.ua.open_file_bytes,
            "unfinished_bytes": figures.ua.unfinished_bytes,
            "unsent_bytes": figures.ua.unsent_bytes,
            "unacknowledged_bytes": figures.ua.unacknowledged_bytes,
            "queued_value_bytes": figures.ua.queued_value_bytes,
            "queued_event_bytes": figures.ua.queued_event_bytes,
            "event_filter_bytes": figures.ua.event_filter_bytes,
            "durable_subscriptions": figures.ua.durable_subscriptions,
            "durable_bytes": figures.ua.durable_bytes,
            "stuck_links": figures.n_stuck_links,
            "clock_steps": figures.n_clock_steps,
            "links": links,
            "text": text.trim_end(),
        })
    }
}

fn link_json(name: &str, statistics: &Statistics) -> Value {
    let present = statistics.devices.iter().filter(|device| device.state != DeviceState::Removed);
    let devices: Vec<Value> = present
        .map(|device| {
            json!({
                "name": &*device.name,
                "state": device.state.name(),
                "since": time_json(device.since),
                "tags": device.n_tags,
                "refused_tags": device.n_refused_tags,
                "reads": device.n_reads,
                "failed_reads": device.n_failed_reads,
                "writes": device.n_writes,
                "failed_writes": device.n_failed_writes,
                "timeouts": device.n_timeouts,
                "overruns": device.n_overruns,
                "last_round_trip_ms": device.last_round_trip.as_secs_f64() * 1e3,
            })
        })
        .collect();
    json!({
        "name": name,
        "address": &*statistics.link.peer,
        "connected": statistics.link.connected,
        "trouble": &*statistics.link.trouble,
        "connects": statistics.link.n_connects,
        "failed_connects": statistics.link.n_failed_connects,
        "rx_bytes": statistics.link.rx_bytes,
        "tx_bytes": statistics.link.tx_bytes,
        "panics": statistics.link.n_panics,
        "devices": devices,
    })
}

fn write_link(text: &mut String, name: &str, statistics: &Statistics) {
    use std::fmt::Write as _;
    let link = &statistics.link;
    let state = if link.connected { "connected" } else { "not connected" };
    let place = if link.peer.is_empty() { String::new() } else { format!(" to {}", link.peer) };
    let trouble = if link.trouble.is_empty() { String::new() } else { format!(": {}", link.trouble) };
    let _ = writeln!(text, "  {name}: {state}{place}{trouble}");
    for device in statistics.devices.iter().filter(|device| device.state != DeviceState::Removed) {
        let _ = writeln!(
            text,
            "    {:<20} {:<9} {}, {}, {} failed, {}, {:.1} ms{}{}",
            device.name,
            device.state.name(),
            counted(device.n_tags, "tag"),
            counted(device.n_reads, "read"),
            device.n_failed_reads,
            counted(device.n_overruns, "overrun"),
            device.last_round_trip.as_secs_f64() * 1e3,
            match device.n_refused_tags {
                0 => String::new(),
                n => format!(", {} refused by the device", counted(n, "tag")),
            },
            match device.state {
                DeviceState::Bad | DeviceState::Demoted => format!(", since {}", device.since),
                _ => String::new(),
            },
        );
    }
}

fn time_json(time: Timestamp) -> Option<String> {
    (!time.is_none()).then(|| time.to_string())
}

fn changes_answer(result: Result<Changes, ReloadError>) -> Answer {
    match result {
        Ok(changes) => Answer::good(changes_json(&changes)),
        Err(ReloadError::Config(problems)) => {
            let fix = "nothing was changed; mend the configuration and try again";
            let mut answer = Answer::refused(config_error(&problems), fix);
            answer.answer = json!({ "n_errors": problems.len() });
            answer
        }
        Err(ReloadError::Users(error)) => {
            Answer::refused(error.to_string(), "nothing was changed; mend the list of users and try again")
        }
    }
}

fn config_error(problems: &Problems) -> String {
    format!("the configuration has mistakes\n{problems}")
}

/// The difference as the commands print it.
pub(crate) fn changes_json(changes: &Changes) -> Value {
    let word = |action: Action| match action {
        Action::Add => "add",
        Action::Remove => "remove",
        Action::Change => "change",
    };
    let links: Vec<Value> = changes
        .links
        .iter()
        .map(|link| {
            let devices: Vec<Value> = link
                .devices
                .iter()
                .map(|device| {
                    let changed: Vec<Value> =
                        device.changed.iter().map(|(path, what)| json!({ "path": path, "what": what })).collect();
                    json!({
                        "action": word(device.action),
                        "path": device.path,
                        "why": device.why,
                        "tags": device.n_tags,
                        "added": device.added,
                        "removed": device.removed,
                        "changed": changed,
                        "untouched": device.n_untouched,
                    })
                })
                .collect();
            json!({ "action": word(link.action), "name": link.name, "why": link.why, "devices": devices })
        })
        .collect();
    json!({ "links": links, "needs_restart": changes.needs_restart, "text": changes.to_string() })
}
