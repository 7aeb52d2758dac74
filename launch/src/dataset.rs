//! `nightshift dataset`: annotated pictures of lab ware for training, from a seed.

use crate::interrupt;
use crate::talk::{talk, tell};
use clap::Args;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::image::{Image, Intrinsics};
use nightshift_optics::StereoRig;
use nightshift_optics::studio::{self, Category};
use nightshift_optics::truth::{self, Instance};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Another recipe gives other pictures for the same seed.
const RECIPE: u32 = 9;
/// Depth pictures count in these, metres.
const DEPTH_UNIT_M: f64 = 1e-4;

/// A close-up that shows nothing is drawn anew, so often in all; the last one stays whatever it shows.
const TURNS: u64 = 4;
/// A pixel is white above this, and black below that, of 255, in all colours.
const WHITE: u8 = 248;
const BLACK: u8 = 20;
/// A picture of which more is white, or black, shows nothing, share.
const MOST: f32 = 0.5;
/// A picture whose greys scatter by less shows nothing, standard deviation of 255.
const PLAIN: f32 = 9.0;

/// `nightshift dataset`.
#[derive(Args)]
#[command(
    after_help = "The folder holds annotations.json (COCO; masks as run lengths that are not packed), pictures/, depth/ (16 bit, \
0.1 mm, the first surface, glass too; 0 is none), sensor/ (the same as an active-stereo camera would \
measure it, without lens distortion; with --sensor), matter/ (bit 0 clear, bit 1 metal) and truth/, one file a picture. A picture depends on \
seed, number and size alone: an interrupted run goes on where it ended, and a longer one adds to a shorter one.\n\nExamples:\n  \
nightshift dataset --count 1000 --seed 7 --out out/glass --size 320x240\n  \
nightshift dataset --count 10000 --seed 21 --out out/close --size 96x144 --close-ups\n  \
nightshift dataset --count 50 --seed 1 --out out/look --json"
)]
pub struct DatasetArgs {
    /// How many pictures.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Seed of everything: scenes, light, cameras, noise.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder; made where it is missing, gone on with where it holds the same recipe.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Width and height of the pictures, pixels.
    #[arg(long, value_name = "WxH", default_value = "640x480", value_parser = size)]
    pub size: [usize; 2],
    /// Pictures made at a time; the pictures are the same for any number.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub jobs: u64,
    /// One vessel as large as the picture, all contents alike often: to learn to read contents; small pictures do.
    #[arg(long)]
    pub close_ups: bool,
    /// Also take each scene with a depth camera: about twice the time.
    #[arg(long)]
    pub sensor: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn size(words: &str) -> Result<[usize; 2], String> {
    let numbers: Vec<usize> = words.split('x').filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [width, height] if (16..=4096).contains(&width) && (16..=4096).contains(&height) => {
            Ok([width, height])
        }
        _ => Err("it must be width x height in pixels, each 16 to 4096, as in 320x240".to_owned()),
    }
}

/// What the pictures of a folder are made from.
#[derive(Serialize)]
struct Recipe {
    recipe: u32,
    seed: u64,
    width: usize,
    height: usize,
    sensor: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    close_ups: bool,
}

/// A picture in the annotations.
#[derive(Serialize)]
struct Picture {
    id: u64,
    file_name: String,
    depth: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensor: Option<String>,
    matter: String,
    width: usize,
    height: usize,
    light: &'static str,
    intrinsics: Intrinsics,
    distortion_k1_k2: [f64; 2],
    /// Of the bench's plane in the camera's frame: unit normal, and distance of the camera over it, metres.
    bench_up: [f64; 3],
    bench_distance_m: f64,
}

/// The file of one picture below `truth/`.
#[derive(Serialize)]
struct Truth {
    image: Picture,
    annotations: Vec<Instance>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    pictures: u64,
    made: u64,
    annotations: String,
}

