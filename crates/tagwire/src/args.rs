//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use tagwire_access::What;
use tagwire_access::audit::Head;
use tagwire_gateway::config::parse_duration;
use tagwire_model::ValueType;

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  the operation failed, or a value's status is bad
  2  the command line is wrong
  3  the configuration is invalid
  4  no server could be reached
  5  the server refused the log-in or the certificate, or offers no such security
  6  reload: done, but a part counts only after a restart of the server";

/// An OPC server in one program: it polls PLCs, keeps every tag's live value and serves it to every OPC UA client.
#[derive(Debug, Parser)]
#[command(name = "tagwire", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(ConfigArgs),
    /// Run a complete plant of simulated PLCs with a server on top, to try things out.
    Demo(DemoArgs),
    /// Check a configuration and list everything that is wrong with it.
    Check(CheckArgs),
    /// Find what is wrong with this installation, or with the way to a server, and tell what to do about it.
    Doctor(DoctorArgs),
    /// Show what a reload would change in the running server.
    Plan(ConfigArgs),
    /// Make the running server take over the changes of its configuration.
    Reload(ConfigArgs),
    /// Show how the running server and its links are.
    Status(ConfigArgs),
    /// Switch the log of every frame on a link on or off.
    Trace(TraceArgs),
    /// Read values.
    Read(ReadArgs),
    /// Write values.
    Write(WriteArgs),
    /// List what a server has, or what a device of the configuration has.
    Browse(BrowseArgs),
    /// Show values as they change.
    Watch(WatchArgs),
    /// Explain the address of a tag: where it lies in the device, how, and what reads and writes it.
    Explain(ExplainArgs),
    /// Take over the tags of another product, with a report of what was and was not taken over.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Simulate a device.
    #[command(subcommand)]
    Sim(SimCommand),
    /// See which clients want to connect, and decide which certificates are trusted.
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Issue certificates for the plant, and revoke them.
    #[command(subcommand)]
    Ca(CaCommand),
    /// Manage the users of a server.
    #[command(subcommand)]
    User(UserCommand),
    /// See who did what, and check that nobody tampered with the record of it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Read, copy and check the samples that the server keeps.
    #[command(subcommand)]
    History(HistoryCommand),
    /// Print the completions of a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigArgs {
    /// The configuration.
    #[arg(short, long, default_value = "tagwire.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// The configuration.
    #[arg(default_value = "tagwire.toml", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The configuration, as for the other commands.
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) config: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the JSON schema of the configuration instead, for editors.
    #[arg(long)]
    pub(crate) schema: bool,
    /// Print the reference of the configuration in Markdown instead.
    #[arg(long)]
    pub(crate) reference: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// What to demonstrate.
    #[arg(long, default_value = "plant", value_name = "PROFILE")]
    pub(crate) profile: DemoProfile,
    /// Keep the demo's configuration and certificates in this folder; a folder that is removed at the end otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// TCP port of the OPC UA server, 4840 when left out; a configuration that is in the folder already keeps its own.
    #[arg(long, value_name = "PORT")]
    pub(crate) ua_port: Option<u16>,
}

/// What there is to demonstrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoProfile {
    /// A small plant of simulated PLCs.
    Plant,
    /// The simulation servers that widely used notebooks about OpenOPC and OPC UA expect.
    Notebooks,
}

const DOCTOR: &str = "Each check is one line: good, warning or problem, a sentence, and what to do.
Without URL: configuration, clock, data folder, own certificate, trust lists, users, ports, open files.
With URL: connection, endpoints, the server's certificate, trust in both directions, log-in, difference of the clocks.

Exit codes:
  0  no problem, though there may be warnings
  1  at least one problem
  2  the command line is wrong";

