//! Narrow places that only a disc fits through: a search on the floor would lead into them, and the search of poses would try
//! all that lies before them.

use super::MARGINS_M;
use super::lattice::{HEADINGS, Lattice, Node};
use super::sweep::Sweep;
use crate::costmap::{Snapshot, Verdicts};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// With so much more than a disc's clearance the outline fits at some heading of the lattice, metres.
const TIGHT_M: f64 = 0.05;
/// What is narrow has something on both sides within so many blocks.
const BESIDE: isize = 2;
/// The ways across a narrow place, in blocks, and the heading along it.
const ACROSS: [([isize; 2], usize); 4] = [([0, 1], 0), ([-1, 1], 2), ([-1, 0], 4), ([-1, -1], 6)];

/// Tells narrow places of a map at a time.
pub struct Narrow<'a> {
    lattice: &'a Lattice,
    sweep: &'a Sweep<'a>,
    /// The same on the map alone.
    mapped: Sweep<'a>,
    known: &'a Verdicts,
    /// Where the lasers see something that the map does not have.
    seen: RefCell<BTreeMap<usize, bool>>,
    tight_m: f64,
}

impl<'a> Narrow<'a> {
    /// For a search; `mapped` is the map alone.
    pub fn new(sweep: &'a Sweep<'a>, mapped: &'a Snapshot<'a>, lattice: &'a Lattice) -> Self {
        let margin = MARGINS_M.iter().position(|margin_m| *margin_m == sweep.margin_m);
        let margin = margin.expect("paths are looked for with these margins");
        Self {
            lattice,
            sweep,
            mapped: Sweep { map: mapped, margin_m: sweep.margin_m, start: sweep.start, closed: Vec::new() },
            known: &mapped.costmap().verdicts()[margin],
            seen: RefCell::default(),
            tight_m: mapped.footprint().inner_radius_m() + sweep.margin_m + TIGHT_M,
        }
    }

    /// Whether a block is a narrow place in which the outline fits at no heading of the lattice, though a disc may.
    pub fn is_misfit(&self, block: usize) -> bool {
        let (now_m, _, columns) = self.sweep.map.blocks();
        if f64::from(now_m[block]) >= self.tight_m {
            return false;
        }
        let (mapped_m, ..) = self.mapped.map.blocks();
        let about = around([block % columns, block / columns], [columns, now_m.len() / columns]);
        if about.into_iter().flatten().all(|block| now_m[block] == mapped_m[block]) {
            self.known.of(block, || self.look(&self.mapped, block))
        } else {
            *self.seen.borrow_mut().entry(block).or_insert_with(|| self.look(self.sweep, block))
        }
    }

    fn look(&self, sweep: &Sweep<'_>, block: usize) -> bool {
        let (clearance_m, stride, columns) = sweep.map.blocks();
        let (column, row) = (block % columns, block / columns);
        let rows = clearance_m.len() / columns;
        let nearer = |[right, up]: [isize; 2]| {
            let (column, row) = (column.wrapping_add_signed(right), row.wrapping_add_signed(up));
            column >= columns || row >= rows || clearance_m[row * columns + column] < clearance_m[block]
        };
        let along = ACROSS.iter().find(|([right, up], _)| {
            nearer([BESIDE * right, BESIDE * up]) && nearer([-BESIDE * right, -BESIDE * up])
        });
        let Some((_, along)) = along else { return false };
        // The heading along the place is the likeliest to fit.
        !(0..HEADINGS).any(|turn| {
            let heading = (along + turn) % HEADINGS;
            self.lattice.within(column * stride, row * stride, stride).any(|(column, row)| {
                let pose = self.lattice.pose(sweep.map, Node { column, row, heading });
                sweep.spare_m(&pose) >= 0.0
            })
        })
    }
}

/// A block and those about it that [`Narrow::look`] asks for.
fn around([column, row]: [usize; 2], [columns, rows]: [usize; 2]) -> [Option<usize>; 9] {
    std::array::from_fn(|index| {
        let offset = |part: usize| (part as isize - 1) * BESIDE;
        let column = column.wrapping_add_signed(offset(index % 3));
        let row = row.wrapping_add_signed(offset(index / 3));
        (column < columns && row < rows).then(|| row * columns + column)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, rooms};
    use super::*;
    use crate::costmap::Costmap;
    use nalgebra::Point2;
    use nightshift_core::Stamp;

    /// How many blocks of the door's width the outline does not fit in, with the lasers' layer.
    fn misfits(map: &Costmap) -> usize {
        let (now, mapped) = (map.snapshot(), map.snapshot_of_map());
        let lattice = Lattice::new(&now);
        let sweep = Sweep { map: &now, margin_m: MARGINS_M[0], start: at(1.0, 1.0, 0.0), closed: Vec::new() };
        let narrow = Narrow::new(&sweep, &mapped, &lattice);
        let (clearance_m, _, columns) = now.blocks();
        // The wall stands at 3 m, the door reaches up to 4 m; blocks are 0.2 m wide.
        let inside = |block: &usize| (14..=15).contains(&(block % columns)) && block / columns >= 13;
        let disc_m = now.footprint().inner_radius_m() + MARGINS_M[0] - 0.036;
        let open = (0..clearance_m.len()).filter(|block| f64::from(clearance_m[*block]) >= disc_m);
        open.filter(inside).filter(|block| narrow.is_misfit(*block)).count()
    }

    #[test]
    fn a_door_that_only_a_disc_fits_through_is_told_from_one_for_the_outline() {
        // The outline is 0.56 m wide, and 0.15 m are to be clear on both sides.
        assert_eq!(misfits(&rooms(1.2)), 0);
        assert!(misfits(&rooms(0.75)) > 0);
    }

    #[test]
    fn what_the_lasers_see_narrows_a_door_and_is_not_taken_for_the_map() {
        let mut map = rooms(1.2);
        let seen = [Point2::new(2.97, 3.13), Point2::new(3.02, 3.13), Point2::new(3.07, 3.13)];
        map.look(Stamp(1), &Point2::new(2.0, 3.13), &seen, &at(1.0, 1.0, 0.0));
        assert!(misfits(&map) > 0);
        map.forget();
        assert_eq!(misfits(&map), 0);
    }
}
