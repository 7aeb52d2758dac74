//! What a run was about: site, robot and map, as its folder names them.

use nightshift_core::describe::{Problems, Robot, Site};
use nightshift_core::grid::OccupancyGrid;
use nightshift_navigation::map::{self, MapError};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that stands still.
#[derive(Debug)]
pub struct Lab {
    /// Furniture and stations; none where the run was on a map alone.
    pub site: Option<Site>,
    /// The robot's shape; none where the run was of a scanner and dead reckoning alone.
    pub robot: Option<Robot>,
    /// The floor.
    pub grid: OccupancyGrid,
}

/// Why it cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Nothing says which site or robot.
    #[error("{} does not say which {what} the run was about: {reason}; give --{what}", .path.display())]
    NotSaid { what: &'static str, path: PathBuf, reason: String },
    /// A description is wrong.
    #[error("{}:\n{problems}", .folder.display())]
    Description { folder: PathBuf, problems: Problems },
    /// A file of the map cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    MapFile { path: PathBuf, source: std::io::Error },
    /// The map is none.
    #[error("{}: {source}", .path.display())]
    Map { path: PathBuf, source: MapError },
}

#[derive(Deserialize)]
struct RunInfo {
    site: Option<String>,
    robot: Option<String>,
    /// Where the run was on a map alone: its YAML file.
    map: Option<PathBuf>,
}

/// Loads what `run.json` in the run's folder names, or what is given in its place.
pub fn load(record: &Path, site: Option<&str>, robot: Option<&str>) -> Result<Lab, LabError> {
    let path = record.join("run.json");
    let info = fs::read_to_string(&path)
        .map_err(|e| e.to_string())
        .and_then(|text| serde_json::from_str::<RunInfo>(&text).map_err(|e| e.to_string()));
    if let (None, Ok(RunInfo { map: Some(map), .. })) = (site, &info) {
        let robot = robot.map(|robot| load_robot(&folder(robot, "robot/description"))).transpose()?;
        return Ok(Lab { site: None, robot, grid: load_map(map)? });
    }
    let named = |what, given: Option<&str>, told: fn(&RunInfo) -> &Option<String>| {
        match (given, &info) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, Ok(info)) => told(info).clone().ok_or_else(|| "it names none".to_owned()),
            (None, Err(reason)) => Err(reason.clone()),
        }
        .map_err(|reason| LabError::NotSaid { what, path: path.clone(), reason })
    };
    let site_folder = folder(&named("site", site, |info| &info.site)?, "maps");
    let robot = load_robot(&folder(&named("robot", robot, |info| &info.robot)?, "robot/description"))?;
    let site = Site::load(&reader(&site_folder))
        .map_err(|problems| LabError::Description { folder: site_folder.clone(), problems })?;
    let grid = load_map(&site_folder.join(&site.map_file))?;
    Ok(Lab { site: Some(site), robot: Some(robot), grid })
}

fn load_robot(folder: &Path) -> Result<Robot, LabError> {
    Robot::load(&reader(folder))
        .map_err(|problems| LabError::Description { folder: folder.to_owned(), problems })
}

fn load_map(yaml: &Path) -> Result<OccupancyGrid, LabError> {
    let text = fs::read_to_string(yaml).map_err(|source| LabError::MapFile { path: yaml.into(), source })?;
    let wrong = |source| LabError::Map { path: yaml.into(), source };
    let picture = yaml.with_file_name(map::image_name(&text).map_err(wrong)?);
    let bytes = fs::read(&picture).map_err(|source| LabError::MapFile { path: picture.clone(), source })?;
    map::load(&text, &bytes).map_err(wrong)
}

/// A path as it is; a name below the working folder's `below`, or below that of the sources the binary was built
/// from.
fn folder(name: &str, below: &str) -> PathBuf {
    if name.contains('/') {
        return name.into();
    }
    let here = Path::new(below).join(name);
    if here.is_dir() {
        here
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(below).join(name)
    }
}

fn reader(folder: &Path) -> impl Fn(&str) -> Result<String, String> + '_ {
    move |file| fs::read_to_string(folder.join(file)).map_err(|e| format!("cannot be read: {e}"))
}
