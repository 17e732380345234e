//! `tagwire demo`: simulated PLCs, a server on top, and a live table; all on this machine.

mod device;
mod scene;

use std::future::{Future as _, poll_fn};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tagwire_driver::simulation::SimulatorListener;
use tagwire_gateway::config::Config;
use tagwire_gateway::drivers::DRIVERS;
use tagwire_gateway::{Gateway, logging};
use tagwire_hub::{Hub, Inbox, Interest};
use tagwire_model::TagId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use self::scene::Scene;
use crate::args::{DEFAULT_URL, DemoArgs, DemoProfile};
use crate::command::serve::{Ends, runtime, start_failure};
use crate::failure::{Exit, Failure};
use crate::terminal::Style;
use crate::view::{HeaderLine, View};

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let started = Instant::now();
    runtime()?.block_on(demo(args, started))
}

async fn demo(args: &DemoArgs, started: Instant) -> Result<(), Failure> {
    let mut ends = Ends::new()?;
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("tagwire-demo-").tempdir()?),
    };
    let folder: PathBuf =
        args.dir.clone().or_else(|| temporary.as_ref().map(|t| t.path().to_owned())).unwrap_or_default();
    let scene = Scene::of(args.profile);
    let written = scene.write(&folder, args.ua_port)?;
    let mut devices = Vec::new();
    let mut sources = Vec::new();
    for path in &written.sources {
        sources.push(start(path, scene, &mut devices).await?);
    }
    let mut gateways = Vec::new();
    for path in &written.configs {
        gateways.push(start(path, scene, &mut devices).await?);
    }
    let urls = gateways.iter().map(|gateway| gateway.endpoints().into_iter().next().unwrap_or_default());
    let header = header(args.profile, &urls.collect::<Vec<_>>(), &written.configs);
    let hubs: Vec<&Arc<Hub>> = gateways.iter().map(Gateway::hub).collect();
    let mut hang_up = signal(SignalKind::hangup())?;
    let result = {
        // The table ends first and then the servers, before the devices that they poll.
        let mut showing = std::pin::pin!(show(&hubs, header, started));
        loop {
            tokio::select! {
                result = &mut showing => break result,
                () = ends.next() => break Ok(()),
                () = any_due(&gateways) => break Ok(()),
                _ = hang_up.recv() => for gateway in sources.iter().chain(&gateways) {
                    if let Err(error) = gateway.reload().await {
                        tracing::error!("not reloaded, nothing was changed: {error}");
                    }
                },
            }
        }
    };
    drop(hubs);
    for gateway in gateways.into_iter().chain(sources) {
        gateway.stop().await;
    }
    drop(devices);
    match result {
        // The reader of a pipe has seen enough, as head does.
        Err(failure) if failure.is_closed_pipe() => Ok(()),
        result => result,
    }
}

/// Starts a server, and the devices that it polls.
async fn start(path: &Path, scene: &Scene, devices: &mut Vec<SimulatorListener>) -> Result<Gateway, Failure> {
    let config = Config::load(path, DRIVERS).map_err(|problems| {
        let _ = writeln!(io::stderr(), "{problems}");
        Failure::silent(Exit::Config)
    })?;
    logging::start(&config.log);
    devices.extend(simulate(&config, scene).await?);
    Gateway::start(config).await.map_err(|error| start_failure(&error))
}

