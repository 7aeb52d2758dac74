//! What is in the simulated world, as bodies and the shapes on them. Physics, laser and camera are all made from
//! this one list.

use crate::SimError;
use crate::content::Content;
use crate::people::PARTS;
use crate::rack;
use crate::tags;
use crate::truth::ObstacleTruth;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use nightshift_core::describe::{
    Closure, Form as Outline, Glass, Loose, LooseKind, PartJoint, RackType, Robot, Site, Solid, Station,
    Surface, Vial, fiducial_of_code,
};
use nightshift_core::frames::{Link, Map, Pose2, Slot, Ware};
use nightshift_core::random::Seed;
use nightshift_core::{Address, PartId, Pose, SampleId, StationId, ids};
use rand::Rng;

/// A vial's cap, kg.
pub const CAP_KG: f64 = 0.002;

/// What a brushed metal does to light.
const BRUSHED: Surface = Surface { diffuse: 0.3, specular: 0.25, transmitted: 0.0 };
const ALUMINIUM: [u8; 3] = [200, 202, 205];

/// A box that a fault put into the world.
#[derive(Clone, Debug, PartialEq)]
pub struct ObstacleBox {
    /// Edges along x, y, z.
    pub size_m: [f64; 3],
    /// The middle of its underside.
    pub pose: Pose2<Map, Link>,
    /// From the floor to its underside.
    pub over_m: f64,
}

/// The body that a shape is fixed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The room.
    World,
    /// A link of the robot, by its place in [`Scene::links`].
    Link(usize),
    /// A vial, by its place in [`Scene::vials`].
    Vial(usize),
    /// A moving part of a station, by its place in [`Scene::parts`]; its frame is the station's at position 0.
    Part(usize),
    /// A part of a person, by the person's number and the part's place in `people::PARTS`.
    Person(usize, usize),
    /// A cap that came off, by its place in [`Scene::loose_caps`].
    LooseCap(usize),
    /// Labware that is not carried, by its place in [`Scene::wares`].
    Ware(usize),
}

/// What a shape is, for judging contacts and for the sensors' rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// The room's floor.
    Floor,
    /// Walls, furniture, stations and their racks.
    Fixture,
    /// A rack at a station: a finger may feel for it.
    Rack,
    /// What fingers close on to move a station's part.
    Knob,
    /// A fault's box.
    Obstacle,
    /// A person.
    Person,
    /// The robot; `finger` is 0 or 1 on the two fingers, in the description's order.
    Robot {
        /// Which finger, if one.
        finger: Option<usize>,
    },
    /// The glass body of a vial.
    Glass(usize),
    /// The body of what is carried as a vial and is not of glass.
    Shell(usize),
    /// The cap of a vial.
    Cap(usize),
    /// A cap that came off.
    LooseCap,
    /// Labware that is not carried.
    Ware {
        /// Whether light goes through.
        clear: bool,
    },
}

/// A shape's form in its own frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Centred on its origin.
    Solid(Solid),
    /// The half space below z = 0.
    Ground,
    /// A printed tag36h11 in the plane z = 0, seen from above, with its quiet zone.
    Tag {
        /// Edge of the black square.
        size_m: f64,
        /// Its 36 bits.
        code: u64,
    },
}

/// A shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Prim {
    /// For messages.
    pub name: String,
    /// What it hangs on.
    pub host: Host,
    /// Where on it.
    pub host_from_prim: Isometry3<f64>,
    /// Its form.
    pub form: Form,
    /// What it is.
    pub role: Role,
    /// Red, green, blue.
    pub color: [u8; 3],
    /// Whether physics knows it.
    pub collides: bool,
    /// Whether the camera sees it.
    pub visible: bool,
    /// What it does to a laser's light.
    pub surface: Surface,
}

/// A vial of the stock.
#[derive(Clone, Debug, PartialEq)]
pub struct VialSpec {
    /// Its name.
    pub sample: SampleId,
    /// Its type.
    pub kind: Vial,
    /// Where it stands at the start.
    pub start: Pose<Map, Ware>,
    /// What is in it.
    pub content: Content,
    /// Whether its cap is on.
    pub capped: bool,
}

