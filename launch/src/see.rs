//! `nightshift see`: what is in a picture.

use crate::complete_depth::{DepthArgs, DepthSummary, Glass};
use crate::photo::{self, LARGEST};
use crate::tag_pose::SeenTag;
use crate::talk::{talk, tell};
use clap::{Args, ValueEnum};
use nightshift_core::image::{Image, Intrinsics};
use nightshift_models::{Eyes, Options, Provider};
use nightshift_perception::code::CodeSight;
use nightshift_perception::exposure;
use nightshift_perception::fiducial::{TagFamily, TagSight};
use nightshift_perception::label::LabelSight;
use nightshift_perception::vessel::{Posture, VesselDoubt, VesselSight, phase_names, way_up};
use nightshift_vision::{Effort, LabelError, TagDetector, read_codes, read_labels};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift see`.
#[derive(Args)]
#[command(
    after_help = "Reads PNG, JPEG, WebP and PNM. Exit code 0 where something was seen, 1 where nothing was, 2 where the picture cannot be \
read. Corners count from the centre of the top left pixel, boxes from its edge (as COCO has it).\n\nExamples:\n  nightshift see \
--image label.jpg --json\n  nightshift see --image rack.png --overlay seen.png\n  \
nightshift see --image glass.png --depth glass-depth.png --intrinsics camera.yaml --json"
)]
pub struct SeeArgs {
    /// The picture.
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// Its depth, and the camera.
    #[command(flatten)]
    pub depth: DepthArgs,
    /// Edge of the tags' black squares, metres: tells where they stand.
    #[arg(long, value_name = "METRES", requires = "intrinsics")]
    pub tag_size: Option<f64>,
    /// Print one JSON object on stdout: `vessels` with `bbox`, `mask_rle`, `type`, `phases`, `fill`, `score`, `posture`, `lean_deg`, `doubts`; `codes`
    /// with `kind`, `text`, `corners`; `labels` with `text`, `confidence`, `bbox`; `tags` with `kind` (tag36h11, aruco_4x4_50, aruco_5x5_100, aruco_6x6_250), `id`,
    /// `corners`, and `pose` with --tag-size; `depth`; `doubts`.
    #[arg(long)]
    pub json: bool,
    /// Write the picture with what was seen drawn into it.
    #[arg(long, value_name = "PNG")]
    pub overlay: Option<PathBuf>,
    /// The networks.
    #[command(flatten)]
    pub eyes: EyesArgs,
}

/// Which networks, and what runs them.
#[derive(Args, Clone)]
pub struct EyesArgs {
    /// The folder with detector.onnx, reader.onnx and their cards. [default: perception/models]
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// What computes the networks.
    #[arg(long, value_enum, default_value = "cpu")]
    pub provider: Computer,
}

/// What computes the networks.
#[derive(Clone, Copy, ValueEnum)]
pub enum Computer {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An NVIDIA GPU, with kernels made for it.
    Tensorrt,
}

impl EyesArgs {
    /// Loads them.
    pub fn load(&self) -> Result<Eyes, String> {
        let provider = match self.provider {
            Computer::Cpu => Provider::Cpu,
            Computer::Cuda => Provider::Cuda,
            Computer::Tensorrt => Provider::TensorRt,
        };
        let options = Options { provider, ..Options::default() };
        Eyes::load(&photo::models(self.models.as_ref()), &options).map_err(|e| e.to_string())
    }
}

/// What was seen.
#[derive(Serialize)]
struct Report {
    width: usize,
    height: usize,
    /// None where they could not be looked for.
    vessels: Option<Vec<VesselSight>>,
    codes: Vec<CodeSight>,
    /// Lines of text; none where they could not be looked for.
    labels: Option<Vec<LabelSight>>,
    tags: Vec<SeenTag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<DepthSummary>,
    /// Why a picture that shows nothing may not be an empty scene.
    doubts: Vec<String>,
}

/// Runs the command.
pub fn run(args: &SeeArgs) -> Result<ExitCode, String> {
    let picture = photo::read(&args.image)?;
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", args.image.display());
    let mut doubts: Vec<String> = exposure::doubts(&picture).iter().map(ToString::to_string).collect();
    let mut vessels = match args.eyes.load() {
        Ok(mut eyes) => Some(eyes.look(&picture).map_err(|e| named(&e))?),
        // What was asked for by name is missed; what is there by default is done without.
        Err(error) if args.eyes.models.is_some() => return Err(error),
        Err(error) => {
            doubts.push(format!("vessels were not looked for: {error}"));
            None
        }
    };
    let camera = tag_camera(args, &picture)?;
    let depth = match args.depth.read(&args.image, &picture)? {
        None => None,
        Some(sensed) => {
            let seen = vessels.as_deref().unwrap_or_default();
            let camera = sensed.camera();
            let completed = sensed.complete(&Glass::seen(seen, &picture)?)?;
            // Depth knows what they stand on, and so which way is up.
            if let Some(up) = completed.up() {
                vessels.iter_mut().flatten().for_each(|vessel| stand(vessel, &up, &camera));
            }
            Some(completed.summary())
        }
    };
    let codes = read_codes(&picture, Effort::Thorough).map_err(|e| named(&e))?;
    let labels = match read_labels(&picture) {
        Ok(labels) => Some(labels),
        Err(error @ LabelError::Picture(_)) => return Err(named(&error)),
        Err(error) => {
            doubts.push(format!("text on labels was not looked for: {error}"));
            None
        }
    };
    let detector = TagDetector::of(&TagFamily::ALL).map_err(|e| named(&e))?;
    let tags = detector.detect(&picture).map_err(|e| named(&e))?;
    let tags = tags.into_iter().map(|tag| SeenTag::new(tag, args.tag_size, camera.as_ref())).collect();
    let (width, height) = (picture.width, picture.height);
    let report = Report { width, height, vessels, codes, labels, tags, depth, doubts };
    if let Some(path) = &args.overlay {
        draw(picture, &report, path)?;
    }
    tell(&report, args)
}

/// The camera that tags' poses are told with.
fn tag_camera(args: &SeeArgs, picture: &Image<[u8; 3]>) -> Result<Option<Intrinsics>, String> {
    let Some(file) = &args.depth.intrinsics else { return Ok(None) };
    let Some(size) = args.tag_size else {
        return if args.depth.depth.is_some() {
            Ok(None)
        } else {
            Err("--intrinsics tells nothing without --depth or --tag-size: give one of them too".to_owned())
        };
    };
    if !(size > 0.0 && size <= 10.0) {
        return Err(format!("--tag-size is {size}, and it must be above 0 and at most 10 m"));
    }
    let camera = photo::read_intrinsics(file)?;
    photo::same_size(&[
        (&args.image, [picture.width, picture.height]),
        (file, [camera.width, camera.height]),
    ])?;
    Ok(Some(camera))
}

/// Judges a vessel's posture by the way up in the camera's frame. What is cut off stays unknown.
fn stand(vessel: &mut VesselSight, up: &[f64; 3], camera: &Intrinsics) {
    let [left, top, width, height] = vessel.bbox;
    if !vessel.doubts.contains(&VesselDoubt::CutOff) {
        let way = way_up(up, [left + width / 2.0, top + height / 2.0], camera);
        vessel.stands_along(way.unwrap_or_default());
    }
}

fn tell(report: &Report, args: &SeeArgs) -> Result<ExitCode, String> {
    let vessels = report.vessels.as_deref().unwrap_or_default();
    if args.json {
        tell!("{}", serde_json::to_string(report).expect("plain data"));
    } else {
        for vessel in vessels {
            let phases = phase_names(vessel.phases.as_deref());
            let fill = vessel.fill.map_or(String::new(), |fill| format!("  filled {:.0} %", 100.0 * fill));
            let posture = match vessel.posture {
                Posture::Tilted | Posture::Toppled => format!("  {:?}", vessel.posture).to_lowercase(),
                Posture::Upright | Posture::Unknown => String::new(),
            };
            let words = format!("{}  {}{fill}{posture}", vessel.kind.name(), phases.join(", "));
            tell!("vessel  {:.2}  {words}  at {:.0?}", vessel.score, vessel.bbox);
        }
        for code in &report.codes {
            tell!("code  {:?}  {:?}  at {:.0?}", code.kind, code.text, code.middle());
        }
        for label in report.labels.iter().flatten() {
            tell!("text  {:.2}  {:?}  at {:.0?}", label.confidence, label.text, label.bbox);
        }
        for tag in &report.tags {
            let TagSight { family, id, corners } = &tag.sight;
            tell!("tag   {} {id}  at {corners:.1?}", family.name());
        }
        if let Some(depth) = &report.depth {
            tell!("depth  {depth}");
        }
    }
    for doubt in &report.doubts {
        talk!("{}: {doubt}", args.image.display());
    }
    let labels = report.labels.as_deref().unwrap_or_default();
    let seen = [report.codes.is_empty(), report.tags.is_empty(), labels.is_empty(), vessels.is_empty()];
    let seen = seen.contains(&false);
    Ok(if seen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const CODE: [u8; 3] = [255, 60, 200];
const TAG: [u8; 3] = [60, 255, 60];
const VESSEL: [u8; 3] = [255, 160, 30];
/// Of which nothing is told but that it is there.
const DOUBTFUL: [u8; 3] = [255, 230, 90];

fn draw(mut picture: Image<[u8; 3]>, report: &Report, path: &Path) -> Result<(), String> {
    for vessel in report.vessels.iter().flatten() {
        draw_vessel(&mut picture, vessel)?;
    }
    for code in &report.codes {
        outline(&mut picture, &code.corners, CODE);
    }
    for label in report.labels.iter().flatten() {
        let [left, top, _, height] = label.bbox;
        outline(&mut picture, &corners(&label.bbox), CODE);
        write_words(&mut picture, [left, top + height + 2.0], &label.text, CODE);
    }
    for tag in &report.tags {
        draw_tag(&mut picture, &tag.sight);
    }
    photo::write(path, &picture)
}

/// A vessel's mask and box, what it is and what it holds.
pub fn draw_vessel(picture: &mut Image<[u8; 3]>, vessel: &VesselSight) -> Result<(), String> {
    let colour = if vessel.doubts.is_empty() { VESSEL } else { DOUBTFUL };
    let mask = vessel.mask_rle.image().map_err(|e| e.to_string())?;
    for (pixel, inside) in picture.pixels.iter_mut().zip(&mask.pixels) {
        if *inside {
            for channel in 0..3 {
                pixel[channel] = ((2 * u16::from(pixel[channel]) + u16::from(colour[channel])) / 3) as u8;
            }
        }
    }
    let [left, top, _, height] = vessel.bbox;
    outline(picture, &corners(&vessel.bbox), colour);
    let phases = phase_names(vessel.phases.as_deref());
    let words = [vessel.kind.name().to_owned(), phases.join(" ")];
    for (row, text) in words.iter().enumerate() {
        write_words(picture, [left, top + height + 2.0 + 9.0 * row as f64], text, colour);
    }
    Ok(())
}

/// A fiducial's outline.
pub fn draw_tag(picture: &mut Image<[u8; 3]>, tag: &TagSight) {
    outline(picture, &tag.corners, TAG);
}

/// Of a box, which counts from the picture's edge, as corners count: from the middle of its first pixel.
fn corners([left, top, width, height]: &[f64; 4]) -> [[f64; 2]; 4] {
    let (right, bottom) = (left + width, top + height);
    [[*left, *top], [right, *top], [right, bottom], [*left, bottom]].map(|corner| corner.map(|v| v - 0.5))
}

pub fn outline(picture: &mut Image<[u8; 3]>, corners: &[[f64; 2]; 4], colour: [u8; 3]) {
    for side in 0..4 {
        line(picture, corners[side], corners[(side + 1) % 4], colour);
    }
}

fn dot(picture: &mut Image<[u8; 3]>, column: f64, row: f64, colour: [u8; 3]) {
    if column >= 0.0 && row >= 0.0 && column < picture.width as f64 && row < picture.height as f64 {
        picture.pixels[row as usize * picture.width + column as usize] = colour;
    }
}

fn line(picture: &mut Image<[u8; 3]>, [x, y]: [f64; 2], [u, v]: [f64; 2], colour: [u8; 3]) {
    let steps = (u - x).abs().max((v - y).abs()).ceil().clamp(1.0, 4.0 * f64::from(LARGEST));
    for step in 0..=steps as usize {
        let share = step as f64 / steps;
        dot(picture, (x + share * (u - x)).round(), (y + share * (v - y)).round(), colour);
    }
}

pub fn write_words(picture: &mut Image<[u8; 3]>, [x, y]: [f64; 2], words: &str, colour: [u8; 3]) {
    use font8x8::UnicodeFonts;
    for (place, letter) in words.chars().enumerate() {
        let Some(glyph) = font8x8::BASIC_FONTS.get(letter) else { continue };
        for (row, bits) in glyph.iter().enumerate() {
            for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                dot(picture, x + (8 * place + column) as f64, y + row as f64, colour);
            }
        }
    }
}
