//! The light that comes along a ray (Whitted 1980, "An improved illumination model for shaded display").

use crate::pattern::{cells, noise};
use crate::random::Draws;
use crate::scene::{Hit, Scene, Spotted};
use crate::space::{Ray, V3};
use crate::surface::{AIR, Medium, Paint, Rgb, Surface, fresnel};
use crate::vessel::{Spot, Stuff, Vessel};

/// A ray ends after so many surfaces. Through a full vial it meets four, through two in a row eight.
const MOST_SURFACES: usize = 12;
/// Reflections at the first so many surfaces are followed; later ones show the room's mean light.
const FOLLOWED: usize = 2;
/// A reflection weaker than this is not followed.
const FAINT: f32 = 0.006;
/// A ray of which less than this is left is given up: it ends in no more than a step or two of a display value.
const FAINTEST: f32 = 0.012;
/// At later surfaces, a reflection stronger than this is followed in the place of the passing ray, by chance.
const STRONG: f32 = 0.35;

/// What the ray through a pixel's middle met.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sight {
    /// Distance to the first surface, along the ray; none where there is nothing.
    pub t: Option<f32>,
    pub body: Option<usize>,
    /// The mark of the part, where the first surface is a part.
    pub kind: Option<u8>,
    /// The first content that the ray meets inside the vessel that it sees first: its layer, or `PIECE`.
    pub content: Option<u8>,
    /// The first surface is clear, or a metal.
    pub clear: bool,
    pub metal: bool,
    /// Distance to the first surface that is not clear.
    pub opaque_t: Option<f32>,
}

/// The same, and what a picture needs to know of it while it is being taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub sight: Sight,
    /// Which part of the body the first surface is, as in `Hit::part`.
    pub part: u32,
    /// What arrives at the first surface where it is matt: its light without its paint. Where it is a plain coat, its light.
    /// A depth camera's dots are in neither.
    pub arriving: Option<Rgb>,
}

/// In `Sight::content`: a piece, not a layer.
pub const PIECE: u8 = 200;

/// What a ray needs to know on its way.
struct Way {
    ray: Ray,
    medium: Medium,
    /// The vessel that it is in, in glass, content or the air inside.
    inside: Option<usize>,
    surfaces: usize,
    weight: Rgb,
}

fn mirrored(direction: V3, normal: V3) -> V3 {
    direction - normal * (2.0 * direction.dot(normal))
}

/// What a hit does to the ray.
enum Meet<'a> {
    Ends(Rgb),
    Mirror {
        tint: Rgb,
        roughness: f32,
    },
    Border {
        before: Medium,
        behind: Medium,
    },
    /// A surface with gaps: its own light, and its share.
    Veil {
        light: Rgb,
        share: f32,
    },
    Shade {
        paint: &'a Paint,
        roughness: Option<f32>,
        bump: Option<(f32, f32)>,
    },
}