/// Runs the command.
pub fn run(args: &DatasetArgs) -> Result<ExitCode, String> {
    let [width, height] = args.size;
    let &DatasetArgs { seed, sensor, close_ups, .. } = args;
    let recipe = Recipe { recipe: RECIPE, seed, width, height, sensor, close_ups };
    prepare(&args.out, &recipe)?;
    let flag = interrupt::flag()?;
    let missing: Vec<u64> =
        (0..args.count).filter(|number| !truth_file(&args.out, *number).is_file()).collect();
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(args.count).with_style(style);
    bar.inc(args.count - missing.len() as u64);
    let next = AtomicU64::new(0);
    let failure = Mutex::new(None);
    let work = || {
        while !flag.raised() && failure.lock().is_ok_and(|failure| failure.is_none()) {
            let turn = next.fetch_add(1, Ordering::Relaxed) as usize;
            let Some(number) = missing.get(turn) else { return };
            match make(&args.out, &recipe, *number) {
                Ok(()) => bar.inc(1),
                Err(error) => {
                    failure.lock().expect("nobody panics with the lock").get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for job in 0..args.jobs {
            let named = std::thread::Builder::new().name(format!("dataset-{job}"));
            if let Err(error) = named.spawn_scoped(scope, work) {
                let told = format!("a thread cannot be started: {error}");
                failure.lock().expect("nobody panics with the lock").get_or_insert(told);
            }
        }
    });
    bar.finish_and_clear();
    if let Some(error) = failure.into_inner().expect("nobody panics with the lock") {
        return Err(error);
    }
    if flag.raised() {
        talk!("interrupted; the same command goes on from here");
        return Ok(ExitCode::from(2));
    }
    let annotations = gather(&args.out, &recipe, args.count)?;
    let report = Report {
        pictures: args.count,
        made: missing.len() as u64,
        annotations: annotations.display().to_string(),
    };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("pictures     {}", report.pictures);
        tell!("made now     {}", report.made);
        tell!("annotations  {}", report.annotations);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the folders; refuses one that holds other pictures.
fn prepare(out: &Path, recipe: &Recipe) -> Result<(), String> {
    for folder in ["pictures", "depth", "sensor", "matter", "truth"] {
        let folder = out.join(folder);
        fs::create_dir_all(&folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    }
    let file = out.join("recipe.json");
    let text = serde_json::to_string(recipe).expect("plain data");
    match fs::read_to_string(&file) {
        Ok(found) if found == text => Ok(()),
        Ok(found) => Err(format!(
            "{} holds pictures of another recipe, {found}, and {text} was asked for: give another --out",
            out.display()
        )),
        Err(_) => write(&file, text.as_bytes()),
    }
}

fn truth_file(out: &Path, number: u64) -> PathBuf {
    out.join(format!("truth/{number:06}.json"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    // Whole or not at all: a file that is there was finished.
    let part = path.with_extension("part");
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

fn png(
    path: &Path,
    bytes: &[u8],
    [width, height]: [usize; 2],
    colour: ExtendedColorType,
) -> Result<(), String> {
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(bytes, width as u32, height as u32, colour)
        .map_err(|e| format!("{} cannot be encoded: {e}", path.display()))?;
    write(path, &file)
}

/// Whether somebody could read a picture: neither most of it is white or black, nor is it all one grey.
fn shows_something(picture: &Image<[u8; 3]>) -> bool {
    let count = picture.pixels.len() as f32;
    let share =
        |of: fn(&[u8; 3]) -> bool| picture.pixels.iter().filter(|pixel| of(pixel)).count() as f32 / count;
    let grey = |[r, g, b]: &[u8; 3]| (f32::from(*r) + f32::from(*g) + f32::from(*b)) / 3.0;
    let mean = picture.pixels.iter().map(grey).sum::<f32>() / count;
    let variance = picture.pixels.iter().map(|pixel| (grey(pixel) - mean).powi(2)).sum::<f32>() / count;
    share(|pixel| pixel.iter().all(|value| *value > WHITE)) < MOST
        && share(|pixel| pixel.iter().all(|value| *value < BLACK)) < MOST
        && variance > PLAIN * PLAIN
}

/// Makes one picture with its truth; the truth's file is the last.
fn make(out: &Path, recipe: &Recipe, number: u64) -> Result<(), String> {
    let size = [recipe.width, recipe.height];
    // Far apart, so that the pictures of two seeds have no scene in common.
    let seed = recipe.seed.wrapping_mul(0x1_0000_0000).wrapping_add(number);
    let set = if recipe.close_ups { studio::close_up } else { studio::stage };
    let mut turn = 0;
    let (staged, exposed, picture) = loop {
        let staged = set(seed.wrapping_add(turn << 31), size[0], size[1]);
        let exposed =
            staged.shot.take(&staged.scene).map_err(|faults| format!("picture {number}: {}", faults[0]))?;
        let picture = staged.film.develop(&exposed);
        turn += 1;
        if !recipe.close_ups || turn == TURNS || shows_something(&picture) {
            break (staged, exposed, picture);
        }
    };
    let told = truth::tell(&staged, &exposed, number);
    let named = |folder: &str| format!("{folder}/{number:06}.png");
    let image = Picture {
        id: number,
        file_name: named("pictures"),
        depth: named("depth"),
        sensor: recipe.sensor.then(|| named("sensor")),
        matter: named("matter"),
        width: size[0],
        height: size[1],
        light: staged.light,
        intrinsics: staged.shot.intrinsics,
        distortion_k1_k2: staged.shot.distortion,
        bench_up: staged.shot.map_from_camera.inverse_transform_vector(&nalgebra::Vector3::z()).into(),
        bench_distance_m: staged.shot.map_from_camera.translation.z,
    };
    png(&out.join(&image.file_name), &picture.pixels.concat(), size, ExtendedColorType::Rgb8)?;
    // The encoder takes the machine's own byte order.
    let depth: Vec<u8> = told.depth.iter().flat_map(|d| d.to_ne_bytes()).collect();
    png(&out.join(&image.depth), &depth, size, ExtendedColorType::L16)?;
    if let Some(file) = &image.sensor {
        let measured = StereoRig::default()
            .measure(&staged.scene, &staged.shot)
            .map_err(|faults| format!("picture {number}: {}", faults[0]))?;
        let units = |z: &Option<f32>| z.map_or(0, |z| (f64::from(z) / DEPTH_UNIT_M).round() as u16);
        let bytes: Vec<u8> = measured.pixels.iter().flat_map(|z| units(z).to_ne_bytes()).collect();
        png(&out.join(file), &bytes, size, ExtendedColorType::L16)?;
    }
    png(&out.join(&image.matter), &told.matter, size, ExtendedColorType::L8)?;
    let truth = Truth { image, annotations: told.instances };
    write(&truth_file(out, number), serde_json::to_string(&truth).expect("plain data").as_bytes())
}

/// Joins the truths of all pictures to one COCO file.
fn gather(out: &Path, recipe: &Recipe, count: u64) -> Result<PathBuf, String> {
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for number in 0..count {
        let file = truth_file(out, number);
        let text =
            fs::read_to_string(&file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
        let mut truth: serde_json::Value = serde_json::from_str(&text)
            .map_err(|e| format!("{}: {e}; delete it and run again", file.display()))?;
        images.push(truth["image"].take());
        if let serde_json::Value::Array(list) = truth["annotations"].take() {
            annotations.extend(list);
        }
    }
    let categories: Vec<serde_json::Value> = Category::ALL
        .iter()
        .map(|category| serde_json::json!({ "id": *category as u8, "name": category.name(), "supercategory": "labware" }))
        .collect();
    let coco = serde_json::json!({
        "info": { "description": "Rendered lab ware", "recipe": recipe, "depth_unit_m": DEPTH_UNIT_M },
        "images": images,
        "annotations": annotations,
        "categories": categories,
    });
    let file = out.join("annotations.json");
    write(&file, coco.to_string().as_bytes())?;
    Ok(file)
}
