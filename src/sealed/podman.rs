//! Podman's secret store: a secret goes in on standard input, and never through a file or an argument.

use crate::{
    diagnostic::{Code, Diagnostic},
    secret::SecretBytes,
};
use std::{
    io::{Read, Write},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long Podman may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The largest secret that Podman takes, in bytes.
const MAX_BYTES: usize = 512_000;

/// Puts `secret` into the store as `name`; one that is there gives way when `replace` says so.
///
/// # Errors
/// There is no Podman, it fails, or the name is taken.
pub fn store(name: &str, secret: &SecretBytes, replace: bool) -> Result<(), Box<Diagnostic>> {
    let bytes = secret.expose();
    if bytes.is_empty() || bytes.len() > MAX_BYTES {
        let why =
            format!("Podman takes secrets of 1 to {MAX_BYTES} bytes; this has {}", bytes.len());
        return Err(Diagnostic::error(Code::Sealed, why).boxed());
    }
    if podman(&["secret", "inspect", "--", name], &[])?.status.success() {
        if !replace {
            let why = format!("Podman has a secret {name} already");
            return Err(Diagnostic::error(Code::Machine, why).help("--force replaces it").boxed());
        }
        // Older versions cannot replace in one step; containers that run keep what they have.
        ask(&["secret", "rm", "--", name], &[])?;
    }
    ask(&["secret", "create", "--", name, "-"], bytes)
}

/// Runs Podman, and takes no for an error.
fn ask(arguments: &[&str], input: &[u8]) -> Result<(), Box<Diagnostic>> {
    let output = podman(arguments, input)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|it| !it.trim().is_empty()).unwrap_or("it gives no reason");
    let verb = arguments.get(1).copied().unwrap_or_default();
    Err(Diagnostic::error(Code::Machine, format!("podman secret {verb} failed: {last}")).boxed())
}

fn podman(arguments: &[&str], input: &[u8]) -> Result<Output, Box<Diagnostic>> {
    let failed = |why: String| Diagnostic::error(Code::Machine, why).boxed();
    let mut child = Command::new("podman")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("podman cannot be run: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whether it was read shows in how it ends. All of it fits into the pipe or is read.
        let _ = stdin.write_all(input);
    }
    let mut stderr = child.stderr.take();
    let said = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stderr) = &mut stderr {
            let _ = stderr.take(64 * 1024).read_to_end(&mut text);
        }
        text
    });
    let end = Instant::now() + PATIENCE;
    loop {
        let ended = child.try_wait().map_err(|error| failed(format!("podman: {error}")))?;
        if let Some(status) = ended {
            let stderr = said.join().unwrap_or_default();
            return Ok(Output { status, stdout: Vec::new(), stderr });
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(format!("podman did not answer in {} s", PATIENCE.as_secs())));
        }
        thread::sleep(Duration::from_millis(10));
    }
}
