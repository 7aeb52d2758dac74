//! Where the arm is, and which joint positions put it there.
//!
//! - [`chain`]: forward kinematics and Jacobian of any serial arm.
//! - [`family`]: recognises arms whose inverse has a closed form; [`closed`] evaluates it, [`turns`] are its pieces.
//! - [`numeric`]: damped least squares for the rest, and for what came nearest where there is no solution.
//! - [`inverse`]: puts them together.

pub(crate) mod chain;
pub(crate) mod closed;
pub(crate) mod dexterity;
pub(crate) mod family;
pub(crate) mod inverse;
pub(crate) mod numeric;
pub(crate) mod turns;

/// Joints that an arm may have at most: seven, and a lift.
pub(crate) const MAX_JOINTS: usize = 8;

/// One position a joint; those beyond the arm's count are zero.
pub(crate) type Position = [f64; MAX_JOINTS];
