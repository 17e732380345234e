//! `tagwire demo`: simulated PLCs, a server on top, and a live table; all on this machine.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tagwire_gateway::config::Config;
use tagwire_gateway::drivers::DRIVERS;
use tagwire_gateway::{Gateway, logging};
use tagwire_hub::{Hub, Inbox, Interest};
use tagwire_modbus::simulator::{Simulator, SimulatorConfig, SimulatorListener};
use tagwire_model::TagId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::args::DemoArgs;
use crate::command::serve::{Ends, runtime, start_failure};
use crate::failure::{Exit, Failure};
use crate::terminal::Style;
use crate::view::{HeaderLine, View};

/// The simulated devices, one per link of the same name in the configuration.
const DEVICES: [(&str, &str); 3] = [
    ("boiler", include_str!("../demo/boiler.toml")),
    ("pump", include_str!("../demo/pump.toml")),
    ("tank", include_str!("../demo/tank.toml")),
];

/// The configuration, with the ports to be filled in.
const CONFIG: &str = include_str!("../demo/tagwire.toml");

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
    let path = folder.join("tagwire.toml");
    if !path.exists() {
        write_config(&folder, &path, args.ua_port)?;
    }
    let config = Config::load(&path, DRIVERS).map_err(|problems| {
        let _ = writeln!(io::stderr(), "{problems}");
        Failure::silent(Exit::Config)
    })?;
    logging::start(&config.log);
    let _devices = simulate(&config).await?;
    let gateway = Gateway::start(config).await.map_err(|error| start_failure(&error))?;
    let url = gateway.endpoints().into_iter().next().unwrap_or_default();
    let mut hang_up = signal(SignalKind::hangup())?;
    let result = {
        // The table ends first and then the server, before the devices that it polls.
        let mut showing = std::pin::pin!(show(gateway.hub(), &url, &path, started));
        loop {
            tokio::select! {
                result = &mut showing => break result,
                () = ends.next() => break Ok(()),
                () = gateway.shutdown_due() => break Ok(()),
                _ = hang_up.recv() => if let Err(error) = gateway.reload().await {
                    tracing::error!("not reloaded, nothing was changed: {error}");
                },
            }
        }
    };
    gateway.stop().await;
    match result {
        // The reader of a pipe has seen enough, as head does.
        Err(failure) if failure.is_closed_pipe() => Ok(()),
        result => result,
    }
}

/// Writes the configuration with ports that are free.
fn write_config(folder: &Path, path: &Path, ua_port: u16) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot make {}: {error}", folder.display()), ""))?;
    let mut text = CONFIG.to_owned();
    let free = free_port(ua_port)?;
    if free != ua_port {
        writeln!(io::stderr(), "port {ua_port} is taken by another program; the OPC UA server takes {free}")?;
    }
    text = text.replace("{ua}", &free.to_string());
    for (idx, (name, _)) in DEVICES.iter().enumerate() {
        text = text.replace(&format!("{{{name}}}"), &free_port(15_020 + idx as u16)?.to_string());
    }
    std::fs::write(path, text)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()), ""))
}

/// The port, or another one when it is taken.
fn free_port(wanted: u16) -> Result<u16, Failure> {
    let bind = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listener = bind(wanted).or_else(|_| bind(0))?;
    Ok(listener.local_addr()?.port())
}

/// Starts the devices at the addresses that the configuration polls.
async fn simulate(config: &Config) -> Result<Vec<(Simulator, SimulatorListener)>, Failure> {
    let mut devices = Vec::new();
    for (name, map) in DEVICES {
        let Some(link) = config.links.iter().find(|link| link.name == name) else { continue };
        let map: SimulatorConfig = toml::from_str(map)
            .map_err(|error| Failure::new(Exit::Failed, format!("the device {name} is broken: {error}"), ""))?;
        let device = Simulator::spawn(&map, link.address.as_str()).await.map_err(|error| {
            let hint = format!("choose another address for the link {name} in {}", config.path.display());
            Failure::new(Exit::Failed, format!("cannot simulate {name} at {}: {error}", link.address), hint)
        })?;
        devices.push(device);
    }
    Ok(devices)
}

/// Shows every tag until the program ends.
async fn show(hub: &Arc<Hub>, url: &str, config: &Path, started: Instant) -> Result<(), Failure> {
    let style = Style::of_stdout();
    let mut out = io::stdout();
    let server = if url == "opc.tcp://127.0.0.1:4840" { String::new() } else { format!(" {url}") };
    let tries = [
        format!("tagwire watch{server} boiler.plc pump.plc"),
        format!("tagwire write{server} boiler.plc.setpoint 75"),
        format!("tagwire explain 40001 --device boiler.plc --config {}", config.display()),
    ];
    let line = |text: String, indent| HeaderLine { text, indent, is_command: false };
    let mut lines = vec![
        line(format!("OPC UA server  {url}  (security none or Basic256Sha256, anonymous may read and write)"), 15),
        line(format!("configuration  {}", config.display()), 15),
        line("in another terminal, try:".to_owned(), 0),
    ];
    lines.extend(tries.iter().enumerate().map(|(idx, text)| HeaderLine {
        text: format!("  {}. {text}", idx + 1),
        indent: 7,
        is_command: true,
    }));
    let mut view = View::new(style);
    view.set_header(&mut out, lines)?;
    let mut resized = signal(SignalKind::window_change())?;
    let tags: Vec<TagId> = {
        let registry = hub.registry();
        let shown = registry.tags().filter(|(_, meta)| !meta.is_system);
        shown
            .map(|(id, meta)| {
                view.add(meta.path, meta.extra.as_ref().map_or("", |extra| &extra.unit));
                id
            })
            .collect()
    };
    let wake = Arc::new(Notify::new());
    let inbox = {
        let wake = Arc::clone(&wake);
        Arc::new(Inbox::new(tags.len() * 16 + 1024, 1, move || wake.notify_one()))
    };
    let watch = hub.attach(Arc::clone(&inbox));
    let interests: Vec<Interest> = (0..)
        .zip(&tags)
        .map(|(handle, tag)| Interest { tag: *tag, handle, interval: std::time::Duration::ZERO, timestamps: false })
        .collect();
    hub.watch(watch, &interests);
    for (row, tag) in tags.iter().enumerate() {
        if let Some(reading) = hub.read(*tag).filter(|reading| reading.has_value()) {
            let sample = reading.to_sample();
            view.change(&mut out, row, &sample.value, sample.status, sample.source_time)?;
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
