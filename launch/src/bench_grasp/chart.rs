//! The campaign's picture: how vials went in, and what the gripper loses them at.

use super::pulls::Pull;
use super::trial::{Outcome, Sunk};
use crate::picture::Canvas;
use nightshift_sim::PullOut;
use tiny_skia::{Color, Pixmap};

const WIDTH: f32 = 620.0;
const HEIGHT: f32 = 440.0;
const MARGIN: f32 = 60.0;
const LEGEND: f32 = 96.0;

/// One panel with its axes.
struct Panel<'a> {
    canvas: &'a mut Canvas,
    left: f32,
    /// What the axes span, and whether they are logarithmic.
    x: [f64; 2],
    y: [f64; 2],
    log: bool,
}

impl Panel<'_> {
    fn pixel(&self, x: f64, y: f64) -> (f32, f32) {
        let share = |v: f64, [from, to]: [f64; 2]| match self.log {
            true => ((v / from).ln() / (to / from).ln()) as f32,
            false => ((v - from) / (to - from)) as f32,
        };
        let (across, up) = (share(x, self.x), share(y, self.y).clamp(0.0, 1.0));
        (self.left + MARGIN + across * (WIDTH - 1.5 * MARGIN), MARGIN + (1.0 - up) * (HEIGHT - 2.0 * MARGIN))
    }

    fn grid(&mut self, xs: &[f64], ys: &[f64], title: &str, across: &str) {
        let grey = Color::from_rgba8(220, 224, 228, 255);
        for x in xs {
            let (bottom, top) = (self.pixel(*x, self.y[0]), self.pixel(*x, self.y[1]));
            self.canvas.line(&[bottom, top], 1.0, grey);
            self.canvas.text(bottom.0 - 8.0, bottom.1 + 6.0, &format!("{x}"), Color::BLACK);
        }
        for y in ys {
            let (left, right) = (self.pixel(self.x[0], *y), self.pixel(self.x[1], *y));
            self.canvas.line(&[left, right], 1.0, grey);
            self.canvas.text(left.0 - 40.0, left.1 - 6.0, &format!("{y}"), Color::BLACK);
        }
        self.canvas.text(self.left + MARGIN, 20.0, title, Color::BLACK);
        self.canvas.text(self.left + MARGIN, HEIGHT - 30.0, across, Color::BLACK);
    }

    fn line(&mut self, points: &[(f64, f64)], width: f32, color: Color) {
        let points: Vec<(f32, f32)> = points.iter().map(|(x, y)| self.pixel(*x, *y)).collect();
        self.canvas.line(&points, width, color);
    }
}

/// Draws both panels. `aim_n`: what no vial shall be pushed with along its axis.
pub fn draw(outcomes: &[Outcome], pulls: &[Pull], aim_n: f64) -> Result<Pixmap, String> {
    let size = [2.0 * WIDTH, HEIGHT + LEGEND].map(|edge| edge as u32);
    let mut pixmap = Pixmap::new(size[0], size[1]).ok_or("the picture has no size")?;
    pixmap.fill(Color::WHITE);
    let mut canvas = Canvas { pixmap, left: 0.0, top: 0.0, scale: 1.0 };
    let red = Color::from_rgba8(210, 40, 60, 255);
    let placed: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| outcome.success && !outcome.sunk.is_empty()).collect();
    let mut panel = Panel { canvas: &mut canvas, left: 0.0, x: [45.0, -1.0], y: [-1.0, 6.0], log: false };
    let title = format!("{} insertions: push along the tool, N", placed.len());
    let heights = [40.0, 30.0, 20.0, 10.0, 0.0];
    panel.grid(&heights, &[-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &title, "height over the seat, mm");
    for outcome in &placed {
        let points: Vec<(f64, f64)> =
            outcome.sunk.iter().map(|Sunk { height_mm, push_n }| (*height_mm, *push_n)).collect();
        panel.line(&points, 1.0, Color::from_rgba8(40, 110, 220, 110));
    }
    panel.line(&[(45.0, aim_n), (-1.0, aim_n)], 2.0, red);
    let mut panel = Panel { canvas: &mut canvas, left: WIDTH, x: [0.4, 25.0], y: [0.15, 40.0], log: true };
    let title = format!("{} pull-outs: force that slips, N", pulls.len());
    panel.grid(&[0.5, 2.0, 8.0, 20.0], &[0.2, 1.0, 5.0, 20.0], &title, "grip, N");
    let colours = [[40, 110, 220], [30, 150, 90], [230, 140, 0]];
    let mut frictions: Vec<f64> = pulls.iter().map(|pull| pull.friction).collect();
    frictions.dedup();
    let mut below = 22.0 * frictions.len() as f32;
    for (friction, [r, g, b]) in frictions.iter().zip(colours) {
        let color = Color::from_rgba8(r, g, b, 255);
        let coulomb = [0.4, 25.0].map(|grip_n| (grip_n, PullOut::coulomb_n(*friction, grip_n)));
        panel.line(&coulomb, 1.0, color);
        for pull in pulls.iter().filter(|pull| pull.friction == *friction) {
            let (x, y) = panel.pixel(pull.grip_n, pull.out.slip_n);
            let corners = [(x - 5.0, y), (x, y - 5.0), (x + 5.0, y), (x, y + 5.0)];
            panel.canvas.polygon(&corners, color);
        }
        // Above the lines, where nothing is measured.
        let (x, y) = panel.pixel(0.5, 30.0);
        panel.canvas.text(x + 8.0, y + below, &format!("friction {friction}"), color);
        below -= 22.0;
    }
    let over = |pull: &Pull| pull.out.slip_n / PullOut::coulomb_n(pull.friction, pull.grip_n);
    let least = pulls.iter().map(over).fold(f64::INFINITY, f64::min);
    let most = pulls.iter().map(over).fold(0.0, f64::max);
    let text = [
        format!(
            "simulated. Left: each line a vial from over its slot to its seat, red the aim of {aim_n} N;"
        ),
        "by the wrist, against what it told where the vial hung free.".to_owned(),
        format!("Right: lines are Coulomb's 2 mu F; measured is {least:.3} to {most:.3} of it."),
    ];
    for (index, words) in text.iter().enumerate() {
        canvas.text(20.0, HEIGHT + 8.0 + 28.0 * index as f32, words, Color::BLACK);
    }
    Ok(canvas.pixmap)
}
