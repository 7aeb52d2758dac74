//! The pull-out suite: friction and grip force of the simulator as it is used, with its own gripper and settings,
//! against Coulomb's law.

use super::World;
use crate::testing::{Worker, run, site, strike};
use nalgebra::Isometry3;
use nightshift_core::SampleId;
use nightshift_core::describe::Site;
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent, Twist};

const SAMPLE: &str = "S-001";
const GRAVITY: f64 = 9.81;
/// A vial that has moved so far along the pads slips, metres.
const SLIPPED_M: f64 = 5e-5;

/// The bundled site with glass that no grip breaks.
fn strong() -> Site {
    let mut site = site();
    for vial in site.catalogue.vials.values_mut() {
        vial.vessel.breaks_at_n = Some(1000.0);
    }
    site
}

fn hanging(seed: u64) -> Worker {
    let mut worker = Worker::over_in(&strong(), seed, "storage/rack/A1", 0.12);
    worker.pick(8.0);
    assert_eq!(worker.world.truth().samples[&SampleId::new(SAMPLE)].location, crate::GRIPPER);
    worker
}

/// Pulls at the vial, its own weight included, N downward.
fn load(world: &mut World, force_n: f64) {
    let (body, weight_n) = (world.layout.vial_body[0], world.scene.vials[0].mass_kg() * GRAVITY);
    world.data.xfrc_applied_mut()[body][2] = weight_n - force_n;
}

/// How far along the pads the vial is; the arm yields to the pull, so from where the flange is and not where it should be.
fn height(world: &World) -> f64 {
    let map_from_flange = world.body_pose(world.layout.flange_body);
    let map_from_vial = world.body_pose(world.layout.vial_body[0]);
    (map_from_flange.inverse() * map_from_vial).translation.z
}

/// What one case gave, N.
struct PullOut {
    /// The load at which the pads lose the vial.
    slip_n: f64,
    /// The mean of what the pads press with beforehand.
    pressed_n: f64,
    /// The mean of what the gripper reports of it, and of how many reports.
    reported_n: f64,
    reports: f64,
}

fn pull_out(worker: &mut Worker, at: &Isometry3<f64>, friction: f64, grip_n: f64) -> PullOut {
    let coulomb_n = 2.0 * friction * grip_n;
    // Back between the pads, once the arm has come back from the pull before.
    load(&mut worker.world, 0.0);
    run(&mut worker.world, 0.3);
    let model = worker.world.data.model_clone();
    worker.world.reload(model, |state| state.put_vial(0, at)).unwrap();
    worker.world.set_pad_friction(friction).unwrap();
    worker.world.command(RobotCommand::Grip { id: CommandId(1), opening_m: 0.02, force_n: grip_n });
    run(&mut worker.world, 0.5);
    let (mut pressed_n, mut reported_n, mut reports) = (0.0, 0.0, 0.0);
    for _ in 0..1000 {
        for event in worker.world.step() {
            if let RobotEvent::Gripper(state) = event {
                (reported_n, reports) = (reported_n + state.force_n, reports + 1.0);
            }
        }
        pressed_n += worker.world.monitor.pad_force_n() / 1000.0;
    }
    reported_n /= reports;
    let start = height(&worker.world);
    let (mut step, mut slip_n) = (0, f64::INFINITY);
    while slip_n.is_infinite() && step < 1000 {
        // To 85 % in 0.4 s, then on to 115 % in 1.6 s.
        let share = if step < 200 {
            0.85 * f64::from(step) / 200.0
        } else {
            0.85 + 0.3 * f64::from(step - 200) / 800.0
        };
        load(&mut worker.world, share * coulomb_n);
        worker.world.step();
        if (height(&worker.world) - start).abs() > SLIPPED_M {
            slip_n = share * coulomb_n;
        }
        step += 1;
    }
    PullOut { slip_n, pressed_n, reported_n, reports }
}

#[test]
fn the_pads_lose_a_vial_at_coulombs_force_and_report_what_they_press_with() {
    let mut worker = hanging(31);
    let at = worker.world.body_pose(worker.world.layout.vial_body[0]);
    let mut wrong = Vec::new();
    for friction in [0.2, 0.4, 0.6] {
        for grip_n in [0.5, 2.0, 8.0, 20.0] {
            let case = pull_out(&mut worker, &at, friction, grip_n);
            let (slip, pressed) = (case.slip_n / (2.0 * friction * grip_n), case.pressed_n / grip_n);
            let reported = case.reported_n / grip_n;
            println!(
                "friction {friction} grip {grip_n} N: slips at {slip:.4} of Coulomb, presses {pressed:.5}, reports {reported:.4}"
            );
            // A mean of noisy reports is no better than its noise.
            let noise = 3.0 * super::sense::FORCE_SIGMA / case.reports.sqrt() / grip_n;
            if (slip - 1.0).abs() > 0.05
                || (pressed - 1.0).abs() > 0.01
                || (reported - 1.0).abs() > 0.01 + noise
            {
                wrong.push((friction, grip_n, slip, pressed, reported));
            }
        }
    }
    assert!(wrong.is_empty(), "friction, grip, slip over Coulomb, pressed and reported over grip: {wrong:?}");
}

#[test]
fn a_vial_that_is_carried_for_ten_seconds_stays_where_it_is_held() {
    let mut worker = hanging(32);
    strike(&mut worker.world, "base.kidnap(x=0.9m, y=5m)");
    run(&mut worker.world, 0.5);
    let before = worker.tool_from_sample(SAMPLE);
    for _ in 0..100 {
        worker.world.command(RobotCommand::Drive(Twist { x: 0.3, y: 0.0, yaw: 0.0 }));
        run(&mut worker.world, 0.1);
    }
    run(&mut worker.world, 1.5);
    let drift = (worker.tool_from_sample(SAMPLE).translation() - before.translation()).norm();
    println!("10 s at 0.3 m/s: drift {:.2} um", drift * 1e6);
    assert!(drift < 1e-4, "drifted by {drift} m");
    assert_eq!(worker.world.contacts_of_note(), Vec::<String>::new());
}