impl VialSpec {
    /// With all in and on it.
    pub fn mass_kg(&self) -> f64 {
        let whole = self.content.inertia(&self.kind).mass_kg;
        if self.capped { whole } else { whole - CAP_KG }
    }
}

/// A cap that came off.
#[derive(Clone, Debug, PartialEq)]
pub struct LooseCap {
    /// Of which vial.
    pub vial: usize,
    /// Where it began to be loose: its middle, z along the vial's axis.
    pub start: Isometry3<f64>,
}

/// Labware that is not carried.
#[derive(Clone, Debug, PartialEq)]
pub struct WareSpec {
    /// As the stock has it.
    pub piece: Loose,
    /// Where it stands or lies at the start.
    pub start: Pose<Map, Ware>,
}

/// A moving part of a station.
#[derive(Clone, Debug, PartialEq)]
pub struct PartSpec {
    /// Whose.
    pub station: StationId,
    /// Which.
    pub id: PartId,
    /// How it moves.
    pub joint: PartJoint,
    /// Where its station stands.
    pub map_from_station: Isometry3<f64>,
    /// Where it is at the start, 0 to 1.
    pub start: f64,
    /// What a hand must overcome, N, or N m about a hinge, where it has no drive.
    pub drag: Option<f64>,
}

/// A slot of a station.
#[derive(Clone, Debug, PartialEq)]
pub struct StationSlot {
    /// Its name.
    pub address: Address,
    /// What its rack stands on.
    pub host: Host,
    /// Where on it.
    pub host_from_slot: Isometry3<f64>,
}

/// The whole world.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Links of the robot, parents before children; the first is the base.
    pub links: Vec<String>,
    /// Samples in the stock's order.
    pub vials: Vec<VialSpec>,
    /// Labware that is not carried, in the stock's order.
    pub wares: Vec<WareSpec>,
    /// Moving parts of all stations.
    pub parts: Vec<PartSpec>,
    /// Slots at stations.
    pub station_slots: Vec<StationSlot>,
    /// How many people there are.
    pub people: usize,
    /// Caps that came off, in the order in which they did.
    pub loose_caps: Vec<LooseCap>,
    /// All shapes.
    pub prims: Vec<Prim>,
}

impl Scene {
    /// Collects everything. `seed` decides how the vials are turned about their axes.
    pub fn new(site: &Site, robot: &Robot, seed: Seed) -> Result<Self, SimError> {
        let mut scene = Self {
            links: Vec::new(),
            vials: Vec::new(),
            wares: Vec::new(),
            parts: Vec::new(),
            station_slots: Vec::new(),
            people: 0,
            loose_caps: Vec::new(),
            prims: Vec::new(),
        };
        scene.prims.push(Prim {
            name: "floor".into(),
            host: Host::World,
            host_from_prim: Isometry3::identity(),
            form: Form::Ground,
            role: Role::Floor,
            color: [170, 172, 168],
            collides: true,
            visible: true,
            surface: Surface::MATT,
        });
        for shape in &site.furniture {
            scene.fixture(shape.name.clone(), shape.pose.iso, shape.solid, shape.color, site.surface(shape));
        }
        scene.add_stations(site)?;
        scene.add_robot(site, robot)?;
        scene.add_vials(site, seed)?;
        scene.add_wares(site);
        Ok(scene)
    }

    /// Lets people in. What they wear is dark or light, by their number.
    pub fn let_in(&mut self, count: usize) {
        for person in 0..count {
            let (shade, diffuse) =
                [([60, 70, 100], 0.12), ([180, 60, 60], 0.35), ([220, 220, 215], 0.7)][person % 3];
            for (part, (name, solid)) in PARTS.into_iter().enumerate() {
                self.prims.push(Prim {
                    name: format!("the {name} of person {}", person + 1),
                    host: Host::Person(person, part),
                    host_from_prim: Isometry3::identity(),
                    form: Form::Solid(solid),
                    role: Role::Person,
                    color: if name == "head" { [220, 180, 150] } else { shade },
                    collides: true,
                    visible: true,
                    surface: Surface { diffuse, ..Surface::MATT },
                });
            }
        }
        self.people = count;
    }

