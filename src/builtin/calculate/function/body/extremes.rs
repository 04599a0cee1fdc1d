//! `min` and `max`: the first of the extreme arguments, of the kind it has.

use super::{ARGUMENTS, Number, Outcome, Work};
use std::cmp::Ordering;

pub(in super::super) fn least(arguments: Vec<Number>, _: &mut Work) -> Outcome<Number> {
    extreme(arguments, Ordering::Less)
}

pub(in super::super) fn greatest(arguments: Vec<Number>, _: &mut Work) -> Outcome<Number> {
    extreme(arguments, Ordering::Greater)
}

fn extreme(arguments: Vec<Number>, wanted: Ordering) -> Outcome<Number> {
    arguments
        .into_iter()
        .reduce(|best, next| if next.compare(&best) == Some(wanted) { next } else { best })
        .ok_or(ARGUMENTS)
}
