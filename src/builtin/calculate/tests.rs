//! Tests of the calculator: a table, its bounds, its refusals, and any input at all.

mod python;

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn value(expression: &str) -> String {
    evaluate(expression).unwrap_or_else(|problem| format!("{:?}", problem.to_json("")["detail"]))
}

fn refusal(expression: &str) -> String {
    let problem = evaluate(expression).expect_err(expression);
    assert_eq!((problem.code(), problem.status()), (Code::Expression, 400), "{expression}");
    problem.to_json("")["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_python_prints_is_what_comes_out() {
    let rows = include_str!("tests/values.txt");
    for row in rows.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (expression, wanted) = row.rsplit_once(" → ").expect(row);
        assert_eq!(value(expression), wanted, "{expression}");
    }
}

#[test]
fn a_refusal_says_where_and_why() {
    let rows = include_str!("tests/refusals.txt");
    for row in rows.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (expression, wanted) = row.rsplit_once(" → ").expect(row);
        assert_eq!(refusal(expression), wanted, "{expression}");
    }
    assert_eq!(refusal(""), "At character 1: the expression is empty.");
    assert_eq!(refusal(" \t"), "At character 3: the expression is empty.");
    assert_eq!(refusal("1\n+1"), "At character 2: this character has no meaning here.");
}

#[test]
fn a_refusal_never_repeats_the_expression() {
    assert!(!refusal("__import__('os').system('id')").contains("import"));
    assert!(!refusal("1 + <script>").contains("script"));
}

#[test]
fn the_longest_expression_is_read_and_no_longer_one() {
    let longest = "1+".repeat(499) + "10";
    assert_eq!(longest.len(), MAX_CHARACTERS);
    assert_eq!(value(&longest), "509");
    assert!(refusal(&(longest + "0")).starts_with("At character 1001: "));
    assert!(refusal(&"é".repeat(1001)).starts_with("At character 1001: "));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels| format!("{}1{}", "(".repeat(levels), ")".repeat(levels));
    assert_eq!(value(&nested(100)), "1");
    assert_eq!(
        refusal(&nested(101)),
        "At character 102: the expression is nested deeper than 100 levels."
    );
    assert_eq!(value(&("-".repeat(100) + "1")), "1");
    for bomb in ["(", "-", "abs(", "2**", "1+(", "(-", "min(1,"] {
        assert!(refusal(&bomb.repeat(MAX_CHARACTERS / bomb.len())).contains("deeper"), "{bomb}");
        assert!(refusal(&bomb.repeat(10_000)).contains("longer"), "{bomb}");
    }
}

#[test]
fn the_longest_number_has_ten_thousand_digits() {
    assert_eq!(value("10**9999").len(), 10_000);
    assert_eq!(value("10**9999*9+(10**9999-1)").len(), 10_000);
    assert_eq!(
        refusal("10**10000*2-1"),
        "At character 10: the number would have more than 10,000 digits."
    );
    assert_eq!(value("factorial(3248)").len(), 9_998);
    assert!(refusal("factorial(3249)").contains("digits"));
}

#[test]
fn what_would_take_long_is_refused_at_once() {
    let gcds = format!("gcd({})", vec!["7**11000,5**14000"; 50].join(","));
    let combinations = vec!["comb(60000,15000)"; 55].join("+");
    let powers = vec!["7**11000%9"; 90].join("+");
    let products = format!("({})", vec!["3**10000//7*7"; 70].join("+"));
    let modular = "pow(7**9999,7**9999,7**9998+2)".to_owned();
    let roots = vec!["isqrt(7**11000)"; 60].join("+");
    let divisions = vec!["7**11000/5**14000"; 55].join("+");
    let decimals = vec!["round(1e300,300)"; 55].join("+");
    for (expression, refused) in [
        ("9**9**9**9", Some(true)),
        ("2**(10**9)", Some(true)),
        ("-2**-(10**9)*9**9**9", Some(true)),
        ("factorial(100000)", Some(true)),
        ("factorial(10**9000)", Some(true)),
        ("10**5000*10**5001", Some(true)),
        ("comb(10**6,500000)", Some(true)),
        ("comb(10**9000,10**8999)", Some(true)),
        ("perm(10**9,10**8)", Some(true)),
        ("perm(10**9000)", Some(true)),
        ("pow(2,10**9)", Some(true)),
        ("round(10**9000,-(10**9000))", Some(false)),
        ("round(5**9,-10**9)", Some(false)),
        ("1**9**9**4", Some(false)),
        ("pow(7**350,7**11000,2*7**350)", Some(true)),
        ("pow(7**80,7**11000,2*7**80)", Some(true)),
        ("pow(7**80,7**2000,2*7**80)", Some(false)),
        ("pow(7**350,7**550,2*7**350)", Some(false)),
        ("pow(2,10**2000,10**9)", Some(false)),
        ("pow(3**5000,-1,2**8000)", None),
        ("gcd(3**20000,2**33000+1)", Some(true)),
        ("gcd(3**5000,2**8000+1)", Some(false)),
        ("comb(2**300,400)", None),
        ("isqrt(10**9999)", None),
        ("(10**9999)%(10**5000+1)", None),
        ("round(10**9999+5*10**4998,-4999)", None),
        (&*gcds, Some(true)),
        (&*modular, Some(true)),
        (&*combinations, Some(true)),
        (&*powers, None),
        (&*products, None),
        (&*roots, None),
        (&*divisions, None),
        (&*decimals, None),
    ] {
        let begun = Instant::now();
        let result = evaluate(expression);
        // Generous for a busy machine and a build without optimisation.
        assert!(begun.elapsed() < Duration::from_secs(5), "{expression}: {:?}", begun.elapsed());
        println!("{:>9.3?} {} {expression:.60}", begun.elapsed(), result.is_ok());
        assert!(
            refused.is_none_or(|refused| result.is_err() == refused),
            "{expression}: {result:?}"
        );
    }
}

proptest! {
    #[test]
    fn anything_gives_a_value_or_a_problem(text in any::<String>()) {
        drop(evaluate(&text));
    }

    #[test]
    fn anything_of_its_own_letters_gives_a_value_or_a_problem(
        text in "([0-9_.eExXbo]{1,4}|[-+*/%<>=!(), ]{1,2}|abs|round|min|max|pow|sqrt|log|gcd|lcm|comb|perm|factorial|inf|nan|é|\u{0}){0,60}"
    ) {
        drop(evaluate(&text));
    }
}

#[test]
fn the_documentation_names_every_function() {
    let page = include_str!("../../../docs/builtin.md");
    for name in function::Function::names() {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
