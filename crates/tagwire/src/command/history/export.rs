//! `tagwire history export`.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tagwire_gateway::config::counted;
use tagwire_model::Timestamp;
use tagwire_table::{Done, Export, Format, Selection};
use tagwire_ua_client::{StatusName, now};

use super::moment;
use super::progress::{Bar, short};
use super::view::{failed, open};
use crate::args::HistoryExportArgs;
use crate::failure::{Exit, Failure};
use crate::terminal::shown;

pub(super) fn run(args: &HistoryExportArgs) -> Result<(), Failure> {
    let now = now();
    let time = |text: &Option<String>, none| text.as_deref().map_or(Ok(none), |text| moment(text, now));
    let selection = Selection {
        patterns: args.patterns.clone(),
        from: time(&args.start, Timestamp::from_ticks(1))?,
        to: time(&args.end, now)?,
    };
    if selection.from >= selection.to {
        return Err(Failure::new(Exit::Usage, "the end does not lie behind the start", "name an earlier --start"));
    }
    let format = Format::of(&args.out).map_err(|error| failed(&error))?;
    let mut asked = args.patterns.clone();
    asked.extend(["--start".to_owned(), args.start.clone().unwrap_or_default()]);
    asked.extend(["--end".to_owned(), args.end.clone().unwrap_or_default()]);
    let export =
        Export::prepare(&args.out, format, selection, asked, args.overwrite).map_err(|error| failed(&error))?;
    let frozen = open(&args.config)?;
    if export.goes_on() {
        let until = export.selection().to;
        writeln!(io::stderr(), "going on with an export that was cut off; samples up to {until}")?;
    }
    let stop = interrupted()?;
    let mut bar = Bar::new();
    let done = export.run(&frozen.history(), StatusName::plain, |progress| {
        let part = progress.samples as f64 / progress.expected.max(1) as f64;
        bar.tell(part, progress.samples, &format!("{} of {} {}", progress.tags + 1, progress.all_tags, progress.tag));
        !stop.load(Ordering::Relaxed)
    });
    bar.clear();
    match done.map_err(|error| failed(&error))? {
        Done::Stopped { samples } => {
            let hint = "the same command again goes on from there";
            Err(Failure::new(Exit::Failed, format!("stopped after {} samples", short(samples as f64)), hint))
        }
        Done::Whole(exported) => {
            let seconds = bar.seconds();
            let mut out = io::stdout().lock();
            if args.config.json {
                let line = json!({
                    "file": args.out,
                    "samples": exported.samples,
                    "samples_left_out": exported.left_out,
                    "samples_resumed": exported.resumed,
                    "tags": exported.tags,
                    "bytes": exported.bytes,
                    "seconds": seconds,
                    "damage": exported.damage,
                });
                return Ok(writeln!(out, "{line}")?);
            }
            for damage in &exported.damage {
                writeln!(io::stderr(), "damage: {}", shown(damage))?;
            }
            writeln!(
                out,
                "{}: {} of {}, {} bytes, {seconds:.1} s",
                args.out.display(),
                counted(usize::try_from(exported.samples).unwrap_or(usize::MAX), "sample"),
                counted(exported.tags, "tag"),
                exported.bytes,
            )?;
            if exported.left_out > 0 {
                writeln!(
                    out,
                    "{} left out, whose time lies before 1677 or after 2262: Parquet cannot hold it, CSV can",
                    counted(usize::try_from(exported.left_out).unwrap_or(usize::MAX), "sample")
                )?;
            }
            Ok(())
        }
    }
}

/// Becomes true when the user or the system asks the command to end.
fn interrupted() -> Result<Arc<AtomicBool>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut end)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = end.recv() => {}
            }
            told.store(true, Ordering::Relaxed);
        });
    })?;
    Ok(stop)
}
