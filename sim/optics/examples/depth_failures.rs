//! How the depth camera fails on varied scenes; on glass also by how wide the ware is in the picture, and by what is in it:
//! `cargo run -p nightshift-optics --example depth_failures -- FIRST_SEED COUNT WIDTH HEIGHT`

use cpu_time::ThreadTime;
use nightshift_optics::studio::{Category, Item};
use nightshift_optics::ware::Phase;
use nightshift_optics::{Shot, StereoRig, studio};

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

/// Upper ends of the widths that are told apart, pixels.
const WIDTHS_PX: [f64; 5] = [20.0, 40.0, 80.0, 160.0, f64::INFINITY];

/// The width of a thing in the picture, pixels.
fn width_px(item: &Item, shot: &Shot) -> f64 {
    let at = shot.map_from_camera.inverse_transform_point(&item.map_from_item.translation.vector.into());
    f64::from(item.high_m[0] - item.low_m[0]) / at.z.max(0.01) * shot.intrinsics.fx
}

/// Which row of the table by ware a piece of glass belongs to.
fn kind(item: &Item) -> usize {
    let Some(filling) = &item.filling else { return 3 };
    let empty = filling.contents.phases == [Phase::Empty];
    let small = matches!(
        item.category,
        Category::VialOpen | Category::VialCapped | Category::TestTube | Category::Cartridge
    );
    match (empty, small) {
        (true, true) => 0,
        (false, true) => 1,
        (true, false) => 2,
        (false, false) => 4,
    }
}
const KINDS: [&str; 5] = [
    "small, empty",
    "small, filled",
    "bottle, beaker, flask, empty",
    "substrate or plate",
    "bottle, beaker, flask, filled",
];

fn main() -> Result<(), String> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [first, count, width, height] = numbers[..] else {
        return Err("give the first seed, how many, width and height".into());
    };
    let (mut glass, mut metal, mut rest) = (Tally::default(), Tally::default(), Tally::default());
    let mut by_width: [Tally; WIDTHS_PX.len()] = Default::default();
    let mut by_kind: [Tally; KINDS.len()] = Default::default();
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
            let item = staged.items.iter().find(|item| Some(item.body) == sight.body && sight.clear);
            if let Some(item) = item {
                let width = width_px(item, &staged.shot);
                let bin = WIDTHS_PX.iter().position(|end| width < *end).unwrap_or(WIDTHS_PX.len() - 1);
                by_width[bin].count(truth, told.pixels[index]);
                by_kind[kind(item)].count(truth, told.pixels[index]);
            }
        }
    }
    println!("{}\n{}\n{}", glass.line("glass"), metal.line("metal"), rest.line("the rest"));
    for (end, tally) in WIDTHS_PX.iter().zip(&mut by_width) {
        println!("{}", tally.line(&format!("glass of ware less than {end} pixels wide")));
    }
    for (name, tally) in KINDS.iter().zip(&mut by_kind) {
        println!("{}", tally.line(&format!("glass, {name}")));
    }
    let mean = |s: f64| s / count.max(1) as f64 * 1e3;
    println!("processor time a picture: colour {:.0} ms, depth {:.0} ms more", mean(color_s), mean(depth_s));
    Ok(())
}
