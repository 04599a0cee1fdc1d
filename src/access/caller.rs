//! Who asks.

/// Who sent a request, as far as it could be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody said.
    Anonymous,
}
