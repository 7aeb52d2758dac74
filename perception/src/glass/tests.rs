use super::*;
use std::path::Path;

fn camera() -> Intrinsics {
    Intrinsics { width: 320, height: 240, fx: 280.0, fy: 280.0, cx: 159.5, cy: 119.5 }
}

/// A cylinder of radius 30 mm and height 90 mm on a bench, seen from 35 degrees above it: depth of the bench everywhere (as a camera that
/// looks through glass has it), the outline, and the true depth of the front.
fn scene() -> (Image<f32>, Image<bool>, Vec<Option<f64>>) {
    let camera = camera();
    let (sin, cos) = 35f64.to_radians().sin_cos();
    let up = Vector3::new(0.0, -cos, -sin);
    let offset = -0.35;
    let foot = Vector3::new(0.02, 0.0, 0.0) + Vector3::z() * (offset / up.z);
    let axis = Point3::from(foot);
    let count = camera.width * camera.height;
    let (mut raw, mut glass, mut truth) = (vec![0.0; count], vec![false; count], vec![None; count]);
    for index in 0..count {
        let ray = ray(&camera, index);
        let fall = up.dot(&ray);
        if fall < -0.05 {
            raw[index] = (offset / fall) as f32;
        }
        if let Some(depth) = cylinder(&ray, &axis, &up, 0.03) {
            let height = up.dot(&(ray * depth)) - offset;
            if (0.0..0.09).contains(&height) {
                glass[index] = true;
                truth[index] = Some(depth);
            }
        }
    }
    let image = |pixels| Image { width: camera.width, height: camera.height, pixels };
    (image(raw), Image { width: camera.width, height: camera.height, pixels: glass }, truth)
}

#[test]
fn the_front_of_a_cylinder_is_found_where_the_camera_sees_the_bench() {
    let (raw, glass, truth) = scene();
    let depth = classify(&raw, &glass);
    let (support, fronts) = complete(&depth, &glass, &camera(), Seed(1)).unwrap();
    assert!((support.offset_m + 0.35).abs() < 0.001 && support.rms_m < 0.001, "{support:?}");
    // A pixel beside the cylinder is a piece of its own, and says that it is none to grasp.
    let (specks, things): (Vec<&Front>, Vec<&Front>) =
        fronts.iter().partition(|front| front.pixels.len() < 5);
    assert!(specks.iter().all(|speck| speck.do_not_grasp.contains(&Doubt::TooSmall)), "{specks:?}");
    assert_eq!(things.len(), 1);
    assert_eq!(things[0].do_not_grasp, []);
    let told: usize = fronts.iter().map(|front| front.pixels.len()).sum();
    assert_eq!(told, glass.pixels.iter().filter(|inside| **inside).count());
    let outline = things[0].pixels.len();
    let square = things[0].pixels.iter().map(|p| (p.depth_m - truth[p.index].unwrap()).powi(2)).sum::<f64>();
    let rms = (square / outline as f64).sqrt();
    assert!(rms < 0.005, "{rms}");
    assert!(things[0].pixels.iter().all(|p| p.sigma_m > 0.0 && p.sigma_m < 0.02));
}

#[test]
fn what_cannot_be_known_is_said() {
    let (raw, glass, _) = scene();
    let depth = classify(&raw, &glass);
    let small = Intrinsics { width: 160, ..camera() };
    assert!(matches!(complete(&depth, &glass, &small, Seed(1)), Err(GlassError::Size { .. })));
    let blind = Image::filled(320, 240, Depth::Missing);
    assert!(matches!(complete(&blind, &glass, &camera(), Seed(1)), Err(GlassError::NoSupport { .. })));
    // The same outline, cut at the picture's edge.
    let mut cut = glass.clone();
    for y in 80..160 {
        for x in 0..180 {
            cut.pixels[y * 320 + x] = true;
        }
    }
    let (_, fronts) = complete(&depth, &cut, &camera(), Seed(1)).unwrap();
    assert!(fronts[0].do_not_grasp.contains(&Doubt::CutOff), "{:?}", fronts[0].do_not_grasp);
    // No glass, nothing to complete and no plane to look for.
    let none = Image::filled(320, 240, false);
    assert!(complete(&depth, &none, &camera(), Seed(1)).is_err());
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
        let (support, fronts) = complete(&classify(&raw, &glass), &glass, &camera, Seed(1)).unwrap();
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
