//! The calculator: a value or a problem, soon, and never a value that is too long.
#![no_main]

use howdah::builtin::calculate;
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, Instant};

fuzz_target!(|expression: &str| {
    let start = Instant::now();
    match calculate::evaluate(expression) {
        Ok(value) => {
            let most = usize::try_from(calculate::MAX_DIGITS).unwrap_or(usize::MAX);
            assert!(!value.is_empty() && value.len() <= most + 1);
        }
        Err(problem) => assert_eq!(problem.status(), 400),
    }
    // Far above the bound of an ordinary build: a fuzzing build is slow.
    assert!(start.elapsed() < Duration::from_secs(5));
});
