//! Eight single-precision numbers at a time. Written as plain loops over arrays that the compiler turns into vector
//! instructions; the same results on every processor, because nothing is fused or reordered.

use std::ops::{Add, Mul, Neg, Sub};

/// Positions that are looked at together.
pub(crate) const LANES: usize = 8;

/// One number a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct F8(pub(crate) [f32; LANES]);

macro_rules! lanewise {
    ($trait:ident, $method:ident, $op:tt) => {
        impl $trait for F8 {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let mut out = self;
                for lane in 0..LANES {
                    out.0[lane] = self.0[lane] $op other.0[lane];
                }
                out
            }
        }

        impl $trait<f32> for F8 {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: f32) -> Self {
                let mut out = self;
                for lane in 0..LANES {
                    out.0[lane] = self.0[lane] $op other;
                }
                out
            }
        }
    };
}

lanewise!(Add, add, +);
lanewise!(Sub, sub, -);
lanewise!(Mul, mul, *);

impl Neg for F8 {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl F8 {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// Farther than anything, squared.
    pub(crate) const FAR: Self = Self([f32::INFINITY; LANES]);

    /// How much the magnitude exceeds a number; zero where it does not.
    #[inline(always)]
    pub(crate) fn beyond(self, half: f32) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            let over = self.0[lane].abs() - half;
            out.0[lane] = if over > 0.0 { over } else { 0.0 };
        }
        out
    }

    /// Below 1e7. Zero for zero.
    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = self.0[lane].sqrt();
        }
        out
    }

    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = if other.0[lane] < self.0[lane] { other.0[lane] } else { self.0[lane] };
        }
        out
    }

    /// Whether any lane is below.
    #[inline(always)]
    pub(crate) fn any_below(self, limit: f32) -> bool {
        let mut any = false;
        for lane in 0..LANES {
            any |= self.0[lane] < limit;
        }
        any
    }

    /// Sine and cosine of angles within +-100 rad, to 2e-7 (Cephes' polynomials after reduction to +-pi/4).
    #[inline(always)]
    pub(crate) fn sin_cos(self) -> (Self, Self) {
        const TO_NEAREST: f32 = 12_582_912.0;
        let shifted = self * std::f32::consts::FRAC_2_PI + TO_NEAREST;
        let turns = shifted - TO_NEAREST;
        // Pi / 2 in three parts.
        let r = ((self - turns * 1.570_312_5) - turns * 4.838_705e-4) - turns * -4.371_139e-8;
        let z = r * r;
        let s = r + r * z * (z * (z * -0.000_195_152_96 + 0.008_332_161) + -0.166_666_55);
        let c = z * -0.5 + 1.0 + z * z * (z * (z * 0.000_024_433_157 + -0.001_388_731_6) + 0.041_666_646);
        let (mut sin, mut cos) = (s, c);
        for lane in 0..LANES {
            let quarter = shifted.0[lane].to_bits();
            // Without a branch, so that all lanes go together: all ones where the two are exchanged.
            let swap = 0u32.wrapping_sub(quarter & 1);
            let (s, c) = (s.0[lane].to_bits(), c.0[lane].to_bits());
            let either = (s ^ c) & swap;
            sin.0[lane] = f32::from_bits((s ^ either) ^ ((quarter & 2) << 30));
            cos.0[lane] = f32::from_bits((c ^ either) ^ ((quarter.wrapping_add(1) & 2) << 30));
        }
        (sin, cos)
    }
}

/// A point or a direction a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct V8 {
    pub(crate) x: F8,
    pub(crate) y: F8,
    pub(crate) z: F8,
}

impl V8 {
    pub(crate) const ZERO: Self = Self { x: F8::ZERO, y: F8::ZERO, z: F8::ZERO };

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z }
    }

    #[inline(always)]
    pub(crate) fn less(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y, z: self.z - other.z }
    }

    #[inline(always)]
    pub(crate) fn less_point(self, point: &[f32; 3]) -> Self {
        Self { x: self.x - point[0], y: self.y - point[1], z: self.z - point[2] }
    }

    #[inline(always)]
    pub(crate) fn times(self, by: F8) -> Self {
        Self { x: self.x * by, y: self.y * by, z: self.z * by }
    }

    #[inline(always)]
    pub(crate) fn scaled(self, by: f32) -> Self {
        Self { x: self.x * by, y: self.y * by, z: self.z * by }
    }

    #[inline(always)]
    pub(crate) fn square(self) -> F8 {
        self.x * self.x + self.y * self.y + self.z * self.z
    }

    #[inline(always)]
    pub(crate) fn dot(self, row: &[f32; 3]) -> F8 {
        self.x * row[0] + self.y * row[1] + self.z * row[2]
    }
}

/// A frame a lane: its axes' directions and its origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame8 {
    pub(crate) axes: [V8; 3],
    pub(crate) origin: V8,
}

impl Frame8 {
    /// A direction given in this frame.
    #[inline(always)]
    pub(crate) fn along(&self, v: &[f32; 3]) -> V8 {
        let [x, y, z] = &self.axes;
        x.scaled(v[0]).plus(y.scaled(v[1])).plus(z.scaled(v[2]))
    }

    /// A point given in this frame.
    #[inline(always)]
    pub(crate) fn point(&self, p: &[f32; 3]) -> V8 {
        self.origin.plus(self.along(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_are_good_to_single_precision() {
        for k in -4000..4000 {
            let x = k as f32 * 0.003_7;
            let (sin, cos) = F8([x; LANES]).sin_cos();
            let (s, c) = f64::from(x).sin_cos();
            assert!((f64::from(sin.0[3]) - s).abs() < 3e-7, "sin {x}: {} for {s}", sin.0[3]);
            assert!((f64::from(cos.0[5]) - c).abs() < 3e-7, "cos {x}: {} for {c}", cos.0[5]);
        }
    }
}
