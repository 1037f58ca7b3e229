//! Lines, steps and ticks for plots over media time.
//!
//! All shapes live in a box of [`WIDTH`] x [`HEIGHT`] that the page stretches to any size, so nothing
//! here is text. A short series is drawn value by value. A long one is drawn as two points per column
//! of the plot: its median as a line, and from its lowest to its highest value as a band, so that no
//! peak is lost however long the session is.

use std::fmt::Write as _;

use domain::time::{Interval, MediaMs, Millis};

use super::series::Value;

/// Width of the drawing box; also the number of columns of a long series.
pub const WIDTH: i64 = 600;
/// Height of the drawing box.
pub const HEIGHT: f32 = 100.0;

/// The data of the two paths of a series.
#[derive(Debug, Default, PartialEq)]
pub struct Shape {
    /// The line.
    pub line: String,
    /// The band from lowest to highest; empty where the line shows every value.
    pub band: String,
}

/// Where values land in the box.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Media time across the whole width.
    pub span: Millis,
    /// Value at the lower edge.
    pub low: f32,
    /// Value at the upper edge.
    pub high: f32,
}

impl Scale {
    /// Horizontal position of an instant, in tenths of a column.
    fn x(self, at: i64) -> i64 {
        (at.clamp(0, self.span.0) * WIDTH * 10 + self.span.0 / 2) / self.span.0
    }

    /// Vertical position of a value.
    pub fn y(self, value: f32) -> f32 {
        let fraction = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        ((1.0 - fraction) * HEIGHT * 10.0).round() / 10.0
    }

    /// Time that one column stands for.
    fn column(self) -> i64 {
        (self.span.0 / WIDTH).max(1)
    }
}

/// A point of a path: tenths of a column, height.
type Point = (i64, f32);

/// Lines through `values`, broken where nothing was measured.
pub fn line(values: &[Value], scale: Scale) -> Shape {
    let mut shape = Shape::default();
    let is_long = values.len() as i64 > 2 * WIDTH;
    for run in runs(values, scale.column()) {
        let points: Vec<Point> = if is_long {
            let columns = columns(&run, scale);
            draw_band(&mut shape.band, &columns);
            columns.iter().map(|column| (column.x, column.median)).collect()
        } else {
            run.iter().map(|(value, measured)| (scale.x(value.at), scale.y(*measured))).collect()
        };
        draw(&mut shape.line, &points, |path, (x, y)| _ = write!(path, "L{} {y}", tenths(x)));
    }
    shape
}

/// Lines that hold each value for as long as its sample reaches, for counts.
pub fn steps(values: &[Value], scale: Scale) -> Shape {
    let mut shape = Shape::default();
    for run in runs(values, scale.column()) {
        let held = held(&run, scale);
        if held.len() as i64 > 2 * WIDTH {
            return line(values, scale);
        }
        draw(&mut shape.line, &held, |path, (x, y)| _ = write!(path, "V{y}H{}", tenths(x)));
    }
    shape
}

fn draw(path: &mut String, points: &[Point], mut next: impl FnMut(&mut String, Point)) {
    let Some((&(x, y), rest)) = points.split_first() else { return };
    // Writing to a string cannot fail.
    _ = write!(path, "M{} {y}", tenths(x));
    if rest.is_empty() {
        // Round line ends make a dot of it.
        path.push_str("h0");
    }
    rest.iter().for_each(|point| next(path, *point));
}

/// Forth along the highest values, back along the lowest.
fn draw_band(path: &mut String, columns: &[Column]) {
    let forth = columns.iter().map(|column| (column.x, column.highest));
    let back = columns.iter().rev().map(|column| (column.x, column.lowest));
    let points: Vec<Point> = forth.chain(back).collect();
    draw(path, &points, |path, (x, y)| _ = write!(path, "L{} {y}", tenths(x)));
    path.push('Z');
}

/// Splits a series where values are missing for longer than a column. Two samples follow each other if
/// they are no further apart than the sparser plan around them asks.
fn runs(values: &[Value], column: i64) -> Vec<Vec<(Value, f32)>> {
    let mut runs: Vec<Vec<(Value, f32)>> = Vec::new();
    for value in values {
        let Some(measured) = value.value.filter(|value| value.is_finite()) else { continue };
        let follows = |run: &&mut Vec<(Value, f32)>| {
            let before = run.last().map(|(before, _)| *before);
            before.is_some_and(|before| value.at - before.at <= 2 * value.reach.max(before.reach) + column)
        };
        match runs.last_mut().filter(follows) {
            Some(run) => run.push((*value, measured)),
            None => runs.push(vec![(*value, measured)]),
        }
    }
    runs
}

/// All values of a run that fall into one column, as heights.
struct Column {
    x: i64,
    lowest: f32,
    median: f32,
    highest: f32,
}

