//! Semi-global matching (Hirschmueller, "Stereo processing by semiglobal matching and mutual information", PAMI 2008): which pixel
//! of the right picture is which of the left one, on two rectified pictures. Costs are census bits.

/// Half the height and width of the window that a pixel is compared in: 62 bits.
const CENSUS: [isize; 2] = [3, 4];
/// The cost where the right picture has no such pixel: that of nothing in common.
const NOTHING: u8 = 31;
/// Ways on which costs come together at a pixel.
const WAYS: i16 = 8;
/// What a step of one disparity along a way costs, bits. A bench at 0.2 m under 45 degrees makes one every four pixels.
const SMALL_STEP: i16 = 6;
/// What a larger step costs, bits: less than the costs of two pixels that have nothing in common. The dots give every
/// picture edges everywhere, so that it is the same at edges of light (the paper's P2 is less there).
const LARGE_STEP: i16 = 40;
/// Mean cost on the ways above which nothing is believed: that of nothing in common.
const WORST_BITS: i16 = NOTHING as i16;
/// The best cost must be below this share of the best one elsewhere, per cent.
const UNIQUE_PERCENT: i32 = 95;
/// Pixels of one surface follow each other within this many disparities; fewer of them than this together are speckle.
const SPECKLE: (f32, usize) = (1.0, 40);
/// Beyond the disparities at both ends, so that no way comes from there.
const WALL: i16 = 8000;

/// Disparities of the left picture's pixels with their part of a pixel, from 1 to below `reach`; none where the costs are
/// high, another disparity is as good, the right picture's pixel chooses another one, or few pixels go together. Both
/// pictures have `width * height` pixels.
pub fn disparities(
    left: &[f32],
    right: &[f32],
    width: usize,
    height: usize,
    reach: usize,
) -> Vec<Option<f32>> {
    if reach < 3 || width <= reach {
        return vec![None; width * height];
    }
    let costs = costs(&census(left, width, height), &census(right, width, height), width, reach);
    let mut sums = vec![0i16; costs.len()];
    let mut ways = Ways::new(&costs, width, reach);
    for y in 0..height {
        ways.row(y, false, &mut sums);
    }
    ways.turn();
    for y in (0..height).rev() {
        ways.row(y, true, &mut sums);
    }
    let mut out = Vec::with_capacity(width * height);
    let mut back = Back { best: vec![0; width], least: vec![0; width] };
    for row in sums.chunks_exact(width * reach) {
        back.look(row, reach);
        out.extend((0..width).map(|x| choose(&row[x * reach..(x + 1) * reach], x, &back)));
    }
    let mut out = smoothed(&out, width);
    remove_speckle(&mut out, width);
    out
}

/// Which neighbours are darker than a pixel, as bits (Zabih and Woodfill 1994).
fn census(light: &[f32], width: usize, height: usize) -> Vec<u64> {
    let (w, h) = (width as isize, height as isize);
    let mut out = Vec::with_capacity(light.len());
    for y in 0..h {
        for x in 0..w {
            let own = light[(y * w + x) as usize];
            let mut bits = 0u64;
            for dy in -CENSUS[0]..=CENSUS[0] {
                for dx in -CENSUS[1]..=CENSUS[1] {
                    if (dx, dy) != (0, 0) {
                        let (px, py) = ((x + dx).clamp(0, w - 1), (y + dy).clamp(0, h - 1));
                        bits = bits << 1 | u64::from(light[(py * w + px) as usize] < own);
                    }
                }
            }
            out.push(bits);
        }
    }
    out
}

/// Bits that differ, for each pixel and disparity.
fn costs(left: &[u64], right: &[u64], width: usize, reach: usize) -> Vec<u8> {
    let mut out = vec![NOTHING; left.len() * reach];
    let lines = left.chunks_exact(width).zip(right.chunks_exact(width));
    for ((left, right), out) in lines.zip(out.chunks_exact_mut(width * reach)) {
        for (x, (own, out)) in left.iter().zip(out.chunks_exact_mut(reach)).enumerate() {
            let there = right[..=x].iter().rev();
            for (cost, other) in out.iter_mut().zip(there) {
                *cost = (own ^ other).count_ones() as u8;
            }
        }
    }
    out
}

