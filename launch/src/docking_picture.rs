//! Docks as dots about the docked pose: where the base came to rest, and how it was turned.

use crate::bench_docking::Dock;
use crate::picture::Canvas;
use tiny_skia::{Color, Pixmap};

/// Edge of one panel, pixels.
const PANEL: u32 = 440;
/// From the middle to the edge of a panel: millimetres, and hundredths of a degree.
const REACH_MM: f64 = 4.5;
const REACH_DEG: f64 = 0.2;
const LEGEND: u32 = 60;

/// Draws them. `aim_mm`, `aim_deg`: what 95 of 100 shall keep.
pub fn draw(docks: &[Dock], aim_mm: f64, aim_deg: f64) -> Result<Pixmap, String> {
    let mut pixmap = Pixmap::new(2 * PANEL, PANEL + LEGEND).ok_or("the picture has no size")?;
    pixmap.fill(Color::WHITE);
    let scale = PANEL as f32 / 2.0 / REACH_MM as f32;
    let mut canvas = Canvas { pixmap, left: -REACH_MM as f32, top: REACH_MM as f32, scale };
    let (grey, red) = (Color::from_rgba8(190, 195, 200, 255), Color::from_rgba8(210, 40, 60, 255));
    for ring in 1..=4 {
        ring_of(&mut canvas, f64::from(ring), grey, 1.0);
    }
    ring_of(&mut canvas, aim_mm, red, 2.0);
    let docked: Vec<&Dock> = docks.iter().filter(|dock| dock.failure.is_none()).collect();
    for dock in &docked {
        // Ahead, into the station, is up.
        dot(&mut canvas, -dock.off_mm[1], dock.off_mm[0]);
    }
    // The second panel: the heading as a histogram.
    let bins = 40;
    let mut counts = vec![0u32; bins];
    for dock in &docked {
        let bin = ((dock.off_deg / REACH_DEG + 1.0) / 2.0 * bins as f64).clamp(0.0, bins as f64 - 1.0);
        counts[bin as usize] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let (left, floor, width) = (PANEL as f32 + 20.0, PANEL as f32 - 30.0, (PANEL - 40) as f32);
    for (bin, count) in counts.iter().enumerate() {
        let height = (floor - 40.0) * *count as f32 / most as f32;
        let (from, to) =
            (left + width * bin as f32 / bins as f32, left + width * (bin + 1) as f32 / bins as f32);
        let corners = [(from, floor), (to, floor), (to, floor - height), (from, floor - height)];
        canvas.polygon(&corners, Color::from_rgba8(40, 110, 220, 255));
    }
    for sign in [-1.0, 1.0] {
        let x = left + width * ((sign * aim_deg / REACH_DEG + 1.0) / 2.0) as f32;
        canvas.line(&[(x, floor), (x, 30.0)], 2.0, red);
        canvas.text(x - 30.0, floor + 8.0, &format!("{:+.1} deg", sign * aim_deg), Color::BLACK);
    }
    let top = PANEL as f32 + 8.0;
    let words = format!(
        "{} of {} docks; place: a ring is 1 mm, the station is above, red: {aim_mm} mm",
        docked.len(),
        docks.len()
    );
    canvas.text(12.0, top, &words, Color::BLACK);
    canvas.text(
        12.0,
        top + 24.0,
        "right: how the base is turned; where it truly stands, by the simulator",
        Color::BLACK,
    );
    Ok(canvas.pixmap)
}

fn ring_of(canvas: &mut Canvas, radius: f64, color: Color, width: f32) {
    let points: Vec<(f32, f32)> = (0..=90)
        .map(|i| {
            let (sin, cos) = (f64::from(i) * std::f64::consts::TAU / 90.0).sin_cos();
            canvas.pixel(radius * cos, radius * sin)
        })
        .collect();
    canvas.line(&points, width, color);
}

fn dot(canvas: &mut Canvas, x: f64, y: f64) {
    let (x, y) = canvas.pixel(x, y);
    let r = 2.5;
    let corners = [(x - r, y), (x, y - r), (x + r, y), (x, y + r)];
    canvas.polygon(&corners, Color::from_rgba8(40, 110, 220, 180));
}
