//! Semi-global matching (Hirschmueller, "Stereo processing by semiglobal matching and mutual information", PAMI 2008): which pixel
//! of the right picture is which of the left one, on two rectified pictures. Costs are census bits.

/// Half the height and width of the window that a pixel is compared in: 62 bits.
const CENSUS: [usize; 2] = [3, 4];
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
/// Disparities that are looked at together: a line of them is a whole number of these.
const LANES: usize = 16;

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
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { disparities_with_avx2(left, right, width, height, reach) };
    }
    disparities_here(left, right, width, height, reach)
}

/// The same: whole numbers come out alike in lanes of any width.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn disparities_with_avx2(
    left: &[f32],
    right: &[f32],
    width: usize,
    height: usize,
    reach: usize,
) -> Vec<Option<f32>> {
    disparities_here(left, right, width, height, reach)
}

#[inline(always)]
fn disparities_here(
    left: &[f32],
    right: &[f32],
    width: usize,
    height: usize,
    reach: usize,
) -> Vec<Option<f32>> {
    if reach < 3 || width <= reach {
        return vec![None; width * height];
    }
    let asked = reach;
    let reach = reach.next_multiple_of(LANES);
    let costs = costs(&census(left, width, height), &census(right, width, height), width, (asked, reach));
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
        back.look(row, (asked, reach));
        out.extend((0..width).map(|x| choose(&row[x * reach..x * reach + asked], x, &back)));
    }
    let mut out = smoothed(&out, width);
    remove_speckle(&mut out, width);
    out
}

/// Which neighbours are darker than a pixel, as bits (Zabih and Woodfill 1994). Beyond an edge the picture goes on as at the edge.
#[inline(always)]
fn census(light: &[f32], width: usize, height: usize) -> Vec<u64> {
    let [up, left] = CENSUS;
    let wide = width + 2 * left;
    let mut padded = Vec::with_capacity(wide * height);
    for row in light.chunks_exact(width) {
        padded.extend(std::iter::repeat_n(row[0], left));
        padded.extend_from_slice(row);
        padded.extend(std::iter::repeat_n(row[width - 1], left));
    }
    let mut out = Vec::with_capacity(light.len());
    // The rows above with half of the own one, and the rest: 31 bits each, so that lanes of 32 bits hold them.
    let mut halves = [vec![0u32; width], vec![0u32; width]];
    for (y, own) in light.chunks_exact(width).enumerate() {
        halves.iter_mut().for_each(|half| half.fill(0));
        for dy in 0..=2 * up {
            let from = (y + dy).saturating_sub(up).min(height - 1) * wide;
            for dx in (0..=2 * left).filter(|dx| (dy, *dx) != (up, left)) {
                let half = &mut halves[usize::from((dy, dx) > (up, left))];
                let other = &padded[from + dx..from + dx + width];
                for ((bits, other), own) in half.iter_mut().zip(other).zip(own) {
                    *bits = *bits << 1 | u32::from(other < own);
                }
            }
        }
        out.extend(halves[0].iter().zip(&halves[1]).map(|(a, b)| u64::from(*a) << 32 | u64::from(*b)));
    }
    out
}

