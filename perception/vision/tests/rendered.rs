//! The detector on pictures whose truth is known.

mod common;

use common::{CODES, Cells, Drawn, Look, PLAIN, render};
use nightshift_core::image::Image;
use nightshift_perception::fiducial::TagFamily;
use nightshift_vision::{TagDetector, VisionError};

/// How well one kind of tag is found.
#[derive(Debug)]
struct Score {
    recall: f64,
    /// Along an axis, pixels.
    rms_px: f64,
    worst_px: f64,
    /// Mean offset, pixels.
    bias_px: [f64; 2],
    /// Mean offset away from the tag's centre, pixels: a tag that seems too large or too small.
    outward_px: f64,
}

fn score(size_px: f64, squeeze: f64, look: &Look) -> Score {
    const PICTURES: u32 = 40;
    let detector = TagDetector::new().unwrap();
    let edge = (size_px * 1.8) as usize + 20;
    let middle = edge as f64 / 2.0;
    let (mut found, mut square, mut worst, mut bias, mut outward) = (0, 0.0, 0.0f64, [0.0; 2], 0.0);
    for k in 0..PICTURES {
        let share = f64::from(k);
        let center = [middle + (share * 0.37) % 1.0, middle + (share * 0.61) % 1.0];
        let tag = Drawn::new(k % CODES.len() as u32, center, size_px, share * 0.16, squeeze);
        let (id, truth) = (tag.id, tag.corners);
        let sights = detector.detect(&render([edge, edge], &[tag], 1.0, look, u64::from(k))).unwrap();
        assert!(sights.len() < 2 && sights.iter().all(|sight| sight.id == id), "{size_px} px: {sights:?}");
        for sight in sights {
            found += 1;
            for (seen, real) in sight.corners.iter().zip(&truth) {
                let off = [seen[0] - real[0], seen[1] - real[1]];
                let arm = [real[0] - center[0], real[1] - center[1]];
                square += (off[0] * off[0] + off[1] * off[1]) / 2.0;
                worst = worst.max(off[0].hypot(off[1]));
                bias = [bias[0] + off[0], bias[1] + off[1]];
                outward += (off[0] * arm[0] + off[1] * arm[1]) / arm[0].hypot(arm[1]);
            }
        }
    }
    let corners = f64::from(4 * found.max(1));
    Score {
        recall: f64::from(found) / f64::from(PICTURES),
        rms_px: (square / corners).sqrt(),
        worst_px: worst,
        bias_px: bias.map(|b| b / corners),
        outward_px: outward / corners,
    }
}

#[test]
fn corners_are_found_to_a_few_hundredths_of_a_pixel_and_where_they_are() {
    let dim = Look { black: 25.0, white: 85.0, background: 60.0, blur_px: 0.7, noise: 3.0 };
    for (size_px, squeeze, look, recall, rms_px, worst_px) in [
        (20.0, 1.0, &PLAIN, 0.95, 0.05, 0.15),
        (28.0, 1.0, &PLAIN, 1.0, 0.03, 0.15),
        (28.0, 0.7, &PLAIN, 1.0, 0.05, 0.25),
        (28.0, 0.85, &dim, 1.0, 0.10, 0.3),
        (48.0, 0.8, &PLAIN, 1.0, 0.03, 0.15),
        (48.0, 0.8, &dim, 1.0, 0.08, 0.3),
        (110.0, 0.7, &PLAIN, 1.0, 0.02, 0.1),
        (110.0, 1.0, &dim, 1.0, 0.05, 0.2),
        (220.0, 1.0, &PLAIN, 1.0, 0.02, 0.1),
    ] {
        let score = score(size_px, squeeze, look);
        assert!(score.recall >= recall, "{size_px} px seen at {squeeze}: {score:?}");
        assert!(
            score.rms_px < rms_px && score.worst_px < worst_px,
            "{size_px} px seen at {squeeze}: {score:?}"
        );
        assert!(score.bias_px.iter().all(|b| b.abs() < 0.02), "{size_px} px seen at {squeeze}: {score:?}");
        assert!(score.outward_px.abs() < 0.05, "{size_px} px seen at {squeeze}: {score:?}");
    }
}

/// What the wrist camera sees above a rack: caps, the rack's pair, and a station's large tag.
fn bench() -> (Image<[u8; 3]>, Vec<u32>) {
    let mut tags = vec![
        Drawn::new(8, [110.3, 90.2], 51.0, 0.1, 0.95),
        Drawn::new(9, [520.7, 95.6], 51.0, 0.1, 0.95),
        Drawn::new(10, [330.4, 394.9], 110.0, -0.4, 0.8),
    ];
    for id in 0..8 {
        let (column, row) = (f64::from(id % 4), f64::from(id / 4));
        tags.push(Drawn::new(
            id,
            [170.2 + 96.3 * column, 170.8 + 96.1 * row],
            28.0,
            0.7 * f64::from(id),
            0.97,
        ));
    }
    // The white ring of a cap is wider than a label's edge: one and a half cells.
    (render([640, 480], &tags, 1.5, &PLAIN, 7), (0..11).collect())
}

