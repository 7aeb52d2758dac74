use super::*;
use std::path::Path;

fn camera() -> Intrinsics {
    Intrinsics { width: 320, height: 240, fx: 280.0, fy: 280.0, cx: 159.5, cy: 119.5 }
}

fn rle(mask: &Image<bool>) -> Rle {
    let all = [0, 0, mask.width, mask.height];
    Rle::paint([mask.width, mask.height], all, |x, y| *mask.at(x, y))
}

const RADIUS_M: f64 = 0.03;
const HEIGHT_M: f64 = 0.09;
const BENCH_M: f64 = -0.35;

fn up() -> Vector3<f64> {
    let (sin, cos) = 35f64.to_radians().sin_cos();
    Vector3::new(0.0, -cos, -sin)
}

/// Where a ray first meets a cylinder or its upper end, metres along the optical axis.
fn cylinder(ray: &Vector3<f64>, foot: &Vector3<f64>, axis: &Vector3<f64>) -> Option<f64> {
    let across = |v: &Vector3<f64>| v - axis * axis.dot(v);
    let (way, from) = (across(ray), across(foot));
    let (a, b, c) = (way.norm_squared(), way.dot(&from), from.norm_squared() - RADIUS_M * RADIUS_M);
    let root = b * b - a * c;
    let depth = (root >= 0.0 && a > 1e-9).then(|| (b - root.sqrt()) / a)?;
    let wall = (0.0..HEIGHT_M).contains(&axis.dot(&(ray * depth - foot))).then_some(depth);
    let middle = foot + axis * HEIGHT_M;
    let end = axis.dot(&middle) / axis.dot(ray);
    wall.or_else(|| (end > 0.0 && (ray * end - middle).norm() < RADIUS_M).then_some(end))
}

/// A cylinder on a bench, seen from 35 degrees above it: depth of the bench everywhere (as a camera that looks through glass has it),
/// the outline, and the true depth of the front.
fn scene_with(foot: &Vector3<f64>, axis: &Vector3<f64>) -> (Image<f32>, Image<bool>, Vec<Option<f64>>) {
    let camera = camera();
    let count = camera.width * camera.height;
    let (mut raw, mut glass, mut truth) = (vec![0.0; count], vec![false; count], vec![None; count]);
    for index in 0..count {
        let ray = ray(&camera, index);
        let fall = up().dot(&ray);
        if fall < -0.05 {
            raw[index] = (BENCH_M / fall) as f32;
        }
        truth[index] = cylinder(&ray, foot, axis);
        glass[index] = truth[index].is_some();
    }
    let image = |pixels| Image { width: camera.width, height: camera.height, pixels };
    (image(raw), Image { width: camera.width, height: camera.height, pixels: glass }, truth)
}

/// A place on the bench, by its way to the right and farther from the camera than the optical axis meets it.
fn bench(right_m: f64, far_m: f64) -> Vector3<f64> {
    let ahead = (Vector3::z() - up() * up().z).normalize();
    Vector3::new(right_m, 0.0, 0.0) + Vector3::z() * (BENCH_M / up().z) + ahead * far_m
}

fn scene() -> (Image<f32>, Image<bool>, Vec<Option<f64>>) {
    scene_with(&bench(0.02, 0.0), &up())
}

fn one(raw: &Image<f32>, glass: &Image<bool>, mouth: Mouth) -> (Support, Front) {
    let things = [Outline::of(&rle(glass), mouth).unwrap()];
    let (support, mut fronts) = complete(&classify(raw, glass), &things, &camera(), Seed(1)).unwrap();
    (support, fronts.remove(0))
}

#[test]
fn the_front_of_a_cylinder_is_found_where_the_camera_sees_the_bench() {
    let (raw, glass, truth) = scene();
    let (support, front) = one(&raw, &glass, Mouth::Closed);
    assert!((support.offset_m - BENCH_M).abs() < 0.001 && support.rms_m < 0.001, "{support:?}");
    assert_eq!(front.do_not_grasp, []);
    assert_eq!(front.pixels.len(), glass.pixels.iter().filter(|inside| **inside).count());
    let square = front.pixels.iter().map(|p| (p.depth_m - truth[p.index].unwrap()).powi(2)).sum::<f64>();
    let rms = (square / front.pixels.len() as f64).sqrt();
    assert!(rms < 0.005, "{rms} {:?}", front.stand);
    assert!(front.pixels.iter().all(|p| p.sigma_m > 0.0 && p.sigma_m < 0.02));
    // Its foot: an eighth of the radius nearer than it is, as feet are taken to be rounded.
    let stand = front.stand.unwrap();
    assert!((stand.foot.coords - bench(0.02, 0.0)).norm() < 0.004, "{stand:?}");
    assert!(
        (stand.radius_m - RADIUS_M).abs() < 0.001 && (stand.height_m - HEIGHT_M).abs() < 0.02,
        "{stand:?}"
    );
    assert!(stand.sigma_m[0] > stand.sigma_m[1] && stand.sigma_m[0] < 0.01, "{stand:?}");
}