/// One way's costs at the pixels of a line, with a wall before and after each pixel's disparities; and their least.
struct Line {
    costs: Vec<i16>,
    least: Vec<i16>,
}

impl Line {
    fn new(pixels: usize, reach: usize) -> Self {
        let mut costs = vec![0; pixels * (reach + 2)];
        for pixel in costs.chunks_exact_mut(reach + 2) {
            (pixel[0], pixel[reach + 1]) = (WALL, WALL);
        }
        Self { costs, least: vec![0; pixels] }
    }
}

/// The ways that go down the picture, or up.
struct Ways<'a> {
    costs: &'a [u8],
    width: usize,
    reach: usize,
    /// Along the line before, from its pixel before, above and after.
    before: [Line; 3],
    now: [Line; 3],
    /// The pixel before and this one on the way along the line.
    along: Line,
    began: bool,
}

impl<'a> Ways<'a> {
    fn new(costs: &'a [u8], width: usize, reach: usize) -> Self {
        let lines = || [0; 3].map(|_| Line::new(width, reach));
        Self { costs, width, reach, before: lines(), now: lines(), along: Line::new(2, reach), began: false }
    }

    fn turn(&mut self) {
        self.began = false;
    }

    /// Adds four ways' costs of a row to the sums. Rows come one after the other, downward, or upward with all ways mirrored.
    fn row(&mut self, y: usize, mirrored: bool, sums: &mut [i16]) {
        let Self { costs, width, reach, before, now, along, began } = self;
        let (width, reach) = (*width, *reach);
        let span = reach + 2;
        for step in 0..width {
            let x = if mirrored { width - 1 - step } else { step };
            let at = (y * width + x) * reach;
            let (costs, sums) = (&costs[at..at + reach], &mut sums[at..at + reach]);
            let ahead: isize = if mirrored { -1 } else { 1 };
            for (way, (before, now)) in before.iter().zip(now.iter_mut()).enumerate() {
                let from = x as isize + ahead * (way as isize - 1);
                let out = &mut now.costs[x * span..(x + 1) * span];
                now.least[x] = if *began && (0..width as isize).contains(&from) {
                    let from = from as usize;
                    let old = &before.costs[from * span..(from + 1) * span];
                    go_on(old, before.least[from], costs, out, sums)
                } else {
                    begin(costs, out, sums)
                };
            }
            let (one, other) = along.costs.split_at_mut(span);
            let (old, out) = if step % 2 == 0 { (other, one) } else { (one, other) };
            along.least[step % 2] = if step > 0 {
                go_on(old, along.least[1 - step % 2], costs, out, sums)
            } else {
                begin(costs, out, sums)
            };
        }
        std::mem::swap(before, now);
        *began = true;
    }
}

/// The first pixel of a way.
fn begin(costs: &[u8], out: &mut [i16], sums: &mut [i16]) -> i16 {
    let mut least = WALL;
    for ((cost, out), sum) in costs.iter().zip(&mut out[1..]).zip(sums) {
        *out = i16::from(*cost);
        *sum = sum.wrapping_add(*out);
        least = least.min(*out);
    }
    least
}

/// The paper's equation 13: a pixel's cost, and the least of the costs of coming from the pixel before on the way, less
/// what they have in common. Adds it to the sums and answers the least of all disparities.
fn go_on(old: &[i16], old_least: i16, costs: &[u8], out: &mut [i16], sums: &mut [i16]) -> i16 {
    let reach = costs.len();
    let (lower, same, upper) = (&old[..reach], &old[1..=reach], &old[2..reach + 2]);
    let (out, sums) = (&mut out[1..=reach], &mut sums[..reach]);
    let far = old_least.wrapping_add(LARGE_STEP);
    let mut least = WALL;
    // A way's cost is at most its pixel's and the large step, so nothing runs over; unchecked, the loop is done in lanes.
    for d in 0..reach {
        let near = lower[d].min(upper[d]).wrapping_add(SMALL_STEP);
        let come = same[d].min(near).min(far).wrapping_sub(old_least);
        let cost = i16::from(costs[d]).wrapping_add(come);
        out[d] = cost;
        sums[d] = sums[d].wrapping_add(cost);
        least = least.min(cost);
    }
    least
}

