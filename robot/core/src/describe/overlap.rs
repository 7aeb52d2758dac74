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

/// Notes every two boxes that overlap, unless both belong to one station, and every piece of loose ware that overlaps one of
/// them, a rack, or another piece: its own box counts. Other round solids are not looked at.
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
    let pieces = loose(site);
    let racks = racks(site);
    for (index, one) in pieces.iter().enumerate() {
        for other in all.iter().chain(&racks).chain(&pieces[..index]).filter(|other| overlap(one, other)) {
            let words = format!("it overlaps {} ({}: {})", other.name, other.file, other.key);
            problems.add(&one.file, one.key.clone(), words);
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

/// The boxes of loose ware.
fn loose(site: &Site) -> Vec<Standing> {
    let placed = site.loose.iter().filter_map(|piece| Some((piece, site.stations.get(&piece.station)?)));
    let standing = placed.map(|(piece, station)| {
        let (solid, pose) = piece.solid();
        Standing {
            file: "stock.toml".into(),
            key: format!("loose.{}.pose", piece.id),
            name: piece.id.clone(),
            half: half_box(&solid),
            pose: (station.pose.spatial() * pose).iso,
        }
    });
    standing.collect()
}

/// Racks with the tallest that they take in them: whole blocks.
fn racks(site: &Site) -> Vec<Standing> {
    let mut all = Vec::new();
    for (id, station) in &site.stations {
        for (name, nest) in &station.nests {
            let Some(rack) = site.catalogue.racks.get(&nest.rack) else { continue };
            let Some(station_from_nest) = station.nest_pose(name) else { continue };
            let taken = rack.takes.iter().filter_map(|ware| site.catalogue.vials.get(ware));
            let tallest_m = taken.map(|vial| rack.floor_m + vial.height_m).fold(rack.height_m, f64::max);
            let middle = Isometry3::translation(0.0, 0.0, tallest_m / 2.0);
            all.push(Standing {
                file: format!("stations/{id}.toml"),
                key: format!("nest.{name}"),
                name: format!("what stands in {name}"),
                half: Vector3::new(rack.size_m[0], rack.size_m[1], tallest_m) / 2.0,
                pose: (station.pose.spatial() * station_from_nest).iso * middle,
            });
        }
    }
    all
}

fn half_box(solid: &Solid) -> Vector3<f64> {
    match *solid {
        Solid::Box { size_m } => Vector3::from(size_m) / 2.0,
        Solid::Cylinder { radius_m, height_m } => Vector3::new(radius_m, radius_m, height_m / 2.0),
        Solid::Sphere { radius_m } => Vector3::repeat(radius_m),
    }
}

/// The height of the lowest point of a solid at a pose, metres.
pub(super) fn reach_down(solid: &Solid, pose: &Isometry3<f64>) -> f64 {
    let up = pose.inverse_transform_vector(&Vector3::z());
    let reach = match *solid {
        Solid::Box { .. } => half_box(solid).dot(&up.abs()),
        Solid::Cylinder { radius_m, height_m } => radius_m * up.xy().norm() + height_m / 2.0 * up.z.abs(),
        Solid::Sphere { radius_m } => radius_m,
    };
    pose.translation.vector.z - reach
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
