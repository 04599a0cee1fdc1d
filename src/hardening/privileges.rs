//! Capabilities: none is needed once the listeners are open.

use super::kernel;
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
        set_keep_capabilities,
    },
};

/// Takes every capability out of the bounding set, so that no program that is run could get one.
/// Only who holds `CAP_SETPCAP` can; without it there are none to hold either, but for a program
/// with file capabilities, which `no_new_privs` keeps from getting them.
pub(super) fn empty_bounding_set() -> Result<(), String> {
    for capability in CapabilitySet::all().iter() {
        match capability_is_in_bounding_set(capability) {
            Ok(true) => match remove_capability_from_bounding_set(capability) {
                Ok(()) => {}
                // Not ours to change, and `no_new_privs` makes it empty words.
                Err(Errno::PERM) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            },
            // A capability that this kernel does not have.
            Ok(false) | Err(Errno::INVAL) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// The capabilities that stay: none, or `CAP_NET_RAW` where it is needed and there.
pub(super) fn kept(raw_sockets: bool) -> CapabilitySet {
    let none = CapabilitySet::empty();
    if !raw_sockets {
        return none;
    }
    capabilities(None).map_or(none, |sets| sets.permitted & CapabilitySet::NET_RAW)
}

/// Has the permitted capabilities outlast a change of users, when one of them is to stay.
pub(super) fn keep_across_users(keeps: CapabilitySet) -> Result<(), String> {
    if keeps.is_empty() { Ok(()) } else { kernel(set_keep_capabilities(true)) }
}

/// Gives up every capability of this thread but `keeps`: effective, permitted, inheritable, ambient.
pub(super) fn drop_capabilities(keeps: CapabilitySet) -> Result<(), String> {
    // Kernels before 4.3 have no ambient set.
    match clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error.to_string()),
    }
    let none = CapabilitySet::empty();
    kernel(set_capabilities(
        None,
        CapabilitySets { effective: keeps, permitted: keeps, inheritable: none },
    ))
}
