//! The proof that a policy was asked.

/// Leave to run one statement once. Only [`super::Policy::permit`] makes one, its field is private,
/// and a lane consumes it: nothing reaches the database unasked.
#[derive(Debug)]
pub struct Permit {
    _private: (),
}

impl Permit {
    pub(super) fn issue() -> Self {
        Self { _private: () }
    }
}
