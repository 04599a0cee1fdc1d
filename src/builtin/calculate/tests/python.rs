//! The calculator against CPython itself: what it accepts has Python's value, and what Python
//! calculates from the same language it accepts.
//!
//! Operations that IEEE 754 defines (`+ - * / // %`, comparisons, `sqrt`, conversions, `round`) must
//! agree to the last character. Functions that a C library approximates (`sin`, `exp`, `**` on
//! floats, …) may differ in the last place between two libraries: they are tried one at a time, on
//! exact arguments, and may differ by 4 units in the last place.

use super::*;
use fastrand::Rng;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What `python3` says to each expression; nothing when there is no `python3`, which only a
/// developer's machine may lack.
fn ask_python(expressions: &[String]) -> Option<Vec<String>> {
    let child = Command::new("python3")
        .args(["-c", include_str!("oracle.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "python3 does not start: {error}");
            eprintln!("skipped: python3, to compare with, does not start: {error}");
            return None;
        }
    };
    let mut input = child.stdin.take().expect("piped");
    let text = expressions.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("python3 ends");
    writer.join().expect("no panic").expect("python3 reads all");
    assert!(output.status.success(), "{output:?}");
    let answers: Vec<String> =
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), expressions.len());
    Some(answers)
}

fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    from[random.usize(..from.len())]
}

/// A literal, of every kind and near every edge.
fn literal(random: &mut Rng) -> String {
    match random.u8(..12) {
        0..=3 => random.u32(..20).to_string(),
        4 => random.u64(..).to_string(),
        5 => format!("{}.{}", random.u32(..100), random.u32(..1000)),
        6 => format!("{}e{}", random.u32(1..100), random.i32(-330..330)),
        7 => format!("{:?}", f64::from_bits(random.u64(..) >> 1)).replace("NaN", "nan"),
        8 => format!("{:#x}", random.u32(..)),
        9 => format!("{}.5", random.u32(..50)),
        10 => format!("1{}", "0".repeat(random.usize(..330))),
        _ => pick(
            random,
            &[
                "True",
                "False",
                "0",
                "0.0",
                "1.",
                ".5",
                "inf",
                "nan",
                "pi",
                "e",
                "tau",
                "1_000",
                "0b11",
                "0o17",
                "1e16",
                "1e-5",
                "2**53",
                "2**1024",
                "2**-1074",
                "5e-324",
                "(2**53+1)",
                "00",
                "012.5",
                "9007199254740993",
                "1e22",
                "1e23",
                "(2**1024-2**970)",
                "(2**1024-2**970-1)",
            ],
        )
        .to_owned(),
    }
}

/// An expression without an operation that a C library approximates.
fn exact(random: &mut Rng, depth: u32) -> String {
    if depth == 0 || random.u8(..8) == 0 {
        return literal(random);
    }
    let left = exact(random, depth - 1);
    let right = exact(random, depth - 1);
    let operator =
        pick(random, &["+", "-", "*", "/", "//", "%", " - ", "<", "<=", "==", "!=", ">=", ">"]);
    match random.u8(..32) {
        0..=12 => format!("{left}{operator}{right}"),
        13 | 14 => format!("({left}){operator}({right})"),
        15 => format!("-{left}"),
        16 => format!("+({left})"),
        17 => format!("trunc({left})**{}", random.u32(..40)),
        18 => format!("round({left})"),
        19 => format!("round({left},{})", random.i32(-330..330)),
        20 => format!("round({left},{})", random.i32(-4..6)),
        21 => format!("min({left},{right})"),
        22 => format!("max({left},{right},1)"),
        23 => format!("abs({left})"),
        24 => format!("sqrt(abs({left}))"),
        25 => format!("floor({left})"),
        26 => format!("ceil({left})+trunc({right})"),
        27 => format!("gcd(floor({left}),floor({right}))"),
        28 => format!("lcm(trunc({left}),{})", random.u32(..99)),
        29 => {
            format!("comb({},{})-perm({2},2)", random.u32(..200), random.u32(..50), random.u8(..))
        }
        30 => format!("pow(floor({left}),{},{})", random.i32(-3..99), random.i32(-9..99)),
        _ => format!("isqrt(abs(trunc({left})))+degrees({right})"),
    }
}

