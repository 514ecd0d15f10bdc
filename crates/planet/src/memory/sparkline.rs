//! A line of little bars.

use super::history::Point;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The peaks of the `milliseconds` before `now` in so many columns, the newest at the right. A column is as high as the
/// highest peak that falls into it, beside the highest of all; it is blank before the first point, and like its left
/// neighbour where no point falls into it.
pub(crate) fn sparkline(points: &[Point], now: u64, milliseconds: u64, columns: usize) -> String {
    let mut peaks: Vec<Option<u64>> = vec![None; columns];
    let begin = now.saturating_sub(milliseconds);
    for point in points.iter().filter(|point| (begin..=now).contains(&point.at)) {
        let column = u128::from(point.at - begin) * columns as u128 / (u128::from(milliseconds) + 1);
        let Some(peak) = peaks.get_mut(column as usize) else { continue };
        *peak = (*peak).max(Some(point.peak_resident));
    }
    let highest = peaks.iter().flatten().copied().max().unwrap_or(0).max(1);
    let mut before = None;
    let bars = peaks.into_iter().map(|peak| {
        before = peak.or(before);
        before.map_or(' ', |peak| BARS[(u128::from(peak) * (BARS.len() as u128 - 1) / u128::from(highest)) as usize])
    });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u64, peak: u64) -> Point {
        Point { at, live: 0, resident: 0, returned: 0, peak_live: 0, peak_resident: peak }
    }

    #[test]
    fn bars_stand_where_their_time_is() {
        let points = [point(100, 0), point(149, 8), point(150, 4), point(199, 8)];
        assert_eq!(sparkline(&points, 199, 99, 2), "██");
        assert_eq!(sparkline(&points, 199, 99, 4), "▁█▄█");
        assert_eq!(sparkline(&points, 199, 199, 4), "  ██");
        assert_eq!(sparkline(&points, 199, 99, 0), "");
    }

    #[test]
    fn a_gap_is_like_what_was_before_it_and_nothing_is_blank() {
        assert_eq!(sparkline(&[point(10, 3), point(19, 6)], 19, 19, 10), "     ▄▄▄▄█");
        assert_eq!(sparkline(&[], 19, 19, 3), "   ");
        assert_eq!(sparkline(&[point(5, 0)], 5, 0, 2), "▁▁");
        assert_eq!(sparkline(&[point(5, u64::MAX)], u64::MAX, u64::MAX, 2), "██");
    }

    #[test]
    fn points_from_the_future_are_left_out() {
        assert_eq!(sparkline(&[point(5, 1), point(9, 9)], 5, 4, 1), "█");
    }
}