    /// Puts a fault's box in, in place of one of the same name.
    pub fn put_obstacle(&mut self, name: &str, obstacle: &ObstacleBox) {
        self.remove_obstacle(name);
        let above = Translation3::new(0.0, 0.0, obstacle.over_m + obstacle.size_m[2] / 2.0);
        self.prims.push(Prim {
            name: name.to_owned(),
            host: Host::World,
            host_from_prim: obstacle.pose.spatial().iso * above,
            form: Form::Solid(Solid::Box { size_m: obstacle.size_m }),
            role: Role::Obstacle,
            color: [150, 120, 80],
            collides: true,
            visible: true,
            surface: Surface::MATT,
        });
    }

    /// The faults' boxes, by their names.
    pub fn obstacles(&self) -> impl Iterator<Item = (String, ObstacleTruth)> {
        self.prims.iter().filter(|prim| prim.role == Role::Obstacle).filter_map(|prim| {
            let Form::Solid(Solid::Box { size_m }) = prim.form else { return None };
            let pose = Pose::new(prim.host_from_prim).planar();
            Some((prim.name.clone(), ObstacleTruth { pose, size_m }))
        })
    }

    /// Takes a fault's box away; false where there is none of that name.
    pub fn remove_obstacle(&mut self, name: &str) -> bool {
        let before = self.prims.len();
        self.prims.retain(|prim| prim.role != Role::Obstacle || prim.name != name);
        self.prims.len() < before
    }

    /// A vial like another one, of another name and with another label, at a pose. Answers its place in `vials`.
    pub fn add_stranger(
        &mut self,
        model: usize,
        sample: SampleId,
        tag: u32,
        pose: Isometry3<f64>,
    ) -> Result<usize, SimError> {
        let index = self.vials.len();
        let shapes = self.prims.iter().filter(|prim| prim.host == Host::Vial(model));
        let shapes: Vec<Prim> = shapes.filter(|prim| matches!(prim.form, Form::Solid(_))).cloned().collect();
        for shape in shapes {
            let role = match shape.role {
                Role::Glass(_) => Role::Glass(index),
                Role::Shell(_) => Role::Shell(index),
                Role::Cap(_) => Role::Cap(index),
                other => other,
            };
            self.prims.push(Prim { name: sample.to_string(), host: Host::Vial(index), role, ..shape });
        }
        let kind = &self.vials[model].kind;
        let (on_top, size_m) = (Isometry3::translation(0.0, 0.0, kind.height_m + 1e-4), kind.cap.tag_size_m);
        self.tag(Host::Vial(index), on_top, tag, size_m, Role::Cap(index))?;
        self.vials.push(VialSpec { sample, start: Pose::new(pose), ..self.vials[model].clone() });
        Ok(index)
    }

    /// Takes the cap off a vial that stands at a pose: from now on it is a thing of its own.
    pub fn uncap(&mut self, vial: usize, map_from_ware: &Isometry3<f64>) {
        let spec = &mut self.vials[vial];
        spec.capped = false;
        let (cap, height_m) = (spec.kind.cap, spec.kind.height_m);
        let name = format!("cap of {}", spec.sample);
        for prim in self.prims.iter_mut().filter(|prim| prim.role == Role::Cap(vial)) {
            (prim.collides, prim.visible) = (false, false);
        }
        let middle = Isometry3::translation(0.0, 0.0, height_m - cap.height_m / 2.0);
        let host = Host::LooseCap(self.loose_caps.len());
        self.loose_caps.push(LooseCap { vial, start: map_from_ware * middle });
        self.prims.push(Prim {
            name,
            host,
            host_from_prim: Isometry3::identity(),
            form: Form::Solid(Solid::Cylinder { radius_m: cap.diameter_m / 2.0, height_m: cap.height_m }),
            role: Role::LooseCap,
            color: [240, 240, 240],
            collides: true,
            visible: true,
            surface: Surface::MATT,
        });
    }

