use crate::docked::{ABOVE_M, CLOSE_M, Docked, FREE_M, touching, vial_at};
use crate::followed::{nearest, within_limits};
use nalgebra::Vector3;
use nightshift_core::frames::{Base, Pose, Slot, Tool};
use nightshift_core::ids::Address;
use nightshift_core::robot::JointTrajectory;
use nightshift_motion::{MotionGoal, PlanRequest, Scene, plan};

/// Plans on from where the last motion ended, and looks at every trajectory from outside.
struct Work<'a> {
    docked: &'a Docked,
    q: Vec<f64>,
    seed: u64,
}

impl Work<'_> {
    fn go(&mut self, what: &str, goal: MotionGoal, scene: &Scene) -> JointTrajectory {
        let arm = &self.docked.arm;
        let request =
            PlanRequest { start: self.q.clone(), goal, scene: scene.clone(), seed: self.seed, speed: 1.0 };
        let trajectory = plan(arm, &request).unwrap_or_else(|failure| panic!("{what}: {failure}"));
        within_limits(arm, &request, &trajectory);
        let nearest = nearest(arm, scene, &trajectory);
        assert!(nearest.0 >= scene.margin_m / 2.0, "{what}: {nearest:?}");
        self.q = trajectory.points[trajectory.points.len() - 1].positions.clone();
        trajectory
    }

    fn tool(&self) -> Pose<Base, Tool> {
        self.docked.arm.base_from_tool(&self.q)
    }

    /// Straight up or down, the tool within half a millimetre and half a degree of the line all the way.
    fn lift(&mut self, what: &str, by_m: f64, scene: &Scene) {
        let from = self.tool();
        let goal = Pose::new(nalgebra::Translation3::new(0.0, 0.0, by_m) * from.iso);
        let line = self.go(what, MotionGoal::Line(goal), scene);
        let mut last = 0.0;
        for k in 0..=(line.duration_s() * 1000.0) as usize {
            let tool = self.docked.arm.base_from_tool(&line.sample(k as f64 * 1e-3));
            let moved = tool.translation() - from.translation();
            let beside = moved - Vector3::z() * moved.z;
            let angle = tool.iso.rotation.angle_to(&from.iso.rotation);
            assert!(beside.norm() <= 0.5e-3 && angle <= 0.5f64.to_radians(), "{what}: {beside} {angle}");
            let along = moved.z * by_m.signum();
            assert!(along >= last - 1e-6, "{what}: runs back");
            last = along;
        }
        assert!((self.tool().translation() - goal.translation()).norm() <= 1e-6, "{what}");
    }

    /// A sample from one slot to another, as the executive does it.
    fn transfer(
        &mut self,
        (from, at): (&Address, Pose<Base, Slot>),
        (to, there): (&Address, Pose<Base, Slot>),
    ) {
        let docked = self.docked;
        let before = |margin| docked.scene(&[to], margin);
        let between = |margin| docked.holding(docked.scene(&[from, to], margin));
        let rack = |address: &Address| format!("{}/rack", address.station);

        let above = MotionGoal::ToolAnySpin(docked.grasp(&at, ABOVE_M));
        self.go(&format!("to above {from}"), above, &before(FREE_M));
        let grasping = touching(before(CLOSE_M), "finger", &vial_at(from));
        self.lift(&format!("down to {from}"), -ABOVE_M, &grasping);
        assert!((self.tool().translation() - docked.grasp(&at, 0.0).translation()).norm() < 1e-5);
        self.lift(&format!("up from {from}"), ABOVE_M, &touching(between(CLOSE_M), "held", &rack(from)));
        let above = MotionGoal::ToolAnySpin(docked.grasp(&there, ABOVE_M));
        self.go(&format!("to above {to}"), above, &between(FREE_M));
        self.lift(&format!("down to {to}"), -ABOVE_M, &touching(between(CLOSE_M), "held", &rack(to)));
        let leaving = touching(docked.scene(&[from], CLOSE_M), "finger", &vial_at(to));
        self.lift(&format!("up from {to}"), ABOVE_M, &leaving);
        let look = MotionGoal::Joints(docked.posture("look"));
        self.go("back to look", look, &docked.scene(&[from], FREE_M));
    }
}

/// Every slot of the rack and of the deck, with a vial in all others: from the rack to the deck and back.
#[test]
fn every_slot_is_reached_from_above_with_neighbours_all_around() {
    let docked = Docked::at("storage");
    let slots = docked.slots();
    assert_eq!(slots.len(), 16);
    for (seed, pair) in slots.chunks(2).enumerate() {
        let (rack, deck) = (&pair[0], &pair[1]);
        assert!(deck.0.on_deck() && !rack.0.on_deck());
        let mut work = Work { docked: &docked, q: docked.posture("look"), seed: seed as u64 };
        work.transfer((&rack.0, rack.1), (&deck.0, deck.1));
        work.transfer((&deck.0, deck.1), (&rack.0, rack.1));
    }
}

#[test]
fn a_vial_that_may_not_be_touched_cannot_be_grasped() {
    let docked = Docked::at("storage");
    let (address, slot) = &docked.slots()[0];
    let mut work = Work { docked: &docked, q: docked.posture("look"), seed: 0 };
    work.go("above", MotionGoal::ToolAnySpin(docked.grasp(slot, ABOVE_M)), &docked.scene(&[], FREE_M));
    let down = Pose::new(nalgebra::Translation3::new(0.0, 0.0, -ABOVE_M) * work.tool().iso);
    // Open to 36 mm around 28 mm the fingers pass at 4 mm: a margin of 5 mm forbids it.
    let request = |may_touch| PlanRequest {
        start: work.q.clone(),
        goal: MotionGoal::Line(down),
        scene: Scene { may_touch, ..docked.scene(&[], 0.005) },
        seed: 0,
        speed: 1.0,
    };
    let failure = plan(&docked.arm, &request(vec![])).unwrap_err();
    assert_eq!(failure.code, nightshift_core::Code::NoMotion);
    assert!(failure.message.contains(&format!("and {} are 0.004", vial_at(address))), "{failure}");
    assert!(plan(&docked.arm, &request(vec![("finger".to_owned(), vial_at(address))])).is_ok());
}
