//! `nightshift see`: what is in a picture.

use crate::talk::talk;
use clap::Args;
use nightshift_core::image::Image;
use nightshift_perception::code::CodeSight;
use nightshift_perception::fiducial::TagSight;
use nightshift_vision::{Effort, TagDetector, read_codes};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift see`.
#[derive(Args)]
#[command(
    after_help = "Reads PNG, JPEG, WebP and PNM. Exit code 0 where something was seen, 1 where nothing was, 2 where the picture cannot be \
read. Pixels count from the centre of the top left one.\n\nExamples:\n  nightshift see --image label.jpg --json\n  \
nightshift see --image rack.png --overlay seen.png"
)]
pub struct SeeArgs {
    /// The picture.
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// Print one JSON object on stdout: `codes` with `kind`, `text`, `corners`; `tags` (tag36h11) with `id`, `corners`; `doubts`.
    #[arg(long)]
    pub json: bool,
    /// Write the picture with what was seen drawn into it.
    #[arg(long, value_name = "PNG")]
    pub overlay: Option<PathBuf>,
}

/// What was seen.
#[derive(Serialize)]
struct Report {
    width: usize,
    height: usize,
    codes: Vec<CodeSight>,
    tags: Vec<TagSight>,
    /// Why a picture that shows nothing may not be an empty scene.
    doubts: Vec<String>,
}

/// Pictures beyond this are refused before they are decoded, pixels along a side.
const LARGEST: u32 = 8192;

/// Runs the command.
pub fn run(args: &SeeArgs) -> Result<ExitCode, String> {
    let picture = read(&args.image)?;
    let broken = |e: nightshift_vision::VisionError| format!("{}: {e}", args.image.display());
    let codes = read_codes(&picture, Effort::Thorough).map_err(broken)?;
    let tags = TagDetector::new().and_then(|detector| detector.detect(&picture)).map_err(broken)?;
    let (width, height, doubts) = (picture.width, picture.height, doubts(&picture));
    if let Some(path) = &args.overlay {
        draw(picture, &codes, &tags, path)?;
    }
    let seen = !codes.is_empty() || !tags.is_empty();
    let report = Report { width, height, codes, tags, doubts };
    if args.json {
        println!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        for code in &report.codes {
            println!("code  {:?}  {:?}  at {:.0?}", code.kind, code.text, code.middle());
        }
        for tag in &report.tags {
            println!("tag   {}  at {:.1?}", tag.id, tag.corners);
        }
    }
    for doubt in &report.doubts {
        talk!("{}: {doubt}", args.image.display());
    }
    Ok(if seen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A picture file as an array.
fn read(path: &Path) -> Result<Image<[u8; 3]>, String> {
    let named = |e: &dyn std::fmt::Display| format!("{} cannot be read as a picture: {e}", path.display());
    let mut reader = image::ImageReader::open(path).map_err(|e| named(&e))?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    reader.limits(limits);
    let reader = reader.with_guessed_format().map_err(|e| named(&e))?;
    let rgb = reader.decode().map_err(|e| named(&e))?.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    Ok(Image { width, height, pixels: rgb.pixels().map(|pixel| pixel.0).collect() })
}

/// Share of pixels at the end of the scale from which a picture tells little.
const BLIND_SHARE: f64 = 0.98;

fn doubts(picture: &Image<[u8; 3]>) -> Vec<String> {
    let share = |test: fn(u8) -> bool| {
        let count = picture.pixels.iter().filter(|pixel| pixel.iter().all(|v| test(*v))).count();
        count as f64 / picture.pixels.len().max(1) as f64
    };
    let mut doubts = Vec::new();
    if share(|v| v < 8) > BLIND_SHARE {
        doubts.push("the picture is black: look at lens cap, light and exposure".to_owned());
    }
    if share(|v| v > 247) > BLIND_SHARE {
        doubts.push("the picture is white: look at glare and exposure".to_owned());
    }
    doubts
}

fn draw(
    mut picture: Image<[u8; 3]>,
    codes: &[CodeSight],
    tags: &[TagSight],
    path: &Path,
) -> Result<(), String> {
    let outlines = codes.iter().map(|code| (&code.corners, [255, 60, 200]));
    for (corners, colour) in outlines.chain(tags.iter().map(|tag| (&tag.corners, [60, 255, 60]))) {
        for side in 0..4 {
            line(&mut picture, corners[side], corners[(side + 1) % 4], colour);
        }
    }
    image::save_buffer(
        path,
        picture.pixels.as_flattened(),
        picture.width as u32,
        picture.height as u32,
        image::ExtendedColorType::Rgb8,
    )
    .map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

fn line(picture: &mut Image<[u8; 3]>, [x, y]: [f64; 2], [u, v]: [f64; 2], colour: [u8; 3]) {
    let steps = (u - x).abs().max((v - y).abs()).ceil().clamp(1.0, 4.0 * f64::from(LARGEST));
    for step in 0..=steps as usize {
        let share = step as f64 / steps;
        let (column, row) = ((x + share * (u - x)).round(), (y + share * (v - y)).round());
        if column >= 0.0 && row >= 0.0 && column < picture.width as f64 && row < picture.height as f64 {
            picture.pixels[row as usize * picture.width + column as usize] = colour;
        }
    }
}
