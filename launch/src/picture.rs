//! `nightshift picture`: a run seen from above.

use crate::cli::PictureArgs;
use crate::files::{self, Lab};
use crate::recording::Folder;
use crate::stack::{StackInput, StackOutput};
use crate::talk::talk;
use font8x8::UnicodeFonts;
use nightshift_core::api::{JobEvent, Phase};
use nightshift_core::describe::{Rule, Shape, Solid, Zone};
use nightshift_core::frames::{Base, Link, Map, Pose};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::record::Entry;
use nightshift_core::{Pose2, Stamp};
use std::process::ExitCode;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Rect, Stroke, Transform};

const PIXELS_PER_M: f32 = 100.0;
const LEGEND_HEIGHT: u32 = 60;

/// What of a journal is drawn.
struct Run {
    trail: Vec<(Stamp, Pose2<Map, Base>)>,
    phases: Vec<(Stamp, Phase)>,
}

/// Runs the command.
pub fn run(args: &PictureArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let run = read(&Folder(args.folder.clone()).lines()?)?;
    let picture = draw(&lab, &run)?;
    picture.save_png(&args.out).map_err(|e| format!("{} cannot be written: {e}", args.out.display()))?;
    talk!("{}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

fn read(lines: &[String]) -> Result<Run, String> {
    let mut run = Run { trail: Vec::new(), phases: Vec::new() };
    // Inputs are most of a journal and none of the picture.
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("{\"Out\"")) {
        let entry: Entry<StackInput, StackOutput> =
            serde_json::from_str(line).map_err(|e| format!("journal line {}: {e}", index + 1))?;
        match entry {
            Entry::Out(stamp, StackOutput::Localised(it)) => {
                run.trail.extend(it.estimate().map(|estimate| (stamp, estimate.map_from_base)));
            }
            Entry::Out(stamp, StackOutput::Event(JobEvent::Feedback(_, feedback)))
                if run.phases.last().is_none_or(|(_, phase)| *phase != feedback.phase) =>
            {
                run.phases.push((stamp, feedback.phase));
            }
            _ => {}
        }
    }
    Ok(run)
}

/// Pictures of maps have at most so many pixels on an edge.
const LARGEST_PICTURE: f32 = 2000.0;
const MAP_PIXELS_PER_M: f32 = 60.0;

/// Map coordinates to pixels.
pub struct Canvas {
    /// What is drawn on.
    pub pixmap: Pixmap,
    /// The picture's upper left corner, and pixels to a unit.
    pub left: f32,
    pub top: f32,
    pub scale: f32,
}

impl Canvas {
    /// An empty one about a map.
    pub fn about(grid: &OccupancyGrid) -> Result<Self, String> {
        let [width_m, height_m] =
            [grid.width, grid.height].map(|cells| (cells as f64 * grid.resolution_m) as f32);
        let scale = MAP_PIXELS_PER_M.min(LARGEST_PICTURE / width_m.max(height_m));
        let size = [width_m, height_m].map(|edge| (edge * scale).ceil().max(1.0) as u32);
        let mut pixmap = Pixmap::new(size[0], size[1]).ok_or("the map is too large for a picture")?;
        pixmap.fill(Color::from_rgba8(205, 208, 212, 255));
        Ok(Self { pixmap, left: grid.origin[0] as f32, top: grid.origin[1] as f32 + height_m, scale })
    }

    /// Where a point is in the picture.
    pub fn pixel(&self, x: f64, y: f64) -> (f32, f32) {
        ((x as f32 - self.left) * self.scale, (self.top - y as f32) * self.scale)
    }

    /// Fills a polygon of pixels.
    pub fn polygon(&mut self, corners: &[(f32, f32)], color: Color) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in corners.iter().enumerate() {
            if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        path.close();
        if let Some(path) = path.finish() {
            self.pixmap.fill_path(&path, &paint(color), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Draws a line through pixels.
    pub fn line(&mut self, points: &[(f32, f32)], width: f32, color: Color) {
        let mut path = PathBuilder::new();
        for (index, (x, y)) in points.iter().enumerate() {
            if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
        }
        let stroke = Stroke { width, ..Stroke::default() };
        if let Some(path) = path.finish() {
            self.pixmap.stroke_path(&path, &paint(color), &stroke, Transform::identity(), None);
        }
    }

    /// Text with its upper left corner at a pixel, two pixels a dot.
    pub fn text(&mut self, x: f32, y: f32, text: &str, color: Color) {
        // Dots of one and a half pixels have a whole one in them wherever they are only where they begin at halves.
        let (x, y) = (x.round(), y.round());
        for (index, letter) in text.chars().enumerate() {
            let Some(rows) = font8x8::BASIC_FONTS.get(letter) else { continue };
            for (row, bits) in rows.iter().enumerate() {
                for column in (0..8).filter(|column| bits & (1 << column) != 0) {
                    let (left, top) = (x + (index * 8 + column) as f32 * 1.5, y + row as f32 * 1.5);
                    if let Some(dot) = Rect::from_xywh(left, top, 1.5, 1.5) {
                        self.pixmap.fill_rect(dot, &paint(color), Transform::identity(), None);
                    }
                }
            }
        }
    }
}

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(color);
    paint.anti_alias = true;
    paint
}

fn draw(lab: &Lab, run: &Run) -> Result<Pixmap, String> {
    let grid = &lab.grid;
    let (width_m, height_m) = (grid.width as f64 * grid.resolution_m, grid.height as f64 * grid.resolution_m);
    let width = (width_m as f32 * PIXELS_PER_M) as u32;
    let height = (height_m as f32 * PIXELS_PER_M) as u32 + LEGEND_HEIGHT;
    let mut pixmap = Pixmap::new(width, height).ok_or("the map is too large for a picture")?;
    pixmap.fill(Color::from_rgba8(236, 238, 240, 255));
    let top = (grid.origin[1] + height_m) as f32;
    let mut canvas = Canvas { pixmap, left: grid.origin[0] as f32, top, scale: PIXELS_PER_M };
    draw_map(&mut canvas, &lab.grid);
    for shape in &lab.site.furniture {
        draw_shape(&mut canvas, shape, &Pose::identity());
    }
    for station in lab.site.stations.values() {
        for shape in &station.shapes {
            draw_shape(&mut canvas, shape, &station.pose.spatial());
        }
        let at = station.pose.point(&nalgebra::Point2::new(0.3, 0.0));
        let (x, y) = canvas.pixel(at.x, at.y);
        let name = station.id.as_str();
        canvas.text(x - name.len() as f32 * 6.0, y - 6.0, name, Color::BLACK);
    }
    draw_zones(&mut canvas, &lab.site.zones);
    draw_run(&mut canvas, lab, run);
    draw_legend(&mut canvas, run, height);
    Ok(canvas.pixmap)
}

/// Draws a map's cells, pixel by pixel: edges of cells between pixels stay sharp, and pictures small.
pub fn draw_map(canvas: &mut Canvas, grid: &OccupancyGrid) {
    let wall = Color::from_rgba8(60, 60, 70, 255).premultiply().to_color_u8();
    let floor = Color::WHITE.premultiply().to_color_u8();
    let (left, top, scale) = (f64::from(canvas.left), f64::from(canvas.top), f64::from(canvas.scale));
    let width = canvas.pixmap.width() as usize;
    for (index, pixel) in canvas.pixmap.pixels_mut().iter_mut().enumerate() {
        let middle = |pixels: usize| (pixels as f64 + 0.5) / scale;
        let (x, y) = (left + middle(index % width), top - middle(index / width));
        match grid.cell_at(x, y).map(|(column, row)| grid.get(column, row)) {
            Some(Cell::Free) => *pixel = floor,
            Some(Cell::Occupied) => *pixel = wall,
            Some(Cell::Unknown) | None => {}
        }
    }
    // Walls thinner than a pixel are not lost between two.
    for index in (0..grid.cells.len()).filter(|index| grid.cells[*index] == Cell::Occupied) {
        let [x, y] = grid.center(index % grid.width, index / grid.width);
        let (x, y) = canvas.pixel(x, y);
        if let Some(pixel) = canvas.pixmap.pixels_mut().get_mut(y as usize * width + x as usize) {
            *pixel = wall;
        }
    }
}

/// Draws zones as tinted areas with their names: keep-out red, slow yellow, one-way green with an arrow,
/// passages blue, or red where closed.
pub fn draw_zones(canvas: &mut Canvas, zones: &[Zone]) {
    for zone in zones {
        let [r, g, b] = match zone.rule {
            Rule::KeepOut => [214, 40, 40],
            Rule::Slow { .. } => [230, 170, 0],
            Rule::OneWay { .. } => [30, 150, 90],
            Rule::Passage { closed: false } => [60, 110, 210],
            Rule::Passage { closed: true } => [214, 40, 40],
        };
        let mut corners: Vec<(f32, f32)> = zone.polygon.iter().map(|[x, y]| canvas.pixel(*x, *y)).collect();
        canvas.polygon(&corners, Color::from_rgba8(r, g, b, 50));
        corners.extend(corners.first().copied());
        canvas.line(&corners, 1.5, Color::from_rgba8(r, g, b, 255));
        let count = zone.polygon.len() as f64;
        let [x, y] = [0, 1].map(|axis| zone.polygon.iter().map(|corner| corner[axis]).sum::<f64>() / count);
        if let Rule::OneWay { heading_rad } = zone.rule {
            let on = |turn: f64, far: f64| {
                let (sin, cos) = (heading_rad + turn).sin_cos();
                canvas.pixel(x + far * cos, y + far * sin)
            };
            let arrow = [on(0.0, -0.4), on(0.0, 0.4), on(0.4, 0.2), on(0.0, 0.4), on(-0.4, 0.2)];
            canvas.line(&arrow, 2.0, Color::from_rgba8(r, g, b, 255));
        }
        let words = match zone.rule {
            Rule::KeepOut | Rule::OneWay { .. } | Rule::Passage { closed: false } => zone.name.clone(),
            Rule::Passage { closed: true } => format!("{} closed", zone.name),
            Rule::Slow { max_speed_m_s } => format!("{} {max_speed_m_s} m/s", zone.name),
        };
        let (left, top) = canvas.pixel(x, y);
        canvas.text(left - words.len() as f32 * 6.0, top - 24.0, &words, Color::from_rgba8(r, g, b, 255));
    }
}

/// Draws a shape's outline from above.
pub fn draw_shape<F>(canvas: &mut Canvas, shape: &Shape<F>, map_from_frame: &Pose<Map, F>) {
    let pose: Pose<Map, Link> = *map_from_frame * shape.pose;
    let half = match shape.solid {
        Solid::Box { size_m } => [size_m[0] / 2.0, size_m[1] / 2.0],
        Solid::Cylinder { radius_m, .. } | Solid::Sphere { radius_m } => [radius_m, radius_m],
    };
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|[sx, sy]| {
        let corner = pose.planar().point(&nalgebra::Point2::new(sx * half[0], sy * half[1]));
        canvas.pixel(corner.x, corner.y)
    });
    let [r, g, b] = shape.color;
    canvas.polygon(&corners, Color::from_rgba8(r, g, b, 170));
}

fn phase_color(phase: Option<Phase>) -> Color {
    let [r, g, b] = match phase {
        None | Some(Phase::Accepted | Phase::Reserved | Phase::Done) => [150, 150, 150],
        Some(Phase::Navigate) => [40, 110, 220],
        Some(Phase::Dock) => [130, 70, 200],
        Some(Phase::Charge) => [60, 140, 80],
        Some(Phase::Locate) => [0, 150, 160],
        Some(Phase::PrepareSite | Phase::ReleaseSite) => [120, 120, 40],
        Some(Phase::Pick | Phase::VerifyPick) => [220, 120, 0],
        Some(Phase::Carry) => [30, 160, 70],
        Some(Phase::Place | Phase::VerifyPlace) => [210, 40, 60],
    };
    Color::from_rgba8(r, g, b, 255)
}

fn draw_run(canvas: &mut Canvas, lab: &Lab, run: &Run) {
    let phase_at = |stamp: Stamp| {
        let after = run.phases.partition_point(|(entered, _)| *entered <= stamp);
        after.checked_sub(1).map(|index| run.phases[index].1)
    };
    for pair in run.trail.windows(2) {
        let ends = [&pair[0].1, &pair[1].1].map(|pose| canvas.pixel(pose.x(), pose.y()));
        canvas.line(&ends, 3.0, phase_color(phase_at(pair[1].0)));
    }
    if let Some((_, last)) = run.trail.last() {
        let corners: Vec<(f32, f32)> = lab
            .robot
            .base
            .footprint_m
            .iter()
            .map(|[x, y]| last.point(&nalgebra::Point2::new(*x, *y)))
            .map(|corner| canvas.pixel(corner.x, corner.y))
            .collect();
        canvas.polygon(&corners, Color::from_rgba8(230, 120, 40, 190));
        let nose = last.point(&nalgebra::Point2::new(0.4, 0.0));
        let line = [canvas.pixel(last.x(), last.y()), canvas.pixel(nose.x, nose.y)];
        canvas.line(&line, 4.0, Color::from_rgba8(120, 50, 0, 255));
    }
}

fn draw_legend(canvas: &mut Canvas, run: &Run, height: u32) {
    let top = (height - LEGEND_HEIGHT) as f32 + 8.0;
    let seconds = match (run.trail.first(), run.trail.last()) {
        (Some((first, _)), Some((last, _))) => last.since(*first),
        _ => 0.0,
    };
    let length: f64 = run.trail.windows(2).map(|pair| pair[0].1.distance(&pair[1].1)).sum();
    let words = format!("{length:.1} m in {seconds:.0} s, as the robot located itself");
    canvas.text(12.0, top, &words, Color::BLACK);
    let mut left = 12.0;
    let shown = [Phase::Navigate, Phase::Dock, Phase::Locate, Phase::Pick, Phase::Carry, Phase::Place];
    for phase in shown {
        let y = top + 30.0;
        canvas.line(&[(left, y), (left + 24.0, y)], 5.0, phase_color(Some(phase)));
        canvas.text(left + 30.0, y - 6.0, phase.name(), Color::BLACK);
        left += 50.0 + phase.name().len() as f32 * 12.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_any_size_is_drawn_and_no_wall_is_lost() {
        // 1654 cells at 1.2 pixels each once made the drawing of cells as shapes panic; at 2500 a cell is less than a pixel.
        for width in [100, 1654, 2500] {
            let cell = |i: usize| if i % width == 77 { Cell::Occupied } else { Cell::Free };
            let cells = (0..width * 40).map(cell).collect();
            let grid = OccupancyGrid { resolution_m: 0.05, width, height: 40, origin: [-3.0, 2.0], cells };
            let mut canvas = Canvas::about(&grid).unwrap();
            draw_map(&mut canvas, &grid);
            let wall = |row: u32| {
                (0..canvas.pixmap.width()).any(|x| canvas.pixmap.pixel(x, row).unwrap().red() < 100)
            };
            // The last row may lie beyond the map in part.
            let rows = (grid.height as f64 * grid.resolution_m * f64::from(canvas.scale)) as u32;
            assert!((0..rows).all(wall), "{width} cells");
        }
    }
}
