//! Where a rotation stands, and the only ways from one place to the next.
//!
//! One function for each transition. A [`State`] has no public field and no other constructor than
//! these and [`State::unadopted`], so that no code can make up a place that the protocol does not
//! lead to. No I/O: the model checker walks over these very functions (`model`).

use std::fmt;

/// What was done last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing is under way.
    Idle,
    /// The standby login has its new password.
    Applied,
    /// It was seen to work everywhere.
    Verified,
    /// Every sink has it.
    Published,
    /// Every live `serve` runs on it.
    Adopted,
    /// The old sessions have time to end.
    Overlap,
    /// The old login cannot sign in; its sessions are being ended.
    Retired,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Applied,
        Self::Verified,
        Self::Published,
        Self::Adopted,
        Self::Overlap,
        Self::Retired,
    ];

    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Applied => "applied",
            Self::Verified => "verified",
            Self::Published => "published",
            Self::Adopted => "adopted",
            Self::Overlap => "overlap",
            Self::Retired => "retired",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// A credential that was issued: its generation and its login.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issue {
    /// Its generation.
    pub generation: u64,
    /// The role that signs in.
    pub login: String,
}

/// Where the rotation of one credential stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    phase: Phase,
    highest: u64,
    current: Issue,
    old: Option<Issue>,
    /// Whether it is on its way back: the current login was never out of use.
    returns: bool,
}

/// A transition that does not begin where the rotation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongPhase {
    /// The transition.
    pub step: &'static str,
    /// Where the rotation stands.
    pub phase: Phase,
}

