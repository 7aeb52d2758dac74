//! `nightshift calibrate`: where the wrist camera sits on the flange, and where a tool's tip is.

mod picture;
mod report;
mod simulated;
mod touches;
mod views;

use crate::cli::LabArgs;
use crate::files::{self, Lab};
use crate::talk::{talk, tell};
use clap::Args;
use nightshift_core::StationId;
use nightshift_core::describe::Station;
use nightshift_core::frames::{Base, Flange, Nest, Pose};
use nightshift_motion::Arm;
use nightshift_perception::calibrate::hand_eye;
use nightshift_perception::fiducial::PlacedTag;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift calibrate`.
#[derive(Args)]
#[command(
    after_help = "Without --from the simulated robot looks at the first rack of a station from around it; its camera was bolted on a \
little aside of what robot.toml says, by the seed. With --from the pictures of a real robot are read, from a folder's views.json or another such file: a \
JSON array with one object a picture:\n\n  [{\"joints\": [0.0, -0.52, 0.0, -1.18, 0.0, 0.39, 0.0], \"picture\": \"000.png\"},\n   \
{\"flange\": {\"xyz\": [0.41, 0.02, 0.93], \"xyzw\": [1.0, 0.0, 0.0, 0.0]}, \"picture\": \"001.png\"}]\n\n`joints` are radians in robot.toml's order; \
`flange` in their stead is its pose in the base's frame (metres, quaternion); `picture` is a file beside views.json, as large as camera.intrinsics \
say; `sights` in its stead are the `tags` of `nightshift see --json`. Fifteen pictures or more, from around the rack, the hand turned about two axes.\n\nWritten \
to --out: calibration.json, calibration.toml (what belongs into robot.toml), residuals.png, and where they were simulated views.json with \
pictures/. Exit code 0: calibrated; 1: refused, with the reason; 2: it could not be tried.\n\nExamples:\n  nightshift calibrate --out \
out/calibration\n  nightshift calibrate --from my-pictures/ --robot omni7 --station storage --out out/calibration\n  \
nightshift calibrate --touches touches.json --out out/tip"
)]
pub struct CalibrateArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// The station whose first rack is looked at; else the first that has a rack and no doors.
    #[arg(long)]
    pub station: Option<String>,
    /// Pictures from so many places.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=200))]
    pub count: u64,
    /// Seed of how the simulated camera is bolted on, and of noise.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Read pictures, and where the hand was, from here: a folder with views.json, or such a file.
    #[arg(long, value_name = "PATH", conflicts_with = "touches")]
    pub from: Option<PathBuf>,
    /// Find a tool's tip: a JSON array of joints (radians), each with the tip at one and the same point.
    #[arg(long, value_name = "JSON")]
    pub touches: Option<PathBuf>,
    /// A folder for what is found.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print calibration.json on stdout too.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &CalibrateArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let arm = Arm::new(&lab.robot).map_err(|e| e.to_string())?;
    std::fs::create_dir_all(&args.out).map_err(|e| format!("{} cannot be made: {e}", args.out.display()))?;
    if let Some(path) = &args.touches {
        return touches::find(args, &arm, path);
    }
    let station = station(&lab, args.station.as_deref())?;
    let board = board(&lab, station)?;
    let lens = &lab.robot.camera.intrinsics;
    let (held, truth) = match &args.from {
        Some(path) => (views::load(path, &arm, lens)?, None),
        None => {
            let (held, truth) = simulated::views(&lab, station, args.count as usize, args.seed, &args.out)?;
            (held, Some(truth))
        }
    };
    let found = match hand_eye(&held, &board, lens) {
        Ok(found) => found,
        Err(error) => {
            talk!("no calibration: {error}; robot.toml stays as it is");
            return Ok(ExitCode::FAILURE);
        }
    };
    let report = report::report(&args.lab.robot, &lab, &found, truth.as_ref());
    picture::draw(&found, report.rms_px)?
        .save_png(args.out.join("residuals.png"))
        .map_err(|e| format!("residuals.png cannot be written: {e}"))?;
    let toml = report.toml();
    write(&args.out.join("calibration.toml"), &toml)?;
    let json = serde_json::to_string(&report).expect("plain data");
    write(&args.out.join("calibration.json"), &json)?;
    if args.json {
        tell!("{json}");
    } else {
        report::print(&report, &toml);
    }
    Ok(ExitCode::SUCCESS)
}

fn station<'a>(lab: &'a Lab, wanted: Option<&str>) -> Result<&'a Station, String> {
    let known = || lab.site.stations.keys().map(StationId::as_str).collect::<Vec<_>>().join(", ");
    match wanted {
        Some(id) => lab
            .site
            .stations
            .get(&StationId::from(id))
            .filter(|station| !station.nests.is_empty())
            .ok_or_else(|| format!("--station {id}: no station with a rack is called so, of {}", known())),
        None => lab
            .site
            .stations
            .values()
            .find(|station| station.machine.is_none() && !station.nests.is_empty())
            .ok_or_else(|| format!("none of the stations {} has a rack and no doors: name one", known())),
    }
}

fn board(lab: &Lab, station: &Station) -> Result<Vec<PlacedTag<Nest>>, String> {
    let nest = station.nests.values().next().ok_or("the station has no rack")?;
    let rack = lab.site.catalogue.racks.get(&nest.rack).ok_or("the catalogue lacks the rack")?;
    let tags = nest.tags.iter().zip(&rack.tags);
    Ok(tags.map(|(id, tag)| PlacedTag { id: *id, size_m: tag.size_m, pose: tag.pose }).collect())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

fn flange(arm: &Arm, joints: &[f64]) -> Result<Pose<Base, Flange>, String> {
    if joints.len() != arm.joint_count() || joints.iter().any(|q| !q.is_finite()) {
        let count = arm.joint_count();
        return Err(format!("it has {} joints; the arm has {count}, and all must be finite", joints.len()));
    }
    Ok(arm.base_from_flange(joints))
}
