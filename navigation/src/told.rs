//! Poses that a person tells, held against the map before anybody acts on them.

use nightshift_core::frames::{Base, Map, Pose2};
use nightshift_core::grid::{Cell, OccupancyGrid};

/// A told pose is believed to so many metres: a wall with free floor nearer than this may be the telling's error.
pub const WITHIN_M: f64 = 0.3;

/// A told pose that may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Its middle is on free floor, or where nobody has looked.
    OnFloor,
    /// Its middle is in a wall, but free floor is within [`WITHIN_M`].
    NearFloor,
}

/// Whether a told pose can be the telling's error away from where a base may be.
///
/// # Errors
/// In words, where no error of the telling explains it: not finite, outside the map, or deep in a wall.
pub fn check(grid: &OccupancyGrid, pose: &Pose2<Map, Base>) -> Result<Told, String> {
    let (x, y, yaw) = (pose.x(), pose.y(), pose.yaw());
    if !(x.is_finite() && y.is_finite() && yaw.is_finite()) {
        return Err("is not finite".to_owned());
    }
    let refused = |why: &str| format!("{why}; the map holds x {}, y {}", span(grid, 0), span(grid, 1));
    let (column, row) = grid.cell_at(x, y).ok_or_else(|| refused("lies outside the map"))?;
    if grid.get(column, row) != Cell::Occupied {
        return Ok(Told::OnFloor);
    }
    let reach = (WITHIN_M / grid.resolution_m).floor() as usize;
    let near = |at: usize, end: usize| at.saturating_sub(reach)..(at + reach + 1).min(end);
    let mut cells = near(row, grid.height).flat_map(|r| near(column, grid.width).map(move |c| (c, r)));
    if cells.any(|(c, r)| grid.get(c, r) == Cell::Free) {
        Ok(Told::NearFloor)
    } else {
        Err(refused(&format!("lies in a wall, without free floor within {WITHIN_M} m")))
    }
}

fn span(grid: &OccupancyGrid, axis: usize) -> String {
    let cells = [grid.width, grid.height][axis];
    let from = grid.origin[axis];
    format!("{from:.2} to {:.2} m", from + cells as f64 * grid.resolution_m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walls_are_forgiven_at_their_skin_only_and_nowhere_is_refused_in_words() {
        // 4 m x 1 m; the left half is solid.
        let cell = |i: usize| if i % 80 < 40 { Cell::Occupied } else { Cell::Free };
        let cells = (0..1600).map(cell).collect();
        let grid = OccupancyGrid { resolution_m: 0.05, width: 80, height: 20, origin: [-1.0, 2.0], cells };
        let at = |x: f64, y: f64, yaw: f64| check(&grid, &Pose2::new(x, y, yaw));
        assert_eq!(at(1.5, 2.5, 0.0), Ok(Told::OnFloor));
        assert_eq!(at(0.8, 2.5, 0.0), Ok(Told::NearFloor));
        assert!(at(0.0, 2.5, 0.0).unwrap_err().contains("in a wall"));
        assert!(at(9.0, 2.5, 0.0).unwrap_err().contains("x -1.00 to 3.00 m, y 2.00 to 3.00 m"));
        for (x, y, yaw) in [(f64::NAN, 2.5, 0.0), (1.5, f64::INFINITY, 0.0), (1.5, 2.5, f64::NAN)] {
            assert!(at(x, y, yaw).unwrap_err().contains("finite"));
        }
    }
}
