//! Where a moving part of a station stands, by what a depth camera sees: whether a lid that is said to be open is.

use crate::surface::Lookback;
use nalgebra::{Point3, Vector3};
use nightshift_core::describe::Solid;
use std::f64::consts::{PI, TAU};

/// Patches of a picture by which something is told of a part; fewer may be wrong matches of the depth camera.
const PATCHES: usize = 8;
/// A surface is where it should be that a depth camera measures no farther from there than this, metres: at half a metre it is off by
/// less than that, and what it sees aslant it tells by the nearer part of a patch.
const WITHIN_M: f64 = 0.015;
/// So many times as many patches speak for what is told as against it.
const SURELY: usize = 3;

/// A part as it would be at one place along its way.
#[derive(Clone, Debug)]
pub struct Stance {
    /// Over its travel, 0 to 1.
    pub position: f64,
    /// Points over its surface ([`over`]), metres in the camera's optical frame.
    pub surface: Vec<Point3<f64>>,
}

/// What a picture says of where a part stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stands {
    /// Where it is said to; by so many patches.
    AsTold(usize),
    /// Out of view where it is said to stand, and not where it could be in view otherwise: so many patches show what is behind there.
    NotInView(usize),
    /// About there, over its travel, and not where it is said to; by so many patches.
    Elsewhere(f64, usize),
    /// The picture does not tell.
    Unknown,
}

/// Where a part stands that is said to stand at `told`. `others` are places all over its travel; `all` is everything that the picture
/// shows, `unexplained` what neither the part at `told` nor anything else that is known explains.
pub fn stands(told: &Stance, others: &[Stance], all: &Lookback<'_>, unexplained: &Lookback<'_>) -> Stands {
    let here = all.compare(&told.surface, WITHIN_M);
    let is_here = here.seen >= PATCHES && here.seen >= SURELY * here.through;
    let mut elsewhere: Option<(f64, usize)> = None;
    let mut seen_behind = 0;
    for other in others {
        let there = all.compare(&other.surface, WITHIN_M);
        let new = unexplained.compare(&other.surface, WITHIN_M).seen;
        // What stands on the part, or before it, is not the part: that shows most of its surface.
        let most = 2 * new >= there.seen + there.through + there.hidden;
        if new >= PATCHES
            && new >= SURELY * there.through
            && most
            && elsewhere.is_none_or(|(_, best)| new > best)
        {
            elsewhere = Some((other.position, new));
        }
        if there.through >= SURELY * there.seen {
            seen_behind = seen_behind.max(there.through);
        }
    }
    match elsewhere {
        // Where it is a little aside of where it is told, some of it lies there too.
        Some((position, patches)) if !is_here || patches > here.seen => Stands::Elsewhere(position, patches),
        _ if is_here => Stands::AsTold(here.seen),
        _ if seen_behind >= PATCHES && here.through < PATCHES => Stands::NotInView(seen_behind),
        _ => Stands::Unknown,
    }
}