/// Radiance that arrives against the ray. `seen`, where given, is filled in.
pub fn radiance(scene: &Scene, ray: Ray, draws: &mut Draws, mut seen: Option<&mut Seen>) -> Rgb {
    let mut total = Rgb::ZERO;
    let mut way = Way { ray, medium: AIR, inside: None, surfaces: 0, weight: Rgb::ONE };
    let mut travelled = 0.0;
    let mut first_body = None;
    while way.surfaces < MOST_SURFACES {
        let hit = match way.inside {
            Some(body) => scene.nearest_of(body, &way.ray).or_else(|| scene.nearest(&way.ray, f32::INFINITY)),
            None => scene.nearest(&way.ray, f32::INFINITY),
        };
        let Some(hit) = hit else {
            return total + way.weight * scene.ambient.along(way.ray.direction);
        };
        pass(scene, &mut way, hit.t, &mut total, draws);
        travelled += hit.t;
        let point = way.ray.at(hit.t);
        let front = way.ray.direction.dot(hit.normal) < 0.0;
        let normal = if front { hit.normal } else { -hit.normal };
        let local = scene.bodies[hit.body].place.point_back(point);
        if let Some(seen) = seen.as_deref_mut() {
            if way.surfaces == 0 {
                seen.part = hit.part;
            }
            look(&mut seen.sight, &hit, travelled, way.surfaces, first_body);
            first_body = first_body.or(Some(hit.body));
        }
        match meet(scene, &hit, local, front, (point, normal)) {
            Meet::Ends(light) => return total + way.weight * light,
            Meet::Veil { light, share } => {
                total += way.weight * light * share;
                way.weight *= 1.0 - share;
                let (medium, inside) = beyond(&hit, way.ray.direction, front);
                way.medium = medium;
                way.inside = inside;
                way.ray.origin = point;
            }
            Meet::Shade { paint, roughness, bump } => {
                let normal = match bump {
                    Some((bump, grain)) => bumped(normal, local, bump, grain),
                    None => normal,
                };
                let cheap = way.surfaces >= FOLLOWED + 2;
                let colour = paint.at(local, hit.uv);
                let at = (point, normal, way.ray.direction);
                let even = way.surfaces == 0 && bump.is_none();
                let dots = dots(scene, colour, roughness, at);
                if let (true, None, Some(seen)) = (even, roughness, seen.as_deref_mut()) {
                    let arriving = shade(scene, Rgb::ONE, None, at, cheap, draws);
                    seen.arriving = Some(arriving);
                    return colour * arriving + dots;
                }
                let light = shade(scene, colour, roughness, at, cheap, draws);
                if let Some(seen) = seen.as_deref_mut()
                    && even
                    && matches!((paint, roughness), (Paint::Plain(_), Some(roughness)) if roughness >= 0.05)
                {
                    seen.arriving = Some(light);
                }
                return total + way.weight * (light + dots);
            }
            Meet::Mirror { tint, roughness } if roughness >= 0.05 => {
                let at = (point, normal, way.ray.direction);
                return total + way.weight * tint * brushed(scene, roughness, at, draws);
            }
            Meet::Mirror { tint, roughness } => {
                let mut out = mirrored(way.ray.direction, normal);
                if roughness > 0.0 {
                    out += draws.ball() * roughness;
                    // What the shaking turned into the metal comes out on the other side of the surface.
                    let depth = out.dot(normal);
                    if depth < 0.0 {
                        out -= normal * (2.0 * depth);
                    }
                }
                way.weight *= tint;
                way.ray = Ray { origin: point, direction: out.normalize() };
                way.inside = None;
            }
            Meet::Border { before, behind } => {
                cross(scene, &mut way, &hit, (point, normal, front), (before, behind), &mut total, draws);
            }
        }
        way.surfaces += 1;
        if way.weight.max_element() < FAINTEST {
            return total;
        }
    }
    total + way.weight * scene.ambient.along(way.ray.direction) * 0.7
}

/// The light of a ray's first surface where it is painted and what arrives there is known, as in `Seen::arriving`; fills in
/// what it tells.
pub(crate) fn glance(scene: &Scene, ray: &Ray, hit: &Hit<'_>, arriving: Rgb, seen: &mut Seen) -> Option<Rgb> {
    let Spotted::Part(part) = hit.what else { return None };
    let point = ray.at(hit.t);
    let colour = |paint: &Paint| paint.at(scene.bodies[hit.body].place.point_back(point), hit.uv);
    let (colour, roughness, light) = match &part.surface {
        Surface::Matt(paint) => {
            let colour = colour(paint);
            (colour, None, colour * arriving)
        }
        Surface::Gloss { paint, roughness } => (colour(paint), Some(*roughness), arriving),
        _ => return None,
    };
    seen.part = hit.part;
    seen.arriving = Some(arriving);
    look(&mut seen.sight, hit, hit.t, 0, None);
    let normal = if ray.direction.dot(hit.normal) < 0.0 { hit.normal } else { -hit.normal };
    Some(light + dots(scene, colour, roughness, (point, normal, ray.direction)))
}

/// What a painted surface sends back of the projector's dots.
fn dots(scene: &Scene, colour: Rgb, roughness: Option<f32>, (point, normal, direction): (V3, V3, V3)) -> Rgb {
    if scene.projector.is_none() {
        return Rgb::ZERO;
    }
    let coat = roughness.map_or(0.0, |_| coat(direction, normal));
    colour * projected(scene, point, normal) * (1.0 - coat)
}

/// The share that a clear coat throws back before it comes to the paint.
fn coat(direction: V3, normal: V3) -> f32 {
    fresnel(-direction.dot(normal).clamp(-1.0, 0.0), 1.0 / 1.5).0
}

