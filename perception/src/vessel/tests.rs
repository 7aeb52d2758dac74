use super::*;
use nightshift_core::image::Image;
use proptest::prelude::*;

const LIMITS: Thresholds = Thresholds { score: 0.3, kind: 0.5, phase: 0.5, empty: 0.7 };

/// Maps of 20 x 15 places with things: middle (place), ways (shown pixels), kind, score.
fn maps(things: &[([usize; 2], [f32; 4], usize, f32)]) -> Vec<f32> {
    let (columns, rows) = (20, 15);
    let mut values = vec![0f32; Maps::PLANES * columns * rows];
    for ([x, y], ways, kind, score) in things {
        let mut set = |plane: usize, x: usize, y: usize, v: f32| {
            let at = plane * columns * rows + y * columns + x;
            values[at] = values[at].max(v);
        };
        for (dx, dy) in [(0, 0), (1, 0), (0, 1)] {
            set(0, x + dx, y + dy, score - 0.05 * (dx + dy) as f32);
        }
        for (plane, way) in ways.iter().enumerate() {
            set(1 + plane, *x, *y, *way);
        }
        set(5 + kind, *x, *y, 0.9);
        for v in y - 2..=y + 2 {
            for u in x - 1..=x + 1 {
                set(15, u, v, 1.0);
            }
        }
    }
    values
}

fn view(values: &[f32], scale: f64) -> Maps<'_> {
    Maps { values, columns: 20, rows: 15, stride_px: 4.0, scale }
}

#[test]
fn a_peak_is_one_thing_at_its_place_in_the_picture() {
    // Middle of place (8, 6): shown pixel (34, 26); shown at half size, so (68, 52) in the picture.
    let values = maps(&[([8, 6], [6.0, 10.0, 6.0, 10.0], 1, 0.8)]);
    let found = find([160, 120], &[view(&values, 0.5)], 0.3);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].bounds, [56.0, 32.0, 80.0, 72.0]);
    assert!((found[0].score - 0.8).abs() < 1e-6 && found[0].kinds[1] > 0.8);
    // The mask is within the box, and where the map has it.
    let mask = found[0].mask.image().unwrap();
    assert!(*mask.at(68, 52) && !*mask.at(50, 52) && !*mask.at(5, 5));
    assert!(found[0].mask.area() > 400, "{}", found[0].mask.area());
    assert_eq!(find([160, 120], &[view(&values, 0.5)], 0.9), []);
}

#[test]
fn one_thing_at_two_scales_is_one_and_the_surer_counts() {
    let coarse = maps(&[([8, 6], [6.0, 10.0, 6.0, 10.0], 1, 0.6)]);
    let fine = maps(&[([16, 12], [12.0, 20.0, 12.0, 20.0], 1, 0.9)]);
    let found = find([160, 120], &[view(&coarse, 0.5), view(&fine, 1.0)], 0.3);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((found[0].score - 0.9).abs() < 1e-6);
    // Two beside each other are two.
    let two = maps(&[([4, 6], [6.0, 10.0, 6.0, 10.0], 1, 0.6), ([8, 6], [6.0, 10.0, 6.0, 10.0], 1, 0.7)]);
    let found = find([160, 120], &[view(&two, 0.5)], 0.3);
    assert_eq!(found.len(), 2);
    assert!(found[0].score > found[1].score);
}

fn answer(phases: &[(Phase, f32)], kind: usize) -> Answer {
    let share = |phase: &Phase| phases.iter().find(|(p, _)| p == phase).map_or(0.02, |(_, share)| *share);
    let mut kinds = vec![0.0; Kind::ALL.len()];
    kinds[kind] = 0.9;
    let mask = (0..24).map(|at| if (at % 4) < 2 { 1.0 } else { 0.0 }).collect();
    Answer {
        shown: [20.0, 20.0, 60.0, 80.0],
        phases: Phase::ALL.iter().map(share).collect(),
        fill: 0.4,
        kinds,
        mask,
        columns: 4,
    }
}

fn found(bounds: [f64; 4]) -> Found {
    let mut kinds = [0.01; Kind::ALL.len()];
    kinds[1] = 0.9;
    Found { bounds, score: 0.8, kinds, mask: Rle { size: [120, 160], counts: vec![160 * 120] } }
}