/// Points over a solid's surface, no farther apart than `step_m`, in its own frame.
pub fn over(solid: &Solid, step_m: f64) -> Vec<Point3<f64>> {
    let along = |length_m: f64| {
        let steps = (length_m / step_m).ceil().max(1.0) as usize;
        (0..=steps).map(move |step| length_m * (step as f64 / steps as f64 - 0.5))
    };
    let turns = |radius_m: f64| {
        let steps = (TAU * radius_m / step_m).ceil().max(6.0) as usize;
        (0..steps).map(move |step| TAU * step as f64 / steps as f64)
    };
    match *solid {
        Solid::Box { size_m } => (0..3)
            .flat_map(|axis| {
                let [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
                along(size_m[a]).flat_map(move |u| along(size_m[b]).map(move |v| [u, v])).flat_map(
                    move |[u, v]| {
                        [-0.5, 0.5].map(|side| {
                            let mut point = Point3::origin();
                            (point[axis], point[a], point[b]) = (side * size_m[axis], u, v);
                            point
                        })
                    },
                )
            })
            .collect(),
        Solid::Cylinder { radius_m, height_m } => {
            let ring = |radius_m: f64, z: f64| {
                turns(radius_m).map(move |turn| Point3::new(radius_m * turn.cos(), radius_m * turn.sin(), z))
            };
            let side = along(height_m).flat_map(|z| ring(radius_m, z));
            let ends = along(2.0 * radius_m)
                .filter(|radius| *radius >= 0.0)
                .flat_map(|radius| [-0.5, 0.5].map(|end| (radius, end * height_m)))
                .flat_map(|(radius, z)| ring(radius, z));
            side.chain(ends).collect()
        }
        Solid::Sphere { radius_m } => along(PI * radius_m)
            .flat_map(|arc| {
                let (sin, cos) = (arc / radius_m).sin_cos();
                turns(radius_m * cos).map(move |turn| {
                    Point3::from(Vector3::new(turn.cos() * cos, turn.sin() * cos, sin) * radius_m)
                })
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::image::Intrinsics;
    use proptest::prelude::*;

    const CAMERA: Intrinsics =
        Intrinsics { width: 640, height: 480, fx: 600.0, fy: 600.0, cx: 319.5, cy: 239.5 };
    const LID: Solid = Solid::Box { size_m: [0.2, 0.2, 0.008] };

    /// A lid 0.4 m before the camera that slides aside by 0.3 m.
    fn lid(position: f64) -> Stance {
        let by = Vector3::new(0.3 * position, 0.0, 0.4);
        Stance { position, surface: over(&LID, 0.01).into_iter().map(|point| point + by).collect() }
    }

    /// A bench 0.5 m before the camera, and the lid where it is; with a vial on it where told.
    fn picture(position: Option<f64>, vial: bool) -> Vec<[f32; 3]> {
        let rows = (8..480).step_by(16);
        let rays = rows
            .flat_map(|v| (8..640).step_by(16).map(move |u| [u, v]))
            .map(|[u, v]| [(f64::from(u) - CAMERA.cx) / CAMERA.fx, (f64::from(v) - CAMERA.cy) / CAMERA.fy]);
        let seen = rays.map(|[x, y]| {
            let on_lid =
                |z: f64| position.is_some_and(|at| (x * z - 0.3 * at).abs() < 0.1 && (y * z).abs() < 0.1);
            let z = match () {
                () if vial && (x * 0.34).abs() < 0.03 && (y * 0.34).abs() < 0.03 => 0.34,
                () if on_lid(0.396) => 0.396,
                () => 0.5,
            };
            [x * z, y * z, z].map(|along| along as f32)
        });
        seen.collect()
    }

    fn told(at: f64, seen: &[[f32; 3]], unexplained: &[[f32; 3]]) -> Stands {
        let others: Vec<Stance> = (0..=10).map(|step| lid(f64::from(step) / 10.0)).collect();
        stands(&lid(at), &others, &Lookback::new(seen, &CAMERA), &Lookback::new(unexplained, &CAMERA))
    }

    fn nearer(seen: &[[f32; 3]]) -> Vec<[f32; 3]> {
        seen.iter().filter(|point| point[2] < 0.45).copied().collect()
    }

    #[test]
    fn a_lid_is_seen_where_it_is_told_and_where_it_is_not() {
        let shut = picture(Some(0.0), false);
        assert!(matches!(told(0.0, &shut, &[]), Stands::AsTold(20..)));
        // Half of the open one lies outside the picture: nothing there is as told.
        let Stands::Elsewhere(at, patches) = told(1.0, &shut, &nearer(&shut)) else {
            panic!("{:?}", told(1.0, &shut, &nearer(&shut)))
        };
        assert!(at.abs() < 0.15 && patches > 20, "{at} {patches}");
        let half = picture(Some(0.5), false);
        let Stands::Elsewhere(at, _) = told(1.0, &half, &nearer(&half)) else { panic!("it is seen") };
        assert!((at - 0.5).abs() < 0.15, "{at}");
    }

    #[test]
    fn what_is_seen_through_is_not_there_and_what_is_hidden_or_out_of_view_is_not_told() {
        let none = picture(None, false);
        assert_eq!(told(0.0, &none, &[]), Stands::Unknown, "not where it is told, and nowhere");
        // Aside of the picture, where it may well be, and nothing where it is when it is shut.
        let aside = Stance { position: 1.0, surface: lid(3.0).surface };
        let all = Lookback::new(&none, &CAMERA);
        let nothing = Lookback::new(&[], &CAMERA);
        assert!(matches!(stands(&aside, &[lid(0.0), lid(0.3)], &all, &nothing), Stands::NotInView(20..)));
        assert_eq!(stands(&aside, &[lid(0.0)], &nothing, &nothing), Stands::Unknown, "no depth");
        // A hand before the camera hides all.
        let hand: Vec<[f32; 3]> = none.iter().map(|[x, y, z]| [x * 0.3, y * 0.3, z * 0.3]).collect();
        assert_eq!(told(1.0, &hand, &hand), Stands::Unknown);
    }

    #[test]
    fn what_stands_where_a_lid_could_be_is_not_the_lid() {
        let seen = picture(None, true);
        assert!(!matches!(told(1.0, &seen, &nearer(&seen)), Stands::Elsewhere(..)));
    }

    proptest! {
        #[test]
        fn a_surface_is_covered_and_nothing_lies_off_it(x in 0.01f64..0.3, y in 0.01f64..0.3, z in 0.01f64..0.3, which in 0..3) {
            let solid = match which {
                0 => Solid::Box { size_m: [x, y, z] },
                1 => Solid::Cylinder { radius_m: x, height_m: z },
                _ => Solid::Sphere { radius_m: x },
            };
            let points = over(&solid, 0.02);
            let off = |p: &Point3<f64>| match solid {
                Solid::Box { size_m } => {
                    let beyond = p.coords.abs() - Vector3::from(size_m) / 2.0;
                    beyond.max().abs()
                }
                Solid::Cylinder { radius_m, height_m } => {
                    (p.x.hypot(p.y) - radius_m).max(p.z.abs() - height_m / 2.0).abs()
                }
                Solid::Sphere { radius_m } => (p.coords.norm() - radius_m).abs(),
            };
            prop_assert!(points.iter().all(|p| off(p) < 1e-9));
            // From any side something of it is near the middle of that side.
            for axis in [Vector3::x(), -Vector3::x(), Vector3::y(), -Vector3::y(), Vector3::z(), -Vector3::z()] {
                let far = points.iter().map(|p| p.coords.dot(&axis)).fold(f64::MIN, f64::max);
                let face = points.iter().filter(|p| p.coords.dot(&axis) > far - 0.003);
                let middle = face.map(|p| (p.coords - axis * far).norm()).fold(f64::MAX, f64::min);
                prop_assert!(middle < 0.021, "{middle} along {axis}");
            }
        }
    }
}
