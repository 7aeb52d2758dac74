//! `nightshift map`: a map out of a recorded drive.

use crate::cli::numbers;
use crate::localize::read_log;
use crate::picture::{Canvas, draw_map};
use crate::talk::{talk, tell};
use clap::Args;
use cpu_time::ThreadTime;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::grid::OccupancyGrid;
use nightshift_navigation::map::{to_pgm, to_yaml};
use nightshift_navigation::mapping::{self, Stage};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tiny_skia::Color;

/// `nightshift map`.
#[derive(Args)]
#[command(
    after_help = "The log is what `nightshift localize` reads; of it only the scans and the odometry are used. Walls come to lie along the \
map's axes. The cells are 5 cm.\n\nExamples:\n  nightshift map --log drive.txt.gz --out maps/lab/map\n  \
nightshift map --log drive.txt --out lab --start 1.5,7 --crop 0,0,24,14 --json"
)]
pub struct MakeMapArgs {
    /// The recorded drive.
    #[arg(long, value_name = "TXT[.GZ]")]
    pub log: PathBuf,
    /// Writes NAME.yaml, NAME.pgm, and NAME.png with the drive on it.
    #[arg(long, value_name = "DIR/NAME")]
    pub out: PathBuf,
    /// Where in the map the first scan shall be, metres.
    #[arg(long, value_name = "X,Y", value_parser = numbers::<2>, allow_hyphen_values = true)]
    pub start: Option<[f64; 2]>,
    /// Keep only what lies between these corners, metres.
    #[arg(long, value_name = "LEFT,LOW,RIGHT,HIGH", value_parser = numbers::<4>, allow_hyphen_values = true)]
    pub crop: Option<[f64; 4]>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report {
    scans: usize,
    /// Scans that the map is made of.
    kept: usize,
    /// Places that were recognised.
    loops_closed: usize,
    /// Kept scans that rest on dead reckoning alone.
    unfitted: usize,
    length_m: f64,
    width: usize,
    height: usize,
    resolution_m: f64,
    origin: [f64; 2],
    cpu_s: f64,
    yaml: PathBuf,
    picture: PathBuf,
}

/// Runs the command.
pub fn run(args: &MakeMapArgs) -> Result<ExitCode, String> {
    let log = read_log(&args.log)?;
    let name = args.out.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("--out {} has no file name", args.out.display()))?;
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(0).with_style(style);
    let began = ThreadTime::now();
    let mapped = mapping::build(&log, &mut |stage, done, all| {
        bar.set_message(match stage {
            Stage::Following => "scans followed",
            Stage::Closing => "looked at for loops",
            Stage::Settling => "settled",
        });
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    let cpu_s = began.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let mapped = mapped.map_err(|e| format!("{}: {e}", args.log.display()))?;
    if mapped.unfitted > 0 {
        talk!("{} kept scans did not fit those before them: look at the picture there", mapped.unfitted);
    }
    let mut grid = mapped.grid;
    let mut trail: Vec<[f64; 2]> = mapped.poses.iter().map(|pose| [pose.x(), pose.y()]).collect();
    if let Some(start) = args.start {
        let first = trail[0];
        for axis in 0..2 {
            grid.origin[axis] += start[axis] - first[axis];
            trail.iter_mut().for_each(|place| place[axis] += start[axis] - first[axis]);
        }
    }
    if let Some(crop) = args.crop {
        grid = cropped(&grid, crop)?;
    }
    let [yaml, image, picture] =
        ["yaml", "pgm", "png"].map(|end| args.out.with_file_name(format!("{name}.{end}")));
    if let Some(folder) = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    }
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    };
    write(&image, &to_pgm(&grid))?;
    write(&yaml, to_yaml(&grid, &format!("{name}.pgm")).as_bytes())?;
    draw(&grid, &trail, &picture)?;
    let report = Report {
        scans: log.steps.len(),
        kept: mapped.keys,
        loops_closed: mapped.closures,
        unfitted: mapped.unfitted,
        length_m: trail.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum(),
        width: grid.width,
        height: grid.height,
        resolution_m: grid.resolution_m,
        origin: grid.origin,
        cpu_s,
        yaml,
        picture,
    };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("scans      {}, {} kept, {:.1} m driven", report.scans, report.kept, report.length_m);
        tell!("loops      {} closed", report.loops_closed);
        tell!("map        {}  {} x {} cells", report.yaml.display(), report.width, report.height);
        tell!("picture    {}", report.picture.display());
        tell!("cpu        {cpu_s:.1} s");
    }
    Ok(ExitCode::SUCCESS)
}

/// The part of a map between two corners: x, y of the lower left, x, y of the upper right, metres.
fn cropped(grid: &OccupancyGrid, [left, low, right, high]: [f64; 4]) -> Result<OccupancyGrid, String> {
    let cell = |v: f64, axis: usize, most: usize| {
        ((v - grid.origin[axis]) / grid.resolution_m).round().clamp(0.0, most as f64) as usize
    };
    let (from, to) = (cell(left, 0, grid.width), cell(right, 0, grid.width));
    let (bottom, top) = (cell(low, 1, grid.height), cell(high, 1, grid.height));
    if from >= to || bottom >= top {
        let [x, y] = grid.origin;
        let size = [grid.width, grid.height].map(|cells| cells as f64 * grid.resolution_m);
        return Err(format!(
            "--crop {left},{low},{right},{high} leaves nothing: the map holds x {x:.2} to {:.2} m, y {y:.2} to {:.2} m",
            x + size[0],
            y + size[1]
        ));
    }
    let cells = (bottom..top).flat_map(|row| (from..to).map(move |column| grid.get(column, row)));
    Ok(OccupancyGrid {
        resolution_m: grid.resolution_m,
        width: to - from,
        height: top - bottom,
        origin: [
            grid.origin[0] + from as f64 * grid.resolution_m,
            grid.origin[1] + bottom as f64 * grid.resolution_m,
        ],
        cells: cells.collect(),
    })
}

fn draw(grid: &OccupancyGrid, trail: &[[f64; 2]], file: &Path) -> Result<(), String> {
    let mut canvas = Canvas::about(grid)?;
    draw_map(&mut canvas, grid);
    let trail: Vec<(f32, f32)> = trail.iter().map(|[x, y]| canvas.pixel(*x, *y)).collect();
    canvas.line(&trail, 1.5, Color::from_rgba8(20, 70, 180, 255));
    canvas.pixmap.save_png(file).map_err(|e| format!("{} cannot be written: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::grid::Cell;

    #[test]
    fn a_crop_keeps_places_where_they_are_and_refuses_what_is_outside() {
        let mut cells = vec![Cell::Free; 12];
        cells[4 + 2] = Cell::Occupied;
        let grid = OccupancyGrid { resolution_m: 0.5, width: 4, height: 3, origin: [-1.0, 2.0], cells };
        let cut = cropped(&grid, [-0.5, 2.5, 9.0, 9.0]).unwrap();
        assert_eq!((cut.width, cut.height, cut.origin), (3, 2, [-0.5, 2.5]));
        let [x, y] = grid.center(2, 1);
        let (column, row) = cut.cell_at(x, y).unwrap();
        assert_eq!(cut.get(column, row), Cell::Occupied);
        assert!(cropped(&grid, [5.0, 2.0, 6.0, 3.0]).unwrap_err().contains("x -1.00 to 1.00 m"));
    }
}
