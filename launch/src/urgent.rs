//! The stack's thread before all ordinary ones: a scan that stops the base must not wait for a core.

use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{Error, ThreadPriority};

/// Lets the calling thread, and those that it starts from now on, run before every ordinary thread of the machine
/// (SCHED_FIFO at its lowest priority: drivers with real-time threads of their own stay before it).
///
/// # Errors
/// Why the system does not permit it, and what to do; the thread then goes on as before.
pub fn put_this_thread_first() -> Result<(), String> {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).map_err(|error| {
        let why = match error {
            Error::OS(code) => std::io::Error::from_raw_os_error(code).to_string(),
            other => other.to_string(),
        };
        format!(
            "the stack runs like any other program ({why}), so on a busy machine a stop may come late: permit real-time \
             priority, as with `rtprio 1` for this user in /etc/security/limits.conf, or `LimitRTPRIO=1` in its service"
        )
    })
}
