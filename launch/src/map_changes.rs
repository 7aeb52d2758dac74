//! `nightshift changes` and `nightshift update-map`: what of a room differs from its map, and a new map where a person
//! says yes.

use crate::cli::pose;
use crate::files;
use crate::localize::{localiser_for, read_log};
use crate::picture::{Canvas, draw_map};
use crate::talk::{talk, tell};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_navigation::Localiser;
use nightshift_navigation::changes::{self, Kind, Region, updated};
use nightshift_navigation::log::DriveLog;
use nightshift_navigation::map::{to_pgm, to_yaml};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tiny_skia::Color;

/// `nightshift changes`.
#[derive(Args)]
#[command(
    after_help = "The log is what `nightshift localize` reads; of it only the scans and the odometry are used. New is what is seen where the \
map has free floor, from several places, for 20 s and more; gone is a mapped wall that is seen through. What is too near to a mapped \
wall to be told from it (0.12 m) is not looked for.\n\nExamples:\n  \
nightshift changes --map lab.yaml --log tonight.txt.gz --initial 1.5,7,0 --out out/changes\n  \
nightshift update-map --map lab.yaml --changes out/changes.json --out maps/lab/map-2"
)]
pub struct ChangesArgs {
    /// A map_server map, by its YAML file.
    #[arg(long, value_name = "YAML")]
    pub map: PathBuf,
    /// The recorded drive.
    #[arg(long, value_name = "TXT[.GZ]")]
    pub log: PathBuf,
    /// Where the robot is at the first scan, roughly: metres, metres, radians. Without, it is looked for in the whole map.
    #[arg(long, value_name = "X,Y,YAW", value_parser = pose, allow_hyphen_values = true)]
    pub initial: Option<[f64; 3]>,
    /// Seed of the localiser's random choices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes NAME.json for `update-map`, and NAME.png: the map grey, what is new red, what is gone blue.
    #[arg(long, value_name = "DIR/NAME")]
    pub out: PathBuf,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift update-map`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: the new map is written; 1: the answer was no; 2: it could not be tried. No file is ever overwritten: \
`map_file` in site.toml names the map that counts, and the old one stays beside it.\n\nExamples:\n  \
nightshift update-map --map lab.yaml --changes out/changes.json --out maps/lab/map-2\n  \
nightshift update-map --map lab.yaml --changes out/changes.json --without 3,4 --out maps/lab/map-2 --yes"
)]
pub struct UpdateMapArgs {
    /// The map that the changes were found on.
    #[arg(long, value_name = "YAML")]
    pub map: PathBuf,
    /// What `nightshift changes` or `nightshift run` wrote.
    #[arg(long, value_name = "JSON")]
    pub changes: PathBuf,
    /// Leave these regions as they are in the old map: their numbers, from 1.
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub without: Vec<usize>,
    /// Writes NAME.yaml and NAME.pgm.
    #[arg(long, value_name = "DIR/NAME")]
    pub out: PathBuf,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// What the changes' file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangesFile {
    /// Of the map's cells and where they lie: changes of another map are none of this one.
    map_sha256: String,
    /// The largest first; their numbers count from 1.
    regions: Vec<Region>,
}

impl ChangesFile {
    /// Of what was found on a map.
    pub fn new(grid: &OccupancyGrid, regions: Vec<Region>) -> Self {
        Self { map_sha256: fingerprint(grid), regions }
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).expect("plain data");
        fs::write(path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    }
}

/// Runs `nightshift changes`.
pub fn run(args: &ChangesArgs) -> Result<ExitCode, String> {
    let grid = files::load_map(&args.map).map_err(|e| format!("{}: {e}", args.map.display()))?;
    let log = read_log(&args.log)?;
    let mut localiser = localiser_for(&grid, &log, args.seed, args.initial)?;
    let [json, picture] = beside(&args.out, ["json", "png"])?;
    let (regions, trail) = look(&grid, &log, &mut localiser);
    let file = ChangesFile::new(&grid, regions);
    if trail.len() * 2 < log.steps.len() {
        talk!(
            "only {} of {} scans were taken at a trusted place: what is not found need not be unchanged",
            trail.len(),
            log.steps.len()
        );
    }
    file.write(&json)?;
    draw(&grid, &file.regions, &trail, &picture)?;
    if args.json {
        tell!("{}", serde_json::to_string(&file).expect("plain data"));
    } else {
        tell(&grid, &file.regions);
        tell!("changes    {}", json.display());
        tell!("picture    {}", picture.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// What a drive shows, and where it was trusted.
fn look(grid: &OccupancyGrid, log: &DriveLog, localiser: &mut Localiser) -> (Vec<Region>, Vec<[f64; 2]>) {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} scans, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(log.steps.len() as u64).with_style(style);
    let found = changes::of_drive(grid, localiser, log, &mut |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    found
}

/// One line a region, numbered as in the picture.
fn tell(grid: &OccupancyGrid, regions: &[Region]) {
    for (index, region) in regions.iter().enumerate() {
        let word = if region.kind == Kind::New { "new " } else { "gone" };
        tell!(
            "{:>4}  {word}  x {:.2} to {:.2} m, y {:.2} to {:.2} m, {:.2} m^2 of cells",
            index + 1,
            region.low[0],
            region.high[0],
            region.low[1],
            region.high[1],
            region.cells.len() as f64 * grid.resolution_m * grid.resolution_m
        );
    }
    if regions.is_empty() {
        tell!("nothing that was seen differs from the map");
    }
}

fn draw(grid: &OccupancyGrid, regions: &[Region], trail: &[[f64; 2]], file: &Path) -> Result<(), String> {
    let mut canvas = Canvas::about(grid)?;
    draw_map(&mut canvas, grid);
    let trail: Vec<(f32, f32)> = trail.iter().map(|[x, y]| canvas.pixel(*x, *y)).collect();
    canvas.line(&trail, 1.0, Color::from_rgba8(150, 170, 150, 255));
    let half = grid.resolution_m / 2.0;
    for region in regions {
        for [column, row] in &region.cells {
            let inside = grid.get(*column as usize, *row as usize) == Cell::Unknown;
            let color = match region.kind {
                Kind::New => Color::from_rgba8(214, 30, 30, 255),
                Kind::Gone if inside => Color::from_rgba8(170, 200, 245, 255),
                Kind::Gone => Color::from_rgba8(30, 90, 220, 255),
            };
            let [x, y] = grid.center(*column as usize, *row as usize);
            let corners = [(-half, -half), (half, -half), (half, half), (-half, half)];
            canvas.polygon(&corners.map(|(dx, dy)| canvas.pixel(x + dx, y + dy)), color);
        }
    }
    for (index, region) in regions.iter().enumerate() {
        let (x, y) = canvas.pixel(region.high[0], region.high[1]);
        canvas.text(x + 2.0, y - 14.0, &(index + 1).to_string(), Color::BLACK);
    }
    canvas.pixmap.save_png(file).map_err(|e| format!("{} cannot be written: {e}", file.display()))
}

/// Runs `nightshift update-map`.
pub fn update(args: &UpdateMapArgs) -> Result<ExitCode, String> {
    let grid = files::load_map(&args.map).map_err(|e| format!("{}: {e}", args.map.display()))?;
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", args.changes.display());
    let text = fs::read_to_string(&args.changes).map_err(|e| named(&e))?;
    let file: ChangesFile = serde_json::from_str(&text).map_err(|e| named(&e))?;
    if file.map_sha256 != fingerprint(&grid) {
        return Err(named(&format!(
            "these changes were found on another map than {}: run `nightshift changes` on this one",
            args.map.display()
        )));
    }
    let left: BTreeSet<usize> = args.without.iter().copied().collect();
    if let Some(odd) = left.iter().find(|number| !(1..=file.regions.len()).contains(number)) {
        return Err(format!("--without {odd}: there are regions 1 to {}", file.regions.len()));
    }
    let taken = file.regions.iter().enumerate().filter(|(index, _)| !left.contains(&(index + 1)));
    let taken: Vec<&Region> = taken.map(|(_, region)| region).collect();
    if taken.is_empty() {
        return Err(named(&"no region is left to take in; the map stays as it is"));
    }
    let [yaml, image] = beside(&args.out, ["yaml", "pgm"])?;
    if let Some(there) = [&yaml, &image].into_iter().find(|path| path.exists()) {
        return Err(format!("{} exists, and no map is overwritten: choose another --out", there.display()));
    }
    let new = updated(&grid, taken.iter().copied()).map_err(|e| named(&e))?;
    tell(&grid, &file.regions);
    if !args.yes && !agreed(&format!("write {} regions into {}?", taken.len(), yaml.display()))? {
        talk!("nothing is written");
        return Ok(ExitCode::FAILURE);
    }
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    };
    write(&image, &to_pgm(&new))?;
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    write(&yaml, to_yaml(&new, &name).as_bytes())?;
    tell!("map        {}  {} regions taken in", yaml.display(), taken.len());
    Ok(ExitCode::SUCCESS)
}

/// A person's word, asked for on a terminal.
fn agreed(question: &str) -> Result<bool, String> {
    if !std::io::stdin().is_terminal() {
        return Err("nobody is there to ask: say --yes once a person has looked at the picture".to_owned());
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    std::io::stderr()
        .flush()
        .and_then(|()| std::io::stdin().read_line(&mut answer))
        .map_err(|e| e.to_string())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Files of one name with these endings; their folder is made.
fn beside<const N: usize>(out: &Path, endings: [&str; N]) -> Result<[PathBuf; N], String> {
    let name = out.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("--out {} has no file name", out.display()))?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    }
    Ok(endings.map(|end| out.with_file_name(format!("{name}.{end}"))))
}

fn fingerprint(grid: &OccupancyGrid) -> String {
    let mut hash = Sha256::new();
    hash.update(to_yaml(grid, "").as_bytes());
    hash.update(to_pgm(grid));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