/// What the pixels of the right picture's row would choose.
struct Back {
    /// 0 is none.
    best: Vec<i16>,
    least: Vec<i16>,
}

impl Back {
    fn look(&mut self, row: &[i16], reach: usize) {
        self.best.fill(0);
        self.least.fill(i16::MAX);
        for (x, sums) in row.chunks_exact(reach).enumerate() {
            // At a disparity the right picture's pixel is that much further left.
            let from = x.saturating_sub(reach - 1);
            let (best, least) = (&mut self.best[from..x], &mut self.least[from..x]);
            let there = best.iter_mut().rev().zip(least.iter_mut().rev());
            let mut disparity = 0i16;
            for ((best, least), cost) in there.zip(&sums[1..]) {
                disparity = disparity.wrapping_add(1);
                *best = if cost < least { disparity } else { *best };
                *least = (*least).min(*cost);
            }
        }
    }

    /// Whether a pixel of the right picture has chosen a disparity, or the next one to it.
    fn agrees(&self, pixel: usize, disparity: usize) -> bool {
        self.best[pixel] > 0 && (self.best[pixel] as usize).abs_diff(disparity) <= 1
    }
}

fn choose(sums: &[i16], x: usize, back: &Back) -> Option<f32> {
    let least_of = |sums: &[i16]| sums.iter().fold(i16::MAX, |least, cost| least.min(*cost));
    let known = &sums[..sums.len().min(x + 1)];
    let least = least_of(known.get(1..)?);
    let best = 1 + known[1..].iter().position(|cost| *cost == least)?;
    if best + 1 >= known.len() || least >= WORST_BITS * WAYS {
        return None;
    }
    let elsewhere = least_of(&known[1..best.max(2) - 1]).min(least_of(&known[(best + 2).min(known.len())..]));
    let alone = i32::from(least) * 100 < i32::from(elsewhere) * UNIQUE_PERCENT;
    if !alone || !back.agrees(x - best, best) {
        return None;
    }
    let [before, own, after] = [best - 1, best, best + 1].map(|d| f32::from(sums[d]));
    // Bits that differ grow evenly with the distance from the right place: two lines of one slope meet there.
    let slope = before.max(after) - own;
    let part = if slope > 0.0 { 0.5 * (before - after) / slope } else { 0.0 };
    Some(best as f32 + part)
}

/// The median of what is told in three by three pixels, where the one in the middle is.
fn smoothed(disparities: &[Option<f32>], width: usize) -> Vec<Option<f32>> {
    let height = disparities.len() / width;
    let mut around = Vec::with_capacity(9);
    let mut median = |(index, own): (usize, &Option<f32>)| {
        (*own)?;
        let (x, y) = (index % width, index / width);
        around.clear();
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            let line = &disparities[row * width..(row + 1) * width];
            around.extend(line[x.saturating_sub(1)..(x + 2).min(width)].iter().flatten());
        }
        let middle = around.len() / 2;
        Some(*around.select_nth_unstable_by(middle, f32::total_cmp).1)
    };
    disparities.iter().enumerate().map(&mut median).collect()
}

/// Takes away what hangs together with few others.
fn remove_speckle(out: &mut [Option<f32>], width: usize) {
    let (step, few) = SPECKLE;
    let mut seen = vec![false; out.len()];
    let mut patch = Vec::new();
    for start in 0..out.len() {
        if seen[start] || out[start].is_none() {
            continue;
        }
        patch.clear();
        patch.push(start);
        seen[start] = true;
        let mut next = 0;
        while let Some(&at) = patch.get(next) {
            next += 1;
            let (x, own) = (at % width, out[at]);
            let around = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                at.checked_sub(width),
                (at + width < out.len()).then_some(at + width),
            ];
            for other in around.into_iter().flatten().filter(|other| !seen[*other]).collect::<Vec<_>>() {
                if let (Some(a), Some(b)) = (own, out[other])
                    && (a - b).abs() <= step
                {
                    seen[other] = true;
                    patch.push(other);
                }
            }
        }
        if patch.len() < few {
            patch.iter().for_each(|at| out[*at] = None);
        }
    }
}
