//! `nightshift bench perception`: real pictures, never trained or tuned on, beside what others read on them.

mod rendered;
mod speed;

use super::{Aim, Notes, Section, default_data, measure, peer};
use crate::complete_depth::Glass;
use crate::photo;
use crate::score;
use crate::see::EyesArgs;
use clap::Args;
use nightshift_core::image::Intrinsics;
use nightshift_core::random::Seed;
use nightshift_vision::{Effort, TagDetector, read_codes};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift bench perception`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every aim is met; 1: some are missed; 2: nothing could be measured. Peers are measured by a Python that has \
zxing-cpp, pupil-apriltags, numpy and Pillow: name it with --python.\n\nExamples:\n  nightshift bench perception\n  nightshift bench \
perception --section codes --python venv/bin/python --json\n  nightshift bench perception --data ~/pictures   # reads ~/pictures/perception/"
)]
pub struct BenchPerceptionArgs {
    /// Measure only this section; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub section: Vec<String>,
    /// The folder that holds perception/ with vessels, codes, apriltag and depth; what is absent is skipped. [default:
    /// $NIGHTSHIFT_DATA, or ../shared/data beside the workspace]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A Python that has the peers.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    pub python: PathBuf,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// The networks.
    #[command(flatten)]
    pub eyes: EyesArgs,
}

const SECTIONS: &[Section<Plan>] = &[
    Section { name: "codes", about: "DataMatrix, QR and Code 128", run: codes },
    Section { name: "tags", about: "corners of tag36h11", run: tags },
    Section { name: "vessels", about: "finding vessels and reading what is in them", run: vessels },
    Section { name: "glass", about: "depth of transparent things", run: depth },
    Section {
        name: "rendered-glass",
        about: "depth and place of rendered vessels, true outlines",
        run: rendered::glass,
    },
    Section { name: "speed", about: "processor time of each part, on frames of 640x480", run: speed::speed },
];

/// What is asked for.
struct Plan {
    data: PathBuf,
    python: PathBuf,
    eyes: EyesArgs,
}

impl Plan {
    /// A folder of the data; says so where it is not there.
    fn folder(&self, name: &str, notes: &mut Notes) -> Option<PathBuf> {
        let folder = self.data.join(name);
        if !folder.is_dir() {
            notes.skip(format!("there is no {}", folder.display()));
            return None;
        }
        Some(folder)
    }

    /// What the peers come to, by name.
    fn peers(&self, what: &str, notes: &mut Notes) -> BTreeMap<String, f64> {
        let told = peer::ask(&self.python, "perception.py", [what.as_ref(), self.data.as_os_str()]);
        told.unwrap_or_else(|why| {
            notes.skip(format!("no peer: {why}"));
            BTreeMap::new()
        })
    }
}

/// Runs `nightshift bench perception`.
pub fn run(args: &BenchPerceptionArgs) -> Result<ExitCode, String> {
    let data = args.data.clone().unwrap_or_else(default_data).join("perception");
    let plan = Plan { data, python: args.python.clone(), eyes: args.eyes.clone() };
    measure(SECTIONS, &args.section, &plan, args.json)
}

/// Line ends and GS1's separators stand for the same in what the files say and what decoders tell.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\r' | '\u{1d}')).collect::<String>().replace("<GS>", "")
}

fn pictures_in(folder: &Path) -> Vec<PathBuf> {
    let known = |path: &PathBuf| {
        path.extension().is_some_and(|e| ["png", "jpg", "webp"].iter().any(|known| e == *known))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(known).collect();
    files.sort();
    files
}

/// Sets of zxing-cpp's own tests: the text beside each picture, or nothing where there is no code.
fn codes(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let Some(home) = plan.folder("codes", notes) else { return Ok(()) };
    let peers = plan.peers("codes", notes);
    for (case, sets, aim) in [
        ("datamatrix", &["datamatrix-1", "datamatrix-2"][..], 43f64),
        ("qr", &["qrcode-1", "qrcode-2"], 61.0),
        ("code128", &["code128-1"], 6.0),
        ("none", &["falsepositives-1"], 21.0),
    ] {
        let files: Vec<PathBuf> = sets.iter().flat_map(|set| pictures_in(&home.join(set))).collect();
        if files.is_empty() {
            notes.skip(format!("{} has no pictures of {}", home.display(), sets.join(", ")));
            continue;
        }
        let bar = notes.steps(case, files.len()).clone();
        let mut right = 0;
        for file in &files {
            let picture = photo::read(file)?;
            let sights =
                read_codes(&picture, Effort::Thorough).map_err(|e| format!("{}: {e}", file.display()))?;
            let good = match fs::read_to_string(file.with_extension("txt")) {
                Ok(expected) => sights.iter().any(|sight| plain(&sight.text) == plain(&expected)),
                // What is no text in any of its encodings, and a picture without a code.
                Err(_) if file.with_extension("bin").is_file() => !sights.is_empty(),
                Err(_) => sights.is_empty(),
            };
            right += usize::from(good);
            bar.inc(1);
        }
        let figure = notes.figure(case, "read right", "", right as f64, files.len());
        (figure.aim, figure.peer) =
            (Some(Aim::AtLeast(aim.min(files.len() as f64))), peers.get(case).copied());
    }
    Ok(())
}

/// Pictures of tag36h11 with a line a tag: `id, (x y), (x y), (x y), (x y)`, counter-clockwise in the picture from the printed
/// tag's lower left, in AprilTag's pixels, whose centres are at halves.
fn tags(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let Some(home) = plan.folder("apriltag", notes) else { return Ok(()) };
    let peers = plan.peers("tags", notes);
    let detector = TagDetector::new().map_err(|e| e.to_string())?;
    let (mut wanted, mut found, mut square, mut wrong) = (0, 0, 0.0, 0);
    for file in pictures_in(&home) {
        let truth = file.with_extension("txt");
        let text =
            fs::read_to_string(&truth).map_err(|e| format!("{} cannot be read: {e}", truth.display()))?;
        let truths: Vec<(u32, [[f64; 2]; 4])> = text
            .lines()
            .map(|line| line.split([',', '(', ')', ' ']).filter_map(|word| word.parse().ok()).collect())
            .filter(|numbers: &Vec<f64>| numbers.len() == 9)
            .map(|numbers| {
                let corner = |k: usize| [numbers[1 + 2 * k] - 0.5, numbers[2 + 2 * k] - 0.5];
                (numbers[0] as u32, [corner(3), corner(2), corner(1), corner(0)])
            })
            .collect();
        wanted += truths.len();
        for sight in detector.detect(&photo::read(&file)?).map_err(|e| format!("{}: {e}", file.display()))? {
            let off = |corners: &[[f64; 2]; 4]| {
                let pairs = sight.corners.iter().zip(corners);
                pairs.map(|(a, b)| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sum::<f64>() / 4.0
            };
            let same = truths.iter().filter(|(id, _)| *id == sight.id);
            let nearest = same.map(|(_, corners)| off(corners)).fold(f64::INFINITY, f64::min);
            if nearest < 9.0 {
                (found, square) = (found + 1, square + nearest);
            } else {
                wrong += 1;
            }
        }
    }
    if wanted == 0 {
        notes.skip(format!("{} has no annotated pictures", home.display()));
        return Ok(());
    }
    let figure = notes.figure("tag36h11", "found", "", f64::from(found), wanted);
    (figure.aim, figure.peer) = (Some(Aim::AtLeast(wanted as f64)), peers.get("found").copied());
    notes.figure("tag36h11", "made up", "", f64::from(wrong), wanted).aim = Some(Aim::AtMost(0.0));
    let rms = (square / f64::from(found)).sqrt();
    let figure = notes.figure("tag36h11", "corners, RMS", "px", rms, found as usize);
    (figure.aim, figure.peer) = (Some(Aim::AtMost(0.25)), peers.get("rms_px").copied());
    Ok(())
}

fn vessels(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let Some(folder) = plan.folder("vessels", notes) else { return Ok(()) };
    let mut eyes = match plan.eyes.load() {
        Ok(eyes) => eyes,
        Err(error) => {
            notes.skip(error);
            return Ok(());
        }
    };
    let looked = score::look(&mut eyes, &folder, None, None)?;
    for line in score::lines(&looked, eyes.limits().score, Seed(1)) {
        let Some(value) = line.value else { continue };
        let (figure, aim) = match line.what.as_str() {
            "vessel AP50" => ("AP50", Some(Aim::AtLeast(0.6))),
            "vessel AP50..95" => ("AP50..95", None),
            "recall, 40 px tall and more" => ("recall from 40 px", Some(Aim::AtLeast(0.95))),
            "precision" => ("precision", None),
            "phase macro-F1" => ("phase macro-F1", Some(Aim::AtLeast(0.7))),
            "contents in doubt" => ("contents in doubt", None),
            "filled called empty" => ("filled called empty", Some(Aim::AtMost(0.02))),
            _ => continue,
        };
        let figure = notes.figure("photographs", figure, "", value, line.n);
        (figure.spread, figure.aim) = (line.interval, aim);
    }
    // The aim is 100 ms on two cores.
    let mut took = looked.took_ms;
    took.sort_by(f64::total_cmp);
    if let Some(p95) = took.get((took.len() * 95).div_ceil(100).saturating_sub(1)) {
        notes.figure("photographs", "processor time of a picture, p95", "ms", *p95, took.len()).aim =
            Some(Aim::AtMost(2.0 * 100.0));
    }
    Ok(())
}

/// Scenes of a depth camera whose transparent things were replaced by opaque twins.
fn depth(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    const UNIT_M: f64 = 1e-4;
    let Some(home) = plan.folder("depth", notes) else { return Ok(()) };
    let camera: Intrinsics = photo::read_intrinsics(&home.join("camera_intrinsics.yaml"))?;
    let scenes: Vec<String> = pictures_in(&home)
        .iter()
        .filter_map(|file| file.file_name()?.to_str()?.strip_suffix("-mask.png").map(str::to_owned))
        .collect();
    if scenes.is_empty() {
        notes.skip(format!("{} has no scenes", home.display()));
    }
    for scene in scenes {
        let file = |what: &str| home.join(format!("{scene}-{what}.png"));
        let raw = photo::read_depth(&file("transparent-depth-img"), UNIT_M)?;
        let twin = photo::read_depth(&file("opaque-depth-img"), UNIT_M)?;
        let mask = photo::read_mask(&file("mask"))?;
        let glass = Glass::given(mask.clone());
        let (_, fronts) = glass
            .complete(&glass.classify(&raw), &camera)
            .map_err(|e| format!("{}: {e}", file("mask").display()))?;
        let known = (0..mask.pixels.len()).filter(|i| mask.pixels[*i] && twin.pixels[*i] > 0.0).count();
        let (mut square, mut told, mut within, mut sound_square, mut sound) = (0.0, 0, 0, 0.0, 0);
        for front in &fronts {
            for pixel in front.pixels.iter().filter(|pixel| twin.pixels[pixel.index] > 0.0) {
                let error = pixel.depth_m - f64::from(twin.pixels[pixel.index]);
                (square, told) = (square + error * error, told + 1);
                // 90 % of a normal distribution lie within 1.645 standard deviations.
                within += usize::from(error.abs() <= 1.645 * pixel.sigma_m);
                if front.do_not_grasp.is_empty() {
                    (sound_square, sound) = (sound_square + error * error, sound + 1);
                }
            }
        }
        let share = |part: usize| part as f64 / known.max(1) as f64;
        notes.figure(&scene, "coverage", "", share(told), known).aim = Some(Aim::AtLeast(1.0));
        let rms = |square: f64, n: usize| (square / n as f64).sqrt() * 1e3;
        notes.figure(&scene, "RMSE", "mm", rms(square, told), told).aim = Some(Aim::AtMost(25.0));
        if sound > 0 {
            notes.figure(&scene, "RMSE where it may be grasped", "mm", rms(sound_square, sound), sound);
        }
        notes.figure(&scene, "within the 90 % interval", "", within as f64 / told.max(1) as f64, told).aim =
            Some(Aim::AtLeast(0.85));
    }
    Ok(())
}
