//! The bound on work: how much one expression may cost, counted before it is done.
//!
//! Counting is exact and the same on every machine, where a clock would refuse by chance.

use super::MAX_BITS;

/// Why a value is refused, as a clause without its full stop; the column is added where it is known.
pub(super) type Outcome<T> = Result<T, &'static str>;

pub(super) const TOO_MANY_DIGITS: &str = "the number would have more than 10,000 digits";
const TOO_MUCH_WORK: &str = "the expression takes too long to calculate";

/// What is left to spend.
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
}

impl Work {
    pub(super) fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Pays for an operation that takes the product of two sizes in bits, and one step at least.
    pub(super) fn pay(&mut self, bits: u64, times_bits: u64) -> Outcome<()> {
        self.pay_steps(limbs(bits).saturating_mul(limbs(times_bits)))
    }

    /// Pays for so many steps.
    pub(super) fn pay_steps(&mut self, steps: u64) -> Outcome<()> {
        self.left = self.left.checked_sub(steps).ok_or(TOO_MUCH_WORK)?;
        Ok(())
    }
}

/// Words of 64 bits, one at least.
pub(super) fn limbs(bits: u64) -> u64 {
    bits / 64 + 1
}

/// Whether a whole number of so many binary digits may be.
pub(super) fn fits(bits: u64) -> Outcome<()> {
    if bits > MAX_BITS { Err(TOO_MANY_DIGITS) } else { Ok(()) }
}