/// Bits that differ, for each pixel and disparity; past those that were asked for, nothing in common.
#[inline(always)]
fn costs(left: &[u64], right: &[u64], width: usize, (asked, reach): (usize, usize)) -> Vec<u8> {
    let mut out = vec![NOTHING; left.len() * reach];
    let lines = left.chunks_exact(width).zip(right.chunks_exact(width));
    for ((left, right), out) in lines.zip(out.chunks_exact_mut(width * reach)) {
        for (x, (own, out)) in left.iter().zip(out.chunks_exact_mut(reach)).enumerate() {
            let there = right[..=x].iter().rev().take(asked);
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

    /// Of a pixel.
    #[inline(always)]
    fn at(&self, pixel: usize, reach: usize) -> (&[i16], i16) {
        (&self.costs[pixel * (reach + 2)..(pixel + 1) * (reach + 2)], self.least[pixel])
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
    along: [Line; 2],
    /// Where a way begins: no costs yet.
    start: Line,
    began: bool,
}

impl<'a> Ways<'a> {
    fn new(costs: &'a [u8], width: usize, reach: usize) -> Self {
        let lines = || [0; 3].map(|_| Line::new(width, reach));
        let one = || Line::new(1, reach);
        Self {
            costs,
            width,
            reach,
            before: lines(),
            now: lines(),
            along: [one(), one()],
            start: one(),
            began: false,
        }
    }

    fn turn(&mut self) {
        self.began = false;
    }

    /// Adds four ways' costs of a row to the sums. Rows come one after the other, downward, or upward with all ways mirrored.
    #[inline(always)]
    fn row(&mut self, y: usize, mirrored: bool, sums: &mut [i16]) {
        let Self { costs, width, reach, before, now, along, start, began } = self;
        let (width, reach) = (*width, *reach);
        let span = reach + 2;
        for step in 0..width {
            let x = if mirrored { width - 1 - step } else { step };
            let at = (y * width + x) * reach;
            let ahead: isize = if mirrored { -1 } else { 1 };
            let come = |way: usize| {
                let from = x as isize + ahead * (way as isize - 1);
                match *began && (0..width as isize).contains(&from) {
                    true => before[way].at(from as usize, reach),
                    false => start.at(0, reach),
                }
            };
            let [one, other] = along;
            let (old, new) = if step % 2 == 0 { (other, one) } else { (one, other) };
            let old = if step > 0 { old.at(0, reach) } else { start.at(0, reach) };
            let [a, b, c] = now;
            let own = x * span..(x + 1) * span;
            let least = go_on(
                [come(0), come(1), come(2), old],
                &costs[at..at + reach],
                [&mut a.costs[own.clone()], &mut b.costs[own.clone()], &mut c.costs[own], &mut new.costs[..]],
                &mut sums[at..at + reach],
            );
            (a.least[x], b.least[x], c.least[x], new.least[0]) = (least[0], least[1], least[2], least[3]);
        }
        std::mem::swap(before, now);
        *began = true;
    }
}

/// The paper's equation 13 on four ways: a pixel's cost, and the least of the costs of coming from the pixel before on the way,
/// less what they have in common. Adds them to the sums and answers the least of all disparities, of each way.
#[inline(always)]
fn go_on(old: [(&[i16], i16); 4], costs: &[u8], mut out: [&mut [i16]; 4], sums: &mut [i16]) -> [i16; 4] {
    let mut least = [[WALL; LANES]; 4];
    // A way's cost is at most its pixel's and the large step, so nothing runs over; unchecked, the loops are done in lanes.
    for at in (0..costs.len()).step_by(LANES) {
        let costs: &[u8; LANES] = lanes(costs, at);
        let mut sum: [i16; LANES] = *lanes(sums, at);
        for (way, out) in out.iter_mut().enumerate() {
            let (old, in_common) = old[way];
            let far = in_common.wrapping_add(LARGE_STEP);
            let lower: &[i16; LANES] = lanes(old, at);
            let same: &[i16; LANES] = lanes(old, at + 1);
            let upper: &[i16; LANES] = lanes(old, at + 2);
            // Loops alone are compiled for the lanes of their caller: a closure handed on would not be.
            let mut cost = [0i16; LANES];
            for lane in 0..LANES {
                let near = lower[lane].min(upper[lane]).wrapping_add(SMALL_STEP);
                let come = same[lane].min(near).min(far).wrapping_sub(in_common);
                cost[lane] = i16::from(costs[lane]).wrapping_add(come);
                sum[lane] = sum[lane].wrapping_add(cost[lane]);
                least[way][lane] = least[way][lane].min(cost[lane]);
            }
            out[at + 1..at + 1 + LANES].copy_from_slice(&cost);
        }
        sums[at..at + LANES].copy_from_slice(&sum);
    }
    least.map(|lanes| lanes.into_iter().fold(WALL, i16::min))
}

#[inline(always)]
fn lanes<T>(of: &[T], at: usize) -> &[T; LANES] {
    of[at..at + LANES].try_into().expect("lines are whole numbers of lanes")
}

/// What the pixels of the right picture's row would choose.
struct Back {
    /// 0 is none.
    best: Vec<i16>,
    least: Vec<i16>,
}

impl Back {
    #[inline(always)]
    fn look(&mut self, row: &[i16], (asked, reach): (usize, usize)) {
        self.best.fill(0);
        self.least.fill(i16::MAX);
        for (x, sums) in row.chunks_exact(reach).enumerate() {
            // At a disparity the right picture's pixel is that much further left.
            let from = x.saturating_sub(asked - 1);
            let (best, least) = (&mut self.best[from..x], &mut self.least[from..x]);
            let count = x - from;
            let sums = &sums[1..=count];
            for (disparity, &cost) in sums.iter().enumerate() {
                let at = count - 1 - disparity;
                best[at] = if cost < least[at] { disparity as i16 + 1 } else { best[at] };
                least[at] = least[at].min(cost);
            }
        }
    }

    /// Whether a pixel of the right picture has chosen a disparity, or the next one to it.
    fn agrees(&self, pixel: usize, disparity: usize) -> bool {
        self.best[pixel] > 0 && (self.best[pixel] as usize).abs_diff(disparity) <= 1
    }
}

#[inline(always)]
fn least_of(sums: &[i16]) -> i16 {
    let mut least = i16::MAX;
    for cost in sums {
        least = least.min(*cost);
    }
    least
}

#[inline(always)]
fn choose(sums: &[i16], x: usize, back: &Back) -> Option<f32> {
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
#[inline(always)]
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
