//! `nightshift render`: a picture, or a turntable, of a piece of lab ware or of a scene of the data set.

use crate::render_site;
use crate::talk::talk;
use clap::Args;
use nightshift_core::image::{Image, Intrinsics};
use nightshift_optics::studio::{self, Category, Exhibit, Staged};
use nightshift_optics::ware::Phase;
use nightshift_optics::{Shot, StereoRig};
use std::path::PathBuf;
use std::process::ExitCode;

/// Depth pictures are white at this multiple of the ware's distance.
const FAR: f32 = 1.6;

/// An active-stereo depth camera's picture: 848 x 480, 87 degrees wide (the data sheet of Intel's D400 family, 2024: D435).
const DEPTH_CAMERA: Intrinsics =
    Intrinsics { width: 848, height: 480, fx: 447.0, fy: 447.0, cx: 423.5, cy: 239.5 };

/// `nightshift render`.
#[derive(Args)]
#[command(after_help = "Examples:\n  nightshift render --ware vial_capped --content foam --out foam.png\n  \
nightshift render --ware beaker --content two_layers --night --turns 8 --out turntable.png\n  \
nightshift render --scene 17 --size 640x480 --depth --out scene.png\n  \
nightshift render --sheet --content coloured_liquid --seed 3 --size 200x240 --out sheet.png\n  \
nightshift render --sheet --ware vial_open --seed 3 --size 160x192 --out contents.png\n  \
nightshift render --site photocatalysis --site thin-films --depth --size 320x240 --out sites.png")]
pub struct RenderArgs {
    /// vial_open, vial_capped, bottle, beaker, flask, test_tube, cartridge, well_plate, substrate, or a rack with what stands in it.
    #[arg(long, required_unless_present_any = ["scene", "sheet", "site"], conflicts_with = "scene", value_parser = ware)]
    pub ware: Option<Category>,
    /// All wares with the content on one sheet, or with --ware that vessel with all contents: each by day, its true depth, the depth
    /// camera's, and by night.
    #[arg(long, conflicts_with_all = ["scene", "night", "turns", "depth"])]
    pub sheet: bool,
    /// A site, below maps/ or a path: from above, and a station by day and by night; several give a row each.
    #[arg(long, conflicts_with_all = ["scene", "ware", "sheet", "night", "turns"])]
    pub site: Vec<String>,
    /// The station that is looked at, instead of the one with most of the stock.
    #[arg(long, requires = "site")]
    pub station: Option<String>,
    /// A robot that stands there: a folder below robot/description/, or a path.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// Content of a vessel: empty, clear_liquid, coloured_liquid, two_layers, suspension, foam, gel, powder, granules, solid_piece,
    /// residue.
    #[arg(long, default_value = "empty", value_parser = content)]
    pub content: Phase,
    /// Share of the body's height that is filled.
    #[arg(long, default_value_t = 0.55, value_parser = share)]
    pub level: f32,
    /// Only the robot's own lamp.
    #[arg(long)]
    pub night: bool,
    /// The scene of the data set with this seed, instead of one piece of ware.
    #[arg(long, value_name = "SEED")]
    pub scene: Option<u64>,
    /// Which of all vessels of the kind.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Pictures from all around, side by side.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub turns: u32,
    /// True depth and the depth camera's beside each picture.
    #[arg(long)]
    pub depth: bool,
    /// Width and height of one picture, pixels.
    #[arg(long, value_name = "WxH", default_value = "320x320", value_parser = crate::dataset::size)]
    pub size: [usize; 2],
    /// Where to write the PNG.
    #[arg(long, default_value = "render.png")]
    pub out: PathBuf,
}

fn ware(word: &str) -> Result<Category, String> {
    Category::ALL.into_iter().find(|c| c.name() == word).ok_or_else(|| "it is none of the wares".to_owned())
}

fn content(word: &str) -> Result<Phase, String> {
    Phase::ALL.into_iter().find(|p| p.name() == word).ok_or_else(|| "it is none of the contents".to_owned())
}

