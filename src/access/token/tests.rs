//! Tokens that are right, and every way to be wrong.