    fn fixture(
        &mut self,
        name: String,
        map_from_prim: Isometry3<f64>,
        solid: Solid,
        color: [u8; 3],
        surface: Surface,
    ) {
        self.prims.push(Prim {
            name,
            host: Host::World,
            host_from_prim: map_from_prim,
            form: Form::Solid(solid),
            role: Role::Fixture,
            color,
            collides: true,
            visible: true,
            surface,
        });
    }

    fn tag(
        &mut self,
        host: Host,
        host_from_tag: Isometry3<f64>,
        id: u32,
        size_m: f64,
        role: Role,
    ) -> Result<(), SimError> {
        let code = tags::code(id)
            .ok_or_else(|| SimError::Description(format!("tag {id} is not in the family tag36h11")))?;
        self.prims.push(Prim {
            name: format!("tag {id}"),
            host,
            host_from_prim: host_from_tag,
            form: Form::Tag { size_m, code },
            role,
            color: [255; 3],
            collides: false,
            visible: true,
            surface: Surface::MATT,
        });
        Ok(())
    }

    fn add_stations(&mut self, site: &Site) -> Result<(), SimError> {
        for (id, station) in &site.stations {
            let map_from_station = station.pose.spatial();
            for shape in &station.shapes {
                let pose = map_from_station * shape.pose;
                let surface = site.surface(shape);
                self.fixture(format!("{} of {id}", shape.name), pose.iso, shape.solid, shape.color, surface);
            }
            let tag = &station.dock.tag;
            let map_from_tag = map_from_station * tag.pose;
            self.tag(Host::World, map_from_tag.iso, tag.id, tag.size_m, Role::Fixture)?;
            let first_part = self.parts.len();
            self.add_parts(site, station);
            for (name, nest) in &station.nests {
                let rack = find_rack(site, &nest.rack)?;
                let (host, host_from_nest) = match &nest.on {
                    None => (Host::World, (map_from_station * nest.pose).iso),
                    Some(on) => {
                        let part = self.parts[first_part..].iter().position(|part| part.id == *on);
                        let missing = || SimError::Description(format!("{id} has no part {on}"));
                        (Host::Part(first_part + part.ok_or_else(missing)?), nest.pose.iso)
                    }
                };
                self.add_rack(rack, &nest.tags, host, host_from_nest, &format!("{name} of {id}"))?;
                for slot in rack.slots() {
                    if let Some(nest_from_slot) = rack.nest_from_slot(&slot) {
                        let address = Address { station: id.clone(), nest: name.clone(), slot };
                        let host_from_slot = host_from_nest * nest_from_slot.iso;
                        self.station_slots.push(StationSlot { address, host, host_from_slot });
                    }
                }
            }
        }
        Ok(())
    }

    fn add_parts(&mut self, site: &Site, station: &Station) {
        let start = station.machine.as_ref().map(|machine| station.part_positions(&machine.start, None));
        for (id, part) in &station.parts {
            let host = Host::Part(self.parts.len());
            for shape in &part.shapes {
                self.prims.push(Prim {
                    name: format!("{} of {}", shape.name, station.id),
                    host,
                    host_from_prim: shape.pose.iso,
                    form: Form::Solid(shape.solid),
                    role: if part.hand.as_ref().is_some_and(|hand| hand.knob == shape.name) {
                        Role::Knob
                    } else {
                        Role::Fixture
                    },
                    color: shape.color,
                    collides: true,
                    visible: true,
                    surface: site.surface(shape),
                });
            }
            // A hinge's drag is a torque: what the knob needs, at the knob's distance.
            let drag = part.hand.as_ref().zip(part.knob()).map(|(hand, knob)| {
                let lever = part.joint.way_m(&knob.pose.translation().into()) / part.joint.travel().abs();
                hand.drag_n * lever
            });
            self.parts.push(PartSpec {
                drag,
                station: station.id.clone(),
                id: id.clone(),
                joint: part.joint,
                map_from_station: station.pose.spatial().iso,
                start: start.as_ref().and_then(|start| start.get(id).copied()).unwrap_or(0.0),
            });
        }
    }

    /// Where a part's frame is in the map when the part is at a position.
    pub fn map_from_part(&self, index: usize, position: f64) -> Isometry3<f64> {
        let part = &self.parts[index];
        part.map_from_station * part.joint.displacement(position)
    }

