//! The pose graph: poses that agree best with what is known of pairs of them (Grisetti et al., "A Tutorial on Graph-Based
//! SLAM", 2010), by Gauss-Newton; each step's equations by conjugate gradients, which needs no ordering and no fill.

use nalgebra::{Isometry2, Matrix2, Matrix3, Vector2, Vector3};
use nightshift_core::frames::wrap_angle;

const ROUNDS: usize = 12;
/// Steps smaller than this end it, metres and radians.
const SMALL: f64 = 1e-5;
/// Conjugate gradients end at this share of the first residual.
const SOLVED: f64 = 1e-10;
/// An edge that is off by so many sigmas counts half.
const DOUBTFUL_SIGMAS: f64 = 3.0;

/// What is known of two poses: one in the frame of the other.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Index of the one.
    pub from: usize,
    /// Index of the other.
    pub to: usize,
    /// The other in the frame of the one.
    pub step: Isometry2<f64>,
    /// One sigma in x, y, yaw of the one's frame.
    pub sigma: [f64; 3],
    /// Whether it may be wrong altogether: then it counts the less the less it fits.
    pub doubtful: bool,
}

/// What is known of one pose.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// Index.
    pub node: usize,
    /// Where it should be.
    pub pose: Isometry2<f64>,
    /// In (x, y, yaw) of the map.
    pub information: Matrix3<f64>,
}

/// Moves the poses to where edges and anchors agree best.
pub fn optimise(poses: &mut [Isometry2<f64>], edges: &[Edge], anchors: &[Anchor]) {
    for _ in 0..ROUNDS {
        let mut system = System::new(poses.len());
        for edge in edges {
            system.add_edge(poses, edge);
        }
        for anchor in anchors {
            let off = difference(&anchor.pose, &poses[anchor.node]);
            system.diagonal[anchor.node] += anchor.information;
            system.right[anchor.node] += anchor.information * off;
        }
        let steps = system.solve();
        let mut largest = 0.0f64;
        for (pose, step) in poses.iter_mut().zip(&steps) {
            *pose = Isometry2::new(pose.translation.vector + step.xy(), pose.rotation.angle() + step.z);
            largest = largest.max(step.amax());
        }
        if largest < SMALL {
            break;
        }
    }
}

fn difference(a: &Isometry2<f64>, b: &Isometry2<f64>) -> Vector3<f64> {
    let t = a.translation.vector - b.translation.vector;
    Vector3::new(t.x, t.y, wrap_angle(a.rotation.angle() - b.rotation.angle()))
}

/// Normal equations in blocks of one pose.
struct System {
    diagonal: Vec<Matrix3<f64>>,
    /// (row, column, block) above the diagonal or below; the other half is its transpose.
    beside: Vec<(usize, usize, Matrix3<f64>)>,
    right: Vec<Vector3<f64>>,
}

impl System {
    fn new(count: usize) -> Self {
        // A pose that nothing holds stays where it is.
        let diagonal = vec![Matrix3::from_diagonal_element(1e-9); count];
        Self { diagonal, beside: Vec::new(), right: vec![Vector3::zeros(); count] }
    }

    fn add_edge(&mut self, poses: &[Isometry2<f64>], edge: &Edge) {
        let (a, b) = (&poses[edge.from], &poses[edge.to]);
        let back: Matrix2<f64> = a.rotation.inverse().to_rotation_matrix().into_inner();
        let way = b.translation.vector - a.translation.vector;
        let seen = back * way;
        let off = Vector3::new(
            edge.step.translation.x - seen.x,
            edge.step.translation.y - seen.y,
            wrap_angle(edge.step.rotation.angle() - (b.rotation.angle() - a.rotation.angle())),
        );
        let mut information = Vector3::from(edge.sigma.map(|s| 1.0 / (s * s)));
        if edge.doubtful {
            // Cauchy's weight.
            let squared = off.component_mul(&off).dot(&information);
            information /= 1.0 + squared / (DOUBTFUL_SIGMAS * DOUBTFUL_SIGMAS);
        }
        let information = Matrix3::from_diagonal(&information);
        // Turning the one turns what it sees of the other the other way.
        let turned = Vector2::new(seen.y, -seen.x);
        let (m, t) = (back, turned);
        let of_a = Matrix3::new(-m[(0, 0)], -m[(0, 1)], t.x, -m[(1, 0)], -m[(1, 1)], t.y, 0.0, 0.0, -1.0);
        let of_b = Matrix3::new(m[(0, 0)], m[(0, 1)], 0.0, m[(1, 0)], m[(1, 1)], 0.0, 0.0, 0.0, 1.0);
        self.diagonal[edge.from] += of_a.transpose() * information * of_a;
        self.diagonal[edge.to] += of_b.transpose() * information * of_b;
        self.beside.push((edge.from, edge.to, of_a.transpose() * information * of_b));
        self.right[edge.from] += of_a.transpose() * information * off;
        self.right[edge.to] += of_b.transpose() * information * off;
    }

    fn times(&self, vector: &[Vector3<f64>]) -> Vec<Vector3<f64>> {
        let mut product: Vec<Vector3<f64>> = self.diagonal.iter().zip(vector).map(|(m, v)| m * v).collect();
        for (row, column, block) in &self.beside {
            product[*row] += block * vector[*column];
            product[*column] += block.tr_mul(&vector[*row]);
        }
        product
    }

    /// Conjugate gradients, preconditioned by the diagonal blocks.
    fn solve(&self) -> Vec<Vector3<f64>> {
        let invert = |m: &Matrix3<f64>| m.try_inverse().unwrap_or_else(Matrix3::identity);
        let inverses: Vec<Matrix3<f64>> = self.diagonal.iter().map(invert).collect();
        let condition = |v: &[Vector3<f64>]| -> Vec<Vector3<f64>> {
            inverses.iter().zip(v).map(|(m, v)| m * v).collect()
        };
        let dot =
            |a: &[Vector3<f64>], b: &[Vector3<f64>]| a.iter().zip(b).map(|(a, b)| a.dot(b)).sum::<f64>();
        let mut solution = vec![Vector3::zeros(); self.right.len()];
        let mut rest = self.right.clone();
        let mut conditioned = condition(&rest);
        let mut direction = conditioned.clone();
        let mut gain = dot(&rest, &conditioned);
        let first = gain;
        for _ in 0..3 * self.right.len() + 20 {
            if gain <= first * SOLVED * SOLVED || gain <= 0.0 {
                break;
            }
            let image = self.times(&direction);
            let length = gain / dot(&direction, &image);
            for (value, along) in solution.iter_mut().zip(&direction) {
                *value += along * length;
            }
            for (value, along) in rest.iter_mut().zip(&image) {
                *value -= along * length;
            }
            conditioned = condition(&rest);
            let next = dot(&rest, &conditioned);
            let keep = next / gain;
            gain = next;
            for (d, c) in direction.iter_mut().zip(&conditioned) {
                *d = c + *d * keep;
            }
        }
        solution
    }
}
