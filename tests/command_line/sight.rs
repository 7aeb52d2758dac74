//! `see`, `complete-depth`, `score`: what is made of pictures.

use crate::{json, nightshift, scratch};

#[test]
fn what_is_in_a_picture_is_told_and_what_is_no_picture_is_named() {
    let folder = scratch("see");
    std::fs::create_dir_all(&folder).expect("a folder is made");
    let file = |name: &str| folder.join(name).to_str().expect("a plain path").to_owned();
    let black = image::RgbImage::new(64, 48);
    black.save(file("black.png")).expect("a picture is written");
    let output = nightshift(&["see", "--image", &file("black.png"), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!((&report["codes"], &report["tags"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert!(report["doubts"][0].as_str().is_some_and(|doubt| doubt.contains("black")), "{report}");

    let twice = [file("black.png"), file("black.png")];
    let output = nightshift(&["follow", &twice[0], &twice[1], "--every", "60", "--json"]);
    assert_eq!((output.status.code(), &json(&output)["things"]), (Some(1), &serde_json::json!([])));

    let whole = std::fs::read(file("black.png")).expect("it was written");
    std::fs::write(file("cut.png"), &whole[..whole.len() / 2]).expect("a file is written");
    std::fs::write(file("words.png"), "no picture").expect("a file is written");
    for name in ["cut.png", "words.png", "missing.png"] {
        let output = nightshift(&["see", "--image", &file(name)]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.contains(name) && !told.contains("panicked"), "{told}");
    }
}

#[test]
fn an_aruco_marker_is_told_with_its_pose_and_what_gives_none_is_refused() {
    let folder = scratch("aruco");
    std::fs::create_dir_all(&folder).expect("a folder is made");
    let file = |name: &str| folder.join(name).to_str().expect("a plain path").to_owned();
    // Number 0 of ArUco's 4 x 4 cells, each 10 pixels, in a black border, in the middle of white paper.
    let cells = [0b1011u64, 0b0101, 0b0011, 0b0010];
    let marker = image::GrayImage::from_fn(160, 120, |x, y| {
        let (column, row) = ((i64::from(x) - 50).div_euclid(10), (i64::from(y) - 30).div_euclid(10));
        let inside = (1..5).contains(&column) && (1..5).contains(&row);
        let black = (0..6).contains(&column) && (0..6).contains(&row);
        image::Luma([if inside && cells[row as usize - 1] >> (4 - column) & 1 == 1 || !black {
            230
        } else {
            20
        }])
    });
    marker.save(file("marker.png")).expect("a picture is written");
    let camera = "xres: 160\nyres: 120\nfx: 300\nfy: 300\ncx: 79.5\ncy: 59.5\n";
    std::fs::write(folder.join("camera.yaml"), camera).expect("written");
    let (picture, yaml) = (file("marker.png"), file("camera.yaml"));
    let see = |more: &[&str]| nightshift(&[&["see", "--image", &picture, "--json"], more].concat());
    let report = json(&see(&["--intrinsics", &yaml, "--tag-size", "0.03"]));
    let tag = &report["tags"][0];
    assert_eq!(
        (&tag["kind"], &tag["id"]),
        (&serde_json::json!("aruco_4x4_50"), &serde_json::json!(0)),
        "{report}"
    );
    // 30 mm over 60 pixels of a focal length of 300.
    let depth = tag["pose"]["xyz_m"][2].as_f64().expect("a number");
    assert!((depth - 0.15).abs() < 0.001, "{tag}");
    assert!(tag["pose"]["covariance"][2][2].as_f64().is_some_and(|v| v > 0.0 && v.sqrt() < 0.002), "{tag}");
    assert!(tag["pose"]["ambiguous"].is_boolean() && json(&see(&[]))["tags"][0]["pose"].is_null(), "{tag}");
    for (more, told) in [
        (&["--intrinsics", &yaml][..], "--tag-size"),
        (&["--tag-size", "0.03"], "--intrinsics"),
        (&["--intrinsics", &yaml, "--tag-size", "0"], "above 0"),
    ] {
        let output = see(more);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {words}");
        assert!(words.contains(told) && !words.contains("panicked"), "{words}");
    }
}

#[test]
fn depth_on_glass_is_completed_or_missing_and_what_does_not_fit_is_named() {
    let folder = scratch("complete-depth");
    std::fs::create_dir_all(&folder).expect("a folder is made");
    let file = |name: &str| folder.join(name).to_str().expect("a plain path").to_owned();
    let (width, height) = (160, 120);
    // A bench 0.5 m before a camera that looks straight down at it, and something of glass in the middle: 0.1 mm a count.
    image::RgbImage::from_pixel(width, height, image::Rgb([90; 3])).save(file("rgb.png")).expect("written");
    let glass = |x: u32, y: u32| (70..90).contains(&x) && (50..90).contains(&y);
    let depth = |unit: u16| {
        image::ImageBuffer::<image::Luma<u16>, _>::from_fn(width, height, |x, y| {
            image::Luma([if glass(x, y) { 0 } else { (5000 + 10 * (height - y) as u16) / unit }])
        })
    };
    depth(1).save(file("depth.png")).expect("written");
    depth(10).save(file("millimetres.png")).expect("written");
    let mask = |x, y| image::Luma([if glass(x, y) { 255u8 } else { 0 }]);
    image::GrayImage::from_fn(width, height, mask).save(file("mask.png")).expect("written");
    let camera = "xres: 160\nyres: 120\nfx: 150\nfy: 150\ncx: 79.5\ncy: 59.5\n";
    std::fs::write(folder.join("camera.yaml"), camera).expect("written");
    std::fs::write(folder.join("other.yaml"), camera.replace("160", "320")).expect("written");
    std::fs::write(folder.join("none.yaml"), "fx: 1").expect("written");
    let complete = |depth: &str, intrinsics: &str| {
        let (depth, intrinsics) = (file(depth), file(intrinsics));
        let [rgb, mask, out, sigma, validity] =
            ["rgb.png", "mask.png", "out.png", "sigma.png", "validity.png"].map(file);
        nightshift(&[
            "complete-depth",
            "--image",
            &rgb,
            "--depth",
            &depth,
            "--intrinsics",
            &intrinsics,
            "--mask",
            &mask,
            "--out",
            &out,
            "--sigma",
            &sigma,
            "--validity",
            &validity,
            "--json",
        ])
    };
    let output = complete("depth.png", "camera.yaml");
    let report = json(&output);
    assert_eq!(
        (&report["missing"], &report["completed"]),
        (&serde_json::json!(0), &serde_json::json!(800)),
        "{report}"
    );
    let read = |name: &str| image::open(file(name)).expect("it was written").into_luma16();
    let (out, sigma, validity) = (read("out.png"), read("sigma.png"), read("validity.png"));
    for (x, y, pixel) in out.enumerate_pixels() {
        let inside = glass(x, y);
        assert!(pixel.0[0] > 0 && (sigma.get_pixel(x, y).0[0] > 0) == inside, "({x}, {y})");
        assert_eq!(validity.get_pixel(x, y).0[0] > 1, inside, "({x}, {y})");
    }
    for (depth, intrinsics, told) in [
        ("millimetres.png", "camera.yaml", "--depth-unit"),
        ("depth.png", "other.yaml", "must be of one size"),
        ("depth.png", "none.yaml", "has no number"),
        ("rgb.png", "camera.yaml", "one channel of 16 bits"),
        ("missing.png", "camera.yaml", "missing.png"),
    ] {
        let output = complete(depth, intrinsics);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{depth} {intrinsics}: {words}");
        assert!(words.contains(told) && !words.contains("panicked"), "{words}");
    }
}

#[test]
fn sight_is_scored_on_rendered_pictures_and_vessels_are_told() {
    if !std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| std::path::Path::new(&path).is_file()) {
        eprintln!("skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    }
    let folder = scratch("score");
    let path = folder.to_str().expect("a plain path");
    json(&nightshift(&[
        "dataset", "--count", "2", "--seed", "3", "--size", "64x48", "--out", path, "--json",
    ]));
    let report = json(&nightshift(&["score", path, "--json"]));
    assert_eq!(report["pictures"], 2);
    let scores = report["scores"].as_array().expect("a list");
    assert!(
        scores.iter().any(|line| line["what"] == "vessel AP50" && line["n"].as_u64() > Some(0)),
        "{report}"
    );
    // The same seed's close-ups are other pictures: they do not go into this folder.
    let mixed = nightshift(&[
        "dataset",
        "--count",
        "2",
        "--seed",
        "3",
        "--size",
        "64x48",
        "--close-ups",
        "--out",
        path,
    ]);
    assert_eq!(mixed.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&mixed.stderr).contains("pictures of another recipe"));
    let (near, again) = (scratch("score-close"), scratch("score-close-again"));
    let made = |folder: &std::path::Path, count: &str| {
        let path = folder.to_str().expect("a plain path");
        let words = [
            "dataset",
            "--count",
            count,
            "--seed",
            "3",
            "--size",
            "48x72",
            "--close-ups",
            "--out",
            path,
            "--json",
        ];
        json(&nightshift(&words))
    };
    assert_eq!(made(&near, "2")["made"], 2);
    // Gone on with, and at once: the same pictures and truths.
    assert_eq!((made(&near, "4")["made"].as_u64(), made(&again, "4")["made"].as_u64()), (Some(2), Some(4)));
    for file in ["annotations.json", "pictures/000001.png", "pictures/000003.png", "depth/000003.png"] {
        let read = |folder: &std::path::Path| std::fs::read(folder.join(file)).expect("it is there");
        assert!(read(&near) == read(&again), "{file} differs");
    }
    let picture = folder.join("pictures/000000.png");
    let seen = json(&nightshift(&["see", "--image", picture.to_str().expect("a plain path"), "--json"]));
    assert!(seen["vessels"].is_array(), "{seen}");
    let empty = scratch("score-empty");
    std::fs::create_dir_all(&empty).expect("a folder is made");
    for arguments in [
        &["score", empty.to_str().expect("a plain path")][..],
        &[
            "see",
            "--image",
            picture.to_str().expect("a plain path"),
            "--models",
            empty.to_str().expect("a plain path"),
        ],
    ] {
        let output = nightshift(arguments);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.contains("cannot be read") && !words.contains("panicked"), "{words}");
    }
}
