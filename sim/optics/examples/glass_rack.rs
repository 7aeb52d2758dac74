//! A rack of vials, by day or at night with the robot's own lamp alone, as a PNG:
//! `cargo run -p nightshift-optics --example glass_rack -- day rack.png [width] [rays through a pixel]`

use nalgebra::{Isometry3, Point3, Vector3};
use nightshift_core::image::Intrinsics;
use nightshift_optics::*;

fn sheet(corner: [f64; 3], u: [f64; 3], v: [f64; 3], surface: Surface) -> Body {
    let (corner, u, v) = (corner.into(), u.into(), v.into());
    Body::new(
        Isometry3::identity(),
        vec![Part { shape: Shape::Quad(Quad { corner, u, v, holes: vec![] }), surface }],
    )
}

fn contents() -> Vec<(Content, Medium, Option<Rgb>)> {
    let liquid = |absorption, level| Content::Liquid { medium: Medium { absorption, ..WATER }, level };
    let (white, blue) = (Some([0.82, 0.82, 0.80]), Some([0.06, 0.16, 0.5]));
    vec![
        (Content::Empty, GLASS, None),
        (liquid([0.0; 3], 0.6), GLASS, None),
        (liquid([120.0, 30.0, 4.0], 0.5), GLASS, white),
        (Content::Powder { colour: [0.86, 0.85, 0.82], level: 0.3 }, GLASS, white),
        (liquid([2.0, 50.0, 300.0], 0.8), GLASS, blue),
        (liquid([0.0; 3], 0.55), amber(), white),
        (liquid([5.0, 160.0, 60.0], 0.35), GLASS, None),
        (Content::Empty, amber(), None),
    ]
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [light, path, rest @ ..] = arguments.as_slice() else {
        return Err("give `day` or `night`, the PNG's path, and if you like width and rays a pixel".into());
    };
    let number = |index: usize, other: usize| match rest.get(index) {
        None => Ok(other),
        Some(text) => text.parse().map_err(|error| format!("{text}: {error}")),
    };
    let (width, samples) = (number(0, 640)?, number(1, 4)? as u32);
    let day = match light.as_str() {
        "day" => true,
        "night" => false,
        other => return Err(format!("light is `day` or `night`, not `{other}`")),
    };

    let matt = |colour| Surface::Matt(Paint::Plain(colour));
    let mut scene = Scene::new(if day { [0.22, 0.23, 0.25] } else { [0.002; 3] });
    scene.add(sheet([-1.0, -1.5, 0.0], [3.0, 0.0, 0.0], [0.0, 3.0, 0.0], matt([0.42, 0.43, 0.44])));
    scene.add(sheet([0.42, -1.5, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.5], matt([0.55, 0.54, 0.5])));
    // A printed sheet on the wall shows what the glass does to what is behind it.
    let dark = (0..54).map(|i| (i % 9 + i / 9) % 2 == 0).collect();
    let chart = Chart { columns: 9, dark, light_colour: [0.8; 3], dark_colour: [0.04; 3] };
    let paper = Surface::Matt(Paint::Chart(chart));
    scene.add(sheet([0.415, -0.1, 0.02], [0.0, 0.27, 0.0], [0.0, 0.0, 0.18], paper));
    let steel = Surface::Metal { tint: [0.62, 0.61, 0.59], roughness: 0.12 };
    scene.add(sheet([0.30, 0.08, 0.0], [0.0, 0.12, 0.0], [0.0, 0.0, 0.1], steel));
    if day {
        for y in [-0.9, 0.3] {
            let lamp = Surface::Lamp { radiance: [9.0, 9.2, 9.0] };
            scene.add(sheet([-0.8, y, 1.9], [0.0, 0.4, 0.0], [1.2, 0.0, 0.0], lamp));
        }
    }
    let eye = Point3::new(-0.23, -0.05, 0.17);
    let target = Point3::new(0.07, 0.0, 0.035);
    let map_from_camera = Isometry3::face_towards(&eye, &target, &-Vector3::z());
    // The robot's lamp: 20 mm square, 30 mm beside the lens.
    let lamp = Surface::Lamp { radiance: if day { [0.0; 3] } else { [260.0, 260.0, 270.0] } };
    let corner = Vector3::new(0.02, -0.01, 0.002);
    let quad = Quad { corner, u: Vector3::x() * 0.02, v: Vector3::y() * 0.02, holes: vec![] };
    scene.add(Body::new(map_from_camera, vec![Part { shape: Shape::Quad(quad), surface: lamp }]));

    let places: Vec<[f64; 2]> =
        (0..8).map(|i| [0.02 + 0.04 * f64::from(i / 4), 0.02 + 0.04 * f64::from(i % 4)]).collect();
    let holes: Vec<Hole> = places.iter().map(|p| Hole { centre_m: *p, radius_m: 0.0148 }).collect();
    scene.add(rack(Isometry3::translation(0.02, -0.08, 0.0), [0.08, 0.16, 0.008], &holes, [0.1, 0.11, 0.13]));
    for ([x, y], (content, glass, cap)) in places.into_iter().zip(contents()) {
        let vial = Vial {
            radius_m: 0.014,
            height_m: 0.060,
            wall_m: 0.0011,
            neck_radius_m: 0.009,
            neck_height_m: 0.010,
            glass,
            content,
            cap,
        };
        let foot = Isometry3::translation(0.02 + x, -0.08 + y, 0.0006);
        scene.add(vial.body(foot).map_err(|faults| format!("{faults:?}"))?);
    }

    let height = width * 3 / 4;
    let focal = width as f64 * 0.95;
    let (cx, cy) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    let shot = Shot {
        intrinsics: Intrinsics { width, height, fx: focal, fy: focal, cx, cy },
        map_from_camera,
        distortion: [-0.04, 0.0],
        exposure: if day { 0.8 } else { 3.5 },
        read_noise: if day { 0.004 } else { 0.01 },
        samples,
        seed: 1,
        frame: 0,
    };
    let picture = shot.take(&scene).map_err(|faults| format!("{faults:?}"))?;
    let bytes = picture.pixels.iter().flat_map(|pixel| pixel.color).collect();
    image::RgbImage::from_raw(width as u32, height as u32, bytes)
        .ok_or("the picture has another size than its pixels")?
        .save(path)
        .map_err(|error| format!("{path}: {error}"))
}
