//! Where the base stands before a station: an extended Kalman filter over the base's pose in the station's frame.
//!
//! Four sources are fused. Dead reckoning carries the pose; that the wheels' scales are off is one error of each
//! axis for the whole approach, so it is a state and not noise that is drawn anew at every step. The fiducial tells
//! the place, and its own heading to degrees only. Returns of the lasers on the station's described edges tell the
//! heading to hundredths of a degree and the distance to what stands in front. The map tells the heading where no
//! edge is seen, up to the angle by which the station is turned against it.

use super::outline::Outline;
use crate::control::Miss;
use nalgebra::{Isometry2, Point2, SMatrix, SVector, Vector2, Vector3};
use nightshift_core::describe::TagMount;
use nightshift_core::frames::{Base, Pose, Tag, wrap_angle};

/// x, y, heading of the base in the station's frame; scale errors of dead reckoning on each axis; by how much the
/// station is turned against the map; by how much too far the lasers measure; how much too far to the left the wheels
/// say that the base turns over a metre.
const SIZE: usize = 9;
type State = SVector<f64, SIZE>;
type Covariance = SMatrix<f64, SIZE, SIZE>;
const SCALE: usize = 3;
const TURNED: usize = 6;
const RANGE: usize = 7;
const VEER: usize = 8;

/// Of the place by the map, one sigma, metres.
const MAP_SIGMA_M: f64 = 0.1;
/// Of the heading by the map, and of what is left of it from one look at the map to the next, radians.
const MAP_SIGMA_RAD: f64 = 0.004;
/// A station is turned against the map by so much, radians.
const TURNED_SIGMA: f64 = 0.02;
/// The wheels' scales are off by so much.
const SCALE_SIGMA: f64 = 0.02;
/// What slips on top of it, over one metre or radian; grows with the root of the way.
const SLIP_SIGMA: f64 = 0.006;
/// How much the wheels turn too far over a metre, radians, and what of it changes on the way.
const VEER_SIGMA: f64 = 0.01;
const WANDER_SIGMA: f64 = 0.003;
/// A scanner's offset, metres, the noise of one range, metres, and of its bearing, radians.
const RANGE_BIAS_SIGMA_M: f64 = 0.0015;
const RANGE_SIGMA_M: f64 = 0.012;
const BEARING_SIGMA: f64 = 0.002;
/// A face is flat and where its description has it to so much, metres.
const FACE_SIGMA_M: f64 = 0.001;
/// Returns of one scan and of the next are not quite independent: their variance counts so many times.
const SHARED: f64 = 4.0;
/// Returns are sought on an edge within this and three sigmas of where it should be, metres.
const REACH_M: f64 = 0.02;
const MOST_REACH_M: f64 = 0.12;
/// Fewer returns on the station say nothing.
const LEAST_TOUCHES: usize = 12;
/// A look that is off by more than so many sigmas on an axis is no look.
const GATE_SIGMAS: f64 = 5.0;
/// Rounds of linearisation for one scan.
const ROUNDS: usize = 2;

/// The filter.
#[derive(Clone, Debug)]
pub struct Estimate {
    state: State,
    covariance: Covariance,
    odom_from_base: Isometry2<f64>,
}

/// A scan as docking takes it.
pub struct Sight<'a> {
    /// Dead reckoning when it was taken.
    pub odom_from_base: &'a Isometry2<f64>,
    /// The scanner's place on the base.
    pub eye: &'a Point2<f64>,
    /// Beams' ends in the base's frame.
    pub points: &'a [Point2<f64>],
}

impl Estimate {
    /// By the map alone.
    pub fn new(station_from_base: &Isometry2<f64>, odom_from_base: &Isometry2<f64>) -> Self {
        let mut state = State::zeros();
        put(&mut state, station_from_base);
        let (m, r) = (MAP_SIGMA_M, (MAP_SIGMA_RAD.powi(2) + TURNED_SIGMA.powi(2)).sqrt());
        let scale = SCALE_SIGMA;
        let sigmas = [m, m, r, scale, scale, scale, TURNED_SIGMA, RANGE_BIAS_SIGMA_M, VEER_SIGMA];
        let mut covariance = Covariance::from_diagonal(&State::from(sigmas.map(|sigma| sigma * sigma)));
        // The map's heading is off by what the station is turned: the heading less the turn is known better.
        covariance[(2, TURNED)] = TURNED_SIGMA.powi(2);
        covariance[(TURNED, 2)] = TURNED_SIGMA.powi(2);
        Self { state, covariance, odom_from_base: *odom_from_base }
    }

