//! What can go wrong with the graph as a whole.

/// Why a side of the graph does not come up, or is gone.
#[derive(Debug, thiserror::Error)]
pub enum RosError {
    /// `ROS_DOMAIN_ID` is not a number that ROS takes.
    #[error("ROS_DOMAIN_ID is {0:?}; it must be a number from 0 to 232")]
    BadDomain(String),
    /// The middleware refuses.
    #[error("{what} cannot be made: {source}")]
    Middleware {
        /// A node, a topic, an action, a service.
        what: String,
        /// What the middleware says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two of a kind on one domain would command the same robot.
    #[error(
        "{what} is on this ROS domain already: {by} serves {name}. Stop it, or set another ROS_DOMAIN_ID"
    )]
    AlreadyRunning {
        /// A stack, a robot.
        what: &'static str,
        /// The other node.
        by: String,
        /// What both would serve.
        name: &'static str,
    },
    /// The robot's driver, or the simulator, does not tell everything.
    #[error("no robot after {waited_s:.1} s: nothing on {}. Start its driver (or `nightshift sim --ros`) on the same ROS_DOMAIN_ID", missing.join(", "))]
    RobotAbsent {
        /// Topics and actions that are not there.
        missing: Vec<String>,
        /// Seconds of wall-clock time.
        waited_s: f64,
    },
    /// The machine gives no thread.
    #[error("the thread of a ROS node cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The node's thread has ended: a bug, told on standard error.
    #[error("the ROS node's thread has ended")]
    Gone,
}

impl RosError {
    pub(crate) fn middleware(what: impl Into<String>) -> impl FnOnce(r2r::Error) -> Self {
        let what = what.into();
        |source| Self::Middleware { what, source: Box::new(source) }
    }
}
