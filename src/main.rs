//! The binary: a table of contents. Everything is in the library.

fn main() -> howdah::cli::Exit {
    howdah::cli::run()
}
