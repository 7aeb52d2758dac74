//! The executive against a fake laboratory that knows the truth.

mod by_hand;
mod calls;
mod cancel;
mod charge;
mod failures;
mod happy;
mod lab;
mod parts;
mod refine;
mod restart;
mod search;
mod seen;
mod site;
mod storm;
mod wrist;