impl fmt::Display for WrongPhase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` does not follow `{}`", self.step, self.phase.as_str())
    }
}

impl State {
    /// An application that signs in as `login`, with a password that the keeper has not made.
    pub fn unadopted(login: &str) -> Self {
        let current = Issue { generation: 0, login: login.to_owned() };
        Self { phase: Phase::Idle, highest: 0, current, old: None, returns: false }
    }

    /// An application that signs in as `login`, one of its two, with a password that is known.
    pub fn in_use(generation: u64, login: &str) -> Self {
        let generation = generation.max(1);
        let current = Issue { generation, login: login.to_owned() };
        Self { phase: Phase::Idle, highest: generation, current, old: None, returns: false }
    }

    /// The state as it was stored; none when its parts do not belong together.
    pub(super) fn stored(
        phase: Phase,
        highest: u64,
        current: Issue,
        old: Option<Issue>,
        returns: bool,
    ) -> Option<Self> {
        let whole = (phase == Phase::Idle) == old.is_none()
            && current.generation <= highest
            && !(returns && old.is_none())
            && old.as_ref().is_none_or(|old| {
                old.login != current.login && old.generation < current.generation
            });
        whole.then_some(Self { phase, highest, current, old, returns })
    }

    /// What was done last.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The highest generation that was ever begun.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// The credential that is, or is about to be, the published one.
    pub fn current(&self) -> &Issue {
        &self.current
    }

    /// The one before it, until it is gone.
    pub fn old(&self) -> Option<&Issue> {
        self.old.as_ref()
    }

    /// Whether it is on its way back to the password before.
    pub fn returns(&self) -> bool {
        self.returns
    }

    fn step(&self, step: &'static str, from: &[Phase]) -> Result<Self, WrongPhase> {
        if from.contains(&self.phase) {
            Ok(self.clone())
        } else {
            Err(WrongPhase { step, phase: self.phase })
        }
    }

    fn to(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// A new generation: `standby` has got a password, and the right to sign in.
    ///
    /// # Errors
    /// When a rotation is under way, or `standby` is the login in use.
    pub fn applied(&self, standby: &str) -> Result<Self, WrongPhase> {
        let mut next = self.step("applied", &[Phase::Idle])?;
        if standby == self.current.login {
            return Err(WrongPhase { step: "applied", phase: self.phase });
        }
        next.highest += 1;
        let new = Issue { generation: next.highest, login: standby.to_owned() };
        next.old = Some(std::mem::replace(&mut next.current, new));
        Ok(next.to(Phase::Applied))
    }

    /// The new credential was seen to work on every endpoint.
    ///
    /// # Errors
    /// Unless it was applied.
    pub fn verified(&self) -> Result<Self, WrongPhase> {
        Ok(self.step("verified", &[Phase::Applied])?.to(Phase::Verified))
    }

    /// Every sink has it, and was read back.
    ///
    /// # Errors
    /// Unless it was verified.
    pub fn published(&self) -> Result<Self, WrongPhase> {
        Ok(self.step("published", &[Phase::Verified])?.to(Phase::Published))
    }

    /// Every live `serve` runs on it.
    ///
    /// # Errors
    /// Unless it was published.
    pub fn adopted(&self) -> Result<Self, WrongPhase> {
        Ok(self.step("adopted", &[Phase::Published])?.to(Phase::Adopted))
    }

    /// The old sessions have until a deadline.
    ///
    /// # Errors
    /// Unless it was adopted.
    pub fn overlapping(&self) -> Result<Self, WrongPhase> {
        Ok(self.step("overlap", &[Phase::Adopted])?.to(Phase::Overlap))
    }

    /// The old login cannot sign in any more.
    ///
    /// # Errors
    /// Unless the overlap is under way.
    pub fn retired(&self) -> Result<Self, WrongPhase> {
        Ok(self.step("retired", &[Phase::Overlap])?.to(Phase::Retired))
    }

    /// The last old session is gone.
    ///
    /// # Errors
    /// Unless the old login is retired.
    pub fn finished(&self) -> Result<Self, WrongPhase> {
        let mut next = self.step("idle", &[Phase::Retired])?;
        next.old = None;
        next.returns = false;
        Ok(next.to(Phase::Idle))
    }

    /// The new credential did not work, or no sink has it: its login cannot sign in any more, and
    /// the old credential was never touched.
    ///
    /// # Errors
    /// When a sink may have it: then the way back is [`State::returned`]. On the way back the current
    /// login is the one that is in use.
    pub fn aborted(&self) -> Result<Self, WrongPhase> {
        let from: &[Phase] = if self.returns { &[] } else { &[Phase::Applied, Phase::Verified] };
        let mut next = self.step("aborted", from)?;
        let Some(old) = next.old.take() else {
            return Err(WrongPhase { step: "aborted", phase: self.phase });
        };
        next.current = old;
        Ok(next.to(Phase::Idle))
    }

    /// Back to the old password, under a higher generation; the new login becomes the old one.
    ///
    /// # Errors
    /// When the old login is retired already, or nothing is under way.
    pub fn returned(&self) -> Result<Self, WrongPhase> {
        let from = [Phase::Verified, Phase::Published, Phase::Adopted, Phase::Overlap];
        let mut next = self.step("returned", &from)?;
        let Some(old) = next.old.take() else {
            return Err(WrongPhase { step: "returned", phase: self.phase });
        };
        next.highest += 1;
        let again = Issue { generation: next.highest, login: old.login };
        next.old = Some(std::mem::replace(&mut next.current, again));
        next.returns = true;
        Ok(next.to(Phase::Verified))
    }

    /// A sink has a higher generation than was ever begun here, as after a restore: the next one
    /// is higher still.
    ///
    /// # Errors
    /// When a rotation is under way, or the generation is no news.
    pub fn overtaken(&self, generation: u64) -> Result<Self, WrongPhase> {
        let mut next = self.step("overtaken", &[Phase::Idle])?;
        if generation <= next.highest {
            return Err(WrongPhase { step: "overtaken", phase: self.phase });
        }
        next.highest = generation;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]
    use super::*;

    type Step = fn(&State) -> Result<State, WrongPhase>;

    #[test]
    fn the_phases_follow_each_other_and_nothing_else_does() {
        let steps: [(Phase, Step); 7] = [
            (Phase::Applied, |it| it.applied("b")),
            (Phase::Verified, State::verified),
            (Phase::Published, State::published),
            (Phase::Adopted, State::adopted),
            (Phase::Overlap, State::overlapping),
            (Phase::Retired, State::retired),
            (Phase::Idle, State::finished),
        ];
        let mut state = State::unadopted("a");
        for (at, (phase, step)) in steps.iter().enumerate() {
            for (other, (_, wrong)) in steps.iter().enumerate() {
                assert_eq!(wrong(&state).is_ok(), at == other, "{:?} {phase:?}", state.phase);
            }
            state = step(&state).unwrap();
            assert_eq!(state.phase, *phase);
            let old = state.old.clone();
            let stored =
                State::stored(state.phase, state.highest, state.current.clone(), old, false);
            assert_eq!(stored.as_ref(), Some(&state));
        }
        assert_eq!(state.current, Issue { generation: 1, login: "b".to_owned() });
        assert!(state.applied("b").is_err(), "the login in use is no standby");
    }

    #[test]
    fn the_way_back_has_a_higher_generation() {
        let published =
            State::unadopted("a").applied("b").and_then(|it| it.verified()?.published()).unwrap();
        assert!(published.aborted().is_err(), "a sink has it");
        let back = published.returned().unwrap();
        assert_eq!(back.current, Issue { generation: 2, login: "a".to_owned() });
        assert_eq!(back.old, Some(Issue { generation: 1, login: "b".to_owned() }));
        assert_eq!(back.phase, Phase::Verified);
        assert!(back.aborted().is_err(), "the login in use is not to be disabled");
        let aborted = State::unadopted("a").applied("b").unwrap().aborted().unwrap();
        assert_eq!((aborted.highest, aborted.current.generation), (1, 0));
        assert_eq!(aborted.applied("b").unwrap().current.generation, 2);
        assert_eq!(aborted.overtaken(7).unwrap().applied("b").unwrap().current.generation, 8);
        assert!(aborted.overtaken(1).is_err());
    }
}
