//! `nightshift check`: validates a site's or a robot's folder.

use crate::files;
use nightshift_core::describe::{Manipulator, Problem, Problems, Robot, Site};
use serde::Serialize;
use std::path::Path;

/// What `check` found.
#[derive(Serialize)]
pub struct Report {
    /// `site`, `robot` or `arm`.
    pub kind: &'static str,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// What there is, in words: stations, slots, joints.
    pub summary: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Checks a folder: a site where it has `site.toml`, a robot where it has `robot.toml`, an arm alone where
/// it has `arm.toml`. A site is held against the
/// robot that is to work there.
pub fn check(folder: &Path, robot: &str) -> Result<Report, String> {
    if folder.join("site.toml").is_file() {
        Ok(check_site(folder, robot))
    } else if folder.join("robot.toml").is_file() {
        let loaded = files::load_in(folder, Robot::load);
        Ok(report("robot", loaded, |robot| {
            let (joints, scanners) = (robot.arm.joints.len(), robot.scanners.len());
            format!("{}: {joints} arm joints, {scanners} scanners", robot.name)
        }))
    } else if folder.join("arm.toml").is_file() {
        let loaded = files::load_in(folder, Manipulator::load);
        Ok(report("arm", loaded, |arm| format!("{}: {} joints", arm.name, arm.arm.joints.len())))
    } else {
        Err(format!(
            "{} has neither site.toml nor robot.toml nor arm.toml: give the folder of a site (maps/<site>) or of a robot (robot/description/<robot>)",
            folder.display()
        ))
    }
}

fn check_site(folder: &Path, robot: &str) -> Report {
    let mut report = report("site", files::load_in(folder, Site::load), |site| {
        let slots: usize = site
            .stations
            .values()
            .flat_map(|station| station.nests.values())
            .filter_map(|nest| site.catalogue.racks.get(&nest.rack))
            .map(|rack| rack.slots().len())
            .sum();
        let (stations, samples) = (site.stations.len(), site.stock.len());
        format!("{}: {stations} stations, {slots} slots, {samples} samples", site.name)
    });
    if let Ok(site) = files::load_in(folder, Site::load) {
        let file = site.map_file.clone();
        if let Err(reason) = files::load_map(&folder.join(&file)) {
            report.problems.push(Problem { file, key: String::new(), reason });
        }
        match files::load_in(&files::robot_folder(robot), Robot::load) {
            Ok(robot) => report.problems.extend(site.check_robot(&robot)),
            Err(found) => report.problems.extend(found.0),
        }
    }
    report.ok = report.problems.is_empty();
    report
}

fn report<T>(kind: &'static str, loaded: Result<T, Problems>, summary: impl Fn(&T) -> String) -> Report {
    match loaded {
        Ok(thing) => Report { kind, ok: true, summary: summary(&thing), problems: Vec::new() },
        Err(found) => Report { kind, ok: false, summary: String::new(), problems: found.0 },
    }
}
