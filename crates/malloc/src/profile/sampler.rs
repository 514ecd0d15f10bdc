//! Which allocations are sampled, and how many each stands for.
//!
//! The bytes between two samples are drawn from an exponential distribution, which makes the samples a Poisson process
//! over the bytes that a thread allocates: a block of `size` bytes is sampled with a chance of `1 - exp(-size / rate)`,
//! whatever was allocated before it.
//!
//! The two functions are computed here since the mathematical library is one more that every program would have to
//! load.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// From where the generators of the threads start.
static SEED: AtomicU64 = AtomicU64::new(0);
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// No sample comes: one is being taken.
const NEVER: u64 = u64::MAX;

/// Makes the samples of a program that always does the same be always the same.
pub(super) fn set_seed(seed: u64) {
    SEED.store(seed, Relaxed);
}

/// The part of a thread in the sampling. Only for that thread.
pub(crate) struct Sampler {
    /// How many bytes there are to the next sample.
    left: Cell<u64>,
    /// The state of the generator; 0 before it is first used.
    random: Cell<u64>,
}

impl Sampler {
    pub(crate) const fn new() -> Self {
        Self { left: Cell::new(0), random: Cell::new(0) }
    }

    /// Whether the next sample is among these `size` bytes. After a yes there is none until [`Sampler::draw`] is called.
    pub(super) fn is_due(&self, size: usize, rate: u64) -> bool {
        if self.random.get() == 0 {
            self.random.set(mix(SEED.fetch_add(1, Relaxed).wrapping_mul(STEP)) | 1);
            self.draw(rate);
        }
        let (size, left) = (size.max(1) as u64, self.left.get());
        if left == NEVER {
            return false;
        }
        let is_due = size >= left;
        self.left.set(if is_due { NEVER } else { left - size });
        is_due
    }

    /// Draws how far it is to the next sample.
    pub(super) fn draw(&self, rate: u64) {
        let random = self.random.get().wrapping_add(STEP);
        self.random.set(random);
        // Above 0 and up to 1, in steps of 2⁻⁵³.
        let uniform = ((mix(random) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        self.left.set((-ln(uniform) * rate as f64) as u64 + 1);
    }
}

/// How many blocks of `size` bytes there were for one that was sampled.
pub(super) fn weight(size: u64, rate: u64) -> f64 {
    1.0 / chance(size as f64 / rate as f64)
}

/// The last step of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The natural logarithm of a positive number: of its power of two, and of what is between 1 and 2 by the series of the
/// inverse hyperbolic tangent.
fn ln(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let exponent = (x.to_bits() >> 52) as i64 - 1023;
    let between = f64::from_bits(x.to_bits() & FRACTION | 1.0_f64.to_bits());
    let t = (between - 1.0) / (between + 1.0);
    let series = (0..10).rev().fold(0.0, |sum, n| sum * t * t + 1.0 / (2 * n + 1) as f64);
    exponent as f64 * core::f64::consts::LN_2 + 2.0 * t * series
}

/// `1 - exp(-x)` for a positive number: by its series where that is short, and from the half elsewhere.
fn chance(x: f64) -> f64 {
    if x > 0.05 {
        let half = chance(x.min(64.0) / 2.0);
        return half * (2.0 - half);
    }
    x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_are_those_of_the_library() {
        for n in 1..4000 {
            let x = 1.01_f64.powi(n - 3500);
            assert!((ln(x) - x.ln()).abs() <= 1e-9 * (1.0 + x.ln().abs()), "ln {x}");
            assert!((chance(x) / -(-x).exp_m1() - 1.0).abs() < 1e-8, "1 - exp(-{x})");
        }
    }

    #[test]
    fn samples_stand_for_all_that_was_allocated() {
        const RATE: u64 = 10_000;
        let sampler = Sampler::new();
        for size in [16, 1000, 10_000, 50_000] {
            let count = 40_000_000 / size;
            let sampled = (0..count)
                .filter(|_| {
                    let is_due = sampler.is_due(size, RATE);
                    if is_due {
                        sampler.draw(RATE);
                    }
                    is_due
                })
                .count();
            let estimate = sampled as f64 * weight(size as u64, RATE) / count as f64;
            assert!((estimate - 1.0).abs() < 0.1, "{size}: {estimate}");
        }
    }

    #[test]
    fn no_sample_comes_while_one_is_taken() {
        let sampler = Sampler::new();
        while !sampler.is_due(100, 1000) {}
        assert!(!sampler.is_due(1 << 40, 1000));
        sampler.draw(1000);
        assert!(sampler.is_due(1 << 40, 1000));
    }
}
