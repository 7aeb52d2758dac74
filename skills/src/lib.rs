//! What the robot does with samples: jobs, the sample ledger and its store, and the stages of a transfer.
//!
//! The [`Executive`] is the one component. It owns a queue of jobs, runs their items one after the other, each as a
//! list of stages that is composed for a goal (deliver, return, safe) from where the sample and the robot are, and
//! writes what it is about to do, and what it has done, to the ledger before it goes on. Pictures, motion plans and
//! writes to disk are *effects*: asked for as outputs, answered as inputs. Only [`store`] touches a disk.
//!
//! A search moves nothing: it looks at racks and brings the ledger to what it reads there.
//!
//! `Load` and `Unload` are transfers that must end, or begin, at an instrument. A station whose file has a machine is
//! asked to get ready before the hand reaches in, and released when it is out, whatever the job is: that it is owed a
//! release is in the ledger, so that neither a cancel nor a kill leaves a door open for ever.

mod action;
mod belief;
mod calls;
mod chain;
mod charge;
mod chores;
mod context;
mod docking;
mod executive;
mod grasp;
mod grip;
mod guard;
mod item;
mod job;
mod job_run;
mod ledger;
mod limits;
mod located;
mod messages;
mod motion;
mod program;
pub mod reach;
mod restart;
mod restored;
mod run;
mod runner;
mod running;
mod scene;
mod search;
mod seen;
mod sight;
mod stages;
pub mod store;
mod touch;
mod validate;
mod world;

pub use chain::{Entry, Head};
pub use executive::Executive;
pub use job::JobRecord;
pub use ledger::{Body, Ledger, Sample, Whereabouts};
pub use located::Located;
pub use messages::{EffectId, Look, SkillInput, SkillOutput};
pub use restored::Restored;
pub use store::{Store, StoreRecord};