/// Absorption and scattering on the way to the next surface.
fn pass(scene: &Scene, way: &mut Way, length: f32, total: &mut Rgb, draws: &mut Draws) {
    let medium = &way.medium;
    if medium.scatter > 0.0 {
        let out = medium.absorption + Rgb::splat(medium.scatter);
        let left = (-out * length).exp();
        // The light of a place a little way in stands for all of it; more than one scattering makes milk white, so
        // what is lost to absorption is told by the share that is thrown back in bulk.
        let depth = (0.7 / medium.scatter).min(length * 0.5) * (0.5 + draws.unit());
        let at = way.ray.at(depth.min(length));
        let lit = glow(scene, at, -way.ray.direction, draws);
        let reach = medium.scatter / out.max(Rgb::splat(1e-6));
        *total += way.weight * (Rgb::ONE - left) * medium.milk * reach.sqrt() * lit;
        way.weight *= left;
    } else if medium.absorption != Rgb::ZERO {
        way.weight *= (-medium.absorption * length).exp();
    }
}

/// Light that a scattering body gets at a place inside: from all sides, past what stands outside.
fn glow(scene: &Scene, at: V3, toward: V3, draws: &mut Draws) -> Rgb {
    let mut light = scene.ambient.along(V3::Z) * 0.5 + scene.ambient.along(-V3::Z) * 0.4;
    for lamp in &scene.lamps {
        let spot = [draws.unit(), draws.unit()];
        let to = lamp.corner + lamp.u * spot[0] + lamp.v * spot[1] - at;
        let distance = to.length();
        let direction = to / distance;
        let facing = -direction.dot(lamp.normal);
        if facing > 0.0 {
            let size = lamp.area * facing / (distance * distance) / std::f32::consts::PI;
            // Half of what falls on a body comes back on the side where it falls in.
            let side = 0.45 + 0.3 * direction.dot(toward);
            light += lamp.radiance * (size * side);
        }
    }
    if let Some(projector) = &scene.projector {
        let (dot, to, distance) = projector.toward(at);
        let clear = scene.clearness(&Ray { origin: at, direction: to }, distance - 1e-3);
        light += clear * (dot / (distance * distance) * (0.45 + 0.3 * to.dot(toward)));
    }
    light
}

/// What the depth camera's projector sends to a matt surface, through glass too.
fn projected(scene: &Scene, point: V3, normal: V3) -> Rgb {
    let Some(projector) = &scene.projector else { return Rgb::ZERO };
    let (light, to, distance) = projector.toward(point);
    let facing = to.dot(normal);
    if light <= 1e-3 || facing <= 0.0 {
        return Rgb::ZERO;
    }
    let start = point + normal * 2e-5;
    let clear = scene.clearness(&Ray { origin: start, direction: to }, distance - 1e-3);
    clear * (light * facing / (distance * distance))
}

/// What the ray finds.
fn meet<'a>(scene: &Scene, hit: &Hit<'a>, local: V3, front: bool, (point, normal): (V3, V3)) -> Meet<'a> {
    match hit.what {
        Spotted::Part(part) => surface(&part.surface, front),
        Spotted::Vessel(vessel, spot) => match spot {
            Spot::Piece(index) => surface(&vessel.pieces[index].surface, front),
            Spot::Outer => border(front, AIR, vessel.glass),
            Spot::Inner(layer) => {
                if let Some(residue) = vessel.residue.as_ref().filter(|_| layer.is_none()) {
                    let share = residue.at(local);
                    if share > 0.02 {
                        let light = flat(scene, residue.colour, point, normal);
                        return Meet::Veil { light, share };
                    }
                }
                match layer.map(|index| &vessel.layers[index].stuff) {
                    Some(Stuff::Solid { paint, bump, grain_m }) => {
                        Meet::Shade { paint, roughness: None, bump: Some((*bump, *grain_m)) }
                    }
                    Some(Stuff::Foam { .. }) => foam(scene, vessel, layer, local, (point, normal)),
                    _ => border(front, vessel.fluid(layer), vessel.glass),
                }
            }
            Spot::Top(index) => match &vessel.layers[index].stuff {
                Stuff::Solid { paint, bump, grain_m } => {
                    Meet::Shade { paint, roughness: None, bump: Some((*bump, *grain_m)) }
                }
                Stuff::Foam { .. } => foam(scene, vessel, Some(index), local, (point, normal)),
                Stuff::Fluid(below) => match vessel.over(index).map(|over| &vessel.layers[over].stuff) {
                    Some(Stuff::Solid { paint, bump, grain_m }) => {
                        Meet::Shade { paint, roughness: None, bump: Some((*bump, *grain_m)) }
                    }
                    Some(Stuff::Foam { .. }) => foam(scene, vessel, Some(index + 1), local, (point, normal)),
                    _ => border(front, vessel.fluid(vessel.over(index)), *below),
                },
            },
        },
    }
}