/// Waits until one of the servers is to end.
async fn any_due(gateways: &[Gateway]) {
    let mut due: Vec<_> = gateways.iter().map(|gateway| Box::pin(gateway.shutdown_due())).collect();
    poll_fn(|context| {
        let is_due = due.iter_mut().any(|due| due.as_mut().poll(context).is_ready());
        if is_due { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Starts the devices at the addresses that the configuration polls.
async fn simulate(config: &Config, scene: &Scene) -> Result<Vec<SimulatorListener>, Failure> {
    let mut listeners = Vec::new();
    for device in scene.devices {
        let Some(link) = config.links.iter().find(|link| link.name == device.name) else { continue };
        let listener = device.spawn(link.address.as_str()).await.map_err(|error| {
            let hint = format!("choose another address for the link {} in {}", device.name, config.path.display());
            Failure::new(Exit::Failed, format!("cannot simulate {} at {}: {error}", device.name, link.address), hint)
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// What stands above the table: where the servers are, and what to try.
fn header(profile: DemoProfile, urls: &[String], configs: &[PathBuf]) -> Vec<HeaderLine> {
    let line = |text: String, indent| HeaderLine { text, indent, is_command: false };
    let url = |at: usize| urls.get(at).map_or("", String::as_str);
    let config = configs.first().map_or("", |path| path.to_str().unwrap_or_default());
    let (mut lines, tries) = match profile {
        DemoProfile::Plant => {
            let server = if url(0) == DEFAULT_URL { String::new() } else { format!(" {}", url(0)) };
            let text =
                format!("OPC UA server  {}  (security none or Basic256Sha256, anonymous may read and write)", url(0));
            let tries = vec![
                format!("tagwire watch{server} boiler.plc pump.plc"),
                format!("tagwire write{server} boiler.plc.setpoint 75"),
                format!("tagwire explain 40001 --device boiler.plc --config {config}"),
            ];
            (vec![line(text, 15), line(format!("configuration  {config}"), 15)], tries)
        }
        DemoProfile::Notebooks => {
            let port = url(0).rsplit(':').next().unwrap_or_default();
            let port = if url(0) == DEFAULT_URL { String::new() } else { format!("OPC_PORT={port} ") };
            let lines = vec![
                line(
                    format!("for OpenOPC    Matrikon.OPC.Simulation.1 at {}, anonymous may read and write", url(0)),
                    15,
                ),
                line(format!("for OPC UA     {}/OPCUA/SimulationServer, anonymous may read and write", url(1)), 15),
                line(format!("configuration  {config} and files beside it"), 15),
            ];
            let tries = vec![
                format!("{port}opc Random.Int4 \"Bucket Brigade.Int4\""),
                format!("tagwire watch --plot {} \"ns=3;i=1004\" \"ns=3;i=1006\"", url(1)),
            ];
            (lines, tries)
        }
    };
    lines.push(line("in another terminal, try:".to_owned(), 0));
    lines.extend(tries.iter().enumerate().map(|(idx, text)| HeaderLine {
        text: format!("  {}. {text}", idx + 1),
        indent: 7,
        is_command: true,
    }));
    lines
}

/// Shows every tag of every server until the program ends.
async fn show(hubs: &[&Arc<Hub>], header: Vec<HeaderLine>, started: Instant) -> Result<(), Failure> {
    let style = Style::of_stdout();
    let mut out = io::stdout();
    let mut view = View::new(style);
    view.set_header(&mut out, header)?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut tags: Vec<Vec<TagId>> = Vec::new();
    for hub in hubs {
        let registry = hub.registry();
        let shown = registry.tags().filter(|(_, meta)| !meta.is_system);
        let add = |(id, meta): (TagId, tagwire_hub::TagView<'_>)| {
            view.add(meta.path, meta.extra.as_ref().map_or("", |extra| &extra.unit));
            id
        };
        tags.push(shown.map(add).collect());
    }
    let wake = Arc::new(Notify::new());
    let n_tags: usize = tags.iter().map(Vec::len).sum();
    let inbox = {
        let wake = Arc::clone(&wake);
        Arc::new(Inbox::new(n_tags * 16 + 1024, 1, move || wake.notify_one()))
    };
    let mut rows = 0_u32..;
    for (hub, tags) in hubs.iter().zip(&tags) {
        let interests: Vec<Interest> = tags
            .iter()
            .zip(&mut rows)
            .map(|(tag, handle)| Interest { tag: *tag, handle, interval: Duration::ZERO, timestamps: false })
            .collect();
        hub.watch(hub.attach(Arc::clone(&inbox)), &interests);
        for interest in &interests {
            if let Some(reading) = hub.read(interest.tag).filter(|reading| reading.has_value()) {
                let sample = reading.to_sample();
                let row = interest.handle as usize;
                view.change(&mut out, row, &sample.value, sample.status, sample.source_time)?;
            }
        }
    }
    let mut first_good = None;
    let mut changes = Vec::new();
    loop {
        let footer = match first_good {
            Some(after) => format!("first value after {after:.2?}; Ctrl-C ends"),
            None => "Ctrl-C ends".to_owned(),
        };
        let due = view.due(Instant::now());
        tokio::select! {
            () = wake.notified() => {}
            _ = resized.recv() => view.refresh(),
            () = async { tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()).await }, if due.is_some() => {
                view.draw(&mut out, &[footer], Instant::now())?;
                continue;
            }
        }
        changes.clear();
        inbox.take(&mut changes);
        for change in &changes {
            if first_good.is_none() && change.status.is_good() {
                let after = started.elapsed();
                first_good = Some(after);
                if !style.is_terminal {
                    writeln!(out, "first value after {after:.2?}")?;
                }
            }
            view.change(&mut out, change.handle as usize, &change.value, change.status, change.source_time)?;
        }
    }
}
