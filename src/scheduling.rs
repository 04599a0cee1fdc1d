//! How the kernel schedules the process's threads.
//!
//! A thread that the kernel wakes interrupts whoever runs, unless it is of the kind that `SCHED_BATCH` says
//! (sched(7)). Where the database lies on the same machine, whoever runs is the backend whose first piece of an answer
//! has just woken us. Does not own how many threads there are.

use rustix::process::getpriority_process;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

const BATCH: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);

/// Has this thread, and those that it starts later, scheduled by `SCHED_BATCH`, as nice as they are.
///
/// # Errors
/// Why it cannot be had: a sandbox may not know it, or forbid it.
pub fn batch() -> Result<(), String> {
    let nice = getpriority_process(None).map_err(|error| error.to_string())?;
    let priority = priority(nice).ok_or_else(|| format!("nobody is as nice as {nice}"))?;
    set_thread_priority_and_policy(thread_native_id(), priority, BATCH)
        .map_err(|error| error.to_string())
}

/// What the library calls a niceness, which it sets along with the policy: its own scale has a place for each.
fn priority(nice: i32) -> Option<ThreadPriority> {
    let scale = ThreadPriorityValue::MIN.into()..=ThreadPriorityValue::MAX.into();
    let places = scale.filter_map(|place: u8| ThreadPriorityValue::try_from(place).ok());
    places.map(ThreadPriority::Crossplatform).find(|it| it.to_posix(BATCH) == Ok(nice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_niceness_has_its_place() {
        for nice in -20..=19 {
            let priority = priority(nice).unwrap_or_else(|| panic!("{nice} has none"));
            assert_eq!(priority.to_posix(BATCH).ok(), Some(nice));
        }
        assert!(priority(20).is_none() && priority(-21).is_none());
    }
}
