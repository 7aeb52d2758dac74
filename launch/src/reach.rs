//! `nightshift reach`: which slots the arm can fill and empty from which dock.

use crate::cli::LabArgs;
use crate::files::{self, Lab};
use crate::picture::{Canvas, draw_shape};
use crate::talk::{talk, tell};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::frames::Pose;
use nightshift_core::{Failure, StationId};
use nightshift_skills::reach::{SlotReach, map_from_docked, reach};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use tiny_skia::{Color, Pixmap, PixmapPaint, Transform};

/// `nightshift reach`.
#[derive(Args)]
#[command(
    after_help = "From each dock, as taught: the motions of a transfer to every slot near it, with every labware type that the slot takes and \
every other slot of its rack full.\n\nExit code 0: every slot is reached from its own station's dock, and the deck's from every dock; 1: some are \
not; 2: it could not be tried.\n\nExamples:\n  nightshift reach\n  nightshift reach --site thin-films --robot omni7 --picture reach.png\n  \
nightshift reach --site maps/my-lab --robot diff6 --json"
)]
pub struct ReachArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Draw docks and slots from above here.
    #[arg(long, value_name = "PNG")]
    pub picture: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// The one object that `--json` prints.
#[derive(Serialize)]
struct Report {
    site: String,
    robot: String,
    /// Slots that must be reached: a station's from its own dock, the deck's from every dock.
    needed: usize,
    reached: usize,
    slots: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    dock: String,
    slot: String,
    labware: String,
    /// Whether it must be reached from there.
    needed: bool,
    reached: bool,
    /// From the base, m.
    base_from_slot_m: [f64; 3],
    /// At the grasp: the tool's least speed in its worst direction (m/s at joint rates of norm 1 rad/s) and the ratio of best to worst.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<f64>,
    /// To it from the posture `drive`, down, and up with the vial, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// Runs the command.
pub fn run(args: &ReachArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} slots, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(0).with_style(style);
    let found = reach(&lab.site, &lab.robot, &mut |done, count| {
        bar.set_length(count as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let found = found.map_err(|failure| failure.to_string())?;
    if let Some(file) = &args.picture {
        let picture = draw(&lab, &found)?;
        picture.save_png(file).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
        talk!("{}", file.display());
    }
    let slots: Vec<Row> = found.iter().map(row).collect();
    let needed = slots.iter().filter(|row| row.needed).count();
    let reached = slots.iter().filter(|row| row.needed && row.reached).count();
    let report =
        Report { site: args.lab.site.clone(), robot: args.lab.robot.clone(), needed, reached, slots };
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("{}", table(&found).trim_end());
        tell!("reached  {reached} of {needed}");
        for slot in found.iter().filter(|slot| is_needed(slot)) {
            if let Err(failure) = &slot.reached {
                tell!("none     {} with {} from {}: {failure}", slot.slot, slot.labware, slot.dock);
            }
        }
    }
    Ok(if reached == needed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_needed(slot: &SlotReach) -> bool {
    slot.slot.on_deck() || slot.slot.station == slot.dock
}

fn row(slot: &SlotReach) -> Row {
    let reached = slot.reached.as_ref().ok();
    let at = slot.base_from_slot.translation();
    Row {
        dock: slot.dock.to_string(),
        slot: slot.slot.to_string(),
        labware: slot.labware.to_string(),
        needed: is_needed(slot),
        reached: reached.is_some(),
        base_from_slot_m: [at.x, at.y, at.z],
        worst_m: reached.map(|(dexterity, _)| dexterity.worst_m),
        condition: reached.map(|(dexterity, _)| dexterity.condition),
        duration_s: reached.map(|(_, seconds)| *seconds),
        failure: slot.reached.as_ref().err().cloned(),
    }
}

/// A line for each dock, nest and labware type. Slots that are not reached are named.
fn table(found: &[SlotReach]) -> String {
    let mut groups: BTreeMap<[String; 3], Vec<&SlotReach>> = BTreeMap::new();
    for slot in found {
        let nest = format!("{}/{}", slot.slot.station, slot.slot.nest);
        groups.entry([slot.dock.to_string(), nest, slot.labware.to_string()]).or_default().push(slot);
    }
    let headings = ["from dock", "nest", "with", "reached", "least dexterity", "longest", "not reached"];
    let mut lines = vec![headings.map(str::to_owned)];
    for ([dock, nest, labware], slots) in groups {
        let reached: Vec<_> = slots.iter().filter_map(|slot| slot.reached.as_ref().ok()).collect();
        let worst_m = reached.iter().map(|(dexterity, _)| dexterity.worst_m).min_by(f64::total_cmp);
        let longest_s = reached.iter().map(|(_, seconds)| *seconds).max_by(f64::total_cmp);
        let missed = slots.iter().filter(|slot| slot.reached.is_err());
        let missed: Vec<&str> = missed.map(|slot| slot.slot.slot.as_str()).collect();
        lines.push([
            dock,
            nest,
            labware,
            format!("{} of {}", reached.len(), slots.len()),
            worst_m.map_or(String::new(), |m| format!("{m:.3} m/s")),
            longest_s.map_or(String::new(), |s| format!("{s:.1} s")),
            missed.join(" "),
        ]);
    }
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A dock's panel shows so much around the base, m, with so many pixels to a metre.
const PANEL_M: f64 = 3.0;
const PIXELS_PER_M: f32 = 130.0;
const COLUMNS: usize = 3;

/// A panel for each dock, from above: furniture, the docked base, and the slots: green where reached, red where not.
fn draw(lab: &Lab, found: &[SlotReach]) -> Result<Pixmap, String> {
    let docks: Vec<&StationId> = lab.site.stations.keys().collect();
    let edge = (PANEL_M as f32 * PIXELS_PER_M) as u32;
    let (columns, rows) = (docks.len().clamp(1, COLUMNS), docks.len().div_ceil(COLUMNS).max(1));
    let size = [columns, rows].map(|count| count as u32 * edge);
    let mut picture = Pixmap::new(size[0], size[1]).ok_or("the site has too many docks for a picture")?;
    for (index, dock) in docks.into_iter().enumerate() {
        let Some(panel) = panel(lab, found, dock, edge) else { continue };
        let [x, y] = [index % COLUMNS, index / COLUMNS].map(|place| place as i32 * edge as i32);
        picture.draw_pixmap(x, y, panel.as_ref(), &PixmapPaint::default(), Transform::identity(), None);
    }
    Ok(picture)
}

fn panel(lab: &Lab, found: &[SlotReach], dock: &StationId, edge: u32) -> Option<Pixmap> {
    let docked = map_from_docked(&lab.site, dock)?;
    let mut pixmap = Pixmap::new(edge, edge)?;
    pixmap.fill(Color::from_rgba8(236, 238, 240, 255));
    let half = PANEL_M / 2.0;
    let (left, top) = ((docked.x() - half) as f32, (docked.y() + half) as f32);
    let mut canvas = Canvas { pixmap, left, top, scale: PIXELS_PER_M };
    for shape in &lab.site.furniture {
        draw_shape(&mut canvas, shape, &Pose::identity());
    }
    for station in lab.site.stations.values() {
        for shape in &station.shapes {
            draw_shape(&mut canvas, shape, &station.pose.spatial());
        }
    }
    let corner = |[x, y]: &[f64; 2]| docked.point(&nalgebra::Point2::new(*x, *y));
    let corners: Vec<(f32, f32)> =
        lab.robot.base.footprint_m.iter().map(corner).map(|p| canvas.pixel(p.x, p.y)).collect();
    canvas.polygon(&corners, Color::from_rgba8(230, 120, 40, 150));
    for slot in found.iter().filter(|slot| slot.dock == *dock) {
        let at = slot.base_from_slot.translation();
        let p = docked.point(&nalgebra::Point2::new(at.x, at.y));
        let (x, y) = canvas.pixel(p.x, p.y);
        let color = match (&slot.reached, is_needed(slot)) {
            (Ok(_), true) => Color::from_rgba8(20, 140, 60, 255),
            (Ok(_), false) => Color::from_rgba8(120, 190, 140, 255),
            (Err(_), true) => Color::from_rgba8(205, 30, 40, 255),
            (Err(_), false) => Color::from_rgba8(160, 160, 165, 255),
        };
        let radius = 0.014 * PIXELS_PER_M;
        let round: Vec<(f32, f32)> = (0..12)
            .map(|k| (k as f32 * std::f32::consts::TAU / 12.0).sin_cos())
            .map(|(sin, cos)| (x + radius * cos, y + radius * sin))
            .collect();
        canvas.polygon(&round, color);
    }
    let needed: Vec<&SlotReach> = found.iter().filter(|slot| slot.dock == *dock && is_needed(slot)).collect();
    let reached = needed.iter().filter(|slot| slot.reached.is_ok()).count();
    canvas.text(8.0, 8.0, &format!("{dock}: {reached} of {}", needed.len()), Color::BLACK);
    Some(canvas.pixmap)
}
