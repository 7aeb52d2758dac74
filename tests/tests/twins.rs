//! What is written twice, in Rust for the robot and in Python for training, must say the same.

use nightshift_perception::vessel::{Kind, Maps, find};
use nightshift_tests::root;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The finding of perception/training on maps in a file: each has its planes as little-endian single precision, one map after another.
const FINDS: &str = r#"
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import found
told = json.loads(sys.argv[2])
values, maps, at = np.fromfile(sys.argv[3], "<f4"), [], 0
for rows, columns, scale in told["maps"]:
    size = told["planes"] * rows * columns
    maps.append((values[at:at + size].reshape(told["planes"], rows, columns), scale))
    at += size
things = found.find(told["size"], maps, told["least"])
print(json.dumps([[*map(float, box), score, *map(float, kinds)] for box, score, kinds in things]))
"#;

/// The same numbers from 0 to 1 for a seed, by SplitMix64 (Steele, Lea and Flood, 2014).
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// Maps full of peaks: middles of few heights, so that equals lie side by side, and boxes that overlap and reach over the edge.
fn planes(rows: usize, columns: usize, next: &mut impl FnMut() -> f32) -> Vec<f32> {
    let size = rows * columns;
    (0..Maps::PLANES * size)
        .map(|at| match at / size {
            0 => (next() * 12.0).floor() / 12.0,
            1..5 => 4.0 + 14.0 * next(),
            _ => next(),
        })
        .collect()
}

#[test]
fn what_training_finds_is_what_the_robot_finds() {
    let numpy = Command::new("python3").args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|ran| ran.status.success()) {
        eprintln!("skipped: no python3 with numpy on PATH; source launch/env");
        return;
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("maps.f32");
    let (size, least, stride_px) = ([96, 72], 0.3, 4.0);
    let mut joined = 0;
    for seed in 0..4 {
        let mut next = numbers(seed);
        let shapes = [(10, 12, 0.5), (19, 25, 1.0)];
        let values = shapes.map(|(rows, columns, _)| planes(rows, columns, &mut next));
        let maps: Vec<Maps> = shapes
            .iter()
            .zip(&values)
            .map(|((rows, columns, scale), values)| Maps {
                values,
                columns: *columns,
                rows: *rows,
                stride_px,
                scale: *scale,
            })
            .collect();
        let robot = find(size, &maps, least);
        joined += maps.iter().map(|map| find(size, &[*map], least).len()).sum::<usize>() - robot.len();

        let bytes: Vec<u8> = values.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        fs::write(&file, bytes).unwrap();
        let told = json!({"size": size, "least": least, "planes": Maps::PLANES, "maps": shapes});
        let ran = Command::new("python3")
            .args(["-B", "-c", FINDS])
            .arg(root().join("perception/training"))
            .arg(told.to_string())
            .arg(&file)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let training: Vec<Vec<Value>> = serde_json::from_slice(&ran.stdout).unwrap();

        assert!(robot.len() > 5, "{} things", robot.len());
        assert_eq!(training.len(), robot.len(), "seed {seed}");
        for (index, (thing, twin)) in robot.iter().zip(&training).enumerate() {
            let mine: Vec<f64> =
                thing.bounds.iter().chain([&thing.score]).chain(&thing.kinds).copied().collect();
            let its: Vec<f64> = twin.iter().filter_map(Value::as_f64).collect();
            assert_eq!(its.len(), 5 + Kind::ALL.len());
            for (a, b) in mine.iter().zip(&its) {
                assert!((a - b).abs() < 1e-6, "seed {seed}, thing {index}: {mine:?} and {its:?}");
            }
        }
    }
    assert!(joined > 0, "nothing was told at both scales");
}
