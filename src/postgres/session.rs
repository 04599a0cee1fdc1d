//! The control-plane connection. Its room is being built.
