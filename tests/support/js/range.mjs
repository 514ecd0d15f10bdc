// Numbers in a row.

/** All whole numbers from the one to the other, both included. */
export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
