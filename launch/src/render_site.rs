//! Pictures of a site: the whole of it from above, and a station as a robot in its dock would see it.

use crate::files;
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::StationId;
use nightshift_core::describe::Station;
use nightshift_core::frames::{Map, Pose, Station as AtStation};
use nightshift_core::image::{Depth, Frame, Image, Intrinsics};
use nightshift_core::random::Seed;
use nightshift_sim::{SimConfig, World};

/// How far the lens is from a nest, towards the dock and above it, and how high a nest is where a station has none, m.
const ASIDE_M: f64 = 0.4;
const OVER_M: f64 = 0.36;
const BENCH_M: f64 = 0.9;
/// Focal length over the picture's width.
const FOCAL: f64 = 0.75;
/// From above: how far from the middle, over the distance of the farthest stations.
const BACK: f64 = 0.6;
const UP: f64 = 0.75;
const LEAST_M: f64 = 3.0;
/// Depth pictures are white at this, m.
const FAR_M: f64 = 2.0;

/// The site from above, the station by day and by night; with `depth` true and measured depth of the station after the day.
pub fn strip(
    (site, robot): (&str, &str),
    station: Option<&str>,
    depth: bool,
    size: [usize; 2],
) -> Result<Vec<Image<[u8; 3]>>, String> {
    let lab = files::load_lab(site, robot).map_err(|e| e.to_string())?;
    let world = World::new(&lab.site, &lab.robot, SimConfig { seed: Seed(1), start: None })
        .map_err(|e| e.to_string())?;
    let station = match station {
        Some(id) => {
            let known = || lab.site.stations.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            lab.site
                .stations
                .get(&StationId::from(id))
                .ok_or_else(|| format!("{site} has no station {id}: it has {}", known()))?
        }
        None => {
            let stock = |id: &StationId| lab.site.stock.iter().filter(|item| item.at.station == *id).count();
            let fullest = lab.site.stations.iter().max_by_key(|(id, _)| stock(id));
            fullest.ok_or_else(|| format!("{site} has no station"))?.1
        }
    };
    let [width, height] = size;
    let focal = FOCAL * width as f64;
    let (cx, cy) = (0.5 * (width as f64 - 1.0), 0.5 * (height as f64 - 1.0));
    let intrinsics = Intrinsics { width, height, fx: focal, fy: focal, cx, cy };
    let close = from_dock(station);
    let day = world.view(&close, intrinsics, false);
    let mut pictures = vec![world.view(&above(lab.site.stations.values()), intrinsics, false).color];
    let measured = depth.then(|| grey(&day));
    pictures.push(day.color);
    pictures.extend(measured);
    pictures.push(world.view(&close, intrinsics, true).color);
    Ok(pictures)
}

/// Near is dark, what is not told is black.
fn grey(frame: &Frame) -> Image<[u8; 3]> {
    let shade = |depth: &Depth| match depth {
        Depth::Measured(z) => [25 + (230.0 * (f64::from(*z) / FAR_M).min(1.0)) as u8; 3],
        _ => [0; 3],
    };
    let Image { width, height, .. } = frame.depth;
    Image { width, height, pixels: frame.depth.pixels.iter().map(shade).collect() }
}

/// From the dock's side, to the first nest.
fn from_dock(station: &Station) -> Isometry3<f64> {
    let map_from_station: Pose<Map, AtStation> = station.pose.spatial();
    let nest = station.nests.keys().next().and_then(|id| station.nest_pose(id));
    let target = nest.map_or(Vector3::new(0.0, 0.0, BENCH_M), |nest| nest.translation());
    let dock = station.dock.docked.spatial().translation();
    let point = |at: Vector3<f64>| map_from_station.point(&Point3::from(at));
    let aside = (dock - target).xy().normalize() * ASIDE_M;
    look(point(target + Vector3::new(aside.x, aside.y, OVER_M)), point(target))
}

/// From above, to the middle of the stations.
fn above<'a>(stations: impl Iterator<Item = &'a Station>) -> Isometry3<f64> {
    let places: Vec<[f64; 2]> = stations.map(|station| [station.pose.x(), station.pose.y()]).collect();
    let ends = [0, 1].map(|axis| {
        let along = places.iter().map(|place| place[axis]);
        (along.clone().fold(f64::INFINITY, f64::min), along.fold(f64::NEG_INFINITY, f64::max))
    });
    let middle = Point3::new(0.5 * (ends[0].0 + ends[0].1), 0.5 * (ends[1].0 + ends[1].1), 0.5 * BENCH_M);
    let size = (ends[0].1 - ends[0].0).hypot(ends[1].1 - ends[1].0).max(LEAST_M);
    look(middle + Vector3::new(-0.4 * size, -BACK * size, UP * size), middle)
}

/// A camera there that looks at that: z along its sight, x to its right.
fn look(eye: Point3<f64>, target: Point3<f64>) -> Isometry3<f64> {
    Isometry3::face_towards(&eye, &target, &-Vector3::z())
}
