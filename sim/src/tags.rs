//! The tag family tag36h11: its codes, and what colour a point of a tag has.

mod codes;

use codes::CODES;

/// Cells from edge to edge of the black square.
pub const BLACK_CELLS: f64 = 8.0;

/// Edge of the white square with its quiet zone, as a multiple of the black square's edge.
pub const WITH_QUIET_ZONE: f64 = (BLACK_CELLS + 2.0) / BLACK_CELLS;

/// The code of a tag; none where the family has no such id.
pub fn code(id: u32) -> Option<u64> {
    CODES.get(id as usize).copied()
}

/// Whether a tag is white at a point, which is given in black edges from the tag's centre: x to the right and
/// y up, each within half of [`WITH_QUIET_ZONE`].
pub fn is_white(code: u64, x: f64, y: f64) -> bool {
    let column = ((x + 0.5) * BLACK_CELLS).floor() as i32;
    let row = ((0.5 - y) * BLACK_CELLS).floor() as i32;
    if !(0..8).contains(&column) || !(0..8).contains(&row) {
        return true;
    }
    if !(1..7).contains(&column) || !(1..7).contains(&row) {
        return false;
    }
    code >> ((row - 1) * 6 + column - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenCV 4's drawing of tag 0 with a border of one cell.
    const TAG_0: [&str; 8] =
        ["########", "#..#.#.#", "##...#.#", "##..####", "#.#.####", "##.#..##", "####.###", "########"];

    #[test]
    fn tag_0_is_drawn_as_apriltag_publishes_it() {
        let code = code(0).unwrap();
        for (row, text) in TAG_0.iter().enumerate() {
            for (column, cell) in text.bytes().enumerate() {
                let x = (column as f64 + 0.5) / 8.0 - 0.5;
                let y = 0.5 - (row as f64 + 0.5) / 8.0;
                assert_eq!(is_white(code, x, y), cell == b'.', "row {row}, column {column}");
            }
        }
    }

    #[test]
    fn the_quiet_zone_is_white_and_the_border_black() {
        let code = code(586).unwrap();
        for t in [-0.55, -0.3, 0.0, 0.3, 0.55] {
            assert!(is_white(code, t, 0.55) && is_white(code, t, -0.55));
            assert!(is_white(code, 0.55, t) && is_white(code, -0.55, t));
        }
        for t in [-0.45, 0.0, 0.45] {
            assert!(!is_white(code, t, 0.45) && !is_white(code, -0.45, t));
        }
        assert_eq!(super::code(587), None);
    }

    #[test]
    fn any_two_codes_differ_in_eleven_bits_however_they_are_turned() {
        let turned = |code: u64| {
            (0..36).fold(0, |out, i| {
                let (row, column) = (i / 6, i % 6);
                out | (code >> (35 - (column * 6 + 5 - row)) & 1) << (35 - i)
            })
        };
        for (i, a) in CODES.iter().enumerate().step_by(37) {
            for b in &CODES[i + 1..] {
                let mut b = *b;
                for _ in 0..4 {
                    assert!((a ^ b).count_ones() >= 11);
                    b = turned(b);
                }
            }
        }
    }
}
