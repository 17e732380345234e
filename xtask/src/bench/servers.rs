//! The three servers, each with the same tags.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::loadgen::{self, Target};
use crate::process::target;

const START_LIMIT: Duration = Duration::from_secs(120);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tagwire,
    Open62541,
    AsyncOpcua,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Tagwire, Self::Open62541, Self::AsyncOpcua];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tagwire => "tagwire",
            Self::Open62541 => "open62541",
            Self::AsyncOpcua => "async-opcua",
        }
    }
}

/// Where the servers' programs are.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) tagwire: PathBuf,
    pub(super) open62541: PathBuf,
    pub(super) async_opcua: PathBuf,
}

/// What a server holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Tags in devices of 1,000.
    pub(super) tags: usize,
    /// How many of them change every 100 ms.
    pub(super) changing: usize,
    /// Tags in one large device.
    pub(super) children: usize,
}

/// The files (DER) of a client and of a server that has no certificate of its own.
#[derive(Clone, Debug)]
pub(super) struct Certificates {
    pub(super) client: PathBuf,
    pub(super) client_key: PathBuf,
    pub(super) server: PathBuf,
    pub(super) server_key: PathBuf,
}

impl Certificates {
    /// The application URI of the server's certificate.
    pub(super) const SERVER_URI: &str = "urn:bench";
}

/// What differs between two runs of the same server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    /// Words of `[ua] security`, in quotes.
    pub(super) security: &'a str,
    /// Further tables of the configuration.
    pub(super) tables: &'a str,
    /// The data folder, beside the configuration.
    pub(super) data: &'a str,
}

impl Setting<'_> {
    /// No security, and everything else as it comes.
    pub(super) const PLAIN: Self = Self { security: "\"none\"", tables: "", data: "data" };
}

/// A running server, ended when dropped.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) kind: Kind,
    pub(super) target: Target,
    certificate: PathBuf,
    child: Child,
}

impl Running {
    /// Starts a server and waits until its last tag reads Good.
    pub(super) fn start(programs: &Programs, kind: Kind, size: Size) -> Result<Self> {
        if kind == Kind::Tagwire {
            return Self::start_tagwire(programs, size, Setting::PLAIN);
        }
        Self::start_other(programs, kind, size, None)
    }

    /// Starts a server that speaks Basic256Sha256 too and trusts the client.
    pub(super) fn start_secured(
        programs: &Programs,
        kind: Kind,
        size: Size,
        certificates: &Certificates,
    ) -> Result<Self> {
        if kind != Kind::Tagwire {
            return Self::start_other(programs, kind, size, Some(certificates));
        }
        let setting = Setting { security: "\"none\", \"basic256sha256\"", data: "secured", ..Setting::PLAIN };
        let trusted = folder(size).join(setting.data).join("pki/trusted");
        std::fs::create_dir_all(&trusted)?;
        std::fs::copy(&certificates.client, trusted.join("client.der"))?;
        Self::start_tagwire(programs, size, setting)
    }

    /// Starts tagwire with a setting.
    pub(super) fn start_tagwire(programs: &Programs, size: Size, setting: Setting<'_>) -> Result<Self> {
        let port = free_port()?;
        let folder = folder(size);
        let file = configuration(&folder, port, size, setting)?;
        let mut command = Command::new(&programs.tagwire);
        command.arg("serve").arg("--config").arg(file);
        let certificate = folder.join(setting.data).join("pki/own/cert.der");
        Self::launch(Kind::Tagwire, command, port, size, certificate)
    }

    fn start_other(programs: &Programs, kind: Kind, size: Size, secured: Option<&Certificates>) -> Result<Self> {
        let port = free_port()?;
        let mut command =
            Command::new(if kind == Kind::Open62541 { &programs.open62541 } else { &programs.async_opcua });
        command.args([usize::from(port), size.tags, size.changing, size.children].map(|n| n.to_string()));
        let mut certificate = PathBuf::new();
        if let Some(files) = secured {
            command.arg(&files.server).arg(&files.server_key).arg(Certificates::SERVER_URI);
            certificate.clone_from(&files.server);
        }
        Self::launch(kind, command, port, size, certificate)
    }

    fn launch(kind: Kind, mut command: Command, port: u16, size: Size, certificate: PathBuf) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let target = Target { address: format!("127.0.0.1:{port}"), pid: child.id(), tags: size.tags };
        let mut running = Self { kind, target, certificate, child };
        running.wait()?;
        Ok(running)
    }

    pub(super) fn port(&self) -> &str {
        self.target.address.rsplit(':').next().unwrap_or_default()
    }

    /// The file of the server's certificate, once it is there.
    pub(super) fn certificate(&self) -> Result<PathBuf> {
        let begun = Instant::now();
        while !self.certificate.exists() {
            if begun.elapsed() > START_LIMIT {
                bail!("{} has no certificate", self.kind.name());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.certificate.clone())
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !loadgen::read_is_good(&self.target.address, self.target.tags - 1).unwrap_or(false) {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended: {status}", self.kind.name());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("{} does not serve its tags", self.kind.name());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(super) const fn pid(&self) -> u32 {
        self.target.pid
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The server may have ended by itself, which the measurement has reported then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts all three, in the order of [`Kind::ALL`].
pub(super) fn start_all(programs: &Programs, size: Size) -> Result<Vec<Running>> {
    Kind::ALL.iter().map(|kind| Running::start(programs, *kind, size)).collect()
}

pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn folder(size: Size) -> PathBuf {
    target().join("bench").join(format!("{}-{}", size.tags, size.changing))
}

fn configuration(folder: &Path, port: u16, size: Size, setting: Setting<'_>) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let Setting { security, tables, data } = setting;
    let mut text = format!(
        "version = 1\n[server]\nname = \"bench\"\ndata_dir = \"{data}\"\n[ua]\nlisten = \"127.0.0.1:{port}\"\n\
         security = [{security}]\nanonymous = \"write\"\n{tables}[[link]]\nname = \"Ch1\"\ndriver = \"sim\"\n"
    );
    for device in 0..size.tags.div_ceil(1000) {
        let file = format!("dev{device}.csv");
        // The other servers do not poll at all; ours looks at memory that nobody changes once a second.
        let scan = if device * 1000 < size.changing { "100ms" } else { "1s" };
        write!(text, "[[link.device]]\nname = \"Dev{device}\"\nscan = \"{scan}\"\ntags_csv = \"{file}\"\n")?;
        let mut list = String::from("name,address,type,access\n");
        for i in device * 1000..size.tags.min((device + 1) * 1000) {
            let rest = if i < size.changing { "counter(period=100ms),f64,ro" } else { "static,f64,rw" };
            writeln!(list, "Tag{i},{rest}")?;
        }
        std::fs::write(folder.join(file), list)?;
    }
    text.push_str(
        "[[link]]\nname = \"Big\"\ndriver = \"sim\"\n[[link.device]]\nname = \"Dev\"\ntags_csv = \"big.csv\"\n",
    );
    let mut list = String::from("name,address,type,access\n");
    for i in 0..size.children {
        writeln!(list, "Tag{i},static,f64,rw")?;
    }
    std::fs::write(folder.join("big.csv"), list)?;
    let file = folder.join(format!("tagwire-{port}.toml"));
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
