//! The mapper over a recorded drive with exact truth. The log is not part of the repository: it is looked for in
//! `$NIGHTSHIFT_DATA/navigation` and in `../shared/data/navigation` beside the workspace; where it is absent the test is
//! skipped, and says so.

use flate2::read::MultiGzDecoder;
use nightshift_navigation::log::DriveLog;
use nightshift_navigation::mapping;
use std::io::Read;
use std::path::PathBuf;

#[test]
fn a_drive_becomes_a_map_whose_trajectory_is_the_true_one_but_for_one_turn_and_shift() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("NIGHTSHIFT_DATA").map_or(beside, PathBuf::from);
    let Ok(bytes) = std::fs::read(data.join("navigation/synlab.txt.gz")) else {
        println!("synlab: skipped, there is no log");
        return;
    };
    let mut text = String::new();
    MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    let log = DriveLog::parse(&text).unwrap();
    let mapped = mapping::build(&log, &mut |_, _, _| {}).unwrap();
    let count = log.steps.len();
    let mean = |f: &dyn Fn(usize) -> f64| (0..count).map(f).sum::<f64>() / count as f64;
    let (px, py) = (mean(&|i| mapped.poses[i].x()), mean(&|i| mapped.poses[i].y()));
    let (rx, ry) = (mean(&|i| log.steps[i].reference.x()), mean(&|i| log.steps[i].reference.y()));
    // Both about their own middles.
    let own = |i: usize| (mapped.poses[i].x() - px, mapped.poses[i].y() - py);
    let truth = |i: usize| (log.steps[i].reference.x() - rx, log.steps[i].reference.y() - ry);
    let cos = mean(&|i| own(i).0 * truth(i).0 + own(i).1 * truth(i).1);
    let sin = mean(&|i| own(i).0 * truth(i).1 - own(i).1 * truth(i).0);
    let (sin, cos) = sin.atan2(cos).sin_cos();
    let off = |i: usize| {
        let ((x, y), (tx, ty)) = (own(i), truth(i));
        (cos * x - sin * y - tx).hypot(sin * x + cos * y - ty)
    };
    let (error, worst) = (mean(&off), (0..count).map(off).fold(0.0, f64::max));
    println!("synlab: mean {error:.4} m, max {worst:.3} m, {} loops closed", mapped.closures);
    assert!(error < 0.02 && worst < 0.1 && mapped.closures > 20);
}
