//! Quality of service, by the purpose that a topic serves. The reasons are in the crate's table.

use r2r::QosProfile;

/// A sensor's writer.
pub fn sensor_writer() -> QosProfile {
    QosProfile::default().keep_last(5).reliable().volatile()
}

/// A sensor's reader.
pub fn sensor_reader() -> QosProfile {
    QosProfile::default().keep_last(5).best_effort().volatile()
}

/// The clock's writer.
pub fn clock_writer() -> QosProfile {
    QosProfile::default().keep_last(1).reliable().volatile()
}

/// The clock's reader.
pub fn clock_reader() -> QosProfile {
    QosProfile::default().keep_last(1).best_effort().volatile()
}

/// Transforms that change.
pub fn tf() -> QosProfile {
    QosProfile::default().keep_last(100).reliable().volatile()
}

/// What holds until it is said anew.
pub fn latched() -> QosProfile {
    QosProfile::default().keep_last(1).reliable().transient_local()
}

/// What is replaced by the next, and must arrive.
pub fn newest() -> QosProfile {
    QosProfile::default().keep_last(1).reliable().volatile()
}

/// What counts one by one.
pub fn events() -> QosProfile {
    QosProfile::default().keep_last(50).reliable().volatile()
}