#[test]
fn small_and_large_tags_are_found_in_one_picture_and_the_same_each_time() {
    let (picture, ids) = bench();
    let first = TagDetector::new().unwrap().detect(&picture).unwrap();
    assert_eq!(first.iter().map(|sight| sight.id).collect::<Vec<_>>(), ids);
    let detector = TagDetector::new().unwrap();
    for _ in 0..3 {
        assert_eq!(detector.detect(&picture).unwrap(), first);
    }
}

#[test]
fn one_id_at_two_places_is_told_twice() {
    let tags = [Drawn::new(5, [60.0, 60.0], 50.0, 0.0, 1.0), Drawn::new(5, [190.0, 60.0], 50.0, 0.5, 1.0)];
    let sights = TagDetector::new().unwrap().detect(&render([250, 120], &tags, 1.0, &PLAIN, 1)).unwrap();
    assert_eq!(sights.iter().map(|sight| sight.id).collect::<Vec<_>>(), [5, 5]);
    assert!(sights[0].corners[0][0] < sights[1].corners[0][0]);
}

#[test]
fn pictures_without_tags_are_empty_lists_and_broken_ones_are_named() {
    let detector = TagDetector::new().unwrap();
    for value in [[0; 3], [255; 3], [128; 3]] {
        for (width, height) in [(0, 0), (0, 5), (1, 1), (1, 700), (700, 1), (12, 12), (13, 200), (640, 480)] {
            assert_eq!(detector.detect(&Image::filled(width, height, value)).unwrap(), []);
        }
    }
    let loud = Look { noise: 60.0, ..PLAIN };
    assert_eq!(detector.detect(&render([320, 240], &[], 1.0, &loud, 3)).unwrap(), []);
    // A tag that the picture's edge cuts off.
    let cut = Drawn::new(2, [10.0, 60.0], 80.0, 0.0, 1.0);
    assert_eq!(detector.detect(&render([120, 120], &[cut], 1.0, &PLAIN, 3)).unwrap(), []);
    let short = Image { width: 640, height: 480, pixels: vec![[0; 3]; 640] };
    assert!(matches!(detector.detect(&short), Err(VisionError::BadPicture { pixels: 640, .. })));
    let endless = Image { width: usize::MAX, height: 2, pixels: vec![[0; 3]; 8] };
    assert!(matches!(detector.detect(&endless), Err(VisionError::BadPicture { .. })));
}

#[test]
fn aruco_markers_are_told_from_april_tags_with_their_corners_in_the_same_order() {
    let tags = [
        Drawn::new(3, [80.0, 80.0], 70.0, 0.2, 1.0),
        Drawn::new(3, [240.0, 80.0], 60.0, 0.4, 0.9).of(Cells::Aruco4),
        Drawn::new(0, [80.0, 220.0], 70.0, 1.9, 0.9).of(Cells::Aruco6),
        Drawn::new(1, [240.0, 220.0], 50.0, -2.5, 1.0).of(Cells::Aruco4),
    ];
    let expected = [
        (TagFamily::April36h11, 3, tags[0].corners),
        (TagFamily::Aruco4x4, 1, tags[3].corners),
        (TagFamily::Aruco4x4, 3, tags[1].corners),
        (TagFamily::Aruco6x6, 0, tags[2].corners),
    ];
    let picture = render([320, 300], &tags, 1.0, &PLAIN, 2);
    let sights = TagDetector::of(&TagFamily::ALL).unwrap().detect(&picture).unwrap();
    assert_eq!(sights.len(), expected.len(), "{sights:?}");
    for (sight, (family, id, corners)) in sights.iter().zip(expected) {
        assert_eq!((sight.family, sight.id), (family, id));
        for (seen, real) in sight.corners.iter().zip(corners) {
            assert!((seen[0] - real[0]).hypot(seen[1] - real[1]) < 0.2, "{family:?} {id}: {seen:?} {real:?}");
        }
    }
    // The robot's own detector sees its own tags alone.
    let own = TagDetector::new().unwrap().detect(&picture).unwrap();
    assert_eq!(
        own.iter().map(|sight| (sight.family, sight.id)).collect::<Vec<_>>(),
        [(TagFamily::April36h11, 3)]
    );
    // And noise is none of any kind.
    let loud = Look { noise: 60.0, ..PLAIN };
    let noise = render([320, 240], &[], 1.0, &loud, 3);
    assert_eq!(TagDetector::of(&TagFamily::ALL).unwrap().detect(&noise).unwrap(), []);
}
