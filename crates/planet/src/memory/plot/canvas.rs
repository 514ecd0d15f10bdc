//! Shapes and letters on a white ground.

use std::io;

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use tiny_skia::{Color, ColorU8, FillRule, Paint, PathBuilder, Pixmap, Rect, Stroke, Transform};

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

/// A place, in pixels from the left and from the top.
pub(super) type Place = (f32, f32);

/// How letters look.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    weight: FontWeight,
    height: RasterHeight,
}

impl Letters {
    pub(super) const PLAIN: Self = Self { weight: FontWeight::Regular, height: RasterHeight::Size20 };
    pub(super) const TITLE: Self = Self { weight: FontWeight::Bold, height: RasterHeight::Size24 };

    /// How wide a text is, in pixels.
    pub(super) fn width(self, text: &str) -> f32 {
        (text.chars().count() * get_raster_width(self.weight, self.height)) as f32
    }

    /// How high a line is, in pixels.
    pub(super) fn height(self) -> f32 {
        self.height.val() as f32
    }
}

/// What is drawn on.
pub(super) struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    /// A white one.
    pub(super) fn new(width: u32, height: u32) -> io::Result<Self> {
        let mut pixels = Pixmap::new(width, height).ok_or(io::ErrorKind::OutOfMemory)?;
        pixels.fill(Color::WHITE);
        Ok(Self { pixels })
    }

    /// A line through these places.
    pub(super) fn line(&mut self, places: impl IntoIterator<Item = Place>, colour: Colour, width: f32) {
        let stroke = Stroke { width, line_join: tiny_skia::LineJoin::Round, ..Stroke::default() };
        if let Some(path) = path(places, false) {
            self.pixels.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
        }
    }

    /// What is between these places.
    pub(super) fn area(&mut self, places: impl IntoIterator<Item = Place>, colour: Colour) {
        if let Some(path) = path(places, true) {
            let paint = paint(colour);
            self.pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    /// A filled rectangle with this upper left corner.
    pub(super) fn rectangle(&mut self, (left, top): Place, width: f32, height: f32, colour: Colour) {
        if let Some(rectangle) = Rect::from_xywh(left, top, width, height) {
            self.pixels.fill_rect(rectangle, &paint(colour), Transform::identity(), None);
        }
    }

    /// A text with this upper left corner. What is no ASCII becomes a question mark.
    pub(super) fn text(&mut self, (left, top): Place, text: &str, letters: Letters, colour: Colour) {
        let mut left = left.round() as usize;
        for c in text.chars() {
            let letter = get_raster(c, letters.weight, letters.height);
            let Some(letter) = letter.or_else(|| get_raster('?', letters.weight, letters.height)) else { continue };
            for (down, row) in letter.rows().enumerate() {
                for (right, &strength) in row.iter().enumerate() {
                    self.blend(left + right, top.round() as usize + down, colour, strength);
                }
            }
            left += letter.width();
        }
    }

    /// As a PNG file.
    pub(super) fn png(&self) -> io::Result<Vec<u8>> {
        self.pixels.encode_png().map_err(io::Error::other)
    }

    fn blend(&mut self, x: usize, y: usize, colour: Colour, strength: u8) {
        let width = self.pixels.width() as usize;
        if x >= width {
            return;
        }
        let Some(pixel) = self.pixels.pixels_mut().get_mut(y * width + x) else { return };
        let mix = |old: u8, new: u8| {
            let strength = u16::from(strength);
            ((u16::from(old) * (255 - strength) + u16::from(new) * strength) / 255) as u8
        };
        let [red, green, blue] = colour;
        // The ground is opaque, and stays so.
        let mixed = ColorU8::from_rgba(mix(pixel.red(), red), mix(pixel.green(), green), mix(pixel.blue(), blue), 255);
        *pixel = mixed.premultiply();
    }
}

fn path(places: impl IntoIterator<Item = Place>, closed: bool) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    for (x, y) in places {
        if builder.is_empty() {
            builder.move_to(x, y);
        } else {
            builder.line_to(x, y);
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn paint([red, green, blue]: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, u8::MAX);
    paint
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Colour = [0; 3];

    fn dark(canvas: &Canvas) -> usize {
        canvas.pixels.pixels().iter().filter(|pixel| pixel.red() < 128).count()
    }

    #[test]
    fn letters_stay_on_the_canvas_and_all_are_drawn() {
        let mut canvas = Canvas::new(100, 40).unwrap();
        canvas.text((0.0, 0.0), "l", Letters::PLAIN, BLACK);
        let one = dark(&canvas);
        assert!(one > 0);
        canvas.text((50.0, 0.0), "é", Letters::PLAIN, BLACK);
        assert!(dark(&canvas) > one);
        let two = dark(&canvas);
        canvas.text((200.0, 0.0), "l", Letters::PLAIN, BLACK);
        canvas.text((0.0, 50.0), "l", Letters::PLAIN, BLACK);
        canvas.text((-50.0, -50.0), "", Letters::PLAIN, BLACK);
        assert_eq!(dark(&canvas), two);
        assert!(canvas.pixels.pixels().iter().all(|pixel| pixel.alpha() == 255));
    }

    #[test]
    fn shapes_cover_what_they_should() {
        let mut canvas = Canvas::new(20, 20).unwrap();
        canvas.rectangle((0.0, 0.0), 10.0, 10.0, BLACK);
        assert_eq!(dark(&canvas), 100);
        canvas.area([(10.0, 0.0), (20.0, 0.0), (20.0, 10.0), (10.0, 10.0)], BLACK);
        assert_eq!(dark(&canvas), 200);
        canvas.line([(0.0, 15.0), (20.0, 15.0)], BLACK, 2.0);
        assert_eq!(dark(&canvas), 240);
        canvas.line([], BLACK, 2.0);
        canvas.line([(f32::NAN, 0.0), (1.0, 1.0)], BLACK, 2.0);
        assert_eq!(dark(&canvas), 240);
    }
}
