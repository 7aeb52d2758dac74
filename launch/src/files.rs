//! Reading what a run needs from disk: site, robot, map.

use nightshift_core::describe::{Manipulator, Problem, Problems, Reader, Robot, Site, Zone};
use nightshift_core::grid::OccupancyGrid;
use nightshift_motion::Arm;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that a run is about.
#[derive(Clone)]
pub struct Lab {
    /// The site.
    pub site: Site,
    /// The robot.
    pub robot: Robot,
    /// The site's saved map.
    pub grid: OccupancyGrid,
}

/// The folder that holds `maps/` and `robot/description/`: the working folder, or the one the binary was built
/// from.
pub fn home() -> PathBuf {
    let here = PathBuf::from(".");
    if here.join("maps").is_dir() && here.join("robot/description").is_dir() {
        return here;
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("launch/ lies in the workspace").to_owned()
}

/// The folder of a site: a path as it is, or a name below `maps/`.
pub fn site_folder(site: &str) -> PathBuf {
    named_folder(site, "maps")
}

/// The folder of a robot: a path as it is, or a name below `robot/description/`.
pub fn robot_folder(robot: &str) -> PathBuf {
    named_folder(robot, "robot/description")
}

fn named_folder(name: &str, below: &str) -> PathBuf {
    if name.contains('/') { PathBuf::from(name) } else { home().join(below).join(name) }
}

/// A reader of text files in a folder.
pub fn reader(folder: &Path) -> impl Fn(&str) -> Result<String, String> {
    let folder = folder.to_owned();
    move |file| {
        let path = folder.join(file);
        fs::read_to_string(&path).map_err(|e| format!("cannot be read: {e}"))
    }
}

/// Loads site, robot and map, and reports everything that is wrong with any of them.
pub fn load_lab(site: &str, robot: &str) -> Result<Lab, Problems> {
    let (site_path, robot_path) = (site_folder(site), robot_folder(robot));
    let mut problems = Vec::new();
    let mut keep = |folder: &Path, found: Vec<Problem>| {
        problems.extend(found.into_iter().map(|problem| Problem {
            file: folder.join(&problem.file).to_string_lossy().into_owned(),
            ..problem
        }));
    };
    let site = load_in(&site_path, Site::load).map_err(|found| keep(&site_path, found.0)).ok();
    let robot = load_in(&robot_path, Robot::load).map_err(|found| keep(&robot_path, found.0)).ok();
    let grid = site.as_ref().and_then(|site| {
        load_map(&site_path.join(&site.map_file))
            .map_err(|reason| {
                let (file, key) = (site.map_file.clone(), String::new());
                keep(&site_path, vec![Problem { file, key, reason }]);
            })
            .ok()
    });
    if let (Some(site), Some(robot)) = (&site, &robot) {
        keep(&robot_path, site.check_robot(robot));
    }
    match (site, robot, grid) {
        (Some(site), Some(robot), Some(grid)) if problems.is_empty() => {
            let robot = site.equipped(&robot);
            Ok(Lab { site, robot, grid })
        }
        _ => Err(Problems(problems)),
    }
}

/// Loads one description out of its folder.
pub fn load_in<T>(folder: &Path, load: impl Fn(&Reader<'_>) -> Result<T, Problems>) -> Result<T, Problems> {
    if !folder.is_dir() {
        let file = String::new();
        let reason = format!("there is no folder {}", folder.display());
        return Err(Problems(vec![Problem { file, key: String::new(), reason }]));
    }
    load(&reader(folder))
}

/// Loads the arm of a robot, or an arm alone where the folder holds `arm.toml`.
pub fn load_arm(robot: &str) -> Result<Arm, String> {
    let folder = robot_folder(robot);
    let arm = if folder.join("arm.toml").is_file() {
        Arm::alone(load_manipulator(&folder)?)
    } else {
        Arm::new(&load_in(&folder, Robot::load).map_err(|e| e.to_string())?)
    };
    arm.map_err(|e| e.to_string())
}

/// Loads an arm's description out of the folder of an arm alone.
pub fn load_manipulator(folder: &Path) -> Result<Manipulator, String> {
    load_in(folder, Manipulator::load).map_err(|e| e.to_string())
}

/// Loads a file of zones alone.
pub fn load_zones(path: &Path) -> Result<Vec<Zone>, String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Zone::load(&reader(folder), &file).map_err(|e| e.to_string())
}

/// Loads a map_server map by its YAML file.
pub fn load_map(yaml: &Path) -> Result<OccupancyGrid, String> {
    let text = fs::read_to_string(yaml).map_err(|e| format!("cannot be read: {e}"))?;
    let image = nightshift_navigation::map::image_name(&text).map_err(|e| e.to_string())?;
    let path = yaml.parent().unwrap_or(Path::new(".")).join(&image);
    let bytes = fs::read(&path).map_err(|e| format!("its image {image} cannot be read: {e}"))?;
    nightshift_navigation::map::load(&text, &bytes).map_err(|e| e.to_string())
}
