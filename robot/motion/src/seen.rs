//! What a depth camera sees and no description explains, as obstacles: points in cells, each cell a box about its points.

use crate::arm::Arm;
use crate::request::{Held, SceneShape};
use crate::solid::Obstacle;
use crate::world::{held_body, link_bodies};
use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::describe::Solid;
use std::collections::BTreeMap;

/// The name of all that was seen, for [`crate::Scene::may_touch`] and for messages.
const NAME: &str = "seen";
/// Edge of a cell, metres: a few pixels at arm's length.
const CELL_M: f64 = 0.03;
/// No box is thinner, metres: about what a depth camera is off by at arm's length.
const THINNEST_M: f64 = 0.005;
/// More cells than this are no arm's surroundings but a whole room's.
const MOST_CELLS: usize = 4000;
/// A point this near to the arm is the arm's, metres: cables and covers stand off its shapes.
const OWN_M: f64 = 0.03;

impl Arm {
    /// Of points that a depth camera saw with the arm at `q` (metres, in the base's frame), those that lie farther than 3 cm from
    /// the robot's own links and from what it holds.
    pub fn not_own(
        &self,
        q: &[f64],
        fingers_opening_m: f64,
        held: Option<&Held>,
        points_m: &[[f64; 3]],
    ) -> Vec<[f64; 3]> {
        let frames = self.chain.frames(q);
        let mut bodies = link_bodies(self, fingers_opening_m).0;
        bodies.extend(held.map(|held| held_body(self, held)));
        let own = bodies.iter().map(|body| {
            Obstacle::new(&body.name, body.shaped.solid(), &(frames[body.frame] * body.frame_from_shape))
        });
        away_from(&own.collect::<Vec<_>>(), OWN_M, points_m)
    }
}

/// Of points that a depth camera saw (metres, in the base's frame), those that lie farther than `within_m` from every shape and from
/// the floor: for [`crate::Scene::seen_m`].
pub fn unexplained(shapes: &[SceneShape], points_m: &[[f64; 3]], within_m: f64) -> Vec<[f64; 3]> {
    let known =
        shapes.iter().map(|shape| Obstacle::new(&shape.name, &shape.solid, &shape.base_from_shape.iso));
    let known: Vec<Obstacle> = known.collect();
    let over_floor: Vec<[f64; 3]> = points_m.iter().filter(|point| point[2] > within_m).copied().collect();
    away_from(&known, within_m, &over_floor)
}

fn away_from(things: &[Obstacle], by_m: f64, points_m: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let away = |point: &&[f64; 3]| things.iter().all(|thing| thing.distance_m(&Point3::from(**point)) > by_m);
    points_m.iter().filter(away).copied().collect()
}

/// Boxes that hold all the points, one a cell; what is wrong with the points where something is.
pub(crate) fn obstacles(points_m: &[[f64; 3]]) -> Result<Vec<Obstacle>, String> {
    if let Some(point) = points_m.iter().find(|point| !point.iter().all(|along| along.is_finite())) {
        return Err(format!("the point {point:?}: three finite numbers are needed"));
    }
    let mut cells: BTreeMap<[i64; 3], [Point3<f64>; 2]> = BTreeMap::new();
    for point in points_m {
        let at = Point3::from(*point);
        let cell = point.map(|along| (along / CELL_M).floor() as i64);
        let [least, most] = cells.entry(cell).or_insert([at, at]);
        (*least, *most) = (least.inf(&at), most.sup(&at));
    }
    if cells.len() > MOST_CELLS {
        let count = cells.len();
        return Err(format!(
            "points in {count} cells; at most {MOST_CELLS} are taken: leave out what is out of reach"
        ));
    }
    let boxed = |[least, most]: [Point3<f64>; 2]| {
        let size = (most - least).sup(&Vector3::repeat(THINNEST_M));
        let middle = nalgebra::center(&least, &most);
        Obstacle::new(NAME, &Solid::Box { size_m: size.into() }, &Isometry3::from(middle.coords))
    };
    Ok(cells.into_values().map(boxed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::omni7;
    use nightshift_core::frames::Pose;
    use proptest::prelude::*;

    #[test]
    fn what_shapes_the_floor_the_arm_and_what_it_holds_explain_is_left_out() {
        let shape = SceneShape {
            name: "bench".into(),
            solid: Solid::Box { size_m: [1.0, 1.0, 0.1] },
            base_from_shape: Pose::from_xyz_rpy([0.9, 0.0, 0.7], [0.0; 3]),
        };
        let points =
            [[0.9, 0.1, 0.76], [0.9, 0.1, 0.764], [0.9, 0.1, 0.766], [0.9, 0.3, 0.01], [0.9, 0.3, 0.02]];
        assert_eq!(unexplained(&[shape], &points, 0.015), [points[2], points[4]]);

        let arm = Arm::new(&omni7()).unwrap();
        let q = vec![0.2; arm.joint_count()];
        let tool = arm.base_from_tool(&q);
        let below = |m: f64| <[f64; 3]>::from((tool.iso * Point3::new(0.0, 0.0, m)).coords);
        let points = [below(0.0), below(0.2), below(0.24), [3.0, 0.0, 1.0]];
        let stick = Held {
            name: "stick".into(),
            solid: Solid::Cylinder { radius_m: 0.01, height_m: 0.4 },
            tool_from_shape: Pose::identity(),
            carry: None,
        };
        assert_eq!(arm.not_own(&q, 0.02, None, &points), points[1..]);
        assert_eq!(arm.not_own(&q, 0.02, Some(&stick), &points), points[2..]);
    }

    proptest! {
        #[test]
        fn every_point_is_in_a_box_and_no_box_is_larger_than_its_cell(
            points in proptest::collection::vec([-1.0f64..1.0, -1.0f64..1.0, 0.0f64..2.0], 1..200)
        ) {
            let boxes = obstacles(&points).unwrap();
            let cells: std::collections::BTreeSet<[i64; 3]> =
                points.iter().map(|point| point.map(|along| (along / CELL_M).floor() as i64)).collect();
            prop_assert_eq!(boxes.len(), cells.len());
            let size = |obstacle: &Obstacle| match obstacle.solid {
                Solid::Box { size_m } => Vector3::from(size_m),
                _ => Vector3::zeros(),
            };
            for obstacle in &boxes {
                prop_assert!(size(obstacle).max() <= CELL_M + 1e-12 && size(obstacle).min() >= THINNEST_M);
            }
            for point in &points {
                let held = |obstacle: &Obstacle| {
                    let off = Point3::from(*point).coords - obstacle.base_from_shape.translation.vector;
                    (off.abs() - size(obstacle) / 2.0).max() <= 1e-12
                };
                prop_assert!(boxes.iter().any(held), "{point:?} is in none");
            }
        }
    }
}
