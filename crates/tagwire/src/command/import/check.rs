//! What an import made is read as the server would read it; tags that it would refuse are taken out and told.

use std::io;
use std::path::Path;

use tagwire_gateway::config::{Config, Files, Problems};
use tagwire_gateway::drivers::DRIVERS;

use super::plan::Plan;
use super::report::Report;
use super::write::{CONFIG, File, files};

/// Files that are not on the disk yet.
struct Made<'a>(&'a [File]);

impl Files for Made<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let name = path.to_string_lossy();
        let file = self.0.iter().find(|file| *file.name == *name).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.text.clone().into_bytes())
    }
}

/// Takes out of a plan what the server would refuse. Gives the files, and what is wrong besides tags.
pub(super) fn mend(plan: &mut Plan, report: &mut Report) -> (Vec<File>, Problems) {
    loop {
        let made = files(plan);
        let Err(problems) = Config::load_from(Path::new(CONFIG), &Made(&made), DRIVERS) else {
            return (made, Problems::default());
        };
        if !take_out(plan, &made, &problems, report) {
            return (made, problems);
        }
    }
}

/// Changes or removes the tags that the problems are about; whether there were any.
fn take_out(plan: &mut Plan, made: &[File], problems: &Problems, report: &mut Report) -> bool {
    let mut found = false;
    let lists = made.iter().skip(1);
    let devices = plan.links.iter_mut().flat_map(|link| link.devices.iter_mut().map(|device| (&link.name, device)));
    for (file, (link, device)) in lists.zip(devices) {
        let mut gone = vec![false; device.tags.len()];
        for problem in problems.list().iter().filter(|problem| *problem.file == *file.name && problem.line >= 2) {
            let Some(row) = device.tags.get_mut(problem.line as usize - 2) else { continue };
            if std::mem::replace(&mut gone[problem.line as usize - 2], true) {
                continue;
            }
            found = true;
            let what = format!("{link}.{}.{}", device.name, row.cell("name"));
            let is_about_writing = problem.problem.contains("be written") && row.cell("access") != "ro";
            if is_about_writing {
                gone[problem.line as usize - 2] = false;
                row.set("access", "ro");
                report.change(&what, &row.origin, format!("read only, because {}", problem.problem));
            } else {
                report.leave_out(&what, &row.origin, problem.problem.clone());
            }
        }
        let mut at = 0;
        device.tags.retain(|_| {
            at += 1;
            !gone[at - 1]
        });
    }
    found
}
