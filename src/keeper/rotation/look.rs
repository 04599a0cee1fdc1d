//! When it is looked again whether others have changed anything, and what is not mended each time.
//!
//! A change that is mended and found again at once has a cause that the keeper has no hand in, such as
//! a line of `pg_hba.conf`. It is looked at every minute, so that its end is seen; it is mended again
//! after a minute, two, four, and so on up to an hour.

use crate::rotation::Looked;
use std::time::{Duration, Instant};

/// How often everything is checked that others may have changed.
const CHECK: Duration = Duration::from_mins(1);
/// The longest time until the same is mended again.
const LONGEST: Duration = Duration::from_hours(1);

/// What the looks before came to.
#[derive(Default)]
pub(super) struct Look {
    /// When the last one was; nothing when the next is due at once.
    at: Option<Instant>,
    /// What was mended last, when, and how often before.
    mended: Option<(String, Instant, u32)>,
    /// What was told last that could not be mended.
    told: String,
}

impl Look {
    /// Whether there was a look after which no other is due at once.
    pub(super) fn was_made(&self) -> bool {
        self.at.is_some()
    }

    /// Whether it is time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| now.duration_since(at) >= CHECK)
    }

    /// What is not to be mended this time.
    pub(super) fn held(&self, now: Instant) -> Option<&str> {
        let (found, at, times) = self.mended.as_ref()?;
        (now.duration_since(*at) < wait(*times)).then_some(found)
    }

    /// Whether nobody was told of this.
    pub(super) fn is_news(&self, found: &str) -> bool {
        self.told != found
    }

    /// Notes what a look came to.
    pub(super) fn made(&mut self, looked: Looked, now: Instant) {
        self.at = Some(now);
        match looked {
            Looked::Well => (self.mended, self.told) = (None, String::new()),
            Looked::Held(found) => self.told = found,
            Looked::Mended(found) => match &mut self.mended {
                Some((before, at, times)) if *before == found => (*at, *times) = (now, *times + 1),
                _ => {
                    self.mended = Some((found, now, 0));
                    // It may have uncovered more, or not have helped.
                    self.at = None;
                }
            },
        }
    }
}

/// How long something is left alone that was mended so often before.
fn wait(times: u32) -> Duration {
    CHECK.saturating_mul(2_u32.saturating_pow(times)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(what: &str) -> Looked {
        Looked::Mended(what.to_owned())
    }

    #[test]
    fn what_comes_back_is_mended_less_and_less_often() {
        let (mut look, start) = (Look::default(), Instant::now());
        let (mut mended, mut looks) = (Vec::new(), 0);
        for second in (0..12 * 3600).step_by(2) {
            let now = start + Duration::from_secs(second);
            if look.is_due(now) {
                looks += 1;
                let held = look.held(now) == Some("shut out");
                if !held {
                    mended.push(second / 60);
                }
                let looked = if held { Looked::Held("shut out".into()) } else { found("shut out") };
                look.made(looked, now);
            }
        }
        assert_eq!(mended[..7], [0, 1, 3, 7, 15, 31, 63], "{mended:?}");
        assert!(mended.len() < 20, "{mended:?}");
        assert!((700..=725).contains(&looks), "{looks}");
        assert!(!look.is_news("shut out"));
        look.made(Looked::Well, start);
        assert!(look.held(start).is_none() && look.is_news("shut out"));
    }

    #[test]
    fn something_else_is_mended_at_once() {
        let (mut look, now) = (Look::default(), Instant::now());
        assert!(look.is_due(now) && !look.was_made());
        look.made(found("one"), now);
        assert!(look.is_due(now) && look.held(now) == Some("one"));
        look.made(found("other"), now);
        assert!(look.is_due(now) && look.held(now) == Some("other"));
        look.made(found("other"), now);
        assert!(!look.is_due(now) && look.was_made() && look.is_due(now + CHECK));
    }
}
