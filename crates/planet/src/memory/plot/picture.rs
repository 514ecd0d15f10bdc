//! What is where in the picture.

use std::io;

use super::axis;
use super::canvas::{Canvas, Colour, Letters, Place};
use crate::memory::history::{Point, merge};
use crate::memory::units;

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 560;

const LEFT: f32 = 100.0;
const RIGHT: f32 = 1176.0;
const TOP: f32 = 108.0;
const BOTTOM: f32 = 512.0;
const GAP: f32 = 10.0;

const INK: Colour = [0x22, 0x26, 0x2e];
const GREY: Colour = [0x6a, 0x72, 0x80];
const GRID: Colour = [0xe3, 0xe6, 0xeb];

/// A figure that the picture shows.
struct Figure {
    name: &'static str,
    colour: Colour,
    /// A pale one, that covers what is below it: mixed colours would be no figure's.
    band: Colour,
    level: fn(&Point) -> u64,
    peak: fn(&Point) -> u64,
}

// Blue and orange are told apart by nearly everyone.
const FIGURES: [Figure; 2] = [
    Figure {
        name: "resident",
        colour: [0x1f, 0x6f, 0xb8],
        band: [0xbd, 0xd5, 0xec],
        level: |point| point.resident,
        peak: |point| point.peak_resident,
    },
    Figure {
        name: "live",
        colour: [0xd9, 0x6b, 0x0b],
        band: [0xf6, 0xd3, 0xb0],
        level: |point| point.live,
        peak: |point| point.peak_live,
    },
];

/// Where a moment and a size are.
struct Scale {
    begin: u64,
    time: u64,
    bytes: u64,
}

impl Scale {
    fn of(points: &[Point]) -> Self {
        let begin = points.first().map_or(0, |point| point.at);
        let end = points.last().map_or(0, |point| point.at);
        let highest = points.iter().map(|point| point.peak_resident.max(point.peak_live)).max().unwrap_or(0).max(1);
        let step = axis::step_of_bytes(highest);
        Self { begin, time: (end - begin).max(1000), bytes: highest.div_ceil(step).saturating_mul(step) }
    }

    fn x(&self, at: u64) -> f32 {
        LEFT + (RIGHT - LEFT) * ((at - self.begin) as f64 / self.time as f64) as f32
    }

    fn y(&self, bytes: u64) -> f32 {
        BOTTOM - (BOTTOM - TOP) * (bytes as f64 / self.bytes as f64) as f32
    }
}

/// Draws the points, the earliest first, below a title. What was at the looks is a line; what was between them, as far
/// as the peaks tell, is a band above it.
pub(crate) fn png(title: &str, points: &[Point]) -> io::Result<Vec<u8>> {
    let scale = Scale::of(points);
    let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
    heading(&mut canvas, title, points);
    grid(&mut canvas, &scale);
    let points = thinned(points, &scale);
    for figure in &FIGURES {
        canvas.area(band(figure, &points, &scale), figure.band);
    }
    for figure in &FIGURES {
        canvas.line(line(figure, &points, &scale), figure.colour, 2.0);
    }
    canvas.png()
}

fn heading(canvas: &mut Canvas, title: &str, points: &[Point]) {
    let room = ((RIGHT - GAP) / Letters::TITLE.width("x")) as usize;
    let title = if title.chars().count() > room {
        title.chars().take(room - 3).collect::<String>() + "..."
    } else {
        title.to_owned()
    };
    canvas.text((GAP, GAP), &title, Letters::TITLE, INK);
    let (mut left, top) = (GAP, GAP + 1.5 * Letters::TITLE.height());
    for Figure { name, colour, level, peak, .. } in &FIGURES {
        let last = points.last().map_or(0, level);
        let most = points.iter().map(peak).max().unwrap_or(0);
        canvas.rectangle((left, top + 4.0), 14.0, 14.0, *colour);
        left += 14.0 + GAP;
        let text = format!("{name}: {} at the end, {} at most", units::bytes(last), units::bytes(most));
        canvas.text((left, top), &text, Letters::PLAIN, INK);
        left += Letters::PLAIN.width(&text) + 3.0 * GAP;
    }
    canvas.text((left, top), "pale: between two looks", Letters::PLAIN, GREY);
}