#[test]
fn two_that_hide_each_other_are_two() {
    let (raw, near, near_truth) = scene_with(&bench(0.0, -0.03), &up());
    let (_, mut far, far_truth) = scene_with(&bench(0.06, 0.08), &up());
    let mut all = near.clone();
    for (index, inside) in far.pixels.iter_mut().enumerate() {
        *inside &= !near.pixels[index];
        all.pixels[index] |= *inside;
    }
    let things = [&near, &far].map(|mask| Outline::of(&rle(mask), Mouth::Closed).unwrap());
    let (_, fronts) = complete(&classify(&raw, &all), &things, &camera(), Seed(1)).unwrap();
    for (front, truth) in fronts.iter().zip([near_truth, far_truth]) {
        let square = front.pixels.iter().map(|p| (p.depth_m - truth[p.index].unwrap()).powi(2)).sum::<f64>();
        assert!((square / front.pixels.len() as f64).sqrt() < 0.01, "{:?}", front.do_not_grasp);
    }
    assert_eq!(fronts[0].do_not_grasp, []);
    // As one piece they would be one wide thing.
    assert_eq!(pieces(&all).iter().filter(|piece| piece.pixels.len() > LEAST).count(), 1);
}

const LEAST: usize = 50;

#[test]
fn what_does_not_stand_as_it_should_is_not_to_be_grasped() {
    let ahead = (Vector3::z() - up() * up().z).normalize();
    let right = Vector3::x();
    for (what, foot, axis) in [
        ("lies across", bench(-0.04, 0.0) + up() * RADIUS_M, right),
        ("lies along", bench(0.0, -0.03) + up() * RADIUS_M, ahead),
        ("leans aside", bench(0.0, 0.0), (up() + right * 0.5).normalize()),
    ] {
        let (raw, glass, _) = scene_with(&foot, &axis);
        let (_, front) = one(&raw, &glass, Mouth::Closed);
        assert!(front.do_not_grasp.contains(&Doubt::NotUpright), "{what}: {:?}", front.do_not_grasp);
    }
    // A box before its foot: what is right before its outline lies over the bench.
    let (mut raw, glass, _) = scene();
    let low = (0..raw.pixels.len()).filter(|i| glass.pixels[*i]).map(|i| i / 320).max().unwrap();
    for y in low + 1..low + 16 {
        for x in 150..190 {
            raw.pixels[y * 320 + x] *= 0.9;
        }
    }
    let (_, front) = one(&raw, &glass, Mouth::Closed);
    assert_eq!(front.do_not_grasp, [Doubt::FootHidden]);
}

#[test]
fn what_is_not_known_of_a_mouth_widens_the_deviation() {
    let (raw, glass, _) = scene();
    // What is over the wall's front is the upper end.
    let end = |index: usize| {
        let ray = ray(&camera(), index);
        let depth = (BENCH_M + HEIGHT_M) / up().dot(&ray);
        (ray * depth - bench(0.02, 0.0) - up() * HEIGHT_M).norm() < 0.8 * RADIUS_M
    };
    let upper = |mouth| {
        let (_, front) = one(&raw, &glass, mouth);
        let over = front.pixels.iter().filter(|p| end(p.index));
        over.fold((0.0, 0.0), |(depth, sigma), p| (depth + p.depth_m, f64::max(sigma, p.sigma_m)))
    };
    let (open, closed, unknown) = (upper(Mouth::Open), upper(Mouth::Closed), upper(Mouth::Unknown));
    assert!(closed.0 < unknown.0 && unknown.0 < open.0, "{closed:?} {unknown:?} {open:?}");
    assert!(unknown.1 > 0.01 && unknown.1 > closed.1, "{unknown:?} {closed:?}");
}

