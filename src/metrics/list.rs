//! The closed list of metrics: each with its kind, its labels and its meaning, declared once.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, but for a new start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size, with their sum.
    Histogram,
    /// Always 1; its labels are what it says.
    Info,
}

impl Kind {
    /// As the text formats and the documentation name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name of its series; a histogram's end in `_bucket`, `_sum` and `_count` besides.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($kind:ident $name:literal [$($label:literal)*] $help:literal;)+) => {
        /// Every metric, in the order in which it is written.
        pub const METRICS: &[Metric] = &[$(
            Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help },
        )+];
    };
}

metrics! {
    Info "howdah_build_info" ["version"] "Howdah's own version.";
    Info "howdah_service_info" ["service" "version"] "The service's name and version, as its manifest says.";
    Counter "howdah_requests_total" ["route" "method" "status" "code"]
        "Requests that were answered. `route` is the route as declared, empty where none was found; `code` is the problem's, empty where there was none.";
    Histogram "howdah_request_duration_seconds" ["route" "method"] "From a request's head to the head of its answer.";
    Counter "howdah_answer_rows_total" ["route" "method"] "Rows in answers.";
    Counter "howdah_answer_bytes_total" ["route" "method"] "Bytes of answers' bodies.";
    Gauge "howdah_requests_in_flight" [] "Requests whose head was read and whose answer has not been taken yet.";
    Gauge "howdah_caller_connections" [] "Callers' connections that are open.";
    Gauge "howdah_caller_connections_limit" [] "Callers' connections that may be open: `limits.connections`.";
    Counter "howdah_statements_refused_total" ["class"]
        "Statements that ended in an error, by the first two characters of its SQLSTATE; what failed on this side has a word instead.";
    Counter "howdah_tools_failed_total" [] "Requests that a route without SQL could not serve.";
    Counter "howdah_cache_hits_total" [] "Reads of endpoints with `cache` that were answered without the database.";
    Counter "howdah_cache_misses_total" [] "Reads of endpoints with `cache` that asked the database.";
    Counter "howdah_cache_invalidations_total" [] "Notifications that ended answers of endpoints with `cache` and a channel.";
    Counter "howdah_idempotent_replays_total" [] "Writes that had been made before, and were answered as they were then.";
    Gauge "howdah_lane_connections" ["lane"] "The lane's connections to the database that are open.";
    Gauge "howdah_lane_connections_limit" ["lane"] "The connections that the lane should have.";
    Gauge "howdah_lane_in_flight" ["lane"] "Statements that were sent to the database and have not ended.";
    Gauge "howdah_lane_waiting" ["lane"] "Requests that wait in the lane's queue.";
    Counter "howdah_lane_shed_total" ["lane"] "Requests that were turned away because the queue was full, or had not emptied for too long.";
    Counter "howdah_lane_parked_total" ["lane"] "Requests that had to wait for a database that was away.";
    Counter "howdah_lane_rescued_total" ["lane"] "Reads that were sent again on another connection, for they waited behind a slow statement.";
    Counter "howdah_lane_coalesced_total" ["lane"] "Reads that were answered by the execution of an identical one.";
    Counter "howdah_lane_batched_total" ["lane"] "Reads that were answered together with others of their endpoint, by one execution.";
    Counter "howdah_lane_connected_total" ["lane"] "Connections to the database that were opened.";
    Counter "howdah_lane_disconnected_total" ["lane"]
        "Times that a thread reported no connection to the database; it reports the same trouble once in five seconds.";
    Gauge "howdah_database_up" [] "1 while every thread has a connection for each lane that it uses. Not there for a service without a database.";
    Counter "howdah_reloads_total" ["outcome"] "Times that the service's files were read again: `done` or `refused`.";
    Counter "howdah_warnings_total" [] "Warnings in the log.";
    Counter "process_cpu_seconds_total" [] "Processor time, of user and system.";
    Gauge "process_start_time_seconds" [] "When the process started, in seconds since 1970.";
    Gauge "process_resident_memory_bytes" [] "Memory that is resident.";
    Gauge "process_virtual_memory_bytes" [] "Memory that is mapped.";
    Gauge "process_open_fds" [] "File descriptors that are open.";
    Gauge "process_max_fds" [] "File descriptors that may be open.";
    Gauge "process_threads" [] "Threads.";
}
