use crate::testing::{Worker, grip, run, site, strike, world};
use crate::{SimConfig, World};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use nightshift_core::describe::{Content, ContentKind, Site};
use nightshift_core::random::Seed;
use nightshift_core::{LabwareType, SampleId};

const FIRST: &str = "S-001";

/// Puts the first vial upright over free floor, `height_m` above it, and lets it fall.
fn drop_from(world: &mut World, height_m: f64) {
    put(world, &Isometry3::translation(2.0, 2.0, height_m));
}

fn put(world: &mut World, map_from_ware: &Isometry3<f64>) {
    let model = world.data.model_clone();
    world.reload(model, |state| state.put_vial(0, map_from_ware)).unwrap();
}

fn first(world: &World) -> crate::SampleTruth {
    world.truth().samples[&SampleId::new(FIRST)].clone()
}

/// The bundled site with the first vial standing open, filled with a liquid.
fn open_site(fill: f64) -> Site {
    let mut site = site();
    let content = Content { kind: ContentKind::Liquid, fill, density: 1000.0, phase: None };
    (site.stock[0].open, site.stock[0].content) = (true, Some(content));
    site
}

fn open_world(fill: f64) -> World {
    World::new(&open_site(fill), &crate::testing::robot(), SimConfig { seed: Seed(1), start: None }).unwrap()
}

#[test]
fn every_impact_is_judged_by_the_speed_of_its_fall() {
    let mut world = world(41, None);
    run(&mut world, 0.1);
    for index in 0..8 {
        // Falls that end in another millisecond each.
        let height_m = 0.04 + 0.0011 * f64::from(index);
        drop_from(&mut world, height_m);
        world.contacts_of_note();
        run(&mut world, 0.3);
        let notes = world.contacts_of_note();
        let told: f64 = notes
            .iter()
            .find_map(|note| note.split("S-001 hits floor at ").nth(1)?.strip_suffix(" m/s")?.parse().ok())
            .unwrap_or(0.0);
        let fall = (2.0 * 9.81 * height_m).sqrt();
        assert!((told - fall).abs() < 0.02, "fell {height_m} m, so at {fall:.3} m/s, judged {notes:?}");
    }
}

#[test]
fn a_grip_breaks_the_glass_that_does_not_bear_it_and_no_other() {
    let mut site = site();
    let mut strong = site.catalogue.vials[&LabwareType::from("vial_10ml")].clone();
    strong.vessel.breaks_at_n = Some(40.0);
    site.catalogue.vials.insert("vial_strong".into(), strong);
    for rack in site.catalogue.racks.values_mut() {
        rack.takes.push("vial_strong".into());
    }
    site.stock[1].labware = "vial_strong".into();
    for (address, sample, broken) in [("storage/rack/A1", FIRST, true), ("storage/rack/A2", "S-002", false)] {
        let mut worker = Worker::over_in(&site, 42, address, 0.12);
        worker.rise(-0.12, 3.0);
        grip(&mut worker.world, 0.02, 14.5);
        assert!(!worker.world.truth().samples[&SampleId::new(sample)].broken, "by 14.5 N");
        grip(&mut worker.world, 0.02, 20.0);
        run(&mut worker.world, 0.2);
        let truth = worker.world.truth().samples[&SampleId::new(sample)].clone();
        assert_eq!(truth.broken, broken, "{sample}: {:?}", truth.harm);
        assert!((truth.peak_squeeze_n - 20.0).abs() < 0.5, "{}", truth.peak_squeeze_n);
        let mishaps = worker.world.mishaps();
        assert_eq!(
            mishaps.iter().any(|words| words.contains("S-001 breaks: squeezed")),
            broken,
            "{mishaps:?}"
        );
    }
}

#[test]
fn a_slip_fault_excuses_the_vial_that_slips_and_no_other() {
    let mut worker = Worker::over(43, "storage/rack/A3", 0.12);
    worker.pick(8.0);
    strike(&mut worker.world, "gripper.slip");
    run(&mut worker.world, 0.01);
    assert_eq!(worker.world.slip.vial(), Some(2));
    drop_from(&mut worker.world, 0.03);
    run(&mut worker.world, 0.3);
    let notes = worker.world.contacts_of_note();
    assert!(notes.iter().any(|note| note.contains("S-001 hits floor")), "{notes:?}");
    assert!(!notes.iter().any(|note| note.contains("S-003")), "{notes:?}");
}

