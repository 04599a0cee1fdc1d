//! seccomp: the system calls that the process may make.
//!
//! Two filters, of which the kernel obeys the stricter word: some calls end the process at once,
//! for nothing here makes them and whoever does has taken it over; what is not on the list of the
//! allowed ones does not exist (`ENOSYS`), so that a library can fall back on an older call.

use super::Process;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that end the process: running programs, reaching into others, changing the kernel.
const DEADLY: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_bpf,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
];

/// Calls that are allowed whatever their arguments are.
const ALLOWED: &[i64] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mlock,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munmap,
    // Threads, signals, time.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    // What the process is.
    libc::SYS_capget,
    libc::SYS_getcwd,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_getuid,
    libc::SYS_prlimit64,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_umask,
    libc::SYS_uname,
    // Sockets; none that listens: the listeners are open.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socket,
    libc::SYS_socketpair,
    // Waiting for descriptors.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Descriptors and files.
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fchmod,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getdents64,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Calls that only older architectures have beside their newer forms.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// What `ioctl` may ask: whether a descriptor waits, is a terminal, how wide that is.
const REQUESTS: &[u64] =
    &[libc::FIONBIO, libc::FIOCLEX, libc::FIONREAD, libc::TCGETS, libc::TIOCGWINSZ];

/// What `prctl` may do: name a thread or memory, and read what is in force.
const CONTROLS: &[libc::c_int] = &[
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_VMA,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_SECCOMP,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_CAPBSET_READ,
];

/// Calls that the keeper never makes: it follows no folder, and sends no batches of packets.
const NOT_THE_KEEPERS: &[i64] = &[
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_pwritev,
    libc::SYS_recvmmsg,
];

/// What `ioctl` may ask for the keeper beside that: whether a file of checkpoints can only be appended
/// to (`ioctl_iflags(2)`).
const KEEPERS_REQUESTS: &[u64] = &[FS_IOC_GETFLAGS];

/// `FS_IOC_GETFLAGS` (linux/fs.h): `_IOR('f', 1, long)`, of 64-bit architectures.
const FS_IOC_GETFLAGS: u64 = 0x8008_6601;

/// Installs both filters for this thread and those it starts.
pub(super) fn filter(process: Process) -> Result<(), String> {
    let deadly = program(unconditional(DEADLY), SeccompAction::Allow, SeccompAction::KillProcess)?;
    let refuse = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let allowed = program(allowed(process)?, refuse, SeccompAction::Allow)?;
    for filter in [deadly, allowed] {
        seccompiler::apply_filter(&filter).map_err(|error| {
            format!("the kernel does not take the filter ({error}); it needs CONFIG_SECCOMP_FILTER")
        })?;
    }
    Ok(())
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, String> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|_| format!("no filter is known for {}", std::env::consts::ARCH))?;
    SeccompFilter::new(rules, otherwise, listed, architecture)
        .and_then(BpfProgram::try_from)
        .map_err(|error| error.to_string())
}

fn unconditional(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn allowed(process: Process) -> Result<Rules, String> {
    let mut rules = unconditional(ALLOWED);
    rules.extend(unconditional(ALLOWED_HERE));
    let more = match process {
        Process::Service => &[],
        Process::Keeper => {
            rules.retain(|call, _| !NOT_THE_KEEPERS.contains(call));
            KEEPERS_REQUESTS
        }
    };
    rules.insert(libc::SYS_ioctl, any_of(1, REQUESTS.iter().chain(more).copied())?);
    rules.insert(
        libc::SYS_prctl,
        any_of(0, CONTROLS.iter().map(|it| u64::from(it.unsigned_abs())))?,
    );
    // Threads, not processes. `clone3` hides its flags behind a pointer; without it the C library
    // takes this one.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let is_thread = condition(0, SeccompCmpOp::MaskedEq(thread), thread)?;
    rules.insert(libc::SYS_clone, vec![is_thread]);
    Ok(rules)
}

/// A rule for each value that the argument may have.
fn any_of(argument: u8, values: impl Iterator<Item = u64>) -> Result<Vec<SeccompRule>, String> {
    values.map(|value| condition(argument, SeccompCmpOp::Eq, value)).collect()
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_both_allowed_and_deadly() {
        for call in ALLOWED.iter().chain(ALLOWED_HERE) {
            assert!(!DEADLY.contains(call), "{call}");
        }
        for process in [Process::Service, Process::Keeper] {
            let rules = allowed(process).unwrap_or_default();
            assert!(
                rules.contains_key(&libc::SYS_openat) && !rules.contains_key(&libc::SYS_listen)
            );
            let follows = rules.contains_key(&libc::SYS_inotify_init1);
            assert_eq!(follows, process == Process::Service);
        }
    }
}
