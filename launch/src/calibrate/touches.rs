//! A tool's tip, held to one point from several sides.

use super::{CalibrateArgs, flange, read, write};
use crate::talk::{talk, tell};
use nightshift_motion::Arm;
use nightshift_perception::calibrate::tip;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

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

/// Finds it from joints in a file.
pub fn find(args: &CalibrateArgs, arm: &Arm, path: &Path) -> Result<ExitCode, String> {
    let touches: Vec<Vec<f64>> = read(path)?;
    let flanges: Result<Vec<_>, String> = touches
        .iter()
        .enumerate()
        .map(|(index, joints)| {
            flange(arm, joints)
                .map_err(|why| format!("{}: entry {index} (counted from 0): {why}", path.display()))
        })
        .collect();
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
        tell!("{json}");
    } else {
        tell!("{}", toml.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