    /// A rack: floor plate, bars along y between and beside the rows, pieces along x between and beside the columns,
    /// their edges rounded towards the slots.
    fn add_rack(
        &mut self,
        rack: &RackType,
        tag_ids: &[u32],
        host: Host,
        host_from_nest: Isometry3<f64>,
        name: &str,
    ) -> Result<(), SimError> {
        let role = match host {
            Host::World | Host::Part(_) => Role::Rack,
            Host::Link(_) | Host::Vial(_) | Host::LooseCap(_) | Host::Ware(_) | Host::Person(..) => {
                Role::Robot { finger: None }
            }
        };
        for piece in rack::pieces(rack) {
            self.prims.push(Prim {
                name: name.to_owned(),
                host,
                host_from_prim: host_from_nest * piece.nest_from_piece,
                form: Form::Solid(piece.solid),
                role: role.clone(),
                color: piece.color,
                collides: true,
                visible: true,
                surface: Surface::MATT,
            });
        }
        for (mount, id) in rack.tags.iter().zip(tag_ids) {
            self.tag(host, host_from_nest * mount.pose.iso, *id, mount.size_m, role.clone())?;
        }
        Ok(())
    }

    fn add_robot(&mut self, site: &Site, robot: &Robot) -> Result<(), SimError> {
        self.links.push(robot.model.root.clone());
        self.links.extend(robot.model.joints.iter().map(|joint| joint.child.clone()));
        let fingers: Vec<Option<&str>> = robot
            .gripper
            .joints
            .iter()
            .map(|name| robot.model.joint(name).map(|j| j.child.as_str()))
            .collect();
        for (index, name) in self.links.clone().into_iter().enumerate() {
            let link = &robot.model.links[&name];
            let finger = fingers.iter().position(|finger| *finger == Some(name.as_str()));
            let mut add = |shape: &nightshift_core::describe::LinkShape, collides, visible| {
                self.prims.push(Prim {
                    name: name.clone(),
                    host: Host::Link(index),
                    host_from_prim: shape.link_from_shape,
                    form: Form::Solid(shape.solid),
                    role: Role::Robot { finger },
                    color: shape.color,
                    collides,
                    visible,
                    surface: Surface::MATT,
                });
            };
            let same = |a: &nightshift_core::describe::LinkShape,
                        b: &nightshift_core::describe::LinkShape| {
                a.solid == b.solid && a.link_from_shape == b.link_from_shape
            };
            for shape in &link.visual {
                add(shape, link.collision.iter().any(|other| same(shape, other)), true);
            }
            for shape in &link.collision {
                if !link.visual.iter().any(|other| same(shape, other)) {
                    add(shape, true, false);
                }
            }
        }
        for (name, nest) in &robot.deck {
            let rack = find_rack(site, &nest.rack)?;
            self.add_rack(
                rack,
                &nest.tags,
                Host::Link(0),
                nest.pose.iso,
                &format!("{name} of {}", ids::DECK),
            )?;
        }
        Ok(())
    }

    fn add_vials(&mut self, site: &Site, seed: Seed) -> Result<(), SimError> {
        let mut turns = seed.stream("vial-yaw");
        for item in &site.stock {
            let kind = site.catalogue.vials.get(&item.labware).ok_or_else(|| {
                SimError::Description(format!("{}: no labware type {}", item.id, item.labware))
            })?;
            let slot = self.station_slots.iter().find(|slot| slot.address == item.at);
            let slot = slot.ok_or_else(|| {
                SimError::Description(format!("{}: the site has no slot {}", item.id, item.at))
            })?;
            let map_from_host = match slot.host {
                Host::Part(index) => self.map_from_part(index, self.parts[index].start),
                _ => Isometry3::identity(),
            };
            let map_from_slot = Pose::<Map, Slot>::new(map_from_host * slot.host_from_slot);
            let yaw = turns.random_range(-std::f64::consts::PI..std::f64::consts::PI);
            let slot_from_ware = Pose::<Slot, Ware>::from_xyz_rpy([0.0; 3], [0.0, 0.0, yaw]);
            let start = map_from_slot * slot_from_ware;
            let index = self.vials.len();
            let tag = fiducial_of_code(&item.code).ok_or_else(|| {
                SimError::Description(format!("{}: unreadable code {:?}", item.id, item.code))
            })?;
            self.add_vial_shapes(index, &item.id, kind);
            let on_top = Isometry3::translation(0.0, 0.0, kind.height_m + 1e-4);
            self.tag(Host::Vial(index), on_top, tag, kind.cap.tag_size_m, Role::Cap(index))?;
            let content = Content::new(kind, item.content.as_ref());
            let (sample, kind, capped) = (item.id.clone(), kind.clone(), !item.open);
            if item.open {
                for prim in self.prims.iter_mut().filter(|prim| prim.role == Role::Cap(index)) {
                    (prim.collides, prim.visible) = (false, false);
                }
            }
            self.vials.push(VialSpec { sample, kind, start, content, capped });
        }
        Ok(())
    }