#[test]
fn what_is_not_sure_is_unknown() {
    let sight = |answer: &Answer, clear| {
        judge(found([25.0, 25.0, 55.0, 75.0]), Some(answer), &LIMITS, [160, 120], clear)
    };
    let liquid = sight(&answer(&[(Phase::ClearLiquid, 0.8)], 1), true);
    assert_eq!((liquid.kind, liquid.phases.as_deref()), (Kind::VialCapped, Some(&[Phase::ClearLiquid][..])));
    assert_eq!(liquid.bbox, [25.0, 25.0, 30.0, 50.0]);
    assert!((liquid.fill.unwrap() - 0.4).abs() < 1e-6 && liquid.doubts.is_empty());
    // The left half of what was shown is the vessel.
    let mask = liquid.mask_rle.image().unwrap();
    assert!(*mask.at(25, 50) && !*mask.at(55, 50) && !*mask.at(10, 50));
    let empty = sight(&answer(&[(Phase::Empty, 0.9)], 1), true);
    assert_eq!((empty.fill, empty.phases.as_deref()), (Some(0.0), Some(&[Phase::Empty][..])));
    // A residue or a stone has no level; a stone in a liquid does not hide the liquid's.
    for (shares, fill) in [
        (&[(Phase::Residue, 0.9)][..], 0.0),
        (&[(Phase::SolidPiece, 0.9)], 0.0),
        (&[(Phase::SolidPiece, 0.9), (Phase::ClearLiquid, 0.8)], 0.4),
    ] {
        let told = sight(&answer(shares, 1), true).fill.unwrap();
        assert!((told - fill).abs() < 1e-6, "{told} of {shares:?}");
    }
    // Nothing stands out; hardly empty; empty and full at once.
    for shares in [&[][..], &[(Phase::Empty, 0.6)][..], &[(Phase::Empty, 0.9), (Phase::Foam, 0.8)][..]] {
        let doubtful = sight(&answer(shares, 1), true);
        assert_eq!((doubtful.fill, &doubtful.phases), (None, &None), "{shares:?}");
        assert_eq!(doubtful.doubts, [VesselDoubt::Content]);
    }
    // Detector and reader say different types.
    let torn = sight(&answer(&[(Phase::Gel, 0.9)], 3), true);
    assert_eq!((torn.kind, &torn.doubts[..]), (Kind::Unknown, &[VesselDoubt::Type][..]));
    // A picture that tells nothing.
    let dark = sight(&answer(&[(Phase::Empty, 0.9)], 1), false);
    assert_eq!((dark.kind, dark.fill, &dark.phases), (Kind::Unknown, None, &None));
    assert_eq!(serde_json::to_value(&dark).unwrap()["phases"], serde_json::json!(["unknown"]));
    // At the edge, and a rack, which has no inside.
    let mut rack = found([0.0, 25.0, 55.0, 75.0]);
    rack.kinds = [0.01; Kind::ALL.len()];
    rack.kinds[8] = 0.9;
    let cut = judge(rack, None, &LIMITS, [160, 120], true);
    assert_eq!((cut.phases.as_deref(), &cut.doubts[..]), (Some(&[][..]), &[VesselDoubt::CutOff][..]));
    // A vessel that was too small to be read.
    let small = judge(found([25.0, 25.0, 33.0, 41.0]), None, &LIMITS, [160, 120], true);
    assert_eq!((small.kind, &small.phases), (Kind::VialCapped, &None));
    assert_eq!((small.fill, &small.doubts[..]), (None, &[VesselDoubt::Content][..]));
}

#[test]
fn a_crop_has_the_reader_s_shape_around_the_box() {
    let [left, top, right, bottom] = crop(&[10.0, 20.0, 30.0, 80.0], 0.12, [64, 96]);
    assert!(((right - left) / (bottom - top) - 64.0 / 96.0).abs() < 1e-9);
    assert!(((bottom - top) - 60.0 * 1.24).abs() < 1e-9);
    assert!(((left + right) / 2.0 - 20.0).abs() < 1e-9 && ((top + bottom) / 2.0 - 50.0).abs() < 1e-9);
}

