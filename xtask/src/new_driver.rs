//! `cargo xtask new-driver NAME`: the shape of `tagwire-sim` under a new name.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, root, run as run_command};

const MODEL: &str = "tagwire-sim";

/// Copies the model driver, gives the copy its name and checks that it compiles.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let [name] = args else { bail!("usage: cargo xtask new-driver NAME") };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        bail!("a driver's name has small letters, digits and hyphens, as in \"enip\"");
    }
    let crates = root().join("crates");
    let folder = crates.join(format!("tagwire-{name}"));
    if folder.exists() {
        bail!("{} exists already", folder.display());
    }
    copy(&crates.join(MODEL), &folder, name)?;
    register(name)?;
    run_command(&mut cargo(&["check", "--quiet", "--package", &format!("tagwire-{name}"), "--all-targets"]))?;
    println!(
        "made crates/tagwire-{name}; next: its codec, a line in crates/tagwire-gateway/src/drivers.rs, rows in \
         ARCHITECTURE.md and xtask/tests/tidy.rs, docs/drivers/{name}.md"
    );
    Ok(())
}

fn copy(from: &Path, to: &Path, name: &str) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, name)?;
        } else {
            std::fs::write(&target, renamed(&std::fs::read_to_string(entry.path())?, name))?;
        }
    }
    Ok(())
}

/// The text with the model's name replaced: the crate, its path in code, and the name in the configuration.
fn renamed(text: &str, name: &str) -> String {
    let in_code = name.replace('-', "_");
    let text =
        text.replace("tagwire-sim", &format!("tagwire-{name}")).replace("tagwire_sim", &format!("tagwire_{in_code}"));
    let lines = text.lines().map(|line| match line.strip_prefix("description = ") {
        Some(_) => format!("description = \"{name}: what it speaks, in one line.\""),
        None => line.replace("&[\"sim\"]", &format!("&[\"{name}\"]")),
    });
    let mut renamed = lines.collect::<Vec<_>>().join("\n");
    renamed.push('\n');
    renamed
}

/// Adds the crate to the workspace's dependencies, in alphabetical order.
fn register(name: &str) -> Result<()> {
    let file = root().join("Cargo.toml");
    let manifest = std::fs::read_to_string(&file)?;
    let row = format!("tagwire-{name} = {{ path = \"crates/tagwire-{name}\" }}");
    let mut lines: Vec<&str> = manifest.lines().collect();
    let is_row = |line: &&str| line.starts_with("tagwire-") && line.contains("path = ");
    let after = lines.iter().position(|line| is_row(line) && *line > row.as_str());
    let last = lines.iter().rposition(is_row).context("no crates in the workspace's dependencies")?;
    lines.insert(after.unwrap_or(last + 1), &row);
    std::fs::write(&file, format!("{}\n", lines.join("\n")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_gets_its_new_name_everywhere() {
        let model =
            "name = \"tagwire-sim\"\ndescription = \"Signals.\"\nuse tagwire_sim::kind;\nfn names() { &[\"sim\"] }\n";
        let made = "name = \"tagwire-my-bus\"\ndescription = \"my-bus: what it speaks, in one line.\"\n\
                    use tagwire_my_bus::kind;\nfn names() { &[\"my-bus\"] }\n";
        assert_eq!(renamed(model, "my-bus"), made);
    }
}