fn border<'a>(front: bool, ahead: Medium, behind: Medium) -> Meet<'a> {
    if front {
        Meet::Border { before: ahead, behind }
    } else {
        Meet::Border { before: behind, behind: ahead }
    }
}

fn surface(surface: &Surface, front: bool) -> Meet<'_> {
    match surface {
        Surface::Lamp { radiance } => Meet::Ends(if front { *radiance } else { Rgb::splat(0.02) }),
        Surface::Matt(paint) => Meet::Shade { paint, roughness: None, bump: None },
        Surface::Gloss { paint, roughness } => Meet::Shade { paint, roughness: Some(*roughness), bump: None },
        Surface::Metal { tint, roughness } => Meet::Mirror { tint: *tint, roughness: *roughness },
        Surface::Between { front: ahead, back } => border(front, *ahead, *back),
    }
}

/// Bubbles: bright walls, and gaps that show what is behind.
fn foam<'a>(
    scene: &Scene,
    vessel: &'a Vessel,
    layer: Option<usize>,
    local: V3,
    (point, normal): (V3, V3),
) -> Meet<'a> {
    let Some(Stuff::Foam { cell_m, cover, colour, seed }) = layer.map(|index| &vessel.layers[index].stuff)
    else {
        unreachable!("the caller has looked: this layer is foam");
    };
    let (first, second, own) = cells(local / *cell_m, *seed);
    let wall = (1.0 - (second - first) * 2.4).clamp(0.0, 1.0);
    let spark = if first < 0.16 && own > 0.5 { 1.3 } else { 0.0 };
    let bright = 0.35 + 0.75 * wall + spark;
    let share = (cover * (0.45 + 0.55 * wall)).min(0.98);
    Meet::Veil { light: flat(scene, *colour * bright, point, normal), share }
}

/// Where a ray goes that passes a veil without bending.
fn beyond(hit: &Hit<'_>, direction: V3, front: bool) -> (Medium, Option<usize>) {
    match hit.what {
        Spotted::Vessel(vessel, Spot::Inner(layer)) => {
            let medium = if front { vessel.glass } else { vessel.fluid(layer) };
            (medium, Some(hit.body))
        }
        Spotted::Vessel(vessel, Spot::Top(index)) => {
            let down = direction.dot(hit.normal) < 0.0;
            let layer = if down { Some(index) } else { vessel.over(index) };
            (vessel.fluid(layer), Some(hit.body))
        }
        _ => (AIR, None),
    }
}

/// Refraction and reflection where two media meet.
fn cross(
    scene: &Scene,
    way: &mut Way,
    hit: &Hit<'_>,
    (point, normal, front): (V3, V3, bool),
    (before, behind): (Medium, Medium),
    total: &mut Rgb,
    draws: &mut Draws,
) {
    let direction = way.ray.direction;
    let ratio = before.index / behind.index;
    let cosine = -direction.dot(normal);
    let (reflected, refracted_cosine) = fresnel(cosine, ratio);
    let out = mirrored(direction, normal);
    let within = match hit.what {
        Spotted::Vessel(_, Spot::Outer) => {
            if front {
                None
            } else {
                Some(hit.body)
            }
        }
        Spotted::Vessel(..) => Some(hit.body),
        Spotted::Part(_) => None,
    };
    let Some(refracted_cosine) = refracted_cosine else {
        way.ray = Ray { origin: point, direction: out };
        way.medium = before;
        return;
    };
    let strength = way.weight.max_element() * reflected;
    if way.surfaces < FOLLOWED && strength > FAINT && within.is_none() {
        // In the infrared, lamps alone are bright enough to be told in it from the dots.
        *total += way.weight
            * reflected
            * match scene.projector {
                None => glimpse(scene, Ray { origin: point, direction: out }),
                Some(_) => highlight(scene, point, out),
            };
    } else if way.surfaces >= FOLLOWED && reflected > STRONG && draws.unit() < reflected {
        way.ray = Ray { origin: point, direction: out };
        way.medium = before;
        return;
    } else if strength > FAINT && within.is_some() {
        *total += way.weight * reflected * highlight(scene, point, out);
    } else if strength > FAINT {
        *total += way.weight * reflected * scene.ambient.along(out);
    }
    let on = (direction * ratio + normal * (ratio * cosine - refracted_cosine)).normalize();
    way.weight *= 1.0 - reflected;
    way.ray = Ray { origin: point, direction: on };
    way.medium = behind;
    way.inside = match hit.what {
        Spotted::Vessel(_, Spot::Outer) => front.then_some(hit.body),
        Spotted::Vessel(..) => Some(hit.body),
        Spotted::Part(_) => None,
    };
}