#[derive(Debug, ClapArgs)]
#[command(after_help = DOCTOR)]
pub(crate) struct DoctorArgs {
    /// The server to dial; this installation is examined when left out.
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The configuration of this installation.
    #[arg(short, long, default_value = "tagwire.toml", value_name = "FILE", conflicts_with = "url")]
    pub(crate) config: PathBuf,
    /// Log in as this user; the password comes from --password-file, from TAGWIRE_PASSWORD or is asked for.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    /// Security: none, one policy (signed and encrypted), or the best that the server offers.
    #[arg(long, default_value = "auto", value_parser = SECURITY)]
    pub(crate) security: String,
    /// Trust the server's certificate from now on, when it is the first contact.
    #[arg(long, requires = "url")]
    pub(crate) trust: bool,
    /// Longest wait for each step.
    #[arg(long, default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a password comes from.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct PasswordArgs {
    /// Read the password from this file, without the end of the line, instead of TAGWIRE_PASSWORD or the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

const SECURITY: [&str; 5] = ["auto", "none", "basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss"];

#[derive(Debug, ClapArgs)]
pub(crate) struct TraceArgs {
    /// Name of the link.
    pub(crate) link: String,
    /// `on` or `off`.
    #[arg(value_parser = ["on", "off"])]
    pub(crate) switch: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// How to reach a server.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ServerArgs {
    /// The server; an address that starts with opc.tcp:// may also stand first among the names.
    #[arg(short, long, default_value = DEFAULT_URL, value_name = "URL")]
    pub(crate) url: String,
    /// User name; the password comes from --password-file, from the environment variable TAGWIRE_PASSWORD or is asked
    /// for.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    /// Security: none, one policy (signed and encrypted), or the best that the server offers.
    #[arg(long, default_value = "auto", value_parser = SECURITY)]
    pub(crate) security: String,
    /// Trust the server's certificate from now on, when it is the first contact.
    #[arg(long)]
    pub(crate) trust: bool,
    /// Longest wait for the connection and for each answer.
    #[arg(long, default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const DEFAULT_URL: &str = "opc.tcp://127.0.0.1:4840";

#[derive(Debug, ClapArgs)]
pub(crate) struct ReadArgs {
    /// Tags (line1.press.temperature) or NodeIds (i=2258, "ns=3;s=name").
    #[arg(required = true, value_name = "TAG")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WriteArgs {
    /// A tag or NodeId and its new value; further pairs may follow. Lists are written [1, 2, 3]. Text that begins with a
    /// hyphen comes after --.
    #[arg(required = true, value_name = "TAG VALUE", allow_negative_numbers = true)]
    pub(crate) pairs: Vec<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BrowseArgs {
    /// Where to start: a folder (line1.press) or NodeId; the Objects folder when left out.
    #[arg(value_name = "FOLDER")]
    pub(crate) names: Vec<String>,
    /// Show also what belongs to the server itself: its own folders, its own tags, whose names begin with an
    /// underscore, and the properties of tags.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// How deep to look.
    #[arg(short, long, default_value_t = 1, value_name = "LEVELS")]
    pub(crate) depth: u32,
    /// List what this device of the configuration has, named link.device, instead of what a server has. Names are
    /// then the beginnings of a controller's tags or nodes of another server; --depth 2 and more shows members, too.
    #[arg(long, value_name = "LINK.DEVICE", conflicts_with = "all")]
    pub(crate) device: Option<String>,
    /// The configuration of that device.
    #[arg(short, long, default_value = "tagwire.toml", value_name = "FILE", requires = "device")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WatchArgs {
    /// Tags, folders (all tags inside) or NodeIds.
    #[arg(required = true, value_name = "TAG")]
    pub(crate) names: Vec<String>,
    /// How often the server looks for changes.
    #[arg(short, long, default_value = "500ms", value_parser = duration, value_name = "TIME")]
    pub(crate) interval: Duration,
    /// End after this many changes.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Draw the tags over time, with their history where the server has it; without a terminal once, at the end.
    #[arg(long, conflicts_with = "json")]
    pub(crate) plot: bool,
    /// How much time the plots show.
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub(crate) span: Duration,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// The address as in the configuration, for example 40001 or 40001:F:CDAB for Modbus, DB1,REAL4 or MW10 for S7,
    /// Program:Main.Line[3].Speed for EtherNet/IP, N7:0 or T4:0.ACC for data tables.
    pub(crate) address: String,
    /// Whose address it is; what the address looks like when left out.
    #[arg(long, value_parser = ["modbus", "s7", "enip", "pccc"], conflicts_with = "device")]
    pub(crate) driver: Option<String>,
    /// Type, as in the configuration.
    #[arg(short, long = "type", value_name = "TYPE")]
    pub(crate) value_type: Option<String>,
    /// Byte and word order, Modbus only.
    #[arg(short, long)]
    pub(crate) order: Option<String>,
    /// Ask this device of the configuration, named link.device, and show what it has there.
    #[arg(short, long, value_name = "LINK.DEVICE")]
    pub(crate) device: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Take over a tag list (CSV) or a whole project (JSON) of Kepware.
    #[command(after_help = IMPORT_LIST)]
    Kepware(ImportFileArgs),
    /// Take over a tag list of Neuron, CSV or Excel.
    #[command(after_help = IMPORT_LIST)]
    Neuron(ImportFileArgs),
    /// Take over the tags that a controller itself lists, members of structures included.
    Controller(ImportControllerArgs),
    /// Make a tag list of what another OPC UA server has.
    Server(ImportServerArgs),
}

const IMPORT_LIST: &str = "A tag list does not say where its device is: --driver and --address do, and --set adds keys of the device or its link.
The folder gets tagwire.toml, a tag list for each device, and import-report.txt with everything that was changed or left out.
The exit code is 1 when a tag was left out.";

#[derive(Debug, ClapArgs)]
pub(crate) struct ImportFileArgs {
    /// The file.
    pub(crate) file: PathBuf,
    /// The folder that the configuration goes into.
    #[arg(short, long, default_value = "imported", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The driver of the device that a tag list belongs to, for example modbus-tcp.
    #[arg(long, value_name = "NAME")]
    pub(crate) driver: Option<String>,
    /// Where the link of a tag list leads.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
    /// Name of the link of a tag list.
    #[arg(long, default_value = "line1", value_name = "NAME")]
    pub(crate) link: String,
    /// Name of the device of a tag list.
    #[arg(long, default_value = "plc1", value_name = "NAME")]
    pub(crate) device: String,
    /// A key of the device of a tag list or of its link, for example unit=1 or slot=2; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Take the scan rate of every tag of a list.
    #[arg(long)]
    pub(crate) scan_rates: bool,
    /// Write over files that are there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ImportServerArgs {
    /// The device of the configuration that stands for the server, named link.device.
    #[arg(value_name = "LINK.DEVICE")]
    pub(crate) device: String,
    /// Where to start: a NodeId of that server, such as "ns=3;s=Press"; everything when left out.
    #[arg(value_name = "NODE")]
    pub(crate) start: Option<String>,
    /// Where to write the list, as CSV for tags_csv; it goes to the terminal when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a list that is there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// How deep to look.
    #[arg(long, default_value_t = 20, value_name = "LEVELS")]
    pub(crate) depth: u32,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ImportControllerArgs {
    /// Where the controller is.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) address: String,
    /// Only tags whose addresses begin so; may be given several times.
    #[arg(long = "only", value_name = "START")]
    pub(crate) only: Vec<String>,
    /// How many levels of structures are taken apart.
    #[arg(long, default_value_t = 5, value_name = "LEVELS")]
    pub(crate) depth: u32,
    /// The folder that the configuration goes into.
    #[arg(short, long, default_value = "imported", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The driver of the controller.
    #[arg(long, default_value = "enip", value_name = "NAME")]
    pub(crate) driver: String,
    /// Name of the link.
    #[arg(long, default_value = "line1", value_name = "NAME")]
    pub(crate) link: String,
    /// Name of the device.
    #[arg(long, default_value = "plc1", value_name = "NAME")]
    pub(crate) device: String,
    /// A key of the device, for example path=1,2; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Write over files that are there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Simulate Modbus devices on TCP.
    Modbus(SimModbusArgs),
    /// Simulate a Logix controller on EtherNet/IP.
    Enip(SimEnipArgs),
    /// Simulate a Siemens S7 CPU.
    S7(SimS7Args),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SimEnipArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:44818", value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// The controller's tags; a few of them that move when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SimS7Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:10102", value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// Data blocks and values of the CPU; one data block with a few signals when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SimModbusArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:5020", value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// Register map of the devices; one device with counting registers when left out.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// List certificates: those that wait with the reason and what to do, the trusted and the blocked ones.
    List(ConfigArgs),
    /// Trust a certificate from now on, or for a time.
    Accept {
        /// How long, such as 24h; trust ends by itself then, and the client is disconnected.
        #[arg(long = "for", value_parser = duration, value_name = "TIME")]
        time: Option<Duration>,
        #[command(flatten)]
        which: CertificateArgs,
    },
    /// Trust a certificate no more and disconnect its client, or strike it off the list of those that wait.
    Reject(CertificateArgs),
    /// Refuse a certificate for good and disconnect its client.
    Block(CertificateArgs),
    /// Issue the server's own certificates again with the same keys, for ten more years.
    Renew(ConfigArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Make a certificate authority for the plant, in the folder `ca` of the data folder, and trust it.
    Init {
        /// Its name.
        #[arg(long, default_value = "tagwire plant authority")]
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Issue a certificate for a signing request (PKCS#10, DER or PEM).
    Sign {
        /// The file with the request.
        #[arg(value_name = "REQUEST")]
        request: PathBuf,
        /// Where the certificate goes, DER.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Days that it is valid.
        #[arg(long, default_value_t = 1825, value_parser = clap::value_parser!(u32).range(1..=7300))]
        days: u32,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List what the authority issued.
    List(ConfigArgs),
    /// Revoke a certificate that the authority issued, and write the revocation list anew.
    Revoke(CertificateArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CertificateArgs {
    /// The first digits of its fingerprint, at least four, as `tagwire trust list` shows them.
    pub(crate) certificate: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user, or give a user another password; it comes from --password-file, from TAGWIRE_PASSWORD or is asked for.
    Add {
        /// Name of the user.
        name: String,
        /// Role of the user; may be given several times.
        #[arg(short, long = "role", default_value = "operator", value_name = "ROLE")]
        roles: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the users.
    List(ConfigArgs),
    /// Remove a user.
    Remove {
        /// Name of the user.
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Show the samples of a tag, oldest first, with a line of their course.
    Read(HistoryReadArgs),
    /// Write samples into a file, CSV or Parquet; the same command again goes on where one was cut off.
    Export(HistoryExportArgs),
    /// Take samples from a file, CSV or Parquet: what export wrote, a list of samples, or a column for each tag.
    #[command(after_help = IMPORT)]
    Import(HistoryImportArgs),
    /// Answer a question in SQL over the tables history and tags.
    #[command(after_help = QUERY)]
    Query(HistoryQueryArgs),
    /// Show how much is kept, and whether it goes on.
    Status(ConfigArgs),
    /// Copy the whole history into an empty folder, while the server goes on.
    Backup {
        /// The folder.
        folder: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Take a copy back, after each of its checksums was found right; the server must not run.
    Restore {
        /// The folder of the copy.
        folder: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Check every checksum of the history, or of a copy; the server must not run. Exit code 1 when one is wrong.
    /// With --target, have a running server compare its samples with those in its database. Exit code 1 when they differ.
    Verify {
        /// The folder of a copy; that of the configuration when left out.
        folder: Option<PathBuf>,
        /// Compare with the database of [history.postgres].
        #[arg(long, conflicts_with = "folder")]
        target: bool,
        /// Compare from this long ago on (1h or -1h), or from this time on (2026-03-01T08:00:00Z); everything when left out.
        #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "target")]
        start: Option<String>,
        /// Up to this long ago, or this time; now when left out.
        #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "target")]
        end: Option<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

const IMPORT: &str = "What the columns are is told by the first line:
  time, tag, value and, if there are, quality    a list of samples
  time and any other names                       a column for each tag
  the columns that export writes                 everything that a sample has
Times without an offset are UTC. A sample of a time that the tag has one of already stays out.
Every line that cannot be taken is told with its number; the exit code is 1 then.";

const QUERY: &str = "Tables:
  history   tag, time, server_time, type, value, text, status, quality, reason
  tags      tag, type, first_time
Example: select tag, avg(value) from history where tag like 'line1.%' and time > now() - interval '1 day' group by tag";

#[derive(Debug, ClapArgs)]
pub(crate) struct HistoryExportArgs {
    /// Paths of tags, groups, devices or links, with everything below; * stands for any text and ? for one character.
    #[arg(required = true, value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// The file; its name ends in .csv or .parquet.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// From this long ago on (1h or -1h), or from this time on (2026-03-01T08:00:00Z); all when left out.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) start: Option<String>,
    /// Up to this long ago, or this time; now when left out.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) end: Option<String>,
    /// Write over a file of this name.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HistoryImportArgs {
    /// The file; its name ends in .csv or .parquet.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Put this before the name of every tag, as in line1.press.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub(crate) tag_prefix: String,
    /// The type of tags that are not known yet (f64, i32, bool, string); by their first value when left out.
    #[arg(long = "type", value_name = "TYPE", value_parser = value_type)]
    pub(crate) value_type: Option<ValueType>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HistoryQueryArgs {
    /// The question.
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,
    /// Comma-separated lines with the names of the columns first.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HistoryReadArgs {
    /// The tag (line1.press.temperature).
    #[arg(value_name = "TAG")]
    pub(crate) tag: String,
    /// From this long ago on (1h or -1h), or from this time on (2026-03-01T08:00:00Z).
    #[arg(long, default_value = "1h", value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) start: String,
    /// Up to this long ago, or this time; now when left out. An end before the start reads backward.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) end: Option<String>,
    /// Most samples.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Read an aggregate of OPC UA Part 13 instead of samples (Average, Minimum, Maximum, Count, TimeAverage, ...).
    #[arg(long, value_name = "NAME")]
    pub(crate) aggregate: Option<String>,
    /// Length of the intervals of the aggregate (1m, 1h); the whole time when left out.
    #[arg(long, value_name = "DURATION", requires = "aggregate")]
    pub(crate) every: Option<String>,
    /// Draw the course even where the output is no terminal.
    #[arg(long)]
    pub(crate) plot: bool,
    /// Comma-separated lines: time, value, status, reason.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no record was changed, removed, added or moved. Exit code 1 when one was.
    Verify {
        /// A record that was noted elsewhere and must be in the log, as an earlier check printed it.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<Head>,
        #[command(flatten)]
        log: AuditLogArgs,
    },
    /// Show the records, oldest first.
    Show {
        /// Only those from this long ago on (1h, 7d), or from this time on (2026-03-01T08:00:00Z).
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only those of this user, or about it; uid:1000 for a user of this machine.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Only this kind: a word of a record, or its first part, such as session for all that is about sessions.
        #[arg(long, value_name = "KIND", value_parser = kind)]
        kind: Option<String>,
        #[command(flatten)]
        log: AuditLogArgs,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AuditLogArgs {
    /// The folder of the log, such as a copy; that of the configuration when left out.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// A kind of audit record, or the first part of several.
fn kind(text: &str) -> Result<String, String> {
    let words = What::ALL.iter().map(|what| what.word());
    if words.clone().any(|word| word == text || word.split('-').next() == Some(text)) {
        return Ok(text.to_owned());
    }
    Err(format!("known are {}", words.collect::<Vec<_>>().join(", ")))
}

/// The words of the command line, with negative numbers in the one form that is told from options: `-1e-5` as
/// `-0.00001`, `-.5` as `-0.5`.
pub(crate) fn words(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut is_over = false;
    let plain = |word: OsString| {
        is_over |= word == "--";
        let number = word.to_str().filter(|_| !is_over).and_then(|text| {
            let is_odd = text.starts_with("-.") || (text.starts_with('-') && text.contains(['e', 'E']));
            is_odd.then(|| text.parse::<f64>().ok()).flatten().filter(|number| number.is_finite())
        });
        number.map_or(word, |number| number.to_string().into())
    };
    words.map(plain).collect()
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a number and a unit, such as 500ms or 2s".to_owned())
}

fn value_type(text: &str) -> Result<ValueType, String> {
    ValueType::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    fn write(words: &[&str]) -> super::WriteArgs {
        let words = super::words(["tagwire", "write"].iter().chain(words).map(Into::into));
        let args = super::Args::try_parse_from(words).expect("valid");
        let super::Command::Write(args) = args.command else { panic!("another command") };
        args
    }

    #[test]
    fn options_of_write_are_taken_anywhere_and_negative_numbers_are_values() {
        let args = write(&["opc.tcp://plc", "--user", "anna", "tag", "hello"]);
        assert_eq!(args.server.user.as_deref(), Some("anna"));
        assert_eq!(args.pairs, ["opc.tcp://plc", "tag", "hello"]);
        let args = write(&["opc.tcp://plc", "tag", "x", "--json"]);
        assert!(args.server.json);
        assert_eq!(args.pairs, ["opc.tcp://plc", "tag", "x"]);
        for (number, taken) in
            [("-5", "-5"), ("-1.5", "-1.5"), ("-1e3", "-1000"), ("-.5", "-0.5"), ("-1E-5", "-0.00001")]
        {
            assert_eq!(write(&["tag", number, "--json"]).pairs, ["tag", taken]);
        }
        assert_eq!(write(&["tag", "--", "-.5"]).pairs, ["tag", "-.5"]);
        assert_eq!(write(&["--json", "tag", "--", "-text"]).pairs, ["tag", "-text"]);
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