#[test]
fn the_state_hash_tells_random_streams_and_pending_scans_apart() {
    let fresh = || {
        let mut world = world(44, None);
        while !world.channels.brings_a_scan() {
            world.step();
        }
        world
    };
    let mut drawn = fresh();
    assert_eq!(drawn.state_hash(), fresh().state_hash());
    drawn.capture();
    assert_ne!(drawn.state_hash(), fresh().state_hash(), "the camera's stream was drawn");
    let mut lost = fresh();
    lost.channels.drop_scans();
    assert_ne!(lost.state_hash(), fresh().state_hash(), "a scan is no longer on its way");
    let mut silent = fresh();
    strike(&mut silent, "scanner.front.loss");
    assert_ne!(silent.state_hash(), fresh().state_hash(), "a scanner was silenced");
}

#[test]
fn what_was_changed_in_the_model_outlasts_the_next_obstacle() {
    let mut world = open_world(0.5);
    world.set_pad_friction(0.3).unwrap();
    strike(&mut world, "obstacle.box.put(x=5m, y=5m, yaw=0.3rad, length=30cm, width=30cm)");
    let pad = world.layout.finger_geoms[0];
    assert_eq!(world.data.model().geom_friction()[pad][0], 0.3);
    drop_from(&mut world, 0.0);
    put(&mut world, &lying());
    run(&mut world, 1.0);
    let spilt = first(&world).content;
    strike(&mut world, "obstacle.box.remove");
    assert_eq!(world.data.model().geom_friction()[pad][0], 0.3);
    assert!(!first(&world).capped);
    let body = world.layout.vial_body[0];
    assert!((world.data.model().body_mass()[body] - spilt.mass_kg).abs() < 0.03 * spilt.mass_kg);
    assert!(world.set_pad_friction(0.0).is_err());
}

fn lying() -> Isometry3<f64> {
    let turn = UnitQuaternion::from_euler_angles(0.0, std::f64::consts::FRAC_PI_2, 0.0);
    Isometry3::from_parts(Translation3::new(2.0, 2.0, 0.015), turn)
}

#[test]
fn a_fall_takes_the_cap_off_and_a_higher_one_breaks_the_vial_which_runs_out() {
    let mut world = world(45, None);
    let before = first(&world);
    assert!(before.capped && !before.broken && before.harm.is_empty());
    drop_from(&mut world, 0.075);
    run(&mut world, 1.0);
    let after = first(&world);
    assert!(!after.capped && !after.broken, "{:?}", after.harm);
    assert!(after.harm[0].starts_with("met floor at 1.2"), "{:?}", after.harm);
    // The cap lies on the vial still, and on the floor when that is gone.
    let cap = |world: &World| world.body_pose(world.layout.cap_body[0]).translation;
    assert!((cap(&world).z - 0.054).abs() < 0.002, "{}", cap(&world));
    assert!(after.content.level_m > 0.0, "it stands as it stood: {:?}", after.content);
    put(&mut world, &Isometry3::translation(2.4, 2.0, 0.5));
    run(&mut world, 0.5);
    let cap = cap(&world);
    assert!(cap.z < 0.03 && (cap.x - 2.0).hypot(cap.y - 2.0) < 0.5, "{cap}");
    let end = first(&world);
    assert!(end.broken && end.content.level_m == 0.0, "{end:?}");
    assert!((end.content.mass_kg - (0.6 * 0.025 - 0.002)).abs() < 1e-9, "{}", end.content.mass_kg);
    let mishaps = world.mishaps();
    for words in ["S-001 loses its cap: met floor", "S-001 breaks: met floor"] {
        assert!(mishaps.iter().any(|mishap| mishap.contains(words)), "{words}: {mishaps:?}");
    }
}

#[test]
fn an_open_vial_keeps_what_is_in_it_upright_and_spills_it_lying() {
    let mut world = open_world(0.7);
    run(&mut world, 1.0);
    let upright = first(&world);
    assert_eq!((upright.content.spilt_m3, upright.capped), (0.0, false));
    assert_eq!(world.mishaps(), Vec::<String>::new());
    put(&mut world, &lying());
    run(&mut world, 1.0);
    let lying = first(&world);
    assert!(lying.content.spilt_m3 > 0.6 * upright.content.level_m * 5e-4, "{:?}", lying.content);
    assert!(lying.content.mass_kg < upright.content.mass_kg);
    assert!(world.mishaps().iter().any(|words| words.contains("S-001 spills over its rim")));
}