/// A reflection inside a vessel, that is not traced: the lamps, else the room's mean light.
fn highlight(scene: &Scene, point: V3, direction: V3) -> Rgb {
    let ray = Ray { origin: point, direction };
    for lamp in &scene.lamps {
        if direction.dot(lamp.normal) < 0.0
            && crate::shape::Shape::Quad(lamp.quad()).meet(&ray, f32::INFINITY).is_some()
        {
            return lamp.radiance;
        }
    }
    scene.ambient.along(direction)
}

/// What a mirror image shows: one look, without shadows, and without the vessels: what a weak image shows of glass is lost in
/// what is mirrored.
fn glimpse(scene: &Scene, mut ray: Ray) -> Rgb {
    for _ in 0..6 {
        let Some(hit) = scene.nearest_solid(&ray) else {
            return scene.ambient.along(ray.direction);
        };
        let front = ray.direction.dot(hit.normal) < 0.0;
        let point = ray.at(hit.t);
        let normal = if front { hit.normal } else { -hit.normal };
        let surface = match hit.what {
            Spotted::Part(part) => &part.surface,
            Spotted::Vessel(..) => unreachable!("vessels were not asked for"),
        };
        match surface {
            Surface::Lamp { radiance } => return if front { *radiance } else { Rgb::splat(0.02) },
            Surface::Matt(paint) | Surface::Gloss { paint, .. } => {
                let local = scene.bodies[hit.body].place.point_back(point);
                return flat(scene, paint.at(local, hit.uv), point, normal);
            }
            Surface::Metal { tint, .. } => {
                return *tint * scene.ambient.along(mirrored(ray.direction, normal));
            }
            Surface::Between { .. } => ray.origin = point,
        }
    }
    scene.ambient.along(ray.direction)
}

/// A matt surface's light without shadows.
fn flat(scene: &Scene, colour: Rgb, point: V3, normal: V3) -> Rgb {
    let mut arriving = scene.ambient.along(normal);
    for lamp in &scene.lamps {
        if let Some((_, _, weight)) = lamp.toward(point, normal, [0.5, 0.5]) {
            arriving += lamp.radiance * (weight * 0.85);
        }
    }
    colour * arriving
}

/// What a painted surface sends back: one shadow ray to each lamp, ambient light, and the gloss of its coat.
fn shade(
    scene: &Scene,
    colour: Rgb,
    roughness: Option<f32>,
    (point, normal, direction): (V3, V3, V3),
    cheap: bool,
    draws: &mut Draws,
) -> Rgb {
    if cheap {
        return flat(scene, colour, point, normal);
    }
    let open = scene.contact.open(point, normal);
    let mut arriving = scene.ambient.along(normal) * open;
    let mut gleam = Rgb::ZERO;
    let out = mirrored(direction, normal);
    for lamp in &scene.lamps {
        let spot = [draws.unit(), draws.unit()];
        let Some((to, distance, _)) = lamp.toward(point, normal, spot) else { continue };
        // The lamp's middle tells how much arrives, the drawn point whether it does: no noise where nothing is in the way.
        let weight = lamp.toward(point, normal, [0.5, 0.5]).map_or(0.0, |(_, _, weight)| weight);
        let lobe = match roughness {
            Some(roughness) if roughness >= 0.05 => lamp_lobe(lamp, point, out, roughness),
            _ => 0.0,
        };
        if weight * lamp.radiance.max_element() < 1e-4 && lobe == 0.0 {
            continue;
        }
        let start = point + normal * 2e-5;
        let clear = scene.clearness(&Ray { origin: start, direction: to }, distance - 1e-3);
        arriving += lamp.radiance * clear * weight;
        gleam += lamp.radiance * clear * lobe;
    }
    let Some(roughness) = roughness else { return colour * arriving };
    let coat = coat(direction, normal);
    let mirror = if roughness < 0.05 {
        glimpse(scene, Ray { origin: point + normal * 2e-5, direction: out })
    } else {
        scene.ambient.along(out) * open + gleam
    };
    colour * arriving * (1.0 - coat) + mirror * coat
}

