//! Scenes for training: lab ware on a bench in a room, all of it drawn from a seed.

mod close;
mod clutter;
mod exhibit;
mod light;
mod placing;
mod room;
mod stuff;
mod wares;

pub use close::close_up;
pub use exhibit::{Exhibit, exhibit};

use crate::camera::{Lens, Shot};
use crate::film::Film;
use crate::scene::{Ambient, Body, Scene};
use crate::ware::{Contents, Portion};
use nalgebra::Isometry3;

/// What a thing in the picture is called; the numbers are those of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    VialOpen = 1,
    VialCapped,
    Bottle,
    Beaker,
    Flask,
    TestTube,
    WellPlate,
    Substrate,
    Rack,
    Cap,
    Lid,
    Cartridge,
    Content,
}

impl Category {
    pub const ALL: [Self; 13] = [
        Self::VialOpen,
        Self::VialCapped,
        Self::Bottle,
        Self::Beaker,
        Self::Flask,
        Self::TestTube,
        Self::WellPlate,
        Self::Substrate,
        Self::Rack,
        Self::Cap,
        Self::Lid,
        Self::Cartridge,
        Self::Content,
    ];

    /// Its name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::VialOpen => "vial_open",
            Self::VialCapped => "vial_capped",
            Self::Bottle => "bottle",
            Self::Beaker => "beaker",
            Self::Flask => "flask",
            Self::TestTube => "test_tube",
            Self::WellPlate => "well_plate",
            Self::Substrate => "substrate",
            Self::Rack => "rack",
            Self::Cap => "cap",
            Self::Lid => "lid",
            Self::Cartridge => "cartridge",
            Self::Content => "content",
        }
    }
}

/// What is known of a vessel's content.
#[derive(Clone, Debug)]
pub struct Filling {
    pub contents: Contents,
    /// Of the inside: its floor and where it can be filled to, metres over the foot.
    pub floor_m: f32,
    pub brim_m: f32,
    /// Up to the brim, and filled, m^3.
    pub capacity_m3: f64,
    pub volume_m3: f64,
    /// Amber or clear glass, or plastic.
    pub glass: &'static str,
}

impl Filling {
    /// The highest level, where there is one.
    pub fn top(&self) -> Option<&Portion> {
        self.contents.portions.last()
    }
}

/// A thing of a scene that is told in the data set.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the scene's bodies.
    pub body: usize,
    pub category: Category,
    pub map_from_item: Isometry3<f64>,
    /// Least and greatest corner in its own frame, metres.
    pub low_m: [f32; 3],
    pub high_m: [f32; 3],
    /// Turning it about z changes nothing.
    pub symmetric: bool,
    pub filling: Option<Filling>,
    pub code: Option<String>,
}

/// A scene, ready to be taken.
pub struct Staged {
    pub scene: Scene,
    pub shot: Shot,
    pub film: Film,
    pub items: Vec<Item>,
    /// What kind of light it is: `day`, `evening`, `night`.
    pub light: &'static str,
}

/// Bodies and what is told of them, while a scene is being set.
#[derive(Default)]
pub(crate) struct Stage {
    pub bodies: Vec<Body>,
    pub items: Vec<Item>,
}

/// Turns at finding a view that shows some ware.
const LOOKS: usize = 8;

/// Sets a scene. The same seed and size give the same scene.
pub fn stage(seed: u64, width: usize, height: usize) -> Staged {
    let mut stage = Stage::default();
    let mut draws = crate::random::Draws::new(seed, 1, 0);
    let bench = room::room(&mut stage, &mut draws);
    let reach_m = placing::wares(&mut stage, &bench, &mut draws);
    let mut view = placing::view(&stage, reach_m, [width, height], seed, &mut draws);
    for _ in 0..LOOKS {
        if placing::shows(&stage, &view) {
            break;
        }
        view = placing::view(&stage, reach_m, [width, height], seed, &mut draws);
    }
    clutter::clutter(&mut stage, reach_m, &view, &mut draws);
    let lit = light::light(&mut stage, &bench, &view, &mut draws);
    let film = light::film(&lit, view.distance_m, width, seed, &mut draws);
    view.shot.lens = Lens::of(film.focus, view.shot.intrinsics.fx);
    let ambient: Ambient = lit.ambient;
    Staged {
        scene: Scene::new(ambient, stage.bodies),
        shot: view.shot,
        film,
        items: stage.items,
        light: lit.name,
    }
}
