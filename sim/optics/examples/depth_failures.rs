//! How the depth camera fails on varied scenes, as one line of text:
//! `cargo run -p nightshift-optics --example depth_failures -- FIRST_SEED COUNT WIDTH HEIGHT`

use cpu_time::ThreadTime;
use nightshift_optics::{StereoRig, studio};

/// Shares of pixels.
#[derive(Default)]
struct Tally {
    pixels: usize,
    holes: usize,
    /// More than 20 mm behind the first surface.
    behind: usize,
    /// Within 10 mm of it.
    right: usize,
    errors_m: Vec<f32>,
}

impl Tally {
    fn count(&mut self, truth: f32, told: Option<f32>) {
        self.pixels += 1;
        let Some(told) = told else {
            self.holes += 1;
            return;
        };
        self.behind += usize::from(told > truth + 0.02);
        self.right += usize::from((told - truth).abs() < 0.01);
        self.errors_m.push((told - truth).abs());
    }

    fn line(&mut self, name: &str) -> String {
        self.errors_m.sort_by(f32::total_cmp);
        let median = self.errors_m.get(self.errors_m.len() / 2).copied().unwrap_or(f32::NAN);
        let share = |n: usize| 100.0 * n as f64 / self.pixels.max(1) as f64;
        format!(
            "{name}: {} pixels, holes {:.1} %, behind {:.1} %, within 10 mm {:.1} %, median error {:.1} mm",
            self.pixels,
            share(self.holes),
            share(self.behind),
            share(self.right),
            median * 1e3
        )
    }
}

fn main() -> Result<(), String> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [first, count, width, height] = numbers[..] else {
        return Err("give the first seed, how many, width and height".into());
    };
    let (mut glass, mut metal, mut rest) = (Tally::default(), Tally::default(), Tally::default());
    let (mut color_s, mut depth_s) = (0.0, 0.0);
    for seed in first..first + count {
        let staged = studio::stage(seed, width as usize, height as usize);
        let start = ThreadTime::now();
        let exposed = staged.shot.take(&staged.scene).map_err(|faults| format!("{faults:?}"))?;
        color_s += start.elapsed().as_secs_f64();
        let start = ThreadTime::now();
        let told = StereoRig::default().measure(&staged.scene, &staged.shot).map_err(|f| format!("{f:?}"))?;
        depth_s += start.elapsed().as_secs_f64();
        for (index, sight) in exposed.sights.pixels.iter().enumerate() {
            // The distortion of the colour lens is not the depth camera's.
            let Some(truth) =
                exposed.depth_m(index).filter(|d| *d < 1.5 && staged.shot.distortion == [0.0; 2])
            else {
                continue;
            };
            let tally = match (sight.clear, sight.metal) {
                (true, _) => &mut glass,
                (_, true) => &mut metal,
                _ => &mut rest,
            };
            tally.count(truth, told.pixels[index]);
        }
    }
    println!("{}\n{}\n{}", glass.line("glass"), metal.line("metal"), rest.line("the rest"));
    let mean = |s: f64| s / count.max(1) as f64 * 1e3;
    println!("processor time a picture: colour {:.0} ms, depth {:.0} ms more", mean(color_s), mean(depth_s));
    Ok(())
}
