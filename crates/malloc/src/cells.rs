//! Where the bitmaps of a chunk's spans lie: in *cells* of one cache line, close together, so that those of the few spans
//! that outlive a spike take few pages.
//!
//! A span has one, two, four or eight neighbouring cells, at a multiple of as many. Each cell stands for two of memory, one
//! for the span's own bits and one for the remote ones. Where the own bits lie in the record, the memory for them stays
//! untouched: so that whole pages of it do, such spans have their cells at one end and the others at the other.

use core::cell::Cell;

use crate::sys::PAGE;

/// The size of a cell in bytes.
pub(crate) const CELL: usize = 64;
/// The most cells that a span can have.
pub(crate) const MOST: usize = 8;

/// A word of [`Cells`] stands for the cells of a page, and another for the pages.
const CELLS_A_PAGE: usize = u64::BITS as usize;
const PAGES: usize = u64::BITS as usize;
const _: () = assert!(PAGE / CELL == CELLS_A_PAGE);

/// How many spans can have cells at a time, whatever their sizes.
pub(crate) const SPANS: usize = PAGES * CELLS_A_PAGE / MOST;

/// Where to look for cells first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// For spans whose own bits lie in cells.
    Low,
    /// For spans whose own bits lie in the record.
    High,
}

/// Which cells are taken: a bit for each. All zero bytes say none.
pub(crate) struct Cells {
    taken: [Cell<u64>; PAGES],
    /// A bit for each page that may be resident.
    resident: Cell<u64>,
}

impl Cells {
    #[cfg(test)]
    const fn new() -> Self {
        Self { taken: [const { Cell::new(0) }; PAGES], resident: Cell::new(0) }
    }

    /// Takes `count` cells, a power of two and at most [`MOST`], on the page nearest to that end which has them, and returns
    /// the number of the first. Fewer than [`SPANS`] spans may have cells.
    pub(crate) fn take(&self, count: usize, end: End) -> usize {
        let mut page = if end == End::Low { 0 } else { PAGES - 1 };
        // Ends, since of as many groups of eight cells as there can be spans one is free.
        loop {
            let first = first_free(self.taken[page].get(), count);
            if first < CELLS_A_PAGE {
                self.taken[page].set(self.taken[page].get() | group(first, count));
                self.resident.set(self.resident.get() | 1 << page);
                return page * CELLS_A_PAGE + first;
            }
            page = if end == End::Low { page + 1 } else { page - 1 };
        }
    }

    /// Takes the `count` cells from number `first` on back.
    pub(crate) fn put_back(&self, first: usize, count: usize) {
        let page = &self.taken[first / CELLS_A_PAGE];
        let cells = group(first % CELLS_A_PAGE, count);
        debug_assert_eq!(page.get() & cells, cells);
        page.set(page.get() & !cells);
    }

    /// A bit for each page that may be resident though none of its cells is taken. From now on it is held not to be.
    pub(crate) fn unmark_unused(&self) -> u64 {
        let unused = (0..PAGES).filter(|page| self.taken[*page].get() == 0).fold(0, |pages, page| pages | 1 << page);
        let pages = self.resident.get() & unused;
        self.resident.set(self.resident.get() & !pages);
        pages
    }
}

/// The first of `count` free cells of a page at a multiple of as many; [`CELLS_A_PAGE`] when it has none such.
fn first_free(taken: u64, count: usize) -> usize {
    let mut starts = !taken;
    let mut width = 1;
    while width < count {
        starts &= starts >> width;
        width *= 2;
    }
    (starts & multiples(count)).trailing_zeros() as usize
}

/// A bit for each multiple of `count`.
fn multiples(count: usize) -> u64 {
    u64::MAX / group(0, count)
}

/// Bits for `count` cells from `first` on.
fn group(first: usize, count: usize) -> u64 {
    ((1 << count) - 1) << first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_cells_are_taken() {
        let cells = Cells::new();
        assert_eq!([1, 2, 1, 8, 4, 1].map(|count| cells.take(count, End::Low)), [0, 2, 1, 8, 4, 16]);
        cells.put_back(2, 2);
        assert_eq!([4, 1, 1, 1].map(|count| cells.take(count, End::Low)), [20, 2, 3, 17]);
    }

    #[test]
    fn those_of_the_two_ends_share_no_page_until_there_is_no_other() {
        let cells = Cells::new();
        let high: Vec<usize> = (0..CELLS_A_PAGE + 1).map(|_| cells.take(1, End::High)).collect();
        let last = (PAGES - 1) * CELLS_A_PAGE;
        assert_eq!((high[0], high[1], high[CELLS_A_PAGE]), (last, last + 1, last - CELLS_A_PAGE));
        let low: Vec<usize> = (0..(PAGES - 2) * CELLS_A_PAGE + 1).map(|_| cells.take(1, End::Low)).collect();
        assert_eq!((low[0], low.last()), (0, Some(&(high[CELLS_A_PAGE] + 1))));
    }

    #[test]
    fn as_many_spans_as_there_may_be_find_cells() {
        let cells = Cells::new();
        let firsts: Vec<usize> = (0..PAGES * CELLS_A_PAGE).map(|_| cells.take(1, End::Low)).collect();
        assert!(firsts.iter().enumerate().all(|(n, first)| n == *first));
        // The worst case: each group of eight but the last is spoiled by a single cell.
        firsts.iter().filter(|first| *first % MOST != 3).for_each(|first| cells.put_back(*first, 1));
        cells.put_back((SPANS - 1) * MOST + 3, 1);
        assert_eq!(cells.take(MOST, End::High), (SPANS - 1) * MOST);
    }

    #[test]
    fn pages_without_cells_are_found_once() {
        let cells = Cells::new();
        let firsts: Vec<usize> = (0..3 * 8).map(|_| cells.take(8, End::Low)).collect();
        assert_eq!(cells.unmark_unused(), 0);
        firsts.iter().filter(|first| *first / 64 == 1).for_each(|first| cells.put_back(*first, 8));
        assert_eq!((cells.unmark_unused(), cells.unmark_unused()), (0b10, 0));
        assert_eq!(cells.take(1, End::Low), 64);
        cells.put_back(64, 1);
        assert_eq!(cells.unmark_unused(), 0b10);
    }
}
