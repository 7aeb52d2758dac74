//! Whether two things of a site stand in the same place.

use super::{Problems, Shape, Site, Solid};
use nalgebra::{Isometry3, Vector3};

/// How far two boxes may reach into each other, metres: descriptions are written in millimetres.
const SLACK_M: f64 = 0.001;

struct Standing {
    file: String,
    key: String,
    name: String,
    half: Vector3<f64>,
    pose: Isometry3<f64>,
}

/// Notes every two boxes that overlap, unless both belong to one station. Round solids are not looked at.
pub(super) fn check(site: &Site, problems: &mut Problems) {
    let mut all = Vec::new();
    for (index, shape) in site.furniture.iter().enumerate() {
        all.extend(standing("site.toml", format!("furniture[{index}]"), shape, shape.pose.iso));
    }
    for (id, station) in &site.stations {
        for (index, shape) in station.shapes.iter().enumerate() {
            let pose = (station.pose.spatial() * shape.pose).iso;
            all.extend(standing(&format!("stations/{id}.toml"), format!("shapes[{index}]"), shape, pose));
        }
        // A part sweeps its way: both ends of it must be free.
        for (name, part) in &station.parts {
            for (index, shape) in part.shapes.iter().enumerate() {
                for end in [0.0, 1.0] {
                    let pose = station.pose.spatial().iso * part.joint.displacement(end) * shape.pose.iso;
                    let key = format!("part.{name}.shapes[{index}]");
                    all.extend(standing(&format!("stations/{id}.toml"), key, shape, pose));
                }
            }
        }
    }
    for (index, one) in all.iter().enumerate() {
        for other in &all[..index] {
            let same_station = one.file == other.file && one.file != "site.toml";
            if !same_station && overlap(one, other) {
                let words = format!("{} overlaps {} ({}: {})", one.name, other.name, other.file, other.key);
                problems.add(&one.file, one.key.clone(), words);
            }
        }
    }
}

fn standing<F>(file: &str, key: String, shape: &Shape<F>, pose: Isometry3<f64>) -> Option<Standing> {
    let Solid::Box { size_m } = shape.solid else { return None };
    let half = Vector3::from(size_m) / 2.0;
    Some(Standing { file: file.to_owned(), key, name: shape.name.clone(), half, pose })
}

/// By the separating axis theorem: two boxes are apart where one of fifteen axes keeps them apart.
fn overlap(a: &Standing, b: &Standing) -> bool {
    let axes = |s: &Standing| s.pose.rotation.to_rotation_matrix().into_inner();
    let (ours, theirs) = (axes(a), axes(b));
    let between = b.pose.translation.vector - a.pose.translation.vector;
    let faces = ours.column_iter().chain(theirs.column_iter()).map(|axis| axis.into_owned());
    let edges = ours.column_iter().flat_map(|u| theirs.column_iter().map(move |v| u.cross(&v)));
    faces.chain(edges).filter_map(|axis| axis.try_normalize(1e-6)).all(|axis| {
        let reach =
            |frame: &nalgebra::Matrix3<f64>, half: &Vector3<f64>| (frame.transpose() * axis).abs().dot(half);
        between.dot(&axis).abs() < reach(&ours, &a.half) + reach(&theirs, &b.half) - SLACK_M
    })
}