    /// Where the base stands in the station's frame.
    pub fn station_from_base(&self) -> Isometry2<f64> {
        pose(&self.state)
    }

    /// Where the station is by dead reckoning.
    pub fn odom_from_station(&self) -> Isometry2<f64> {
        self.odom_from_base * self.station_from_base().inverse()
    }

    /// Of [`Self::station_from_base`]: x, y (m), heading (rad).
    pub fn pose_covariance(&self) -> SMatrix<f64, 3, 3> {
        self.covariance.fixed_view::<3, 3>(0, 0).into_owned()
    }

    /// One sigma of the place, the worse of both axes, and of the heading.
    pub fn sigmas(&self) -> Miss {
        let c = &self.covariance;
        Miss { distance_m: c[(0, 0)].max(c[(1, 1)]).sqrt(), turn_rad: c[(2, 2)].sqrt() }
    }

    /// Dead reckoning has gone on.
    pub fn moved(&mut self, odom_from_base: &Isometry2<f64>) {
        let step = self.odom_from_base.inv_mul(odom_from_base);
        self.odom_from_base = *odom_from_base;
        let (way, turn) = (step.translation.vector, step.rotation.angle());
        let heading = self.state[2];
        let scale = self.state.fixed_rows::<3>(SCALE).into_owned();
        let true_way = Vector2::new(way.x * (1.0 - scale[0]), way.y * (1.0 - scale[1]));
        let true_turn = turn * (1.0 - scale[2]) - self.state[VEER] * way.norm();
        let (sin, cos) = (heading + true_turn / 2.0).sin_cos();
        let moved = Vector2::new(cos * true_way.x - sin * true_way.y, sin * true_way.x + cos * true_way.y);
        self.state[0] += moved.x;
        self.state[1] += moved.y;
        self.state[2] = wrap_angle(heading + true_turn);
        let mut by = Covariance::identity();
        by[(0, 2)] = -moved.y;
        by[(1, 2)] = moved.x;
        by[(0, SCALE)] = -cos * way.x;
        by[(1, SCALE)] = -sin * way.x;
        by[(0, SCALE + 1)] = sin * way.y;
        by[(1, SCALE + 1)] = -cos * way.y;
        by[(2, SCALE + 2)] = -turn;
        by[(2, VEER)] = -way.norm();
        self.covariance = by * self.covariance * by.transpose();
        let slip = SLIP_SIGMA.powi(2);
        self.covariance[(0, 0)] += slip * way.norm();
        self.covariance[(1, 1)] += slip * way.norm();
        self.covariance[(2, 2)] += slip * turn.abs() + WANDER_SIGMA.powi(2) * way.norm();
    }

    /// The map's word on the heading, radians.
    pub fn take_map(&mut self, heading: f64) {
        let mut by = SMatrix::<f64, 1, SIZE>::zeros();
        by[(0, 2)] = 1.0;
        by[(0, TURNED)] = -1.0;
        let off = SVector::<f64, 1>::new(wrap_angle(heading - self.state[2] + self.state[TURNED]));
        self.correct(&by, &off, &SMatrix::<f64, 1, 1>::new(MAP_SIGMA_RAD.powi(2)));
    }

    /// Takes a sight of the tag, unless it disagrees with what is believed: a flat tag is sometimes seen tilted the
    /// wrong way. `odom_from_base`: dead reckoning when the picture was taken.
    pub fn take_tag(
        &mut self,
        base_from_tag: &Pose<Base, Tag>,
        odom_from_base: &Isometry2<f64>,
        mount: &TagMount,
    ) -> bool {
        let now_from_then = self.odom_from_base.inv_mul(odom_from_base);
        let seen = now_from_then * Point2::from(base_from_tag.translation().xy());
        let heading = -(now_from_then.rotation.angle() + (*base_from_tag * mount.pose.inverse()).yaw());
        let distance = base_from_tag.translation().norm();
        // A square that is looked at squarely: its size tells the distance, its place in the picture the bearing.
        let along = 0.0005 + 0.003 * distance * distance;
        let across = 0.0003 + 0.001 * distance;
        let turn = 0.01 + 0.02 * distance;
        let (sin, cos) = self.state[2].sin_cos();
        let to_station = SMatrix::<f64, 2, 2>::new(cos, -sin, sin, cos);
        let beam = seen.coords / seen.coords.norm();
        let looking = SMatrix::<f64, 2, 2>::new(beam.x, -beam.y, beam.y, beam.x);
        let spread = SMatrix::<f64, 2, 2>::from_diagonal(&Vector2::new(along * along, across * across));
        let spread = to_station * looking * spread * looking.transpose() * to_station.transpose();
        let place = pose(&self.state) * seen;
        let off = mount.pose.translation().xy() - place.coords;
        let arm = place.coords - self.state.fixed_rows::<2>(0);
        let by = SMatrix::<f64, 3, SIZE>::from_fn(|row, column| match (row, column) {
            (0, 0) | (1, 1) | (2, 2) => 1.0,
            (0, 2) => -arm.y,
            (1, 2) => arm.x,
            _ => 0.0,
        });
        let off = Vector3::new(off.x, off.y, wrap_angle(heading - self.state[2]));
        let mut noise = SMatrix::<f64, 3, 3>::zeros();
        noise.fixed_view_mut::<2, 2>(0, 0).copy_from(&spread);
        noise[(2, 2)] = turn * turn;
        let expected = by * self.covariance * by.transpose() + noise;
        let gate = GATE_SIGMAS * GATE_SIGMAS;
        let agrees = (0..3).all(|i| off[i] * off[i] <= gate * expected[(i, i)]);
        if !agrees {
            return false;
        }
        self.correct(&by, &off, &noise);
        true
    }

