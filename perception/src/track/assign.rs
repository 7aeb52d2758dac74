//! Who is who: rows to columns at the least cost, or to nobody.

/// For each row the column that it takes, each column once: the least sum of costs, where a row that takes none costs `alone`.
///
/// Shortest augmenting paths with potentials (Kuhn 1955, Munkres 1957, in the form of Jonker and Volgenant 1987), cubic in the rows. Costs
/// must be numbers; what may not be taken has a cost above `alone`.
pub(super) fn assign(costs: &[Vec<f64>], columns: usize, alone: f64) -> Vec<Option<usize>> {
    let rows = costs.len();
    // A column of its own for each row that takes none.
    let all = columns + rows;
    let cost = |row: usize, column: usize| {
        if column < columns { costs[row][column].min(1e6 * alone) } else { alone }
    };
    // Rows and columns count from one here: nobody has the number zero.
    let (mut of_row, mut of_column) = (vec![0.0; rows + 1], vec![0.0; all + 1]);
    let mut taken_by = vec![0usize; all + 1];
    for row in 1..=rows {
        taken_by[0] = row;
        let (mut least, mut used) = (vec![f64::INFINITY; all + 1], vec![false; all + 1]);
        let mut way = vec![0usize; all + 1];
        let mut at = 0;
        loop {
            used[at] = true;
            let (from, mut step, mut next) = (taken_by[at], f64::INFINITY, 0);
            for column in 1..=all {
                if used[column] {
                    continue;
                }
                let reduced = cost(from - 1, column - 1) - of_row[from] - of_column[column];
                if reduced < least[column] {
                    (least[column], way[column]) = (reduced, at);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            for column in 0..=all {
                if used[column] {
                    of_row[taken_by[column]] += step;
                    of_column[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            at = next;
            if taken_by[at] == 0 {
                break;
            }
        }
        while at != 0 {
            taken_by[at] = taken_by[way[at]];
            at = way[at];
        }
    }
    let mut taken = vec![None; rows];
    for (column, row) in taken_by[1..=columns].iter().enumerate().filter(|(_, row)| **row > 0) {
        taken[row - 1] = Some(column);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The least sum by trying all.
    fn least(costs: &[Vec<f64>], free: &mut [bool], alone: f64) -> f64 {
        let Some((row, rest)) = costs.split_first() else { return 0.0 };
        let mut best = alone + least(rest, free, alone);
        for column in 0..free.len() {
            if free[column] {
                free[column] = false;
                best = best.min(row[column] + least(rest, free, alone));
                free[column] = true;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn the_sum_is_the_least(costs in (0usize..5, 0usize..5).prop_flat_map(|(rows, columns)| {
            proptest::collection::vec(proptest::collection::vec(0.0..20.0f64, columns), rows).prop_map(move |costs| (costs, columns))
        })) {
            let (costs, columns) = costs;
            let taken = assign(&costs, columns, 9.0);
            let sum: f64 = taken.iter().enumerate().map(|(row, column)| column.map_or(9.0, |column| costs[row][column])).sum();
            prop_assert!((sum - least(&costs, &mut vec![true; columns], 9.0)).abs() < 1e-9);
            let mut columns: Vec<usize> = taken.iter().flatten().copied().collect();
            let count = columns.len();
            columns.sort_unstable();
            columns.dedup();
            prop_assert_eq!(columns.len(), count);
        }
    }
}