#[test]
fn what_cannot_be_known_is_said() {
    let (raw, glass, _) = scene();
    let depth = classify(&raw, &glass);
    let things = |mask: &Image<bool>| [Outline::of(&rle(mask), Mouth::Unknown).unwrap()];
    let small = Intrinsics { width: 160, ..camera() };
    assert!(matches!(complete(&depth, &things(&glass), &small, Seed(1)), Err(GlassError::Size { .. })));
    let blind = Image::filled(320, 240, Depth::Missing);
    let error = complete(&blind, &things(&glass), &camera(), Seed(1)).unwrap_err();
    assert!(matches!(error, GlassError::NoSupport { .. }));
    // An outline of a larger picture.
    let mut large = Image::filled(320, 300, false);
    large.pixels[320 * 280] = true;
    let error = complete(&depth, &things(&large), &camera(), Seed(1)).unwrap_err();
    assert!(matches!(error, GlassError::Size { .. }));
    // The same outline, cut at the picture's edge.
    let mut cut = glass.clone();
    for y in 80..160 {
        for x in 0..180 {
            cut.pixels[y * 320 + x] = true;
        }
    }
    let (_, front) = one(&raw, &cut, Mouth::Unknown);
    assert!(front.do_not_grasp.contains(&Doubt::CutOff), "{:?}", front.do_not_grasp);
    // No glass, nothing to complete and no plane to look for.
    let none = Image::filled(320, 240, false);
    assert!(Outline::of(&rle(&none), Mouth::Open).is_none());
    assert!(complete(&depth, &[], &camera(), Seed(1)).is_err());
}

#[test]
fn depth_is_missing_untrusted_or_measured() {
    let row = |pixels| Image { width: 4, height: 1, pixels };
    let raw = row(vec![0.0, f32::NAN, 0.5, 0.5]);
    let glass = Image { width: 4, height: 1, pixels: vec![false, true, true, false] };
    let expected = [Depth::Missing, Depth::Missing, Depth::Untrusted(0.5), Depth::Measured(0.5)];
    assert_eq!(classify(&raw, &glass).pixels, expected);
}

/// Two scenes of a RealSense D435 whose transparent things were replaced by opaque twins.
#[test]
fn real_glass_is_completed() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/perception/depth");
    if !home.is_dir() {
        eprintln!("skipped: there is no {}", home.display());
        return;
    }
    for scene in ["000000080", "000000123"] {
        let read = |what: &str| image::open(home.join(format!("{scene}-{what}.png"))).unwrap();
        let metres = |what: &str| {
            let picture = read(what).into_luma16();
            let (width, height) = (picture.width() as usize, picture.height() as usize);
            Image { width, height, pixels: picture.pixels().map(|p| f32::from(p.0[0]) * 1e-4).collect() }
        };
        let (raw, twin) = (metres("transparent-depth-img"), metres("opaque-depth-img"));
        let mask = read("mask").into_luma8();
        let glass = Image {
            width: mask.width() as usize,
            height: mask.height() as usize,
            pixels: mask.pixels().map(|p| p.0[0] > 127).collect::<Vec<_>>(),
        };
        let camera = Intrinsics { width: 1280, height: 720, fx: 921.0, fy: 921.0, cx: 642.0, cy: 359.0 };
        let (support, fronts) = complete(&classify(&raw, &glass), &pieces(&glass), &camera, Seed(1)).unwrap();
        let (mut square, mut told, mut plain, mut plain_told) = (0.0, 0, 0.0, 0);
        for pixel in fronts.iter().flat_map(|front| &front.pixels) {
            let truth = f64::from(twin.pixels[pixel.index]);
            if truth > 0.0 {
                square += (pixel.depth_m - truth).powi(2);
                told += 1;
                let seen = f64::from(raw.pixels[pixel.index]);
                if seen > 0.0 {
                    plain += (seen - truth).powi(2);
                    plain_told += 1;
                }
            }
        }
        let known = (0..twin.pixels.len()).filter(|i| glass.pixels[*i] && twin.pixels[*i] > 0.0).count();
        let (rms, raw_rms) = ((square / told as f64).sqrt(), (plain / plain_told as f64).sqrt());
        eprintln!(
            "{scene}: {} pieces, coverage {told}/{known}, RMSE {:.1} mm; raw {plain_told}/{known}, {:.1} mm; support {:.1} mm",
            fronts.len(),
            rms * 1e3,
            raw_rms * 1e3,
            support.rms_m * 1e3
        );
        for front in &fronts {
            eprintln!("  {} pixels, {:?}", front.pixels.len(), front.do_not_grasp);
        }
        // Measured: 30.6 and 23.6 mm; the aim is 25. Lying and flat things (`NotUpright`) are the worse part.
        assert!(told == known && rms < 0.035, "{scene}: {told} of {known}, {rms} m");
    }
}