fn grid(canvas: &mut Canvas, scale: &Scale) {
    let step = axis::step_of_bytes(scale.bytes) as usize;
    for bytes in (0..=scale.bytes).step_by(step) {
        let y = scale.y(bytes).round();
        canvas.rectangle((LEFT, y), RIGHT - LEFT, 1.0, if bytes == 0 { GREY } else { GRID });
        let text = units::bytes(bytes);
        let place = (LEFT - GAP - Letters::PLAIN.width(&text), y - Letters::PLAIN.height() / 2.0);
        canvas.text(place, &text, Letters::PLAIN, GREY);
    }
    let step = axis::step_of_time(scale.time) as usize;
    for time in (0..=scale.time).step_by(step) {
        let x = scale.x(scale.begin + time).round();
        canvas.rectangle((x, BOTTOM), 1.0, 6.0, GREY);
        let text = units::time(time);
        let width = Letters::PLAIN.width(&text);
        canvas.text(((x - width / 2.0).min(RIGHT - width), BOTTOM + GAP), &text, Letters::PLAIN, GREY);
    }
}

/// No more points than there are columns of pixels.
fn thinned(points: &[Point], scale: &Scale) -> Vec<Point> {
    let column = |point: &Point| scale.x(point.at) as u32;
    points.chunk_by(|one, next| column(one) == column(next)).filter_map(merge).collect()
}

fn line(figure: &Figure, points: &[Point], scale: &Scale) -> Vec<Place> {
    let mut places: Vec<_> = points.iter().map(|point| (scale.x(point.at), scale.y((figure.level)(point)))).collect();
    if let [(x, y)] = places[..] {
        // A single look is seen too.
        places.push((x + 3.0, y));
    }
    places
}

/// Along the peaks, each as wide as the time it is of, and back along the line.
fn band(figure: &Figure, points: &[Point], scale: &Scale) -> Vec<Place> {
    let peaks = points.windows(2).flat_map(|pair| {
        let y = scale.y((figure.peak)(&pair[1]));
        [(scale.x(pair[0].at), y), (scale.x(pair[1].at), y)]
    });
    peaks.chain(line(figure, points, scale).into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u64, resident: u64, peak_resident: u64) -> Point {
        Point { at, live: resident / 2, resident, returned: 0, peak_live: resident / 2, peak_resident }
    }

    #[test]
    fn a_spike_between_two_looks_is_as_wide_as_the_time_between_them() {
        let points = [point(0, 10, 10), point(1_000, 10, 70), point(2_000, 10, 10)];
        let scale = Scale::of(&points);
        assert_eq!((scale.time, scale.bytes), (2_000, 70));
        let middle = (LEFT + RIGHT) / 2.0;
        let places = band(&FIGURES[0], &points, &scale);
        assert_eq!(places[..2], [(LEFT, TOP), (middle, TOP)]);
        assert_eq!(places.len(), 2 * 2 + 3);
        assert!(line(&FIGURES[0], &points, &scale).iter().all(|(_, y)| *y > TOP));
    }

    #[test]
    fn thinning_keeps_every_spike() {
        let points: Vec<_> = (0..100_000).map(|at| point(at, 10, if at == 54_321 { 500 } else { 10 })).collect();
        let thin = thinned(&points, &Scale::of(&points));
        assert!(thin.len() <= WIDTH as usize && thin.len() > 1000);
        assert_eq!(thin.iter().map(|point| point.peak_resident).max(), Some(500));
    }

    #[test]
    fn anything_can_be_drawn() {
        let long = "x".repeat(10_000);
        let extremes = [point(0, 0, 0), point(u64::MAX / 2, u64::MAX, u64::MAX)];
        for points in [vec![], vec![point(5, 0, 0)], vec![point(5, 7, 9); 2], extremes.to_vec()] {
            let picture = png(&long, &points).unwrap();
            assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
            assert_eq!(picture[16..24], [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat());
        }
    }
}
