//! Inverse kinematics of random poses, beside OptIK and TRAC-IK where a Python has them.

use super::{CASES, Plan, share};
use crate::bench::{Aim, Notes, peer};
use crate::clock::Stopwatch;
use crate::files;
use nalgebra::UnitQuaternion;
use nightshift_core::frames::{Base, Flange, Pose};
use nightshift_core::random::Seed;
use rand::Rng;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const SOLVED: f64 = 0.9999;
const ERROR_M: f64 = 1e-6;
/// A branch is found where all joints are so near, rad.
const SAME: f64 = 1e-4;

pub(super) fn ik(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    for case in &CASES {
        let arm = files::load_arm(case.arm)?;
        let mut stream = Seed(plan.seed).stream(&format!("ik/{}", case.arm));
        let near: Vec<f64> = arm.limits().iter().map(|limit| 0.5 * (limit.lower + limit.upper)).collect();
        let bar = notes.steps(case.arm, plan.count);
        let (mut us, mut flanges) = (Vec::new(), Vec::new());
        let (mut solved, mut branches, mut error_m) = (0, 0, 0.0f64);
        for index in 0..plan.count {
            let q: Vec<f64> =
                arm.limits().iter().map(|limit| stream.random_range(limit.lower..=limit.upper)).collect();
            let goal = arm.base_from_tool(&q);
            flanges.push(numbers(&arm.base_from_flange(&q)));
            let seed = Seed(index as u64);
            // To read the thread's own clock takes a system call, a tenth of what is measured here; the wall's takes none.
            let began = Stopwatch::start();
            let found = if case.all_branches {
                arm.inverse(&goal, &near, seed)
            } else {
                arm.inverse_one(&goal, &near, seed).into_iter().collect()
            };
            us.push(began.elapsed().as_secs_f64() * 1e6);
            let off_m = |q: &Vec<f64>| (arm.base_from_tool(q).translation() - goal.translation()).norm();
            error_m = found.iter().map(off_m).fold(error_m, f64::max);
            solved += usize::from(!found.is_empty());
            branches += usize::from(found.iter().any(|other| same(other, &q)));
            bar.inc(1);
        }
        let n = plan.count;
        let told = peers(plan, case.arm, &flanges, notes);
        let peer = |name: &str, of: fn(&Peer) -> f64| told.get(name).map(of);
        let figure = notes.figure(case.arm, "solved", "", solved as f64 / n as f64, n);
        (figure.aim, figure.peer) = (Some(Aim::AtLeast(SOLVED)), peer("optik", |peer| peer.solved));
        let spread = [share(&mut us, 0.95), share(&mut us, 1.0)];
        let figure = notes.figure(case.arm, "time p50 (p95 to most)", "us", share(&mut us, 0.5), n);
        (figure.aim, figure.spread) = (Some(Aim::AtMost(case.ik_us)), Some(spread));
        figure.peer = peer("optik", |peer| peer.p50_us);
        notes.figure(case.arm, "error, most", "m", error_m, n).aim = Some(Aim::AtMost(ERROR_M));
        if case.all_branches {
            let figure =
                notes.figure(case.arm, "the drawn branch is among them", "", branches as f64 / n as f64, n);
            figure.aim = Some(Aim::AtLeast(1.0));
        }
        if let Some(tracik) = told.get("tracik") {
            notes.figure(case.arm, "solved by TRAC-IK", "", tracik.solved, tracik.n);
            notes.figure(case.arm, "time of TRAC-IK, p50", "us", tracik.p50_us, tracik.n);
        }
    }
    Ok(())
}

/// Whether two postures are one, by whole turns apart.
fn same(a: &[f64], b: &[f64]) -> bool {
    let off = |(a, b): (&f64, &f64)| {
        let turns = ((a - b) / std::f64::consts::TAU).round() * std::f64::consts::TAU;
        (a - b - turns).abs()
    };
    a.iter().zip(b).map(off).fold(0.0, f64::max) < SAME
}

/// As the peers' script reads it.
fn numbers(pose: &Pose<Base, Flange>) -> [f64; 7] {
    let (p, turn): (_, UnitQuaternion<f64>) = (pose.translation(), pose.iso.rotation);
    [p.x, p.y, p.z, turn.i, turn.j, turn.k, turn.w]
}

/// What a peer came to.
#[derive(Deserialize)]
struct Peer {
    solved: f64,
    p50_us: f64,
    n: usize,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Measured(Peer),
    Skipped { skipped: String },
}

fn peers(plan: &Plan, arm: &str, flanges: &[[f64; 7]], notes: &mut Notes) -> BTreeMap<String, Peer> {
    let told = ask_peers(&plan.python, arm, flanges).unwrap_or_else(|why| {
        notes.skip(format!("no peer: {why}"));
        BTreeMap::new()
    });
    let mut peers = BTreeMap::new();
    for (name, told) in told {
        match told {
            Told::Measured(peer) => {
                peers.insert(name, peer);
            }
            Told::Skipped { skipped } => notes.skip(format!("{name} on {arm}: {skipped}")),
        }
    }
    peers
}

fn ask_peers(python: &Path, arm: &str, flanges: &[[f64; 7]]) -> Result<BTreeMap<String, Told>, String> {
    let folder = files::robot_folder(arm);
    let description = files::load_manipulator(&folder)?;
    let file = std::env::temp_dir().join(format!("nightshift-poses-{}-{arm}.json", std::process::id()));
    let text = serde_json::to_string(flanges).expect("plain data");
    fs::write(&file, text).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
    let (base, tip) = (&description.model.root, &description.arm.flange_link);
    let urdf = folder.join("robot.urdf");
    let told =
        peer::ask(python, "motion.py", [urdf.as_os_str(), base.as_ref(), tip.as_ref(), file.as_os_str()]);
    let _ = fs::remove_file(&file);
    told
}
