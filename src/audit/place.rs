//! Where checkpoints go: places that a database's administrator cannot write.
//!
//! Owns handing a checkpoint to each of them. Does not own what is signed, nor when. A place that
//! fails holds up neither the trail nor the other places; it gets the next checkpoint.

mod file;
mod witness;

pub use file::FilePlace;
pub use witness::{Confirmed, Witness, WitnessFailure};
