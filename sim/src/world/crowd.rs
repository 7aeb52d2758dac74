//! People in the world.

use super::World;
use crate::SimError;
use crate::faults::parse;
use crate::people::{Deed, People, RobotOnFloor};
use nalgebra::Point2;
use nightshift_core::random::Seed;

/// A chair is left only where the robot is at least so far away, metres.
const CHAIR_AWAY_M: f64 = 1.2;
/// Edge of a chair's seat, metres.
const CHAIR_M: f64 = 0.42;

impl World {
    /// Lets people in, who walk about from now on; those who were there are gone.
    ///
    /// # Errors
    /// `Compile` where MuJoCo refuses the scene; `Request` for more people than a laboratory holds.
    pub fn let_in(&mut self, count: usize, seed: Seed) -> Result<(), SimError> {
        const MOST: usize = 50;
        if count > MOST {
            return Err(SimError::Request(format!("{count} people: a laboratory holds {MOST} at most")));
        }
        if count == 0 && self.people.is_none() {
            return Ok(());
        }
        let mut scene = self.scene.clone();
        scene.prims.retain(|prim| prim.role != crate::scene::Role::Person);
        scene.let_in(count);
        let base = self.base_pose();
        let robot = Point2::new(base.x(), base.y());
        self.people = Some(People::new(&self.site, &robot, count, seed));
        self.adopt(scene, |_| {})?;
        self.stand_people();
        Ok(())
    }

    /// Lets people go on by one step.
    pub(super) fn move_people(&mut self) {
        let Some(mut people) = self.people.take() else { return };
        let reach = |axis: usize| {
            self.robot.base.footprint_m.iter().map(|corner| corner[axis].abs()).fold(0.0, f64::max)
        };
        let hand = self.body_pose(self.layout.flange_body).translation.vector;
        let hand = Point2::new(hand.x, hand.y);
        let robot = RobotOnFloor { pose: self.base_pose(), half_m: [reach(0), reach(1)], hand };
        let deeds = people.advance(Self::STEP.as_secs_f64(), &robot);
        self.people = Some(people);
        for (deed, at) in deeds {
            self.bear(&deed, &at, &robot);
        }
        self.stand_people();
    }

    fn stand_people(&mut self) {
        let parts = self.people.as_ref().map(People::parts).unwrap_or_default();
        for (ids, poses) in self.layout.people.iter().zip(parts) {
            for (id, pose) in ids.iter().zip(poses) {
                let (t, q) = (pose.translation.vector, pose.rotation.coords);
                self.data.mocap_pos_mut()[*id] = [t.x, t.y, t.z];
                self.data.mocap_quat_mut()[*id] = [q.w, q.x, q.y, q.z];
            }
        }
    }

    /// Does to the room what somebody does, in the faults' own terms. What cannot be done is let be.
    fn bear(&mut self, deed: &Deed, at: &Point2<f64>, robot: &RobotOnFloor) {
        let text = match deed {
            Deed::Stand | Deed::Reach => return,
            Deed::Push { furniture, by_m: [x, y] } => {
                format!("furniture.{furniture}.shift(x={x:.4}m, y={y:.4}m)")
            }
            Deed::Dark { for_s } => format!("room.dark(for={for_s:.1}s)"),
            Deed::LeaveChair => {
                let away = (at.x - robot.pose.x()).hypot(at.y - robot.pose.y());
                if away < CHAIR_AWAY_M {
                    return;
                }
                self.chairs += 1;
                if let Some(people) = &mut self.people {
                    people.block(at, CHAIR_M / 2.0);
                }
                format!(
                    "obstacle.chair-{}.put(x={:.3}m, y={:.3}m, length={CHAIR_M}m, width={CHAIR_M}m, height=0.85m)",
                    self.chairs, at.x, at.y
                )
            }
        };
        let fault = parse(&text).expect("a deed is written as faults are").fault;
        // A shift or a box that MuJoCo refuses leaves the room as it was, which is what a person would find as well.
        let _ = self.inject(&fault);
    }
}

#[cfg(test)]
impl World {
    pub(crate) fn people_mut(&mut self) -> &mut People {
        self.people.as_mut().expect("people were let in")
    }
}