/// One operation that a C library approximates, on exact arguments.
fn approximate(random: &mut Rng) -> String {
    let (left, right) = (exact(random, 1), exact(random, 1));
    match random.u8(..24) {
        0 => format!("({left})**({})", random.i32(-400..0)),
        1 => format!("({left})**{}.25", random.u32(..40)),
        2 => format!("pow({left},-{}.5)", random.u32(..40)),
        3 => {
            format!("{}.{}**({right})", random.u32(..9), random.u32(..99)).replace("**(1e", "**(0e")
        }
        4 => format!("atan2({left},{right})"),
        5 => format!("hypot({left},{right})"),
        6 => format!("log({left},{})", random.u32(2..40)),
        kind => {
            let function = pick(
                random,
                &[
                    "cbrt", "exp", "log", "ln", "log2", "log10", "sin", "cos", "tan", "asin",
                    "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
                ],
            );
            let argument = if kind % 2 == 0 { left } else { random.f64().to_string() };
            format!("{function}({argument})")
        }
    }
}

/// Symbols and words of the language in any order.
fn soup(random: &mut Rng) -> String {
    let words = [
        "1", "2", "07", "1_0", "1.", ".5", "0x1", "1e2", "2", "3", "+", "-", "*", "/", "//", "%",
        "**", "<", "==", "(", ")", "(", ")", ",", " ", "abs", "max", "pi", "True", "e", "_", "0",
    ];
    (0..random.usize(1..9)).map(|_| pick(random, &words)).collect()
}

/// Units in the last place between two floats; the most there is when they are no such pair.
fn distance(left: &str, right: &str) -> u64 {
    let order = |text: &str| -> Option<i64> {
        let bits = text.parse::<f64>().ok()?.to_bits().cast_signed();
        Some(if bits < 0 { i64::MIN - bits } else { bits })
    };
    match (order(left), order(right)) {
        (Some(left), Some(right)) => left.abs_diff(right),
        _ => u64::MAX,
    }
}

fn answer(expression: &str) -> String {
    evaluate(expression).unwrap_or_else(|_| "!".into())
}

#[test]
fn exact_operations_agree_with_python_to_the_character() {
    let mut random = Rng::with_seed(0x5EED);
    let expressions: Vec<String> = std::iter::repeat_with(|| exact(&mut random, 4))
        .filter(|expression| expression.len() < MAX_CHARACTERS)
        // Past these bounds the two differ on purpose.
        .filter(|expression| {
            let bounds = ["10,000 digits", "takes too long"];
            !matches!(value_of(expression), Err(fault) if bounds.iter().any(|it| fault.why.contains(it)))
        })
        .take(8000)
        .collect();
    let Some(answers) = ask_python(&expressions) else { return };
    let mut refused = 0;
    for (expression, wanted) in expressions.iter().zip(answers) {
        assert_eq!(answer(expression), wanted, "{expression}\n{}", value(expression));
        refused += usize::from(wanted == "!");
    }
    assert!(refused < expressions.len() / 3, "only {refused} refused: the rest says something");
}

#[test]
fn approximate_operations_agree_with_python_within_the_last_places() {
    let mut random = Rng::with_seed(0xF10A7);
    let expressions: Vec<String> =
        std::iter::repeat_with(|| approximate(&mut random)).take(4000).collect();
    let Some(answers) = ask_python(&expressions) else { return };
    let mut differing = 0;
    for (expression, wanted) in expressions.iter().zip(answers) {
        let ours = answer(expression);
        if wanted == "?" || ours == wanted {
            continue;
        }
        differing += 1;
        assert!(distance(&ours, &wanted) <= 4, "{expression}: {ours}, Python {wanted}");
    }
    println!("{differing} of {} differ in the last places", expressions.len());
}

#[test]
fn what_is_accepted_python_accepts_too() {
    let mut random = Rng::with_seed(0x50F7);
    let expressions: Vec<String> = std::iter::repeat_with(|| soup(&mut random))
        .filter(|expression| evaluate(expression).is_ok())
        .take(4000)
        .collect();
    let Some(answers) = ask_python(&expressions) else { return };
    for (expression, wanted) in expressions.iter().zip(answers) {
        assert!(
            answer(expression) == wanted || distance(&answer(expression), &wanted) <= 4,
            "{expression}: {}, Python {wanted}",
            answer(expression)
        );
    }
}
