//! The nearest known name to a misspelt one.

/// The name nearest to `word`, where one is near enough to have been meant: at most every third letter wrong.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let by_distance = names.into_iter().map(|name| (distance(&word, &name.to_lowercase()), name));
    let (far, name) = by_distance.min_by_key(|(far, _)| *far)?;
    (far <= 1 + word.chars().count().max(name.chars().count()) / 3).then_some(name)
}

/// Letters to add, drop, change or swap with the next (Damerau 1964, restricted).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_understood_and_nonsense_is_not() {
        let names = ["freeze", "delay", "duplicate"];
        assert_eq!(nearest("freez", names), Some("freeze"));
        assert_eq!(nearest("dealy", names), Some("delay"));
        assert_eq!(nearest("Duplicate", names), Some("duplicate"));
        assert_eq!(nearest("explode_now", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
