//! Laboratories by seed, as the files of a site: rooms, a partition with a doorway, benches with their docks, clutter.
//! Tests in them cannot be memorised.

use crate::SimError;
use crate::people::Floor;
use nalgebra::Point2;
use nightshift_core::describe::Site;
use nightshift_core::random::{Seed, Stream};
use rand::Rng;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A site's files, by their path within its folder.
pub type Files = BTreeMap<String, String>;

/// Bench depth and width, and the free floor before it that docking needs, metres.
const BENCH_M: [f64; 2] = [0.6, 1.3];
const APRON_M: f64 = 1.8;
/// What the robot needs to both sides of its middle to get through, metres.
const ROOM_FOR_ROBOT_M: f64 = 0.5;
/// Between furniture in the middle of a room and everything else, metres.
const PASSAGE_M: f64 = 1.2;
/// How often a laboratory is thrown away at most because not every dock could be reached.
const TRIES: u64 = 50;
const LABWARE: &str = include_str!("../../maps/photocatalysis/labware.toml");

/// A rectangle on the floor: west, south, east, north.
type Area = [f64; 4];

/// Name, size, height, colour, material, whether it stands at a wall.
type Kind = (&'static str, [f64; 2], f64, [u8; 3], Option<&'static str>, bool);

fn meet(a: &Area, b: &Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn grown([west, south, east, north]: Area, by: f64) -> Area {
    [west - by, south - by, east + by, north + by]
}

/// The laboratory of a seed, without its map: whoever writes the files draws it from them.
///
/// # Errors
/// Where no laboratory of this seed can be driven through, which none of the first ten thousand seeds does.
pub fn files(seed: Seed) -> Result<Files, SimError> {
    for attempt in 0..TRIES {
        let files = Builder::new(seed, attempt).build();
        let read = |file: &str| files.get(file).cloned().ok_or_else(|| "there is no such file".to_owned());
        let site = Site::load(&read).map_err(|problems| SimError::Description(problems.to_string()))?;
        if all_docks_can_be_reached(&site) {
            return Ok(files);
        }
    }
    Err(SimError::Request(format!("no laboratory of seed {} can be driven through", seed.0)))
}

fn all_docks_can_be_reached(site: &Site) -> bool {
    let floor = Floor::with_room(site, ROOM_FOR_ROBOT_M);
    let start = Point2::new(site.start.x(), site.start.y());
    floor.is_free(&start)
        && site.stations.values().all(|station| {
            let staging = station.pose * station.dock.staging;
            let there = Point2::new(staging.x(), staging.y());
            floor.is_free(&there) && ((there - start).norm() < 0.2 || !floor.route(&start, &there).is_empty())
        })
}

struct Builder {
    seed: Seed,
    stream: Stream,
    /// The room's inner size.
    size: [f64; 2],
    solid: Vec<Area>,
    /// Floor that stays free.
    free: Vec<Area>,
    furniture: String,
    stations: Vec<[f64; 3]>,
}

impl Builder {
    fn new(seed: Seed, attempt: u64) -> Self {
        let mut stream = seed.stream(&format!("laboratory/{attempt}"));
        let size = [stream.random_range(7.0..11.0), stream.random_range(6.0..9.0)];
        // Whole decimetres, so that walls run along the map's cells as little or as much as everywhere.
        let size = size.map(|edge: f64| (edge * 10.0).round() / 10.0);
        Self { seed, stream, size, solid: vec![], free: vec![], furniture: String::new(), stations: vec![] }
    }

    fn build(mut self) -> Files {
        let [w, h] = self.size;
        let walls = [
            ("wall_south", [-0.1, -0.1, w + 0.1, 0.0]),
            ("wall_north", [-0.1, h, w + 0.1, h + 0.1]),
            ("wall_west", [-0.1, 0.0, 0.0, h]),
            ("wall_east", [w, 0.0, w + 0.1, h]),
        ];
        for (name, area) in walls {
            self.put(name, area, 2.4, [225, 225, 220], None);
        }
        self.partition();
        self.benches();
        let start = self.start();
        self.free.push(grown([start[0], start[1], start[0], start[1]], 0.7));
        self.clutter();
        self.write(start)
    }

    fn put(&mut self, name: &str, area: Area, height_m: f64, color: [u8; 3], material: Option<&str>) {
        let [west, south, east, north] = area;
        let size = [east - west, north - south, height_m];
        let middle = [(west + east) / 2.0, (south + north) / 2.0, height_m / 2.0];
        self.solid.push(area);
        let material = material.map(|name| format!("material = \"{name}\"\n")).unwrap_or_default();
        write!(
            self.furniture,
            "\n[[furniture]]\nname = \"{name}\"\nsolid = {{ box = {{ size_m = {size:.3?} }} }}\n\
             pose = {{ xyz = {middle:.3?} }}\ncolor = {color:?}\n{material}"
        )
        .expect("text takes text");
    }

    /// A wall across the room with a doorway, in two of three laboratories; one in three of them is of glass.
    fn partition(&mut self) {
        let [w, h] = self.size;
        let (there, glass) = (self.stream.random::<f64>(), self.stream.random::<f64>());
        let x = w * self.stream.random_range(0.42..0.58);
        let gap = self.stream.random_range(1.3..1.7);
        let south = self.stream.random_range(0.8..h - 0.8 - gap);
        if there > 0.66 {
            return;
        }
        let material = (glass < 0.33).then_some("glass_pane");
        self.put("wall_partition_south", [x, 0.0, x + 0.1, south], 2.4, [225, 225, 220], material);
        self.put("wall_partition_north", [x, south + gap, x + 0.1, h], 2.4, [225, 225, 220], material);
        self.free.push([x - 1.0, south, x + 1.1, south + gap]);
    }

    /// Benches along the walls, their docks before them.
    fn benches(&mut self) {
        let [w, h] = self.size;
        let wanted = self.stream.random_range(4..=6);
        for _ in 0..200 {
            if self.stations.len() >= wanted {
                return;
            }
            let wall = self.stream.random_range(0..4);
            let [depth, width] = BENCH_M;
            let along = if wall < 2 { w } else { h };
            let at = self.stream.random_range(0.9..along - 0.9);
            let (a, b) = (at - width / 2.0, at + width / 2.0);
            let reach = depth + APRON_M;
            // Pose of the station, its bench, and the floor before it.
            let (pose, bench, apron): ([f64; 3], Area, Area) = match wall {
                0 => ([at, depth, -90.0], [a, 0.0, b, depth], [a, depth, b, reach]),
                1 => ([at, h - depth, 90.0], [a, h - depth, b, h], [a, h - reach, b, h - depth]),
                2 => ([depth, at, 180.0], [0.0, a, depth, b], [depth, a, reach, b]),
                _ => ([w - depth, at, 0.0], [w - depth, a, w, b], [w - reach, a, w - depth, b]),
            };
            // Walls touch the bench; everything else keeps away.
            let taken =
                self.solid[4..].iter().any(|other| meet(other, &grown(bench, 0.3)) || meet(other, &apron))
                    || self.free.iter().any(|other| meet(other, &bench));
            if !taken {
                self.solid.push(bench);
                self.free.push(apron);
                self.stations.push(pose);
            }
        }
    }

    /// In the apron of the first bench, looking along it.
    fn start(&self) -> [f64; 3] {
        let [x, y, yaw] =
            self.stations.first().copied().unwrap_or([self.size[0] / 2.0, self.size[1] / 2.0, 0.0]);
        let (sin, cos) = yaw.to_radians().sin_cos();
        [x - 1.1 * cos, y - 1.1 * sin, yaw]
    }

    fn clutter(&mut self) {
        let [w, h] = self.size;
        let things = self.stream.random_range(4..=9);
        for index in 0..things {
            let kinds: [Kind; 6] = [
                ("island", [1.8, 0.7], 0.9, [150, 160, 170], None, false),
                ("pillar", [0.35, 0.35], 2.4, [215, 210, 200], None, false),
                ("trolley", [0.7, 0.5], 0.8, [170, 175, 180], Some("brushed_steel"), false),
                ("cabinet", [1.0, 0.5], 1.8, [60, 62, 66], Some("black_paint"), true),
                ("crate", [0.5, 0.35], 0.4, [140, 110, 70], None, true),
                ("bin", [0.35, 0.35], 0.5, [70, 72, 75], Some("black_paint"), true),
            ];
            let (name, [length, width], height, color, material, at_wall) =
                kinds[self.stream.random_range(0..kinds.len())];
            for _ in 0..40 {
                let turned = self.stream.random::<f64>() < 0.5;
                let (x, y) = if turned { (width, length) } else { (length, width) };
                let mut west = self.stream.random_range(0.05..w - x - 0.05);
                let mut south = self.stream.random_range(0.05..h - y - 0.05);
                let side = self.stream.random_range(0..4);
                if at_wall {
                    match side {
                        0 => south = 0.05,
                        1 => south = h - y - 0.05,
                        2 => west = 0.05,
                        _ => west = w - x - 0.05,
                    }
                }
                let area = [west, south, west + x, south + y];
                let away = if at_wall { 0.1 } else { PASSAGE_M };
                let from = if at_wall { 4 } else { 0 };
                let taken = self.solid[from..].iter().any(|other| meet(other, &grown(area, away)))
                    || self.free.iter().any(|other| meet(other, &area));
                if !taken {
                    self.put(&format!("{name}_{}", index + 1), area, height, color, material);
                    break;
                }
            }
        }
    }

    fn write(self, start: [f64; 3]) -> Files {
        let names: Vec<String> = (1..=self.stations.len()).map(|n| format!("bench{n}")).collect();
        let [x, y, yaw] = start;
        let seed = self.seed.0;
        let site = format!(
            "# A laboratory by seed: nightshift lab --seed {seed}\nschema = 1\nname = \"lab-{seed}\"\nmap = \"map.yaml\"\n\
             start = {{ x = {x:.3}, y = {y:.3}, yaw_deg = {yaw:.1} }}\nstations = {names:?}\n\n\
             [material.glass_pane]\ndiffuse = 0.005\nspecular = 0.08\ntransmitted = 0.85\n\n\
             [material.brushed_steel]\ndiffuse = 0.3\nspecular = 0.25\n\n\
             [material.black_paint]\ndiffuse = 0.05\n{}",
            self.furniture
        );
        let mut files = Files::from([
            ("site.toml".to_owned(), site),
            ("labware.toml".to_owned(), LABWARE.to_owned()),
            ("stock.toml".to_owned(), stock(&names)),
        ]);
        for (index, (name, pose)) in names.iter().zip(&self.stations).enumerate() {
            files.insert(format!("stations/{name}.toml"), station(name, index, *pose));
        }
        files
    }
}

fn stock(names: &[String]) -> String {
    let mut text = "schema = 1\n".to_owned();
    for (index, name) in names.iter().enumerate() {
        let id = index + 1;
        write!(
            text,
            "\n[[sample]]\nid = \"S-{id:03}\"\nlabware = \"vial_10ml\"\nat = \"{name}/rack/A1\"\n\
             code = \"tag36h11:{}\"\n",
            100 + id
        )
        .expect("text takes text");
    }
    text
}

fn station(name: &str, index: usize, [x, y, yaw]: [f64; 3]) -> String {
    let (dock_tag, rack_tags) = (index, [30 + 2 * index, 31 + 2 * index]);
    format!(
        r#"schema = 1
id = "{name}"
title = "{name}"
pose = {{ x = {x:.3}, y = {y:.3}, yaw_deg = {yaw} }}

[dock]
docked = {{ x = -0.50, y = 0.0 }}
staging = {{ x = -1.00, y = 0.0 }}
tag = {{ id = {dock_tag}, size_m = 0.08, pose = {{ xyz = [0.359, 0.0, 1.2], rpy_deg = [90, 0, -90] }} }}

[[shapes]]
name = "bench"
solid = {{ box = {{ size_m = [0.6, 1.3, 0.8] }} }}
pose = {{ xyz = [0.3, 0.0, 0.4] }}
color = [205, 200, 190]

[[shapes]]
name = "instrument"
solid = {{ box = {{ size_m = [0.24, 0.8, 0.64] }} }}
pose = {{ xyz = [0.480, 0.0, 1.120] }}
color = [165, 100, 145]

[nest.rack]
rack = "rack_2x4"
pose = {{ xyz = [0.18, 0.0, 0.8] }}
tags = {rack_tags:?}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_gives_a_sound_laboratory_of_its_own_and_the_same_again() {
        let mut stations = 0;
        for seed in 0..12 {
            let one = files(Seed(seed)).unwrap();
            assert_eq!(one, files(Seed(seed)).unwrap());
            assert_ne!(one["site.toml"], files(Seed(seed + 100)).unwrap()["site.toml"]);
            stations += one.keys().filter(|file| file.starts_with("stations/")).count();
        }
        assert!(stations >= 12 * 3, "{stations}");
    }
}
