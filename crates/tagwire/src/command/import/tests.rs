//! Whole imports: files as the other products write them, and what is made of them.

use std::path::{Path, PathBuf};

use tagwire_gateway::config::parse_duration;

use super::*;
use crate::args::ImportFileArgs;

fn args(driver: Option<&str>) -> ImportFileArgs {
    ImportFileArgs {
        file: PathBuf::from("list"),
        out: PathBuf::from("imported"),
        driver: driver.map(str::to_owned),
        address: Some("10.0.0.5:502".to_owned()).filter(|_| driver != Some("sim")),
        link: "line1".to_owned(),
        device: "press".to_owned(),
        settings: vec!["unit=3".to_owned()].into_iter().filter(|_| driver != Some("sim")).collect(),
        scan_rates: false,
        overwrite: false,
        json: false,
    }
}

fn kepware(text: &str, driver: Option<&str>) -> Imported {
    import(&ImportCommand::Kepware(args(driver)), &args(driver), text.as_bytes()).expect("an import")
}

fn neuron(bytes: &[u8]) -> Imported {
    let args = args(Some("modbus-tcp"));
    import(&ImportCommand::Neuron(args), &self::args(Some("modbus-tcp")), bytes).expect("an import")
}

fn golden(imported: &Imported) -> String {
    let files: String = imported.files.iter().map(|file| format!("=== {}\n{}", file.name, file.text)).collect();
    let problems: String = imported.problems.list().iter().map(|problem| format!("{problem}\n")).collect();
    format!("{files}=== report\n{}{problems}", imported.report.text(true))
}

/// Compares an import with the file of what is expected; `UPDATE_EXPECT=1` writes that file.
fn check(imported: &Imported, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/import/testcases").join(name);
    let made = golden(imported);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, made).expect("written");
        return;
    }
    assert_eq!(made, fs::read_to_string(path).expect("a file"), "made:\n{made}");
}

#[test]
fn a_kepware_tag_list_keeps_types_scalings_and_groups() {
    check(&kepware(include_str!("testcases/kepware.csv"), Some("modbus-tcp")), "kepware.csv.golden");
}

#[test]
fn a_kepware_project_becomes_links_devices_and_lists() {
    check(&kepware(include_str!("testcases/kepware.json"), None), "kepware.json.golden");
}

#[test]
fn a_neuron_list_becomes_a_device_for_each_station() {
    check(&neuron(include_bytes!("testcases/neuron.csv")), "neuron.csv.golden");
}

#[test]
fn a_workbook_says_the_same_as_a_list() {
    let text = include_str!("testcases/neuron.csv");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let (list, book) = (neuron(text.as_bytes()), neuron(&sheet::tests::workbook(&rows)));
    let texts = |imported: &Imported| imported.files.iter().map(|file| file.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&list), texts(&book));
    assert_eq!(list.report.left_out, book.report.left_out);
}

#[test]
fn ten_thousand_tags_are_taken_over_within_a_second() {
    let mut text = "Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value\n".to_owned();
    for number in 1..=10_000 {
        text += &format!(
            "Group{}.Tag{number},4{:05},Word,1,R/W,100,,,,,,,,,,\"tag, number {number}\",\n",
            number % 100,
            number
        );
    }
    let started = std::time::Instant::now();
    let imported = kepware(&text, Some("modbus-tcp"));
    let took = started.elapsed();
    assert_eq!(imported.plan.links[0].devices[0].tags.len(), 10_000);
    assert!(imported.report.left_out.is_empty() && imported.problems.is_empty());
    assert!(Some(took) < parse_duration("1s"), "{took:?}");
}

#[test]
fn a_list_without_a_driver_is_a_mistake_on_the_command_line() {
    let args = args(None);
    let failed = import(&ImportCommand::Kepware(args), &self::args(None), b"Tag Name,Address\na,40001\n");
    assert_eq!(failed.expect_err("refused").exit, Exit::Usage);
}

#[test]
fn files_that_are_there_are_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut args = args(Some("modbus-tcp"));
    args.out = folder.path().to_owned();
    let imported = kepware("Tag Name,Address\na,40001\n", Some("modbus-tcp"));
    assert_eq!(save(&args, &imported).expect("written").len(), 3);
    assert!(save(&args, &imported).expect_err("refused").message.contains("there already"));
    args.overwrite = true;
    assert!(save(&args, &imported).is_ok());
}

#[test]
fn no_spoilt_project_makes_a_panic() {
    let text = include_str!("testcases/kepware.json");
    for idx in (0..text.len()).step_by(7).filter(|idx| text.is_char_boundary(*idx)) {
        let (before, after) = text.split_at(idx);
        let args = args(None);
        let command = ImportCommand::Kepware(self::args(None));
        let _ = import(&command, &args, before.as_bytes());
        let rest = after.chars().skip(1).collect::<String>();
        let _ = import(&command, &args, format!("{before}9{rest}").as_bytes());
    }
}
