//! How finely time is cut for the physics.
//!
//! What fingers hold, and what flies or falls, needs steps of 1 ms (`mjcf::SUBSTEPS` has the reason). For the rest of a night
//! the robot drives, or moves its arm through the air, with vials that stand on its deck: one step of 2 ms does for that,
//! and costs half. Contacts are made for the step to come: their time constant must be twice as long as it, or they
//! swing. One that was made for a long step may be used in a short one, and not the other way round.

use super::World;
use crate::faults::What;
use crate::mjcf;
use crate::scene::{Host, Role};
use nalgebra::Vector3;

/// A vial that moves no faster than this against the deck rides on it, m/s.
const RIDES: f64 = 0.02;

impl World {
    /// Into how many steps of physics the next step of the world is cut.
    pub(super) fn substeps(&self) -> u32 {
        let made_for_s = self.data.model_opt().timestep;
        if made_for_s > mjcf::SHORT_STEP_S && self.is_calm() { 1 } else { mjcf::SUBSTEPS }
    }

    /// The step that contacts shall be made for now, seconds.
    pub(super) fn step_to_come_s(&self) -> f64 {
        if self.is_calm() { Self::STEP.as_secs_f64() } else { mjcf::SHORT_STEP_S }
    }

    /// Whether nothing but loose labware touches anything, no finger touches them, and all that are awake ride along.
    fn is_calm(&self) -> bool {
        // A weak drive is held back by orders that are made for the rates at a step's begin.
        if self.active.all(What::ArmWeak).next().is_some() {
            return false;
        }
        let loose = |host: Host| matches!(host, Host::Vial(_) | Host::LooseCap(_) | Host::Ware(_));
        let quiet = self.data.contact().iter().all(|contact| {
            let prims = contact.geom.map(|geom| &self.scene.prims[self.layout.prim_of_geom[geom as usize]]);
            prims.iter().any(|prim| loose(prim.host))
                && !prims.iter().any(|prim| matches!(prim.role, Role::Robot { finger: Some(_) }))
        });
        let free = self.layout.vial_body.iter().chain(&self.layout.cap_body).chain(&self.layout.ware_body);
        quiet && free.copied().all(|body| self.rides(body))
    }

    /// Whether a body sleeps, or moves as the base does.
    fn rides(&self, body: usize) -> bool {
        let tree = self.data.model().body_treeid()[body];
        let asleep = usize::try_from(tree).is_ok_and(|tree| self.data.tree_asleep()[tree] >= 0);
        asleep || {
            let [.., vx, vy, vz] = self.velocity_of(body);
            let [x, y, turn] = self.layout.base.map(|joint| self.data.qvel()[joint.dof]);
            let arm =
                Vector3::from(self.data.xpos()[body]) - self.base_pose().spatial().iso.translation.vector;
            (Vector3::new(vx, vy, vz) - Vector3::new(x - turn * arm.y, y + turn * arm.x, 0.0)).norm() < RIDES
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::mjcf;
    use crate::testing::{Worker, grip, run, world};
    use crate::world::World;
    use nightshift_core::frames::Pose2;
    use nightshift_core::robot::CommandId;
    use nightshift_core::robot::{RobotCommand, Twist};

    #[test]
    fn a_robot_that_drives_alone_goes_by_long_steps_and_one_that_holds_a_vial_by_short_ones() {
        let mut driver = world(71, Some(Pose2::new(2.0, 2.0, 0.0)));
        run(&mut driver, 1.0);
        assert_eq!(driver.substeps(), 1, "everything rests");
        driver.command(RobotCommand::Drive(Twist { x: 0.4, y: 0.0, yaw: 0.0 }));
        run(&mut driver, 0.3);
        assert_eq!(driver.substeps(), 1, "it drives alone");
        let mut worker = Worker::over(72, "storage/rack/A1", 0.12);
        worker.rise(-0.12, 3.0);
        assert_eq!(worker.world.substeps(), 1, "the hand is open around the vial");
        grip(&mut worker.world, 0.02, 8.0);
        assert_eq!(worker.world.substeps(), mjcf::SUBSTEPS);
        worker.rise(0.12, 2.0);
        assert_eq!(worker.world.substeps(), mjcf::SUBSTEPS, "it is carried");
        worker.world.command(RobotCommand::Grip { id: CommandId(9), opening_m: 0.06, force_n: 8.0 });
        let height = |world: &World| world.truth().samples[&"S-001".into()].pose.translation().z;
        let (held_m, mut before_m, mut falling) = (height(&worker.world), height(&worker.world), 0);
        for _ in 0..1500 {
            worker.world.step();
            let now_m = height(&worker.world);
            if before_m - now_m > 0.2 * World::STEP.as_secs_f64() {
                falling += 1;
                assert_eq!(worker.world.substeps(), mjcf::SUBSTEPS, "it falls");
            }
            before_m = now_m;
        }
        assert!(falling > 20 && before_m < held_m - 0.1, "it fell by {} m", held_m - before_m);
        run(&mut worker.world, 5.0);
        assert_eq!(worker.world.substeps(), 1, "it lies");
    }
}
