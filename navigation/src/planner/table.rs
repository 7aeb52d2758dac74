//! What one side of a search has reached.

use super::lattice::HEADINGS;

/// No node, or no page.
pub const NOWHERE: u32 = u32::MAX;

/// What is known of a node.
#[derive(Clone, Copy)]
pub struct Reached {
    /// From the side's root.
    pub seconds: f32,
    /// The node before, or [`NOWHERE`].
    pub parent: u32,
    /// Whether the search went on from it.
    pub closed: bool,
    /// What is spare there, metres; NaN as long as nobody asked.
    pub spare_m: f32,
}

const UNREACHED: Reached =
    Reached { seconds: f32::INFINITY, parent: NOWHERE, closed: false, spare_m: f32::NAN };

/// Kept by places: most of a map is never looked at.
pub struct Table {
    page_of: Vec<u32>,
    pages: Vec<[Reached; HEADINGS]>,
}

impl Table {
    /// Of so many places.
    pub fn new(places: usize) -> Self {
        Self { page_of: vec![NOWHERE; places], pages: Vec::new() }
    }

    /// A node's entry, by its number.
    pub fn at(&mut self, index: usize) -> &mut Reached {
        let page = &mut self.page_of[index / HEADINGS];
        if *page == NOWHERE {
            *page = self.pages.len() as u32;
            self.pages.push([UNREACHED; HEADINGS]);
        }
        &mut self.pages[*page as usize][index % HEADINGS]
    }

    /// The nodes that the search went on from, and after how many seconds they were reached.
    pub fn closed(&self) -> Vec<(usize, f32)> {
        let places = self.page_of.iter().enumerate().filter(|(_, page)| **page != NOWHERE);
        let nodes = places.flat_map(|(place, page)| {
            let page = self.pages[*page as usize].iter().enumerate().filter(|(_, reached)| reached.closed);
            page.map(move |(heading, reached)| (place * HEADINGS + heading, reached.seconds))
        });
        nodes.collect()
    }

    /// Whether the search went on from a node.
    pub fn is_closed(&self, index: usize) -> bool {
        let page = self.page_of[index / HEADINGS];
        page != NOWHERE && self.pages[page as usize][index % HEADINGS].closed
    }
}