    fn correct<const N: usize>(
        &mut self,
        by: &SMatrix<f64, N, SIZE>,
        off: &SVector<f64, N>,
        noise: &SMatrix<f64, N, N>,
    ) {
        let expected = by * self.covariance * by.transpose() + noise;
        let Some(inverse) = expected.try_inverse() else { return };
        let gain = self.covariance * by.transpose() * inverse;
        self.state += gain * off;
        self.state[2] = wrap_angle(self.state[2]);
        // Joseph's form stays symmetric and positive.
        let left = Covariance::identity() - gain * by;
        self.covariance = left * self.covariance * left.transpose() + gain * noise * gain.transpose();
    }

    /// Takes the returns of a scan that lie on the station's outline. How many did.
    pub fn take_scan(&mut self, outline: &Outline, sight: &Sight<'_>) -> usize {
        let now_from_then = self.odom_from_base.inv_mul(sight.odom_from_base);
        let eye = now_from_then * sight.eye;
        let Some(prior) = self.covariance.try_inverse() else { return 0 };
        let (mut state, mut covariance, mut touches) = (self.state, self.covariance, 0);
        for _ in 0..ROUNDS {
            let (mut information, mut pull) = (prior, prior * (self.state - state));
            touches = 0;
            let station_from_base = pose(&state);
            let eye = station_from_base * eye;
            for point in sight.points {
                let point = station_from_base * (now_from_then * point);
                let arm = point.coords - state.fixed_rows::<2>(0);
                let Some(touch) = outline.touch(&eye, &point, self.reach_m(&arm)) else { continue };
                let (range, beam) = ((point - eye).norm(), (point - eye).normalize());
                let onto = touch.normal.dot(&beam);
                let across = touch.normal.x * beam.y - touch.normal.y * beam.x;
                let variance = (RANGE_SIGMA_M * onto).powi(2)
                    + (BEARING_SIGMA * range * across).powi(2)
                    + FACE_SIGMA_M.powi(2);
                let mut row = State::zeros();
                row[0] = touch.normal.x;
                row[1] = touch.normal.y;
                row[2] = touch.normal.y * arm.x - touch.normal.x * arm.y;
                row[RANGE] = -onto;
                // With ranges too long by the offset, the return lies `onto` times it behind the surface.
                let off = touch.off_m - onto * state[RANGE];
                let weight = 1.0 / (SHARED * variance);
                information += row * row.transpose() * weight;
                pull -= row * (off * weight);
                touches += 1;
            }
            if touches < LEAST_TOUCHES {
                return 0;
            }
            let Some(inverse) = information.try_inverse() else { return 0 };
            covariance = inverse;
            state += covariance * pull;
            state[2] = wrap_angle(state[2]);
        }
        self.state = state;
        self.covariance = (covariance + covariance.transpose()) * 0.5;
        touches
    }

    /// How far from its edge a return may lie, `arm` from the base (station's frame).
    fn reach_m(&self, arm: &Vector2<f64>) -> f64 {
        let c = &self.covariance;
        let place = c[(0, 0)].max(c[(1, 1)]) + c[(2, 2)] * arm.norm_squared();
        (REACH_M + 3.0 * place.sqrt()).min(MOST_REACH_M)
    }
}

fn pose(state: &State) -> Isometry2<f64> {
    Isometry2::new(Vector2::new(state[0], state[1]), state[2])
}

fn put(state: &mut State, pose: &Isometry2<f64>) {
    state[0] = pose.translation.x;
    state[1] = pose.translation.y;
    state[2] = pose.rotation.angle();
}

#[cfg(test)]
mod tests;
