//! Tests of labware that is not carried: it stays where it is, and whoever pushes or drops it is told of it.

use super::World;
use crate::SimConfig;
use crate::testing::{robot, run, site_of};
use nalgebra::Vector3;
use nightshift_core::describe::{LooseKind, Site};
use nightshift_core::image::{Depth, Intrinsics};
use nightshift_core::random::Seed;

const SITES: [&str; 4] = ["photocatalysis", "thin-films", "flow-synthesis", "electrolytes"];

fn world_of(site: &Site) -> World {
    World::new(site, &site.equipped(&robot()), SimConfig { seed: Seed(5), start: None }).unwrap()
}

impl World {
    fn lift_ware(&mut self, index: usize, by: Vector3<f64>) {
        self.reload(self.data.model_clone(), |state| state.shift_ware(index, &by)).unwrap();
    }
}

#[test]
fn it_stands_still_and_lets_physics_go_by_long_steps() {
    for name in SITES {
        let site = site_of(name);
        assert!(!site.loose.is_empty(), "{name}");
        let mut world = world_of(&site);
        run(&mut world, 10.0);
        let truth = world.truth();
        assert_eq!(truth.loose.len(), site.loose.len());
        for (id, piece) in &truth.loose {
            assert!(piece.moved_m < 0.001 && !piece.broken, "{name}: {id} went {} mm", piece.moved_m * 1e3);
        }
        assert_eq!((world.mishaps(), world.contacts_of_note()), (vec![], vec![]), "{name}");
        assert_eq!(world.substeps(), 1, "{name}: all of it rests");
    }
}

#[test]
fn what_falls_from_higher_than_it_bears_breaks_and_a_push_is_seen() {
    let site = site_of("electrolytes");
    for (above_m, breaks) in [(0.05, false), (0.3, true)] {
        let mut world = world_of(&site);
        let beaker = world.scene.wares.iter().position(|ware| ware.piece.id == "B-001").unwrap();
        world.lift_ware(beaker, Vector3::new(0.0, 0.0, above_m));
        run(&mut world, 2.0);
        let truth = &world.truth().loose["B-001"];
        assert_eq!(truth.broken, breaks, "from {above_m} m");
        let told = world.mishaps();
        assert_eq!(told.iter().any(|words| words.contains("B-001 breaks: met bench")), breaks, "{told:?}");
    }
    let mut world = world_of(&site);
    let plate = world.scene.wares.iter().position(|ware| ware.piece.id == "P-001").unwrap();
    world.lift_ware(plate, Vector3::new(-0.004, 0.003, 0.001));
    run(&mut world, 1.0);
    assert!((world.truth().loose["P-001"].moved_m - 0.005).abs() < 5e-4);
}

#[test]
fn the_traced_camera_sees_wells_and_the_depth_camera_does_not_see_glass() {
    let site = site_of("electrolytes");
    let world = world_of(&site);
    let truth = world.truth();
    let k = Intrinsics { width: 160, height: 120, fx: 220.0, fy: 220.0, cx: 79.5, cy: 59.5 };
    let from = |id: &str, aside: Vector3<f64>| {
        let target =
            nalgebra::Point3::from(truth.loose[id].pose.translation() + Vector3::new(0.0, 0.0, 0.03));
        world.view(&nalgebra::Isometry3::face_towards(&(target + aside), &target, &-Vector3::z()), k, false)
    };
    let plate = from("P-001", Vector3::new(0.02, 0.0, 0.3));
    assert!(matches!(site.loose[0].kind, LooseKind::Plate(_)));
    // Forty wells are filled with something coloured, the others show the plate's own white floor.
    let saturated =
        plate.color.pixels.iter().filter(|[r, g, b]| r.max(g).max(b) - r.min(g).min(b) > 25).count();
    assert!(saturated > 150, "{saturated} coloured pixels");
    let told = |frame: &nightshift_core::image::Frame| {
        let middle = (40..80).flat_map(|y| (60..100).map(move |x| y * 160 + x));
        middle.filter(|index| matches!(frame.depth.pixels[*index], Depth::Measured(_))).count()
    };
    let (plate, beaker) = (told(&plate), told(&from("B-001", Vector3::new(0.0, 0.28, 0.1))));
    assert!(
        plate > 1500 && beaker < plate - 300,
        "of 1600 pixels {plate} of a plate and {beaker} of a beaker"
    );
}
