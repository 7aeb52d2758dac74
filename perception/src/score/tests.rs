use super::*;

fn truth(x: f64, tall: f64) -> Truth {
    Truth { bounds: [x, 0.0, x + 10.0, tall], mask: None, phases: None, fill: None, ignored: false }
}

fn seen(x: f64, tall: f64, score: f64) -> Seen {
    Seen { bounds: [x, 0.0, x + 10.0, tall], score, mask: None }
}

fn all(pictures: &[Scored]) -> Vec<&Scored> {
    pictures.iter().collect()
}

#[test]
fn average_precision_worked_by_hand() {
    // Three things; four were seen: right, wrong, right, right, in the order of their scores over two pictures.
    let one = Scored::new(
        vec![truth(0.0, 20.0), truth(50.0, 20.0)],
        vec![seen(0.0, 20.0, 0.9), seen(200.0, 20.0, 0.8), seen(50.0, 20.0, 0.6)],
        &[],
    );
    let two = Scored::new(vec![truth(0.0, 20.0)], vec![seen(1.0, 20.0, 0.5)], &[]);
    let pictures = [one, two];
    // Recall 1/3 at precision 1, 2/3 at 2/3 and 1 at 3/4; precision that never rises with recall is 1, 3/4, 3/4.
    // Of the 101 recalls 34 (0.00 to 0.33) are at 1, the other 67 at 3/4.
    let expected = (34.0 + 67.0 * 0.75) / 101.0;
    assert!((average_precision(&all(&pictures)).unwrap() - expected).abs() < 1e-9);
    // The last overlaps by 9/11 = 0.82: at 0.85 it is wrong, recall stops at 2/3 with precision 2/3.
    let strict = (34.0 + 33.0 * 2.0 / 3.0) / 101.0;
    assert!((precision_at(&all(&pictures), 7).unwrap() - strict).abs() < 1e-9);
    // 0.50 to 0.80 are seven, 0.85 to 0.95 three.
    let mean = (7.0 * expected + 3.0 * strict) / 10.0;
    assert!((mean_precision(&all(&pictures)).unwrap() - mean).abs() < 1e-9);
    assert!((precision(&all(&pictures), 0.0).unwrap() - 0.75).abs() < 1e-9);
    assert_eq!(average_precision(&[]), None);
}

#[test]
fn a_thing_is_found_once_and_what_is_hidden_does_not_count() {
    let mut hidden = truth(50.0, 20.0);
    hidden.ignored = true;
    let picture = Scored::new(
        vec![truth(0.0, 20.0), hidden],
        vec![seen(0.0, 20.0, 0.9), seen(0.0, 20.0, 0.8), seen(50.0, 20.0, 0.7)],
        &[],
    );
    // Found at precision 1 before the second look at it: recall 1 there.
    assert_eq!(average_precision(&[&picture]), Some(1.0));
    assert_eq!(precision(&[&picture], 0.0), Some(0.5));
    assert_eq!(recall(&[&picture], 0.0, &(0.0..f64::INFINITY)), Some((1.0, 1)));
    let blind = Scored::new(vec![truth(0.0, 20.0)], Vec::new(), &[]);
    assert_eq!(average_precision(&[&blind]), Some(0.0));
}

#[test]
fn recall_is_told_by_height_and_score() {
    let picture = Scored::new(
        vec![truth(0.0, 20.0), truth(50.0, 50.0), truth(100.0, 60.0)],
        vec![seen(50.0, 50.0, 0.9), seen(0.0, 20.0, 0.2)],
        &[],
    );
    assert_eq!(recall(&[&picture], 0.5, &(40.0..f64::INFINITY)), Some((0.5, 2)));
    assert_eq!(recall(&[&picture], 0.5, &(0.0..40.0)), Some((0.0, 1)));
    assert_eq!(recall(&[&picture], 0.1, &(0.0..40.0)), Some((1.0, 1)));
    assert_eq!(recall(&[&picture], 0.1, &(100.0..200.0)), None);
}

#[test]
fn masks_of_what_was_found_are_compared() {
    let mask = |right: usize| Some(Rle::paint([60, 20], [0, 0, right, 20], |_, _| true));
    let picture = Scored::new(
        vec![Truth { mask: mask(10), ..truth(0.0, 20.0) }],
        vec![Seen { mask: mask(5), ..seen(0.0, 20.0, 0.9) }],
        &[],
    );
    assert_eq!(mask_overlap(&[&picture], 0.5), Some((0.5, 1)));
    assert_eq!(mask_overlap(&[&picture], 0.95), None);
}

#[test]
fn phases_worked_by_hand() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let with = |names: &[&str]| Truth { phases: Some(set(names)), ..truth(0.0, 20.0) };
    let picture = Scored::new(
        vec![
            with(&["empty"]),
            with(&["liquid"]),
            with(&["liquid", "foam"]),
            truth(0.0, 9.0),
            with(&["foam"]),
        ],
        Vec::new(),
        &[&["empty"][..], &["empty"], &["liquid", "gel"], &["gel"], &[]]
            .iter()
            .map(|names| Read { phases: set(names), fill: None })
            .collect::<Vec<_>>(),
    );
    let scores = phases(&[&picture]).unwrap();
    // empty: 1 right, 1 wrong: 2/3. liquid: 1 right, 1 missed: 2/3. foam: missed twice: 0. gel is annotated nowhere.
    assert!((scores.macro_f1 - 4.0 / 9.0).abs() < 1e-9, "{scores:?}");
    assert_eq!(scores.each["foam"], (0.0, 2));
    assert_eq!((scores.vessels, scores.in_doubt), (4, 0.25));
    assert!((scores.called_empty.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(phases(&[]), None);
}

#[test]
fn levels_are_compared_where_both_are_told() {
    let level = |fill| Truth { fill: Some(fill), ..truth(0.0, 20.0) };
    let told = |fill| Read { fill, ..Read::default() };
    let picture = Scored::new(
        vec![level(0.5), level(0.4), level(0.0), level(0.3), truth(0.0, 9.0)],
        Vec::new(),
        &[told(Some(0.6)), told(Some(0.2)), told(Some(0.9)), told(None), told(Some(0.1))],
    );
    let (error, n) = fill_error(&[&picture]).unwrap();
    assert!((error - 0.15).abs() < 1e-9 && n == 2, "{error} {n}");
}

#[test]
fn an_interval_holds_the_figure_and_is_the_same_each_time() {
    let pictures: Vec<Scored> = (0..40)
        .map(|n| {
            let seen = if n % 4 == 0 { Vec::new() } else { vec![seen(0.0, 20.0, 0.9)] };
            Scored::new(vec![truth(0.0, 20.0)], seen, &[])
        })
        .collect();
    let share = |some: &[&Scored]| recall(some, 0.0, &(0.0..99.0)).map(|(share, _)| share);
    let [low, high] = interval(&pictures, Seed(1), share).unwrap();
    assert_eq!(interval(&pictures, Seed(1), share), Some([low, high]));
    // Of 40 draws at 3/4 the standard deviation is 0.068; 1.96 of them to either side.
    assert!((low - 0.616).abs() < 0.05 && (high - 0.884).abs() < 0.05, "{low} {high}");
    assert_eq!(interval(&[Scored::default()], Seed(1), share), None);
}
