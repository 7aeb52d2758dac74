//! The `nightshift` binary from outside, as a person or a script calls it: scenarios, determinism, replay, checks.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("launch/ lies in the workspace").to_owned()
}

fn nightshift(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightshift"));
    command.args(args).current_dir(root()).output().expect("the binary runs")
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e} in {text:?}\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn scenario(name: &str, seed: &str) -> Value {
    let output = nightshift(&["scenario", name, "--seed", seed, "--json"]);
    let verdict = json(&output);
    assert_eq!(verdict["outcome"], "success", "{verdict:#}");
    assert_eq!(verdict["violations"], Value::Array(Vec::new()));
    assert!(output.status.success());
    verdict
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn a_transfer_is_the_same_in_two_processes_and_another_with_another_seed() {
    let first = scenario("transfer", "1");
    assert_eq!(first["transfers"], 1);
    assert_eq!(first["journal_hash"], scenario("transfer", "1")["journal_hash"]);
    assert_ne!(first["journal_hash"], scenario("transfer", "2")["journal_hash"]);
}

#[test]
fn a_recorded_run_replays_and_a_tampered_one_is_found_out() {
    let folder = scratch("replayed");
    let path = folder.to_str().expect("UTF-8");
    let run = nightshift(&["scenario", "transfer", "--seed", "3", "--json", "--record", path]);
    assert_eq!(json(&run)["outcome"], "success");
    let replay = nightshift(&["replay", path]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
    let journal = folder.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let lines: Vec<&str> = text.lines().collect();
    let driven = lines.iter().position(|line| line.starts_with("{\"Out\"") && line.contains("\"Drive\""));
    let mut fewer = lines.clone();
    fewer.remove(driven.expect("the robot drove"));
    std::fs::write(&journal, fewer.join("\n") + "\n").expect("writable");
    let replay = nightshift(&["replay", path]);
    assert_eq!(replay.status.code(), Some(1), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn the_way_is_blocked() {
    scenario("blocked-path", "1");
}

#[test]
fn the_grasp_slips() {
    scenario("slip", "1");
}

#[test]
fn the_robot_is_kidnapped() {
    scenario("kidnap", "1");
}

#[test]
fn a_scanner_falls_silent_or_tells_nonsense_during_the_drive() {
    for name in ["scanner-silent", "scanner-nan"] {
        scenario(name, "1");
    }
}

#[test]
fn the_job_is_cancelled_in_every_phase() {
    scenario("cancel-at-every-phase", "1");
}

#[test]
fn the_bundled_site_and_robot_are_sound() {
    for path in ["maps/photocatalysis", "robot/description/omni7"] {
        let output = nightshift(&["check", path, "--json"]);
        assert!(output.status.success());
        assert_eq!(json(&output)["ok"], true);
    }
}

#[test]
fn every_error_of_a_site_is_told_with_file_and_key() {
    let folder = scratch("bad-site");
    let copy = Command::new("cp").arg("-r").arg(root().join("maps/photocatalysis")).arg(&folder).status();
    assert!(copy.expect("cp runs").success());
    let stock = folder.join("stock.toml");
    let text = std::fs::read_to_string(&stock).expect("a stock file");
    std::fs::write(&stock, text.replacen("storage/rack/A2", "storage/rack/A1", 1)).expect("writable");
    std::fs::remove_file(folder.join("map.pgm")).expect("there was one");
    let site = folder.join("site.toml");
    let text = std::fs::read_to_string(&site).expect("a site file");
    std::fs::write(&site, text.replacen("\"gc\"", "\"moon\"", 1)).expect("writable");
    let output = nightshift(&["check", folder.to_str().expect("UTF-8"), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let problems: Vec<String> = report["problems"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| format!("{} {} {}", p["file"], p["key"], p["reason"]))
        .collect();
    let told = |words: &str| problems.iter().any(|problem| problem.contains(words));
    assert!(told("stations/moon.toml"), "{problems:#?}");
    assert!(told("stands at storage/rack/A1 already"), "{problems:#?}");
}

#[test]
fn a_map_without_its_image_is_told() {
    let folder = scratch("no-image");
    let copy = Command::new("cp").arg("-r").arg(root().join("maps/photocatalysis")).arg(&folder).status();
    assert!(copy.expect("cp runs").success());
    std::fs::remove_file(folder.join("map.pgm")).expect("there was one");
    let output = nightshift(&["check", folder.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(words.contains("map.yaml: its image map.pgm cannot be read"), "{words}");
}

#[test]
fn an_unknown_scenario_names_those_there_are() {
    let output = nightshift(&["scenario", "no-such-thing"]);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("bundled are:") && words.contains("transfer"), "{words}");
}
