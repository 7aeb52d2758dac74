//! What a depth camera sees and no description explains, as obstacles: points in cells, each cell a box about its points.

use crate::solid::Obstacle;
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
    use proptest::prelude::*;

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