fn share(word: &str) -> Result<f32, String> {
    match word.parse() {
        Ok(share) if (0.05..=0.95).contains(&share) => Ok(share),
        _ => Err("it must be a share from 0.05 to 0.95".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: &RenderArgs) -> Result<ExitCode, String> {
    let rows = match (args.sheet, args.site.as_slice()) {
        (true, _) => sheet(args)?,
        (false, []) => vec![turntable(args)?],
        (false, sites) => {
            let row = |site: &String| {
                render_site::strip((site, &args.robot), args.station.as_deref(), args.depth, args.size)
            };
            sites.iter().map(row).collect::<Result<_, _>>()?
        }
    };
    let [width, height] = args.size;
    let wide = rows.iter().map(Vec::len).max().unwrap_or(0) * width;
    let mut joined = image::RgbImage::new(wide as u32, (height * rows.len()) as u32);
    for (row, pictures) in rows.iter().enumerate() {
        for (column, picture) in pictures.iter().enumerate() {
            for (index, pixel) in picture.pixels.iter().enumerate() {
                let (x, y) = (column * width + index % width, row * height + index / width);
                joined.put_pixel(x as u32, y as u32, image::Rgb(*pixel));
            }
        }
    }
    joined.save(&args.out).map_err(|e| format!("{} cannot be written: {e}", args.out.display()))?;
    talk!("{}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

type Picture = Image<[u8; 3]>;

/// One thing from all sides.
fn turntable(args: &RenderArgs) -> Result<Vec<Picture>, String> {
    let mut strip = Vec::new();
    for turn in 0..args.turns {
        let staged = match (args.scene, args.ware) {
            (Some(seed), _) => studio::stage(seed, args.size[0], args.size[1]),
            (None, Some(category)) => exhibit(args, category, args.night, turn)?,
            (None, None) => return Err("give --ware, --scene or --sheet".to_owned()),
        };
        strip.extend(pictures(&staged, args.depth)?);
    }
    Ok(strip)
}

/// All vessels, or all contents of one, two in a row.
fn sheet(args: &RenderArgs) -> Result<Vec<Vec<Picture>>, String> {
    let mut rows: Vec<Vec<Picture>> = Vec::new();
    let shown: Vec<Exhibit> = match args.ware {
        Some(category) => Phase::ALL.into_iter().map(|phase| wanted(args, category, phase)).collect(),
        None => Category::ALL.into_iter().map(|category| wanted(args, category, args.content)).collect(),
    };
    let days = shown.into_iter().filter_map(|wanted| studio::exhibit(&wanted).map(|day| (wanted, day)));
    for (index, (mut wanted, day)) in days.enumerate() {
        let mut all = pictures(&day, true)?;
        wanted.night = true;
        let night = studio::exhibit(&wanted).expect("what can be shown by day can by night");
        all.extend(pictures(&night, false)?);
        match rows.last_mut().filter(|_| index % 2 == 1) {
            Some(row) => row.extend(all),
            None => rows.push(all),
        }
    }
    Ok(rows)
}

/// By day, from the front.
fn wanted(args: &RenderArgs, category: Category, phase: Phase) -> Exhibit {
    Exhibit { category, phase, level: args.level, night: false, turn: 0.0, seed: args.seed, size: args.size }
}

fn exhibit(args: &RenderArgs, category: Category, night: bool, turn: u32) -> Result<Staged, String> {
    let turn = std::f32::consts::TAU * turn as f32 / args.turns as f32;
    studio::exhibit(&Exhibit { night, turn, ..wanted(args, category, args.content) })
        .ok_or_else(|| format!("a {} does not stand alone: see it in a --scene", category.name()))
}

/// The picture; and where asked for, true depth and measured depth, near is dark, none is black.
fn pictures(staged: &Staged, depth: bool) -> Result<Vec<Image<[u8; 3]>>, String> {
    let told = |faults: Vec<nightshift_optics::BadShot>| faults[0].to_string();
    let exposed = staged.shot.take(&staged.scene).map_err(told)?;
    let mut all = vec![staged.film.develop(&exposed)];
    if depth {
        let (width, height) = (exposed.light.width, exposed.light.height);
        let far = staged.shot.map_from_camera.translation.vector.norm() as f32 * FAR;
        let grey = |z: Option<f32>| [z.map_or(0, |z| 25 + (230.0 * (z / far).min(1.0)) as u8); 3];
        let truth = (0..width * height).map(|index| grey(exposed.depth_m(index))).collect();
        all.push(Image { width, height, pixels: truth });
        // A close-up has finer pixels than any depth camera: what is shown is a window of one's wider and coarser picture.
        let wide = Shot { intrinsics: DEPTH_CAMERA, ..staged.shot.clone() };
        let measured = StereoRig::default().measure(&staged.scene, &wide).map_err(told)?;
        let (near, far_off) = (&staged.shot.intrinsics, &DEPTH_CAMERA);
        let at = |index: usize| {
            let x = ((index % width) as f64 - near.cx) / near.fx * far_off.fx + far_off.cx;
            let y = ((index / width) as f64 - near.cy) / near.fy * far_off.fy + far_off.cy;
            let (x, y) = (x.round() as usize, y.round() as usize);
            (x < measured.width && y < measured.height).then(|| measured.pixels[y * measured.width + x])
        };
        let told = (0..width * height).map(|index| grey(at(index).flatten())).collect();
        all.push(Image { width, height, pixels: told });
    }
    Ok(all)
}
