//! The invariants of ARCHITECTURE.md that can be read off the tree.

use nightshift_tests::{root, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Which of our crates each may use. An edge that is not here is an upward or sideways one.
const EDGES: &[(&str, &[&str])] = &[
    ("nightshift-core", &[]),
    ("nightshift-motion", &["nightshift-core"]),
    ("nightshift-ros", &["nightshift-core"]),
    ("nightshift-navigation", &["nightshift-core"]),
    ("nightshift-perception", &["nightshift-core"]),
    ("nightshift-models", &["nightshift-core", "nightshift-perception"]),
    ("nightshift-vision", &["nightshift-core", "nightshift-perception"]),
    ("nightshift-sim", &["nightshift-core", "nightshift-optics"]),
    ("nightshift-optics", &["nightshift-core"]),
    ("nightshift-flat", &["nightshift-core"]),
    (
        "nightshift-skills",
        &["nightshift-core", "nightshift-motion", "nightshift-navigation", "nightshift-perception"],
    ),
    (
        "nightshift",
        &[
            "nightshift-core",
            "nightshift-motion",
            "nightshift-ros",
            "nightshift-navigation",
            "nightshift-perception",
            "nightshift-models",
            "nightshift-vision",
            "nightshift-skills",
            "nightshift-sim",
            "nightshift-flat",
            "nightshift-optics",
        ],
    ),
    ("nightshift-watch", &["nightshift-core", "nightshift-navigation"]),
];

/// Which crates alone may use a library.
const SOLE_USERS: &[(&str, &[&str])] = &[
    ("r2r", &["nightshift-ros"]),
    ("opencv", &["nightshift-vision"]),
    ("ort", &["nightshift-models"]),
    ("rxing", &["nightshift-vision"]),
    ("parry3d", &["nightshift-motion", "nightshift-sim"]),
    ("mujoco-rs", &["nightshift-sim"]),
    ("rusqlite", &["nightshift-skills"]),
    ("rerun", &["nightshift-watch"]),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
    let packages = metadata["packages"].as_array().expect("a list");
    packages
        .iter()
        .map(|package| {
            let wanted = package["dependencies"].as_array().expect("a list");
            (name(package), wanted.iter().map(name).collect())
        })
        .collect()
}

#[test]
fn arrows_point_downward_only() {
    let dependencies = dependencies();
    for (package, wanted) in &dependencies {
        if package == "nightshift-tests" {
            continue;
        }
        let allowed = EDGES.iter().find(|(name, _)| name == package);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{package} has no floor: add it to EDGES"));
        for other in wanted.iter().filter(|name| name.starts_with("nightshift")) {
            assert!(allowed.contains(&other.as_str()), "{package} must not know {other}");
        }
    }
}

#[test]
fn each_outside_library_has_its_room() {
    for (package, wanted) in dependencies() {
        for (library, users) in SOLE_USERS {
            assert!(
                !wanted.contains(*library) || users.contains(&package.as_str()),
                "{package} must not use {library}: that is for {users:?}"
            );
        }
    }
}

#[test]
fn nobody_but_the_simulator_and_the_judges_knows_the_truth() {
    const ALLOWED: &[&str] =
        &["sim/", "tests/", "robot/ros/tests/", "robot/ros/src/names.rs", "robot/ros/src/lib.rs"];
    for (path, text) in sources(&[".rs", ".py"]) {
        let allowed = ALLOWED.iter().any(|start| path.starts_with(start));
        assert!(allowed || !text.contains("nightshift_sim/truth"), "{path} knows the truth's topic");
        let robot_side = path.starts_with("robot/ros/src/robot_side") || path.starts_with("tests/");
        // Names the topics of a recording, the simulator's among them.
        let robot_side = robot_side || path == "launch/src/mcap_file.rs";
        assert!(robot_side || !text.contains("names::TRUTH"), "{path} uses the truth's topic");
        let stack = ["navigation/", "perception/", "skills/", "robot/"].iter().any(|s| path.starts_with(s));
        assert!(!stack || !text.contains("nightshift_sim::"), "{path} looks into the simulator");
    }
}

#[test]
fn frame_names_stand_in_one_table() {
    for (path, text) in sources(&[".rs"]) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if path.starts_with("robot/ros/src/frames") || path.starts_with("tests/") {
            continue;
        }
        for frame in ["\"odom\"", "\"camera_color_optical_frame\""] {
            let used = code.lines().any(|line| line.contains(frame) && !line.trim_start().starts_with("//"));
            assert!(!used, "{path} spells the frame {frame}: use the table in robot/ros");
        }
    }
}

#[test]
fn no_component_is_async_and_nothing_is_left_for_later() {
    for (path, text) in sources(&[".rs"]) {
        if path.starts_with("tests/") {
            continue;
        }
        let edge = path.starts_with("robot/ros/") || path.starts_with("launch/");
        assert!(edge || !text.contains("async fn"), "{path} is async");
        for mark in ["todo!(", "unimplemented!(", "FIXME", "TODO"] {
            assert!(!text.contains(mark), "{path} has a {mark}");
        }
    }
}
