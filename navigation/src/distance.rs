//! For every cell of a grid the nearest of some marked cells: the exact Euclidean feature transform, in linear time
//! (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012).

/// Where there is no marked cell at all.
pub const NONE: u32 = u32::MAX;

/// For each cell the index (`row * width + column`) of the nearest cell for which `marked` is true.
pub fn nearest_marked(width: usize, height: usize, marked: impl Fn(usize) -> bool) -> Vec<u32> {
    let in_column = nearest_in_column(width, height, marked);
    let mut nearest = vec![NONE; width * height];
    // The lower envelope of the columns' parabolas along each row.
    let mut apex: Vec<usize> = Vec::with_capacity(width);
    let mut from: Vec<f64> = Vec::with_capacity(width);
    for row in 0..height {
        let line = &in_column[row * width..(row + 1) * width];
        let height_at = |column: usize| {
            let rows = f64::from(line[column]) - row as f64;
            rows * rows + (column * column) as f64
        };
        apex.clear();
        from.clear();
        for column in (0..width).filter(|c| line[*c] != NONE) {
            let mut start = f64::NEG_INFINITY;
            while let Some(last) = apex.last().copied() {
                let cross = (height_at(column) - height_at(last)) / (2.0 * (column - last) as f64);
                if cross > from[from.len() - 1] {
                    start = cross;
                    break;
                }
                apex.pop();
                from.pop();
            }
            apex.push(column);
            from.push(start);
        }
        let mut k = 0;
        for column in 0..width {
            while k + 1 < apex.len() && from[k + 1] < column as f64 {
                k += 1;
            }
            if let Some(best) = apex.get(k) {
                nearest[row * width + column] = line[*best] * width as u32 + *best as u32;
            }
        }
    }
    nearest
}

/// For each cell the row of the nearest marked cell in its own column.
fn nearest_in_column(width: usize, height: usize, marked: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut rows = vec![NONE; width * height];
    for row in 0..height {
        for column in 0..width {
            let index = row * width + column;
            if marked(index) {
                rows[index] = row as u32;
            } else if row > 0 {
                rows[index] = rows[index - width];
            }
        }
    }
    for row in (0..height.saturating_sub(1)).rev() {
        for column in 0..width {
            let index = row * width + column;
            let above = rows[index + width];
            let here = rows[index];
            if above != NONE && (here == NONE || above.abs_diff(row as u32) < here.abs_diff(row as u32)) {
                rows[index] = above;
            }
        }
    }
    rows
}

/// Distance between two cells by their indices, in cells.
pub fn between(a: usize, b: usize, width: usize) -> f64 {
    let (dx, dy) = ((a % width).abs_diff(b % width), (a / width).abs_diff(b / width));
    ((dx * dx + dy * dy) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_what_brute_force_finds(width in 1usize..14, height in 1usize..14, bits in any::<[u64; 4]>()) {
            let marked = |i: usize| bits[i / 64] >> (i % 64) & 1 == 1 && i.is_multiple_of(3);
            let nearest = nearest_marked(width, height, marked);
            for (cell, found) in nearest.iter().enumerate() {
                let all = (0..width * height).filter(|i| marked(*i));
                let best = all.map(|i| between(cell, i, width)).fold(f64::INFINITY, f64::min);
                if *found == NONE {
                    prop_assert!(best.is_infinite());
                } else {
                    prop_assert!(marked(*found as usize));
                    prop_assert!((between(cell, *found as usize, width) - best).abs() < 1e-12);
                }
            }
        }
    }
}