fn columns(run: &[(Value, f32)], scale: Scale) -> Vec<Column> {
    let number = |value: &(Value, f32)| scale.x(value.0.at) / 10;
    let mut columns = Vec::new();
    for group in run.chunk_by(|one, other| number(one) == number(other)) {
        let mut values: Vec<f32> = group.iter().map(|(_, measured)| *measured).collect();
        values.sort_by(f32::total_cmp);
        let (Some(lowest), Some(highest)) = (values.first(), values.last()) else { continue };
        columns.push(Column {
            x: number(&group[0]) * 10 + 5,
            lowest: scale.y(*lowest),
            median: scale.y(values[values.len() / 2]),
            highest: scale.y(*highest),
        });
    }
    columns
}

/// The start of a run, then the end of each stretch of equal values at its height.
fn held(run: &[(Value, f32)], scale: Scale) -> Vec<Point> {
    let mut points = Vec::new();
    for stretch in run.chunk_by(|one, other| one.1 == other.1) {
        let (Some((first, value)), Some((last, _))) = (stretch.first(), stretch.last()) else { continue };
        if points.is_empty() {
            points.push((scale.x(first.at - first.reach), scale.y(*value)));
        }
        points.push((scale.x(last.at + last.reach), scale.y(*value)));
    }
    points
}

/// Tenths as the shortest decimal.
fn tenths(value: i64) -> String {
    if value % 10 == 0 { (value / 10).to_string() } else { format!("{}.{}", value / 10, value % 10) }
}

/// A length of media time as a percentage of the span, for positions in style attributes.
pub fn percent(at: i64, span: Millis) -> String {
    let hundredths = (at.clamp(0, span.0) * 10_000 + span.0 / 2) / span.0;
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Joins stretches that a plot could not show apart, so that their number is bounded by its width.
pub fn coalesced(stretches: impl Iterator<Item = Interval>, span: Millis) -> Vec<Interval> {
    let apart = Millis(span.0 / WIDTH);
    let mut joined: Vec<Interval> = Vec::new();
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if stretch.start <= last.end + apart => last.end = last.end.max(stretch.end),
            _ => joined.push(stretch),
        }
    }
    joined
}

/// Time between two labels of the axis: round, and at most nine labels.
pub fn tick_step(span: Millis) -> Millis {
    const STEPS_S: [i64; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];
    let fits = |step: &i64| span.0 / (step * 1000) <= 8;
    Millis(STEPS_S.into_iter().find(fits).unwrap_or(span.0 / 8000 + 1) * 1000)
}

/// The instants to label.
pub fn ticks(span: Millis) -> impl Iterator<Item = MediaMs> {
    let step = tick_step(span).0;
    (0..=span.0 / step).map(move |index| MediaMs(index * step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { span: Millis(10_000), low: 0.0, high: 2.0 };

    fn value(at: i64, value: f32) -> Value {
        Value { at, reach: 500, value: Some(value) }
    }

    #[test]
    fn a_line_breaks_where_nothing_was_measured() {
        let gap = Value { value: None, ..value(3000, 0.0) };
        let values = [value(1000, 0.0), value(2000, 2.0), gap, value(4000, 1.0)];
        let expected = Shape { line: "M60 100L120 0M240 50h0".to_owned(), band: String::new() };
        assert_eq!(line(&values, SCALE), expected);
    }

    #[test]
    fn a_step_holds_its_value_as_far_as_samples_reach() {
        let values = [value(1000, 1.0), value(2000, 1.0), value(3000, 2.0)];
        assert_eq!(steps(&values, SCALE).line, "M30 50V50H150V0H210");
    }

    #[test]
    fn three_hours_come_out_as_two_points_per_column_and_keep_every_peak() {
        let scale = Scale { span: Millis(3 * 3600 * 1000), low: -1.0, high: 1.0 };
        let noise = |index: i64| value(index * 500, (index as f32).sin() * 0.2);
        let mut values: Vec<Value> = (0..21_600).map(noise).collect();
        values[10_007].value = Some(1.0);
        values[15_011].value = Some(-1.0);
        let shape = line(&values, scale);
        assert!(shape.line.len() + shape.band.len() < 40_000);
        assert_eq!(shape.band.matches(" 0L").count(), 1);
        assert_eq!(shape.band.matches(" 100L").count(), 1);
        let restless: Vec<Value> = (0..21_600).map(|index| value(index * 500, (index % 3) as f32)).collect();
        let shape = steps(&restless, scale);
        assert!(shape.line.len() + shape.band.len() < 40_000);
    }

    #[test]
    fn stretches_closer_than_a_column_are_joined() {
        let parts =
            |gap| (0..500).map(move |i| Interval::new(MediaMs(i * 2000), MediaMs(i * 2000 + 2000 - gap)));
        assert_eq!(coalesced(parts(1000), Millis(1_000_000)).len(), 1);
        assert_eq!(coalesced(parts(1900), Millis(1_000_000)).len(), 500);
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(Millis(30_000)).count(), 7);
        for seconds in [1, 7, 30, 61, 900, 5400, 10_800, 400_000] {
            assert!((1..=9).contains(&ticks(Millis::from_secs(seconds)).count()), "{seconds}");
        }
    }
}
