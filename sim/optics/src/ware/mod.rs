//! Lab ware from parameters.

mod content;
mod flat;
mod glass;
mod outline;

pub use content::{Contents, Portion, fill};
pub use flat::{PLATE_M, Plate, Rack, Slide, plate, rack, slide};
pub use glass::{BadWare, Cap, CapKind, Form, Glassware, Marks};
pub use nightshift_core::describe::Phase;

/// What a part of a ware's body is: the mark of `Part::kind`.
pub mod kind {
    /// Nothing in particular.
    pub const PLAIN: u8 = 0;
    /// A cap, septum, crimp or stopper.
    pub const CAP: u8 = 1;
    /// A label, graduation or print on a vessel.
    pub const PRINT: u8 = 2;
}
