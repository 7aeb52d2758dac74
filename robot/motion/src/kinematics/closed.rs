//! Evaluates the closed forms of [`super::family`].
//!
//! Notation: the tool's pose is `exp(s1 q1) ... exp(sn qn) home` with the joints' screws `s` at position zero, so that
//! `goal home^-1` is the product of the joints' motions alone (product of exponentials, R. Brockett 1984). A point on the
//! axes of the last joints is moved by the ones before only: that is what splits the problem.

use super::family::{Family, Form, Reach, Screw};
use super::turns::{Turn, bring, to_distance, to_height};
use super::{MAX_JOINTS, Position};
use nalgebra::{Isometry3, Rotation3, UnitQuaternion, Vector3};

/// The last six joints' turns.
type Turns = [Turn; 6];

impl Family {
    /// Calls `found` with each solution for given positions of the swept joints, angles from -pi to pi, in the arm's
    /// order of joints, and with a bound of what it misses the goal by (metres and radians), until it answers true. Where a
    /// joint's angle does not matter (a singularity) it is `near`'s.
    pub(crate) fn solve(
        &self,
        goal: &Isometry3<f64>,
        swept: &[f64],
        near: &[f64],
        mut found: impl FnMut(&Position, f64) -> bool,
    ) -> bool {
        let count = self.screws.len();
        let place = |index: usize| if self.reversed { count - 1 - index } else { index };
        let mut motion = if self.reversed { goal.inverse() * self.home } else { goal * self.home.inverse() };
        for (screw, position) in self.screws.iter().zip(swept) {
            motion = screw.motion(-position) * motion;
        }
        let first = self.swept();
        let six = &self.screws[first..];
        let near: [f64; 6] = std::array::from_fn(|index| near[place(first + index)]);
        let wanted = motion.rotation.to_rotation_matrix();
        let lever = 1.0 + self.home.translation.vector.norm();
        let mut q = [0.0; MAX_JOINTS];
        for (index, position) in swept.iter().enumerate() {
            q[place(index)] = *position;
        }
        let mut carried = Carried::new(six);
        // Branches share most of their turns: what has not changed since the branch before is not reckoned again.
        let mut before: Option<Turns> = None;
        let mut report = |turns: &Turns| {
            for (index, turn) in turns.iter().enumerate() {
                if before.as_ref().is_none_or(|before| before[index] != *turn) {
                    q[place(first + index)] = turn.angle();
                }
            }
            let alike = |before: &Turns| (0..6).rev().take_while(|i| before[*i] == turns[*i]).count();
            let off =
                carried.miss(turns, before.as_ref().map_or(0, alike), &wanted, &motion.translation.vector);
            before = Some(*turns);
            found(&q, lever * off)
        };
        match self.form {
            Form::ThreeParallel { meet } => three_parallel(six, &meet, &motion, &near, &mut report),
            Form::Wrist { centre, reach } => wrist_arm(six, &centre, &reach, &motion, &near, &mut report),
        }
    }
}

impl Screw {
    fn motion(&self, position: f64) -> Isometry3<f64> {
        if self.slides {
            return Isometry3::translation(
                self.axis.x * position,
                self.axis.y * position,
                self.axis.z * position,
            );
        }
        let turn = UnitQuaternion::new(self.axis * position);
        Isometry3::from_parts((self.point - turn * self.point).into(), turn)
    }

    fn turned(&self, turn: Turn, point: &Vector3<f64>) -> Vector3<f64> {
        self.point + turn.apply(&self.axis, &(point - self.point))
    }
}

/// What the last turns of a solution carry the origin and two directions to: the first entry is nothing turned, the next the last joint
/// turned, and so on.
struct Carried<'a> {
    six: &'a [Screw],
    after: [[Vector3<f64>; 3]; 7],
}

impl<'a> Carried<'a> {
    fn new(six: &'a [Screw]) -> Self {
        Self { six, after: [[Vector3::zeros(), Vector3::x(), Vector3::y()]; 7] }
    }

    /// By how much the turns' product differs from a motion: metres at the origin and radians, added up. Two directions that are off
    /// by `x` and `y` are of a frame that is turned by the length of both at most. So many of the last turns are those of the solution before.
    fn miss(&mut self, turns: &Turns, alike: usize, wanted: &Rotation3<f64>, shift: &Vector3<f64>) -> f64 {
        for step in alike..6 {
            let (screw, turn) = (&self.six[5 - step], turns[5 - step]);
            let [at, x, y] = &self.after[step];
            let (at, x, y) = (screw.turned(turn, at), turn.apply(&screw.axis, x), turn.apply(&screw.axis, y));
            self.after[step + 1] = [at, x, y];
        }
        let [at, x, y] = &self.after[6];
        let (off_x, off_y) = (x - wanted.matrix().column(0), y - wanted.matrix().column(1));
        (at - shift).norm() + (off_x.norm_squared() + off_y.norm_squared()).sqrt()
    }
}

