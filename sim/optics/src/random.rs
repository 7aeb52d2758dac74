//! Random numbers that depend on nothing but seed, frame and pixel: the same whatever thread draws them, in any order.

use crate::curve::Curve;
use crate::space::V3;

/// The numbers of one pixel, or of one recipe.
pub struct Draws {
    key: u64,
    count: u64,
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draws {
    pub fn new(seed: u64, frame: u64, pixel: u64) -> Self {
        Self { key: mix(mix(mix(seed).wrapping_add(frame)).wrapping_add(pixel)), count: 0 }
    }

    fn bits(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        mix(self.key.wrapping_add(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Uniform in [0, 1).
    #[inline]
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A seed for somebody else.
    pub fn seed(&mut self) -> u64 {
        self.bits()
    }

    /// Uniform between two values.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in the logarithm: sizes, strengths.
    pub fn scale(&mut self, low: f32, high: f32) -> f32 {
        low * (high / low).powf(self.unit())
    }

    /// An angle, radians.
    pub fn turn(&mut self) -> f32 {
        self.unit() * std::f32::consts::TAU
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A whole number from 0 to below `n`, which is at least one.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// The place of one of several, drawn by weight.
    pub fn weighed(&mut self, weights: &[f32]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f32>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    /// Normally distributed (Box and Muller 1958).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.unit()).cos()
    }

    /// Three numbers for noise, by `curve::NORMAL`, which is handed in because every pixel asks for it.
    #[inline]
    pub(crate) fn normals(&mut self, normal: &Curve) -> [f32; 3] {
        let bits = self.bits();
        [0, 21, 42].map(|from| normal.at((bits >> from & 0x1f_ffff) as f32 / (1u32 << 21) as f32))
    }

    /// Uniform in the ball of radius 1.
    pub fn ball(&mut self) -> V3 {
        let z = 2.0 * self.unit() - 1.0;
        let (sin, cos) = (std::f32::consts::TAU * self.unit()).sin_cos();
        let ring = (1.0 - z * z).sqrt();
        V3::new(ring * cos, ring * sin, z) * self.unit().cbrt()
    }
}
