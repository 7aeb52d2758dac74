//! `nightshift check`: validates a site's or a robot's folder.

use crate::files;
use nightshift_core::describe::{Manipulator, Problem, Problems, Robot, Site};
use nightshift_core::grid::OccupancyGrid;
use nightshift_navigation::planning::{Costmap, Footprint, Motion, routes};
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
        let (stations, samples, loose) = (site.stations.len(), site.stock.len(), site.loose.len());
        format!(
            "{}: {stations} stations, {slots} slots, {samples} samples, {loose} pieces of loose ware",
            site.name
        )
    });
    if let Ok(site) = files::load_in(folder, Site::load) {
        let file = site.map_file.clone();
        let map = files::load_map(&folder.join(&file));
        if let Err(reason) = &map {
            report.problems.push(Problem { file, key: String::new(), reason: reason.clone() });
        }
        match files::load_in(&files::robot_folder(robot), Robot::load) {
            Ok(robot) => {
                report.problems.extend(site.check_robot(&robot));
                if let Ok(grid) = map {
                    report.problems.extend(unreachable(&site, &robot, grid));
                }
            }
            Err(found) => report.problems.extend(found.0),
        }
    }
    report.ok = report.problems.is_empty();
    report
}

/// Stations to which no way leads from the start or from another one.
fn unreachable(site: &Site, robot: &Robot, grid: OccupancyGrid) -> Vec<Problem> {
    let motion = Motion { speed: robot.base.max_speed, omnidirectional: robot.base.omnidirectional };
    let costmap = Costmap::with_zones(grid, Footprint::new(&robot.base.footprint_m), &site.zones);
    let routes = routes(site, &costmap, &motion);
    let problems = routes.into_iter().filter_map(|route| {
        let obstruction = route.way.err()?;
        let from = route.from.as_ref().map_or("the start", |id| id.as_str());
        Some(Problem {
            file: format!("stations/{}.toml", route.to),
            key: "dock.staging".to_owned(),
            reason: format!("from {from}: {}", obstruction.words),
        })
    });
    problems.collect()
}

fn report<T>(kind: &'static str, loaded: Result<T, Problems>, summary: impl Fn(&T) -> String) -> Report {
    match loaded {
        Ok(thing) => Report { kind, ok: true, summary: summary(&thing), problems: Vec::new() },
        Err(found) => Report { kind, ok: false, summary: String::new(), problems: found.0 },
    }
}