fn three_parallel(
    six: &[Screw],
    meet: &Vector3<f64>,
    motion: &Isometry3<f64>,
    near: &[f64; 6],
    found: &mut impl FnMut(&Turns) -> bool,
) -> bool {
    let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|index| &six[index]);
    // The common direction of b, c and d; turning about any of them keeps what a point has along it.
    let h = b.axis;
    let turn_matrix = motion.rotation.to_rotation_matrix();
    let met = turn_matrix * meet + motion.translation.vector;
    // Turns about h are measured by a vector across it, or, where that is along h after the wrist, by the other.
    let across = (e.axis - h * h.dot(&e.axis)).normalize();
    let other = h.cross(&across);
    for undone in to_height(&h, &a.axis, &(met - a.point), h.dot(&(meet - a.point))) {
        let qa = undone.back();
        let back = |v: &Vector3<f64>| qa.apply_back(&a.axis, v);
        // Where the others have to bring `meet`, and the tool's turn after the first joint.
        let there = a.point + back(&(met - a.point));
        let turned_f = back(&(turn_matrix * f.axis));
        let h_in_tool = turn_matrix.inverse() * qa.apply(&a.axis, &h);
        for qe in to_height(&h, &e.axis, &f.axis, h.dot(&turned_f)) {
            let bent = qe.apply_back(&e.axis, &h);
            let qf = if f.axis.cross(&bent).norm_squared() < SINGULAR {
                Turn::of(near[5])
            } else {
                bring(&f.axis, &bent, &h_in_tool).map_or(Turn::NONE, Turn::back)
            };
            // What b, c and d turn together.
            let by = |v: &Vector3<f64>| {
                bring(&h, &qe.apply(&e.axis, &qf.apply(&f.axis, v)), &back(&(turn_matrix * v)))
            };
            let Some(sum) = by(&across).or_else(|| by(&other)) else { continue };
            // b and c bring the point on d's axis to `there` less what d carries.
            let target = there - sum.apply(&h, &(meet - d.point)) - b.point;
            let (arm, from_c) = (d.point - c.point, b.point - c.point);
            for qc in to_distance(&c.axis, &arm, &from_c, target.norm_squared()) {
                let bent = c.turned(qc, &d.point) - b.point;
                let Some(qb) = bring(&h, &bent, &target) else { continue };
                let qd = qb.then(qc).back().then(sum);
                if found(&[qa, qb, qc, qd, qe, qf]) {
                    return true;
                }
            }
        }
    }
    false
}

fn wrist_arm(
    six: &[Screw],
    centre: &Vector3<f64>,
    reach: &Reach,
    motion: &Isometry3<f64>,
    near: &[f64; 6],
    found: &mut impl FnMut(&Turns) -> bool,
) -> bool {
    let [a, b, c] = [0, 1, 2].map(|index| &six[index]);
    let turn_matrix = motion.rotation.to_rotation_matrix();
    let there = turn_matrix * centre + motion.translation.vector;
    let mut wrist = |qa: Turn, qb: Turn, qc: Turn| {
        let back = |v: &Vector3<f64>| {
            let v = qa.apply_back(&a.axis, v);
            qc.apply_back(&c.axis, &qb.apply_back(&b.axis, &v))
        };
        wrist_turns(&six[3..], &turn_matrix, back, near, |[qd, qe, qf]| found(&[qa, qb, qc, qd, qe, qf]))
    };
    match reach {
        Reach::Meet(shoulder) => {
            let target = there - shoulder;
            let from_c = shoulder - c.point;
            for qc in to_distance(&c.axis, &(centre - c.point), &from_c, target.norm_squared()) {
                let arm = c.turned(qc, centre) - shoulder;
                for qb in to_height(&a.axis, &b.axis, &arm, a.axis.dot(&target)) {
                    let lifted = qb.apply(&b.axis, &arm);
                    let qa = bring(&a.axis, &lifted, &target).unwrap_or_else(|| Turn::of(near[0]));
                    if wrist(qa, qb, qc) {
                        return true;
                    }
                }
            }
        }
        Reach::Parallel => {
            let h = b.axis;
            for undone in to_height(&h, &a.axis, &(there - a.point), h.dot(&(centre - a.point))) {
                let qa = undone.back();
                let target = a.point + qa.apply_back(&a.axis, &(there - a.point)) - b.point;
                let from_c = b.point - c.point;
                for qc in to_distance(&c.axis, &(centre - c.point), &from_c, target.norm_squared()) {
                    let arm = c.turned(qc, centre) - b.point;
                    let qb = bring(&h, &arm, &target).unwrap_or_else(|| Turn::of(near[1]));
                    if wrist(qa, qb, qc) {
                        return true;
                    }
                }
            }
        }
    }
    false
}

/// The three turns of a spherical wrist that, after `back` has undone the joints before, make up the tool's turn.
fn wrist_turns(
    three: &[Screw],
    tool: &Rotation3<f64>,
    back: impl Fn(&Vector3<f64>) -> Vector3<f64>,
    near: &[f64; 6],
    mut found: impl FnMut([Turn; 3]) -> bool,
) -> bool {
    let [d, e, f] = [0, 1, 2].map(|index| &three[index].axis);
    let turned_f = back(&(tool * f));
    // A vector across f, and where it ends.
    let across = f.cross(e);
    let turned_across = back(&(tool * across));
    for qe in to_height(d, e, f, d.dot(&turned_f)) {
        let bent = qe.apply(e, f);
        let qd = if d.cross(&bent).norm_squared() < SINGULAR {
            Turn::of(near[3])
        } else {
            bring(d, &bent, &turned_f).unwrap_or(Turn::NONE)
        };
        let left = qe.apply_back(e, &qd.apply_back(d, &turned_across));
        let qf = bring(f, &across, &left).unwrap_or(Turn::NONE);
        if found([qd, qe, qf]) {
            return true;
        }
    }
    false
}

/// The square of the sine below which two axes of a wrist are one.
const SINGULAR: f64 = 1e-14;

impl Turn {
    fn apply_back(self, axis: &Vector3<f64>, v: &Vector3<f64>) -> Vector3<f64> {
        self.back().apply(axis, v)
    }
}
