//! `nightshift calibrate`: where the wrist camera sits on the flange, and where a tool's tip is.

mod picture;
mod simulated;

use crate::cli::LabArgs;
use crate::files::{self, Lab};
use crate::talk::talk;
use clap::Args;
use nightshift_core::StationId;
use nightshift_core::describe::Station;
use nightshift_core::frames::{Flange, Nest, Pose};
use nightshift_motion::Arm;
use nightshift_perception::calibrate::{HandEye, HandView, hand_eye, tip};
use nightshift_perception::fiducial::{PlacedTag, TagSight};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift calibrate`.
#[derive(Args)]
#[command(
    after_help = "Without --views the simulated robot looks at the first rack of a station from around it; its camera was bolted on a \
little aside of what robot.toml says, by the seed. With --views the pictures of a real robot are read: a JSON array of objects with `joints` \
(radians, in robot.toml's order) and `sights` (as `nightshift see --json` has them in `tags`).\n\nWritten to --out: calibration.json, calibration.toml \
(what belongs into robot.toml), residuals.png, and views.json where they were simulated. Exit code 0: calibrated; 1: refused, with the \
reason; 2: it could not be tried.\n\nExamples:\n  nightshift calibrate --out out/calibration\n  \
nightshift calibrate --views views.json --station storage --out out/calibration\n  nightshift calibrate --touches touches.json --out out/tip"
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
    /// Read pictures from here.
    #[arg(long, value_name = "JSON", conflicts_with = "touches")]
    pub views: Option<PathBuf>,
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

/// One picture, as files have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct View {
    /// Where the arm stood, radians.
    pub joints: Vec<f64>,
    /// The fiducials in it.
    pub sights: Vec<TagSight>,
}

/// A pose as robot.toml has it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Mount {
    xyz: [f64; 3],
    rpy_deg: [f64; 3],
}

impl Mount {
    fn of<A, B>(pose: &Pose<A, B>) -> Self {
        let (roll, pitch, yaw) = pose.iso.rotation.euler_angles();
        let tidy = |value: f64, unit: f64| (value / unit).round() * unit + 0.0;
        Self {
            xyz: <[f64; 3]>::from(pose.translation()).map(|v| tidy(v, 1e-6)),
            rpy_deg: [roll, pitch, yaw].map(|angle| tidy(angle.to_degrees(), 1e-4)),
        }
    }

    fn toml(&self) -> String {
        let list = |values: [f64; 3], digits: usize| values.map(|v| format!("{v:.digits$}")).join(", ");
        format!("pose = {{ xyz = [{}], rpy_deg = [{}] }}", list(self.xyz, 6), list(self.rpy_deg, 4))
    }
}

/// What calibration.json has.
#[derive(Debug, Serialize)]
struct Report {
    robot: String,
    simulated: bool,
    views: usize,
    used: usize,
    rms_px: f64,
    /// Root of the mean square of each picture, pixels; none where it did not serve.
    each_px: Vec<Option<f64>>,
    /// How far the hand was turned about its second axis, degrees.
    turn_deg: f64,
    found: Mount,
    described: Mount,
    /// From what robot.toml says: mm and degrees.
    shift_mm: f64,
    turned_deg: f64,
    /// One sigma in the worst direction, of corners that scatter independently: mm and degrees.
    sigma_mm: f64,
    sigma_deg: f64,
    /// What is left to how the simulated camera truly sits: mm and degrees.
    error_mm: Option<f64>,
    error_deg: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TipReport {
    robot: String,
    touches: usize,
    /// Of the tip in the flange's frame, m, and one sigma in the worst direction, mm.
    xyz: [f64; 3],
    sigma_mm: f64,
    rms_mm: f64,
    /// From the point to the tip at each touch, mm.
    each_mm: Vec<f64>,
}

/// Runs the command.
pub fn run(args: &CalibrateArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let arm = Arm::new(&lab.robot).map_err(|e| e.to_string())?;
    std::fs::create_dir_all(&args.out).map_err(|e| format!("{} cannot be made: {e}", args.out.display()))?;
    if let Some(path) = &args.touches {
        return find_tip(args, &arm, path);
    }
    let station = station(&lab, args.station.as_deref())?;
    let board = board(&lab, station)?;
    let (views, truth) = match &args.views {
        Some(path) => (read(path)?, None),
        None => {
            let (views, truth) = simulated::views(&lab, station, args.count as usize, args.seed)?;
            write(&args.out.join("views.json"), &serde_json::to_string(&views).expect("plain data"))?;
            (views, Some(truth))
        }
    };
    let held = held(&arm, &views)?;
    let found = match hand_eye(&held, &board, &lab.robot.camera.intrinsics) {
        Ok(found) => found,
        Err(error) => {
            talk!("no calibration: {error}; robot.toml stays as it is");
            return Ok(ExitCode::FAILURE);
        }
    };
    let report = report(&args.lab.robot, &lab, &found, truth.as_ref());
    picture::draw(&found, report.rms_px)?
        .save_png(args.out.join("residuals.png"))
        .map_err(|e| format!("residuals.png cannot be written: {e}"))?;
    let toml = format!(
        "# By nightshift calibrate: {} of {} pictures, off by {:.3} px; one sigma {:.3} mm, {:.4} deg.\n[camera]\n{}\n",
        report.used,
        report.views,
        report.rms_px,
        report.sigma_mm,
        report.sigma_deg,
        report.found.toml()
    );
    write(&args.out.join("calibration.toml"), &toml)?;
    let json = serde_json::to_string(&report).expect("plain data");
    write(&args.out.join("calibration.json"), &json)?;
    if args.json {
        println!("{json}");
    } else {
        print(&report, &toml);
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

fn flange(
    arm: &Arm,
    joints: &[f64],
    index: usize,
) -> Result<Pose<nightshift_core::frames::Base, Flange>, String> {
    if joints.len() != arm.joint_count() || joints.iter().any(|q| !q.is_finite()) {
        let count = arm.joint_count();
        return Err(format!("entry {index}: {} joints, the arm has {count}, all finite", joints.len()));
    }
    Ok(arm.base_from_flange(joints))
}

fn held(arm: &Arm, views: &[View]) -> Result<Vec<HandView>, String> {
    let held = views.iter().enumerate().map(|(index, view)| {
        let base_from_flange = flange(arm, &view.joints, index)?;
        Ok(HandView { base_from_flange, sights: view.sights.clone() })
    });
    held.collect()
}

fn report(
    robot: &str,
    lab: &Lab,
    found: &HandEye<Nest>,
    truth: Option<&Pose<Flange, nightshift_core::frames::Camera>>,
) -> Report {
    let off = |from: &Pose<Flange, nightshift_core::frames::Camera>| {
        let shift = (found.flange_from_camera.translation() - from.translation()).norm();
        let turn = found.flange_from_camera.iso.rotation.angle_to(&from.iso.rotation);
        (shift * 1e3, turn.to_degrees())
    };
    let rms = |corners: &Vec<[f64; 2]>| {
        let squares: f64 = corners.iter().map(|[u, v]| u * u + v * v).sum();
        (squares / corners.len().max(1) as f64).sqrt()
    };
    let sigma = |from: usize| {
        let part = found.covariance.fixed_view::<3, 3>(from, from).into_owned();
        part.symmetric_eigenvalues().max().max(0.0).sqrt()
    };
    let described = lab.robot.camera.pose;
    let (shift_mm, turned_deg) = off(&described);
    Report {
        robot: robot.to_owned(),
        simulated: truth.is_some(),
        views: found.residuals.len(),
        used: found.residuals.iter().flatten().count(),
        rms_px: found.rms_px,
        each_px: found.residuals.iter().map(|corners| corners.as_ref().map(rms)).collect(),
        turn_deg: found.turn_rad.to_degrees(),
        found: Mount::of(&found.flange_from_camera),
        described: Mount::of(&described),
        shift_mm,
        turned_deg,
        sigma_mm: sigma(0) * 1e3,
        sigma_deg: sigma(3).to_degrees(),
        error_mm: truth.map(|truth| off(truth).0),
        error_deg: truth.map(|truth| off(truth).1),
    }
}

fn print(report: &Report, toml: &str) {
    println!("pictures    {} of {} serve, off by {:.3} px", report.used, report.views, report.rms_px);
    println!("turned      {:.1} deg about the second axis", report.turn_deg);
    println!(
        "camera      {:.2} mm and {:.3} deg from what robot.toml says",
        report.shift_mm, report.turned_deg
    );
    println!("one sigma   {:.3} mm, {:.4} deg", report.sigma_mm, report.sigma_deg);
    if let (Some(mm), Some(deg)) = (report.error_mm, report.error_deg) {
        println!("error       {mm:.3} mm, {deg:.4} deg to how the simulated camera sits");
    }
    print!("{toml}");
}

fn find_tip(args: &CalibrateArgs, arm: &Arm, path: &Path) -> Result<ExitCode, String> {
    let touches: Vec<Vec<f64>> = read(path)?;
    let flanges: Result<Vec<_>, String> =
        touches.iter().enumerate().map(|(index, joints)| flange(arm, joints, index)).collect();
    let found = match tip(&flanges?) {
        Ok(found) => found,
        Err(error) => {
            talk!("no calibration: {error}; robot.toml stays as it is");
            return Ok(ExitCode::FAILURE);
        }
    };
    let each_mm: Vec<f64> = found.residuals.iter().map(|off| off.norm() * 1e3).collect();
    let report = TipReport {
        robot: args.lab.robot.clone(),
        touches: touches.len(),
        xyz: found.in_flange.into(),
        sigma_mm: found.covariance.symmetric_eigenvalues().max().max(0.0).sqrt() * 1e3,
        rms_mm: (each_mm.iter().map(|mm| mm * mm).sum::<f64>() / each_mm.len() as f64).sqrt(),
        each_mm,
    };
    let json = serde_json::to_string(&report).expect("plain data");
    write(&args.out.join("calibration.json"), &json)?;
    let [x, y, z] = report.xyz;
    let toml = format!(
        "# By nightshift calibrate: {} touches, off by {:.3} mm; one sigma {:.3} mm.\n[gripper]\ntool = {{ xyz = [{x:.6}, {y:.6}, {z:.6}] }}\n",
        report.touches, report.rms_mm, report.sigma_mm
    );
    write(&args.out.join("calibration.toml"), &toml)?;
    if args.json {
        println!("{json}");
    } else {
        print!("{toml}");
    }
    Ok(ExitCode::SUCCESS)
}
