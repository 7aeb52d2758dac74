//! `nightshift complete-depth`: the depth of glass, which depth cameras do not tell.

use crate::photo;
use crate::see::EyesArgs;
use crate::talk::tell;
use clap::Args;
use nightshift_core::image::{Depth, Image, Intrinsics};
use nightshift_core::random::Seed;
use nightshift_perception::glass::{self, Doubt, Front, GlassError, Mouth, Outline, Support};
use nightshift_perception::vessel::{Kind, VesselSight};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift complete-depth`.
#[derive(Args)]
#[command(
    after_help = "Depth on glass is never the camera's: it is completed from the outline, the plane that the glass stands on and an upright \
model, with a standard deviation, or it is missing. All pictures are 16 bit in the unit of --depth-unit; 0 is missing. Exit code 0: all \
glass may be grasped by its depth; 1: some may not, and why is told; 2: nothing could be completed.\n\nExamples:\n  \
nightshift complete-depth --image rgb.jpg --depth depth.png --intrinsics camera.yaml --out full.png --sigma sigma.png\n  \
nightshift complete-depth --image rgb.jpg --depth depth.png --intrinsics camera.yaml --mask glass.png --out full.png --json"
)]
pub struct CompleteArgs {
    /// The picture in colours.
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// Its depth, and the camera.
    #[command(flatten)]
    pub depth: DepthArgs,
    /// Where the glass is (white); without it the networks look for it.
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,
    /// Write the completed depth here.
    #[arg(long, value_name = "PNG")]
    pub out: PathBuf,
    /// Write the standard deviation of the completed pixels here; measured ones have 0.
    #[arg(long, value_name = "PNG")]
    pub sigma: Option<PathBuf>,
    /// Write what each pixel is here: 0 missing, 1 measured, 2 completed, 3 completed and not to be grasped by.
    #[arg(long, value_name = "PNG")]
    pub validity: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// The networks.
    #[command(flatten)]
    pub eyes: EyesArgs,
}

/// A depth picture and its camera.
#[derive(Args)]
pub struct DepthArgs {
    /// The depth, one channel of 16 bits, registered to the picture.
    #[arg(long, value_name = "FILE", requires = "intrinsics")]
    pub depth: Option<PathBuf>,
    /// The camera: YAML with fx, fy, cx, cy and the picture's size, or ROS' camera_info.
    #[arg(long, value_name = "YAML")]
    pub intrinsics: Option<PathBuf>,
    /// Metres a count of the depth picture.
    #[arg(long, value_name = "METRES", default_value_t = 0.0001)]
    pub depth_unit: f64,
}

/// What a depth camera told.
pub struct Sensed {
    raw: Image<f32>,
    camera: Intrinsics,
}

impl DepthArgs {
    /// Reads depth and camera, where they were given, and makes sure that they fit the picture.
    pub fn read(&self, image: &Path, picture: &Image<[u8; 3]>) -> Result<Option<Sensed>, String> {
        let (Some(depth), Some(intrinsics)) = (&self.depth, &self.intrinsics) else { return Ok(None) };
        if !(self.depth_unit > 0.0 && self.depth_unit <= 1.0) {
            return Err(format!(
                "--depth-unit is {}, and it must be above 0 and at most 1 m",
                self.depth_unit
            ));
        }
        let raw = photo::read_depth(depth, self.depth_unit)?;
        let camera = photo::read_intrinsics(intrinsics)?;
        photo::same_size(&[
            (image, [picture.width, picture.height]),
            (depth, [raw.width, raw.height]),
            (intrinsics, [camera.width, camera.height]),
        ])?;
        Ok(Some(Sensed { raw, camera }))
    }
}

/// Where glass is: all of it, and each thing by itself.
pub struct Glass {
    all: Image<bool>,
    things: Vec<Outline>,
}

impl Glass {
    /// All vessels that are seen.
    pub fn seen(vessels: &[VesselSight], picture: &Image<[u8; 3]>) -> Result<Self, String> {
        let mut all = Image::filled(picture.width, picture.height, false);
        let mut things = Vec::new();
        for vessel in vessels.iter().filter(|vessel| vessel.kind.is_vessel() || vessel.kind == Kind::Unknown)
        {
            if vessel.mask_rle.size != [picture.height, picture.width] {
                return Err(format!(
                    "a mask is of {:?} pixels (height, width), and not of its picture's",
                    vessel.mask_rle.size
                ));
            }
            vessel.mask_rle.pixels().for_each(|index| all.pixels[index] = true);
            things.extend(Outline::of(&vessel.mask_rle, mouth(vessel.kind)));
        }
        Ok(Self { all, things })
    }

    /// A mask that somebody gives: each connected piece is one thing.
    pub fn given(all: Image<bool>) -> Self {
        let things = glass::pieces(&all);
        Self { all, things }
    }

    /// What a depth camera's picture is worth where it is.
    pub fn classify(&self, raw_m: &Image<f32>) -> Image<Depth> {
        glass::classify(raw_m, &self.all)
    }

    /// Completes its depth.
    pub fn complete(
        &self,
        depth: &Image<Depth>,
        camera: &Intrinsics,
    ) -> Result<(Support, Vec<Front>), GlassError> {
        glass::complete(depth, &self.things, camera, Seed(1))
    }
}

/// What the upper end of a vessel is.
pub fn mouth(kind: Kind) -> Mouth {
    match kind {
        Kind::VialOpen | Kind::Beaker | Kind::Flask | Kind::TestTube => Mouth::Open,
        Kind::VialCapped | Kind::Bottle | Kind::Cartridge => Mouth::Closed,
        Kind::WellPlate | Kind::Substrate | Kind::Rack | Kind::Unknown => Mouth::Unknown,
    }
}

/// Depth with nothing made up.
pub struct Completed {
    depth: Image<Depth>,
    /// None where there is no glass.
    support: Option<Support>,
    fronts: Vec<Front>,
    /// Why no glass was completed.
    failure: Option<GlassError>,
}

/// Fewer pixels than this are no thing: an outline's specks.
const SPECK_PX: usize = 12;

impl Sensed {
    /// The camera.
    pub fn camera(&self) -> Intrinsics {
        self.camera
    }

    /// Completes what is on glass.
    pub fn complete(self, glass: &Glass) -> Result<Completed, String> {
        let depth = glass.classify(&self.raw);
        if glass.things.is_empty() {
            return Ok(Completed { depth, support: None, fronts: Vec::new(), failure: None });
        }
        match glass.complete(&depth, &self.camera) {
            Ok((support, fronts)) => Ok(Completed { depth, support: Some(support), fronts, failure: None }),
            Err(error @ GlassError::NoSupport { .. }) => {
                Ok(Completed { depth, support: None, fronts: Vec::new(), failure: Some(error) })
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What `--json` prints of a depth picture.
#[derive(Serialize)]
pub struct DepthSummary {
    /// Pixels that the camera measured and that are not on glass.
    measured: usize,
    /// Pixels without depth: neither measured nor completed.
    missing: usize,
    /// Pixels on glass where the camera told something: not used.
    untrusted: usize,
    /// Pixels on glass that were completed.
    completed: usize,
    /// Root mean square of the support plane's own points, metres.
    support_rms_m: Option<f64>,
    /// The things of glass.
    things: Vec<Thing>,
    /// Why no glass was completed.
    failure: Option<String>,
}

/// A thing of glass.
#[derive(Serialize)]
struct Thing {
    pixels: usize,
    /// Left, top, right, bottom, the last included, pixels.
    extent: [usize; 4],
    /// The nearest of its front, metres along the optical axis.
    nearest_m: Option<f64>,
    /// Mean standard deviation, metres.
    sigma_m: Option<f64>,
    /// Empty where it may be grasped by this depth.
    do_not_grasp: Vec<Doubt>,
}

impl fmt::Display for DepthSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measured, missing, untrusted, completed, .. } = self;
        write!(
            f,
            "{measured} measured, {completed} completed, {missing} missing, {untrusted} on glass not trusted"
        )?;
        for thing in &self.things {
            let verdict = match &thing.do_not_grasp[..] {
                [] => "may be grasped by it".to_owned(),
                doubts => format!("do not grasp: {doubts:?}"),
            };
            write!(f, "\n  {} pixels at {:?}: {verdict}", thing.pixels, thing.extent)?;
        }
        self.failure.iter().try_for_each(|failure| write!(f, "\n  {failure}"))
    }
}

impl Completed {
    fn things(&self) -> impl Iterator<Item = &Front> {
        self.fronts.iter().filter(|front| front.pixels.len() >= SPECK_PX)
    }

    /// The way up in the camera's frame, away from what the glass stands on.
    pub fn up(&self) -> Option<[f64; 3]> {
        self.support.map(|support| support.up.into_inner().into())
    }

    /// How much of it is what.
    pub fn summary(&self) -> DepthSummary {
        let count = |test: fn(&Depth) -> bool| self.depth.pixels.iter().filter(|depth| test(depth)).count();
        let completed: usize = self.fronts.iter().map(|front| front.pixels.len()).sum();
        let measured = count(|depth| matches!(depth, Depth::Measured(_)));
        let width = self.depth.width;
        let things = self.things().map(|front| {
            let (xs, ys) =
                (front.pixels.iter().map(|p| p.index % width), front.pixels.iter().map(|p| p.index / width));
            let least = |values: &mut dyn Iterator<Item = usize>| values.min().unwrap_or(0);
            let most = |values: &mut dyn Iterator<Item = usize>| values.max().unwrap_or(0);
            let extent = [
                least(&mut xs.clone()),
                least(&mut ys.clone()),
                most(&mut xs.clone()),
                most(&mut ys.clone()),
            ];
            let sigma = front.pixels.iter().map(|p| p.sigma_m).sum::<f64>() / front.pixels.len() as f64;
            Thing {
                pixels: front.pixels.len(),
                extent,
                nearest_m: front.pixels.iter().map(|p| p.depth_m).min_by(f64::total_cmp),
                sigma_m: Some(sigma),
                do_not_grasp: front.do_not_grasp.clone(),
            }
        });
        DepthSummary {
            measured,
            missing: self.depth.pixels.len() - measured - completed,
            untrusted: count(|depth| matches!(depth, Depth::Untrusted(_))),
            completed,
            support_rms_m: self.support.map(|support| support.rms_m),
            things: things.collect(),
            failure: self.failure.as_ref().map(ToString::to_string),
        }
    }

    /// Depth and standard deviation in counts of a unit, and what each pixel is.
    fn pictures(&self, unit_m: f64) -> [Image<u16>; 3] {
        let (width, height) = (self.depth.width, self.depth.height);
        let counts = |metres: f64| (metres / unit_m).round().clamp(1.0, f64::from(u16::MAX)) as u16;
        let [mut depth, mut sigma, mut validity] = [(); 3].map(|()| Image::filled(width, height, 0u16));
        for (index, pixel) in self.depth.pixels.iter().enumerate() {
            if let Depth::Measured(metres) = pixel {
                (depth.pixels[index], validity.pixels[index]) = (counts(f64::from(*metres)), 1);
            }
        }
        for front in &self.fronts {
            let what = if front.do_not_grasp.is_empty() { 2 } else { 3 };
            for pixel in &front.pixels {
                depth.pixels[pixel.index] = counts(pixel.depth_m);
                sigma.pixels[pixel.index] = counts(pixel.sigma_m);
                validity.pixels[pixel.index] = what;
            }
        }
        [depth, sigma, validity]
    }
}

/// Runs the command.
pub fn run(args: &CompleteArgs) -> Result<ExitCode, String> {
    let picture = photo::read(&args.image)?;
    let sensed = args.depth.read(&args.image, &picture)?;
    let sensed =
        sensed.ok_or("--depth and --intrinsics are needed: there is nothing to complete without them")?;
    let glass = match &args.mask {
        Some(file) => {
            let mask = photo::read_mask(file)?;
            photo::same_size(&[
                (&args.image, [picture.width, picture.height]),
                (file, [mask.width, mask.height]),
            ])?;
            Glass::given(mask)
        }
        None => Glass::seen(&args.eyes.load()?.look(&picture).map_err(|e| e.to_string())?, &picture)?,
    };
    let completed = sensed.complete(&glass)?;
    let summary = completed.summary();
    if let Some(failure) = &summary.failure {
        return Err(format!("{}: {failure}", args.image.display()));
    }
    let [depth, sigma, validity] = completed.pictures(args.depth.depth_unit);
    photo::write_counts(&args.out, &depth)?;
    if let Some(file) = &args.sigma {
        photo::write_counts(file, &sigma)?;
    }
    if let Some(file) = &args.validity {
        photo::write_counts(file, &validity)?;
    }
    if args.json {
        tell!("{}", serde_json::to_string(&summary).expect("plain data"));
    } else {
        tell!("{summary}");
    }
    let sound = summary.things.iter().all(|thing| thing.do_not_grasp.is_empty());
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