    fn add_vial_shapes(&mut self, index: usize, sample: &SampleId, kind: &Vial) {
        let body_m = kind.height_m - kind.cap.height_m;
        let (body, color) = match kind.vessel.form {
            Outline::Carrier => ((Role::Shell(index), BRUSHED), ALUMINIUM),
            _ => ((Role::Glass(index), Surface::MATT), [190, 205, 210]),
        };
        let cap = match kind.cap.closure {
            Closure::Screw | Closure::Septum => (Surface::MATT, [240, 240, 240]),
            Closure::Crimp => (BRUSHED, ALUMINIUM),
            Closure::Stopper => (Surface::MATT, [60, 60, 64]),
        };
        let parts = [
            (0.0, body_m, kind.diameter_m, body, color),
            (body_m, kind.cap.height_m, kind.cap.diameter_m, (Role::Cap(index), cap.0), cap.1),
        ];
        for (from_m, height_m, diameter_m, (role, surface), color) in parts {
            self.prims.push(Prim {
                name: sample.to_string(),
                host: Host::Vial(index),
                host_from_prim: Isometry3::translation(0.0, 0.0, from_m + height_m / 2.0),
                form: Form::Solid(Solid::Cylinder { radius_m: diameter_m / 2.0, height_m }),
                role,
                color,
                collides: true,
                visible: true,
                surface,
            });
        }
    }

    fn add_wares(&mut self, site: &Site) {
        for piece in &site.loose {
            let Some(station) = site.stations.get(&piece.station) else { continue };
            let start = station.pose.spatial() * piece.pose;
            let (solid, ware_from_prim) = piece.kind.solid();
            let (clear, color) = match &piece.kind {
                LooseKind::Plate(plate) => (false, plate.color),
                LooseKind::Substrate(_) => (true, [190, 205, 210]),
                LooseKind::Vessel(vessel) => match vessel.glass {
                    Glass::Clear => (true, [190, 205, 210]),
                    Glass::Amber => (true, [120, 70, 30]),
                    Glass::Plastic => (true, [225, 228, 230]),
                },
            };
            self.prims.push(Prim {
                name: piece.id.clone(),
                host: Host::Ware(self.wares.len()),
                host_from_prim: ware_from_prim.iso,
                form: Form::Solid(solid),
                role: Role::Ware { clear },
                color,
                collides: true,
                visible: true,
                surface: Surface::MATT,
            });
            self.wares.push(WareSpec { piece: piece.clone(), start });
        }
    }
}

fn find_rack<'a>(site: &'a Site, name: &str) -> Result<&'a RackType, SimError> {
    let rack = site.catalogue.racks.get(name);
    rack.ok_or_else(|| SimError::Description(format!("the site's labware.toml has no rack type {name}")))
}

/// An isometry from MuJoCo's position and quaternion (w first).
pub fn isometry(pos: [f64; 3], quat: [f64; 4]) -> Isometry3<f64> {
    let rotation =
        UnitQuaternion::new_normalize(nalgebra::Quaternion::new(quat[0], quat[1], quat[2], quat[3]));
    Isometry3::from_parts(Translation3::from(Vector3::from(pos)), rotation)
}
