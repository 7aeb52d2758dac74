//! What a calibration of the camera came to.

use crate::files::Lab;
use crate::talk::tell;
use nightshift_core::frames::{Camera, Flange, Nest, Pose};
use nightshift_perception::calibrate::HandEye;
use serde::Serialize;

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
pub struct Report {
    robot: String,
    simulated: bool,
    views: usize,
    used: usize,
    pub rms_px: f64,
    /// Root of the mean square of each picture, pixels; none where it did not serve.
    each_px: Vec<Option<f64>>,
    /// How far the hand was turned about its second axis, degrees.
    turn_deg: f64,
    found: Mount,
    described: Mount,
    /// From what robot.toml says: mm and degrees.
    shift_mm: f64,
    turned_deg: f64,
    /// One sigma in the worst direction: mm and degrees.
    sigma_mm: f64,
    sigma_deg: f64,
    /// What is left to how the simulated camera truly sits: mm and degrees.
    error_mm: Option<f64>,
    error_deg: Option<f64>,
}

/// Of what was found, beside what robot.toml says and, in the simulator, the truth.
pub fn report(robot: &str, lab: &Lab, found: &HandEye<Nest>, truth: Option<&Pose<Flange, Camera>>) -> Report {
    let off = |from: &Pose<Flange, Camera>| {
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

impl Report {
    /// As it belongs into robot.toml.
    pub fn toml(&self) -> String {
        format!(
            "# By nightshift calibrate: {} of {} pictures, off by {:.3} px.\n[camera]\n{}\npose_sigma = {{ m = {:.6}, deg = {:.4} }}\n",
            self.used,
            self.views,
            self.rms_px,
            self.found.toml(),
            (self.sigma_mm * 1e-3).max(1e-6),
            self.sigma_deg.max(1e-4)
        )
    }
}

/// In words.
pub fn print(report: &Report, toml: &str) {
    tell!("pictures    {} of {} serve, off by {:.3} px", report.used, report.views, report.rms_px);
    tell!("turned      {:.1} deg about the second axis", report.turn_deg);
    tell!("camera      {:.2} mm and {:.3} deg from what robot.toml says", report.shift_mm, report.turned_deg);
    tell!("one sigma   {:.3} mm, {:.4} deg", report.sigma_mm, report.sigma_deg);
    if let (Some(mm), Some(deg)) = (report.error_mm, report.error_deg) {
        tell!("error       {mm:.3} mm, {deg:.4} deg to how the simulated camera sits");
    }
    tell!("{}", toml.trim_end());
}
