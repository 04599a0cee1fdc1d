//! Who may call a route.

use super::{Caller, Permit};
use crate::problem::{Code, Problem};

/// Who may call a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Everybody.
    #[default]
    Public,
    /// Whoever has signed in and has each of these scopes; there may be none.
    Caller(Vec<String>),
}

impl Policy {
    /// Whether everybody may.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }

    /// The permit that lets `caller` go on.
    ///
    /// # Errors
    /// The problem to answer with, when the policy does not let them: 401 for nobody, 403 for
    /// somebody without the scopes.
    pub fn permit(&self, caller: &Caller) -> Result<Permit, Problem> {
        let Self::Caller(scopes) = self else { return Ok(Permit::issue()) };
        if caller.is_anonymous() {
            return Err(Problem::new(Code::Unauthenticated));
        }
        if scopes.iter().all(|scope| caller.scopes().contains(scope)) {
            return Ok(Permit::issue());
        }
        Err(Problem::new(Code::InsufficientScope)
            .detail(format!("The scopes needed are: {}.", scopes.join(", "))))
    }

    /// The scopes that it wants.
    pub fn scopes(&self) -> &[String] {
        match self {
            Self::Public => &[],
            Self::Caller(scopes) => scopes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{ApiKey, Claims};
    use std::sync::Arc;

    fn holder(scopes: &[&str]) -> Caller {
        Caller::Key(Arc::new(ApiKey {
            name: "n".into(),
            scopes: scopes.iter().map(|it| (*it).to_owned()).collect(),
            not_before: None,
            expires: None,
            claims: Claims::default(),
            role: None,
        }))
    }

    #[test]
    fn everybody_may_what_is_public_and_nobody_else_what_is_not() {
        let of = |policy: &Policy, caller: &Caller| {
            policy.permit(caller).map(drop).map_err(|problem| problem.code())
        };
        let both = Policy::Caller(vec!["a".into(), "b".into()]);
        assert_eq!(of(&Policy::Public, &Caller::Anonymous), Ok(()));
        assert_eq!(of(&Policy::Public, &holder(&[])), Ok(()));
        assert_eq!(of(&Policy::Caller(Vec::new()), &Caller::Anonymous), Err(Code::Unauthenticated));
        assert_eq!(of(&Policy::Caller(Vec::new()), &holder(&[])), Ok(()));
        assert_eq!(of(&both, &Caller::Anonymous), Err(Code::Unauthenticated));
        assert_eq!(of(&both, &holder(&["a"])), Err(Code::InsufficientScope));
        assert_eq!(of(&both, &holder(&["a", "bb"])), Err(Code::InsufficientScope));
        assert_eq!(of(&both, &holder(&["c", "b", "a"])), Ok(()));
    }
}
