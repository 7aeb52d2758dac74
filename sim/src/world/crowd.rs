//! People in the world.

use super::World;
use crate::SimError;
use crate::faults::parse;
use crate::people::{Deed, People, RobotOnFloor};
use nalgebra::Point2;
use nightshift_core::handshake::{Purpose, Reach, SiteCall, Verb, Verdict};
use nightshift_core::random::Seed;
use nightshift_core::{Address, Stamp, StationId};
use std::time::Duration;

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
        self.let_stations_go();
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
            Deed::Use { station, for_s } => return self.use_station(station, *for_s),
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

/// A person at a station that is open for them.
#[derive(Clone, Debug)]
pub(super) struct Use {
    station: StationId,
    token: String,
    until: Stamp,
}

/// At stations.
impl World {
    /// Somebody presses a station's button. One that is at work, refuses, or is held by the robot stays shut, and whoever
    /// wanted it goes away again: interlocks hold for people too.
    fn use_station(&mut self, station: &StationId, for_s: f64) {
        let first = self.scene.station_slots.iter().find(|slot| slot.address.station == *station);
        let Some(Address { nest, slot, .. }) = first.map(|slot| slot.address.clone()) else { return };
        self.visits += 1;
        let token = format!("person-{}", self.visits);
        let reach = Some(Reach { nest, slot, purpose: Purpose::Look });
        let call = SiteCall { station: station.clone(), verb: Verb::Prepare, token: token.clone(), reach };
        if self.handshake(&call).verdict == Verdict::Ok {
            let until = self.now() + Duration::from_secs_f64(for_s);
            self.users.push(Use { station: station.clone(), token, until });
        }
    }

    /// Whose time is over has the station shut again.
    fn let_stations_go(&mut self) {
        let now = self.now();
        let (gone, stay) = std::mem::take(&mut self.users).into_iter().partition(|user| user.until <= now);
        self.users = stay;
        for Use { station, token, .. } in gone {
            self.handshake(&SiteCall { station, verb: Verb::Release, token, reach: None });
        }
    }
}

#[cfg(test)]
impl World {
    pub(crate) fn people_mut(&mut self) -> &mut People {
        self.people.as_mut().expect("people were let in")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run, world};

    fn lid(world: &World) -> f64 {
        world.truth().stations[&"sonicator".into()].parts[&"lid".into()]
    }

    #[test]
    fn a_person_opens_a_station_and_shuts_it_and_is_kept_out_while_the_robot_has_it() {
        let mut world = world(61, None);
        let robot = RobotOnFloor { pose: world.base_pose(), half_m: [0.4, 0.3], hand: Point2::new(0.0, 0.0) };
        let deed = Deed::Use { station: "sonicator".into(), for_s: 8.0 };
        world.let_in(1, Seed(61)).unwrap();
        world.bear(&deed, &Point2::new(0.0, 0.0), &robot);
        assert_eq!(world.truth().stations[&"sonicator".into()].holder.as_deref(), Some("person-1"));
        run(&mut world, 6.0);
        assert!(lid(&world) > 0.95, "the lid is at {}", lid(&world));
        let ask = |world: &mut World, verb| {
            let reach = Some(Reach { nest: "rack".into(), slot: "A1".into(), purpose: Purpose::Place });
            world.handshake(&SiteCall { station: "sonicator".into(), verb, token: "J1".into(), reach })
        };
        let told = ask(&mut world, Verb::Prepare);
        assert_eq!(told.verdict, Verdict::Busy, "{told:?}");
        run(&mut world, 8.0);
        assert!(lid(&world) < 0.05, "the lid is at {}", lid(&world));
        // Now the robot is first.
        assert_eq!(ask(&mut world, Verb::Prepare).verdict, Verdict::Ok);
        run(&mut world, 6.0);
        world.bear(&deed, &Point2::new(0.0, 0.0), &robot);
        run(&mut world, 10.0);
        assert_eq!(world.truth().stations[&"sonicator".into()].holder.as_deref(), Some("J1"));
        assert!(lid(&world) > 0.95, "nobody shuts it on the robot's arm: {}", lid(&world));
    }
}