/// What rough metal mirrors: the room by one shaken look, the lamps widened by the roughness.
fn brushed(
    scene: &Scene,
    roughness: f32,
    (point, normal, direction): (V3, V3, V3),
    draws: &mut Draws,
) -> Rgb {
    let out = mirrored(direction, normal);
    let start = point + normal * 2e-5;
    let mut gleam = Rgb::ZERO;
    for lamp in &scene.lamps {
        let lobe = lamp_lobe(lamp, point, out, roughness);
        if lobe > 1e-3 {
            let to = lamp.corner + lamp.u * draws.unit() + lamp.v * draws.unit() - point;
            let distance = to.length();
            let ray = Ray { origin: start, direction: to / distance };
            gleam += lamp.radiance * scene.clearness(&ray, distance - 1e-3) * lobe;
        }
    }
    let mut shaken = out + draws.ball() * roughness;
    let depth = shaken.dot(normal);
    if depth < 0.0 {
        shaken -= normal * (2.0 * depth);
    }
    let ray = Ray { origin: start, direction: shaken.normalize() };
    glimpse(scene, ray).min(Rgb::splat(1.5)) * 0.8
        + scene.ambient.along(out) * 0.2 * scene.contact.open(point, normal)
        + gleam
}

/// How much of a lamp a rough mirror shows: the lamp widened by the roughness, normalised so that its light is kept.
fn lamp_lobe(lamp: &crate::scene::Lamp, point: V3, out: V3, roughness: f32) -> f32 {
    let along = out.dot(lamp.normal);
    if along >= 0.0 {
        return 0.0;
    }
    let t = (lamp.corner - point).dot(lamp.normal) / along;
    if t <= 0.0 {
        return 0.0;
    }
    let from = point + out * t - lamp.corner;
    let spread = roughness * t * 0.8;
    let side = |edge: V3| {
        let length = edge.length();
        let x = from.dot(edge) / length;
        // A box smoothed by a soft step of this width.
        let step = |x: f32| 1.0 / (1.0 + (-1.7 * x / spread).exp());
        step(x) - step(x - length)
    };
    side(lamp.u) * side(lamp.v)
}

fn bumped(normal: V3, local: V3, bump: f32, grain: f32) -> V3 {
    let p = local / grain;
    let shake = V3::new(noise(p, 11), noise(p, 12), noise(p, 13)) - V3::splat(0.5);
    (normal + shake * (2.0 * bump)).normalize()
}

/// Fills in what the middle ray meets.
fn look(sight: &mut Sight, hit: &Hit<'_>, travelled: f32, surfaces: usize, first_body: Option<usize>) {
    let clear = match hit.what {
        Spotted::Part(part) => matches!(part.surface, Surface::Between { .. }),
        Spotted::Vessel(_, Spot::Piece(_)) => false,
        Spotted::Vessel(vessel, Spot::Inner(Some(layer)) | Spot::Top(layer)) => {
            matches!(vessel.layers[layer].stuff, Stuff::Fluid(_))
        }
        Spotted::Vessel(..) => true,
    };
    if surfaces == 0 {
        sight.t = Some(travelled);
        sight.body = Some(hit.body);
        sight.clear = clear;
        if let Spotted::Part(part) = hit.what {
            sight.kind = Some(part.kind);
            sight.metal = matches!(part.surface, Surface::Metal { .. });
        }
    }
    if !clear && sight.opaque_t.is_none() {
        sight.opaque_t = Some(travelled);
    }
    if first_body.is_none_or(|first| first == hit.body)
        && sight.content.is_none()
        && let Spotted::Vessel(vessel, spot) = hit.what
    {
        sight.content = match spot {
            Spot::Inner(layer) => layer.map(|index| index as u8),
            Spot::Top(index) => {
                // From above, it is this layer; from below, what lies over it.
                Some(index as u8)
            }
            Spot::Piece(index) => vessel.pieces[index].content.then_some(PIECE),
            Spot::Outer => None,
        };
    }
}