#[test]
fn resampling_keeps_what_it_can() {
    let picture = Image {
        width: 4,
        height: 2,
        pixels: (0..8u8).map(|v| [v * 30, 255 - v * 30, 128]).collect::<Vec<_>>(),
    };
    // At its own size it is itself.
    let same = resample(&picture, [0.0, 0.0, 4.0, 2.0], [4, 2]);
    for (at, pixel) in picture.pixels.iter().enumerate() {
        for channel in 0..3 {
            assert!((same[channel * 8 + at] - f32::from(pixel[channel]) / 255.0).abs() < 1e-5);
        }
    }
    // The triangle's weights of two places to either side, worked by hand: 1/8, 3/8, 3/8, 1/8, and the edge repeated.
    let half = resample(&picture, [0.0, 0.0, 4.0, 2.0], [2, 1]);
    let row = |a: f32, b: f32, c: f32, d: f32| (a + 3.0 * b + 3.0 * c + d) / 8.0;
    let (upper, lower) = (row(0.0, 0.0, 30.0, 60.0), row(120.0, 120.0, 150.0, 180.0));
    assert!((half[0] - (upper + lower) / 2.0 / 255.0).abs() < 1e-5, "{half:?}");
    // Outside, the edge goes on.
    let beyond = resample(&picture, [-8.0, -8.0, -4.0, -4.0], [2, 2]);
    assert!(
        beyond[..4].iter().all(|v| v.abs() < 1e-6) && beyond[4..8].iter().all(|v| (v - 1.0).abs() < 1e-6)
    );
}

#[test]
fn packed_runs_are_what_pycocotools_writes() {
    // pycocotools.mask.frPyObjects of counts [6, 1, 40, 4, 5, 4, 5, 4, 21] (its own example): runs of more than two back are
    // told as differences.
    let counts = vec![6, 1, 40, 4, 5, 4, 5, 4, 21];
    let unpacked = Rle::unpack([9, 10], "61X13mN000`0").unwrap();
    assert_eq!(unpacked.counts, counts);
    assert_eq!(unpacked.area(), 13);
    assert!(matches!(Rle::unpack([9, 10], "61X"), Err(MaskError::Packed { .. })));
    assert!(matches!(Rle::unpack([9, 10], "6 1"), Err(MaskError::Packed { at: 1 })));
    assert!(
        matches!(unpacked.clone().image(), Ok(image) if image.pixels.iter().filter(|p| **p).count() == 13)
    );
    let short = Rle { size: [9, 10], counts: vec![3] };
    assert!(matches!(short.image(), Err(MaskError::Covered { covered: 3, .. })));
}

proptest! {
    #[test]
    fn a_painted_mask_is_the_picture_it_was_painted_from(
        pixels in proptest::collection::vec(any::<bool>(), 30),
        others in proptest::collection::vec(any::<bool>(), 30),
    ) {
        let paint = |pixels: &[bool]| Rle::paint([6, 5], [1, 1, 5, 4], |x, y| pixels[y * 6 + x]);
        let (a, b) = (paint(&pixels), paint(&others));
        let (left, right) = (a.image().unwrap(), b.image().unwrap());
        for y in 0..5 {
            for x in 0..6 {
                let within = (1..5).contains(&x) && (1..4).contains(&y);
                prop_assert_eq!(*left.at(x, y), within && pixels[y * 6 + x]);
            }
        }
        let mut told: Vec<usize> = a.pixels().collect();
        told.sort_unstable();
        prop_assert_eq!(told, (0..left.pixels.len()).filter(|index| left.pixels[*index]).collect::<Vec<_>>());
        let both = left.pixels.iter().zip(&right.pixels).filter(|(a, b)| **a && **b).count();
        let either = left.pixels.iter().zip(&right.pixels).filter(|(a, b)| **a || **b).count();
        let share = if either == 0 { 0.0 } else { both as f64 / either as f64 };
        prop_assert!((a.overlap(&b) - share).abs() < 1e-12);
        prop_assert_eq!(a.area() as usize, left.pixels.iter().filter(|p| **p).count());
    }
}
