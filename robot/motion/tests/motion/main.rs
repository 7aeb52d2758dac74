//! What callers rely on, on the bundled robot at the bundled site.

mod arms;
mod docked;
mod followed;
mod kinematics;
mod planning;
mod station;
mod upright;
