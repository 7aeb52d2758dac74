//! Random numbers that depend on nothing but seed, frame and pixel: the same whatever thread draws them, in any order.

use nalgebra::Vector3;

/// The numbers of one pixel.
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

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.count += 1;
        let bits = mix(self.key.wrapping_add(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normally distributed (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Uniform in the ball of radius 1.
    pub fn ball(&mut self) -> Vector3<f64> {
        let z = 2.0 * self.unit() - 1.0;
        let (sin, cos) = (std::f64::consts::TAU * self.unit()).sin_cos();
        let ring = (1.0 - z * z).sqrt();
        Vector3::new(ring * cos, ring * sin, z) * self.unit().cbrt()
    }
}
