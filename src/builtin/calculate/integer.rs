//! Whole numbers of bounded length: what an operation may cost is paid before it runs.

use super::{
    float,
    work::{Outcome, TOO_MANY_DIGITS, Work, fits, limbs},
};
use num_bigint::{BigInt, BigUint};
use num_traits::{One, Signed, ToPrimitive, Zero};

const DIVISION_BY_ZERO: &str = "division by zero";

/// The number itself when it is not too long.
fn bounded(value: BigInt) -> Outcome<BigInt> {
    fits(value.bits())?;
    Ok(value)
}

pub(super) fn add(left: &BigInt, right: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    work.pay(left.bits().max(right.bits()), 1)?;
    bounded(left + right)
}

pub(super) fn subtract(left: &BigInt, right: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    work.pay(left.bits().max(right.bits()), 1)?;
    bounded(left - right)
}

pub(super) fn multiply(left: &BigInt, right: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    fits((left.bits() + right.bits()).saturating_sub(1))?;
    work.pay(left.bits(), right.bits())?;
    bounded(left * right)
}

/// `left // right` and `left % right`: rounded down, the rest with the sign of `right`.
pub(super) fn divide_floor(
    left: &BigInt,
    right: &BigInt,
    work: &mut Work,
) -> Outcome<(BigInt, BigInt)> {
    if right.is_zero() {
        return Err(DIVISION_BY_ZERO);
    }
    work.pay(left.bits(), right.bits())?;
    let (mut quotient, mut rest) = (left / right, left % right);
    if !rest.is_zero() && rest.is_negative() != right.is_negative() {
        quotient -= 1;
        rest += right;
    }
    Ok((quotient, rest))
}

/// `base ** exponent` for an exponent that is not negative. The length of the result is known well
/// enough beforehand to refuse `9**9**9` at once.
pub(super) fn power(base: &BigInt, exponent: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    if exponent.is_zero() || base.is_one() {
        return Ok(BigInt::one());
    }
    if base.is_zero() {
        return Ok(BigInt::zero());
    }
    if base.magnitude().is_one() {
        return Ok(if exponent.bit(0) { base.clone() } else { BigInt::one() });
    }
    let exponent = exponent.to_u32().ok_or(TOO_MANY_DIGITS)?;
    fits((base.bits() - 1).saturating_mul(u64::from(exponent)))?;
    let at_most = base.bits() * u64::from(exponent);
    work.pay(at_most, 2 * at_most)?;
    bounded(base.pow(exponent))
}

/// `pow(base, exponent, modulus)`.
pub(super) fn power_modulo(
    base: &BigInt,
    exponent: &BigInt,
    modulus: &BigInt,
    work: &mut Work,
) -> Outcome<BigInt> {
    if modulus.is_zero() {
        return Err("the modulus of pow is zero");
    }
    work.pay(base.bits(), modulus.bits())?;
    let size = limbs(modulus.bits());
    let inverse_rounds = if exponent.is_negative() { modulus.bits() } else { 0 };
    let rounds = exponent.bits().saturating_add(inverse_rounds);
    // Each bit of the exponent takes two products and two divisions, and with an even modulus new
    // memory for each; measured.
    work.pay_steps(rounds.saturating_mul(2000 + 40 * size * size))?;
    if !exponent.is_negative() {
        return Ok(base.modpow(exponent, modulus));
    }
    let inverse = base.modinv(modulus).ok_or("the base has no inverse for this modulus")?;
    Ok(inverse.modpow(&-exponent, modulus))
}

/// The greatest common divisor (Euclid), never negative.
pub(super) fn gcd(left: &BigInt, right: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    // The first round leaves two numbers of the shorter one's length; each further round takes away
    // a bit and a half on average, and costs several passes over them; measured.
    let bits = left.bits().min(right.bits());
    work.pay(left.bits(), right.bits())?;
    work.pay_steps(bits.saturating_mul(16 * limbs(bits)))?;
    let (mut left, mut right) = (left.magnitude().clone(), right.magnitude().clone());
    while !right.is_zero() {
        (left, right) = (right.clone(), left % right);
    }
    Ok(BigInt::from(left))
}

/// The least common multiple, never negative.
pub(super) fn lcm(left: &BigInt, right: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    if left.is_zero() || right.is_zero() {
        return Ok(BigInt::zero());
    }
    let divisor = gcd(left, right, work)?;
    multiply(&(left.abs() / divisor), &right.abs(), work)
}

/// `number!`
pub(super) fn factorial(number: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    if number.is_negative() {
        return Err("factorial takes no negative number");
    }
    // 3,248! has 9,998 digits.
    let number = number.to_u32().filter(|it| *it < 4000).ok_or(TOO_MANY_DIGITS)?;
    let mut product = BigInt::one();
    for factor in 2..=number {
        product = multiply(&product, &BigInt::from(factor), work)?;
    }
    Ok(product)
}

/// In how many orders `chosen` of `number` things can be taken.
pub(super) fn permutations(number: &BigInt, chosen: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    check_choice(number, chosen)?;
    if chosen > number {
        return Ok(BigInt::zero());
    }
    let (mut product, mut taken) = (BigInt::one(), BigInt::zero());
    while taken < *chosen {
        product = multiply(&product, &(number - &taken), work)?;
        taken += 1;
    }
    Ok(product)
}

/// In how many ways `chosen` of `number` things can be taken.
pub(super) fn combinations(number: &BigInt, chosen: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    check_choice(number, chosen)?;
    if chosen > number {
        return Ok(BigInt::zero());
    }
    let chosen = chosen.clone().min(number - chosen);
    let (mut product, mut taken) = (BigInt::one(), BigInt::zero());
    while taken < chosen {
        // Each product is `comb(number, taken + 1)` times `taken + 1`, so the division is exact.
        let factor = number - &taken;
        work.pay(product.bits(), 2 * factor.bits())?;
        taken += 1;
        product = bounded(product * factor / &taken)?;
    }
    Ok(product)
}

fn check_choice(number: &BigInt, chosen: &BigInt) -> Outcome<()> {
    if number.is_negative() || chosen.is_negative() {
        return Err("comb and perm take no negative number");
    }
    Ok(())
}

/// The whole part of the square root.
pub(super) fn square_root(number: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    if number.is_negative() {
        return Err("isqrt takes no negative number");
    }
    work.pay_steps(20 * limbs(number.bits()) * limbs(number.bits()))?;
    Ok(number.sqrt())
}

/// `round(number, digits)`: ties to even at a power of ten; digits after the point change nothing.
pub(super) fn round(number: &BigInt, digits: &BigInt, work: &mut Work) -> Outcome<BigInt> {
    if !digits.is_negative() {
        return Ok(number.clone());
    }
    // Past the number's own length nothing is left of it.
    let places = match (-digits).to_u32() {
        Some(places) if u64::from(places) <= number.bits() => places,
        _ => return Ok(BigInt::zero()),
    };
    work.pay(4 * u64::from(places), 4 * u64::from(places) + number.bits())?;
    let scale = BigUint::from(10u8).pow(places);
    let rounded = float::round_ratio(number.magnitude(), &scale) * scale;
    bounded(float::with_sign(number.is_negative(), rounded))
}
