//! A ROS node on a named thread of its own.

use crate::error::RosError;
use crate::names;
use futures::{FutureExt, Stream, StreamExt};
use r2r::qos::QosProfile;
use r2r::{Context, Node, WrappedTypesupport};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the graph, of which each takes one message of each topic. r2r's own wait is not waited in:
/// outputs would wait with it, and from 10 s after an action's first result on it returns at once, since r2r lets no
/// goal expire.
const TURN: Duration = Duration::from_millis(2);
/// How long participants on one machine may take to find each other.
const DISCOVERY: Duration = Duration::from_millis(3000);
/// Outputs that may wait for the thread before the sender waits.
const OUTPUTS: usize = 256;

/// What a node does, on its thread.
pub trait Part {
    /// What the rest of the process hands in.
    type Output: Send + 'static;
    /// Takes one output.
    fn take(&mut self, output: Self::Output);
    /// Looks at everything that has arrived.
    fn poll(&mut self, node: &Node);
}

/// What only one node of a domain may serve.
pub struct Claim {
    /// What such a node is, for words.
    pub what: &'static str,
    /// An action that it serves.
    pub action: &'static str,
}

/// The thread of a node. Ends, and takes the node down, when it is dropped.
pub struct NodeThread<O> {
    outputs: Option<SyncSender<O>>,
    thread: Option<JoinHandle<()>>,
}

impl<O: Send + 'static> NodeThread<O> {
    /// Starts a node (`(namespace, name)`) unless another one serves what it claims; returns once `build` has made
    /// its endpoints.
    pub fn start<P, B>(node: (&'static str, &'static str), claim: Claim, build: B) -> Result<Self, RosError>
    where
        P: Part<Output = O>,
        B: FnOnce(&mut Node) -> Result<P, RosError> + Send + 'static,
    {
        check_domain()?;
        let (outputs, inlet) = sync_channel(OUTPUTS);
        let (ready, started) = sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("ros-{}", node.1)).spawn(move || {
            match set_up(node, &claim, build) {
                Ok((node, part)) => {
                    // Nobody listens only where the starter is gone; then the inlet is closed too.
                    let _ = ready.send(Ok(()));
                    run(node, part, &inlet);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        })?;
        started.recv().unwrap_or(Err(RosError::Gone))?;
        Ok(Self { outputs: Some(outputs), thread: Some(thread) })
    }

    /// Hands an output in. Waits while the thread has too many.
    pub fn send(&self, output: O) -> Result<(), RosError> {
        let outputs = self.outputs.as_ref().ok_or(RosError::Gone)?;
        outputs.send(output).map_err(|_| RosError::Gone)
    }
}

impl<O> Drop for NodeThread<O> {
    fn drop(&mut self) {
        self.outputs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told on standard error when it happened.
            let _ = thread.join();
        }
    }
}

// rcl would end the process on a bad one.
fn check_domain() -> Result<(), RosError> {
    match std::env::var("ROS_DOMAIN_ID") {
        Ok(text) if !text.is_empty() && !text.parse().is_ok_and(|id: u32| id <= 232) => {
            Err(RosError::BadDomain(text))
        }
        _ => Ok(()),
    }
}

fn set_up<P: Part>(
    (namespace, name): (&str, &str),
    claim: &Claim,
    build: impl FnOnce(&mut Node) -> Result<P, RosError>,
) -> Result<(Node, P), RosError> {
    let failed = || RosError::middleware(format!("the ROS node {namespace}/{name}"));
    let context = Context::create().map_err(failed())?;
    let mut node = Node::create(context, name, namespace).map_err(failed())?;
    discover();
    if let Some(by) = servers(&node, claim.action)?.first() {
        return Err(already_running(claim, by));
    }
    let part = build(&mut node)?;
    // Two that start at the same moment both see the other now, and neither runs.
    discover();
    let servers = servers(&node, claim.action)?;
    if servers.len() > 1 {
        return Err(already_running(claim, &servers.join(" and ")));
    }
    Ok((node, part))
}

fn already_running(claim: &Claim, by: &str) -> RosError {
    RosError::AlreadyRunning { what: claim.what, by: by.to_owned(), name: claim.action }
}

// The middleware finds others on threads of its own.
fn discover() {
    let watch = crate::clock::Stopwatch::start();
    while let Some(left) = DISCOVERY.checked_sub(watch.elapsed()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// Full names of the nodes that serve an action.
fn servers(node: &Node, action: &str) -> Result<Vec<String>, RosError> {
    let topic = format!("{action}/_action/status");
    let writers =
        node.get_publishers_info_by_topic(&topic, false).map_err(RosError::middleware(topic.as_str()))?;
    Ok(writers
        .iter()
        .map(|writer| format!("{}/{}", writer.node_namespace.trim_end_matches('/'), writer.node_name))
        .collect())
}

fn run<P: Part>(mut node: Node, mut part: P, outputs: &Receiver<P::Output>) {
    loop {
        match outputs.recv_timeout(TURN) {
            Ok(output) => {
                part.take(output);
                for output in outputs.try_iter().take(OUTPUTS) {
                    part.take(output);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        node.spin_once(Duration::ZERO);
        part.poll(&node);
    }
}

/// Messages or requests that arrive.
pub type Arrivals<M> = Box<dyn Stream<Item = M> + Unpin>;

/// The next one that has arrived.
pub fn next<M>(arrivals: &mut Arrivals<M>) -> Option<M> {
    arrivals.next().now_or_never().flatten()
}

/// Subscribes to a topic.
pub fn subscribe<M: WrappedTypesupport + 'static>(
    node: &mut Node,
    topic: &str,
    qos: QosProfile,
) -> Result<Arrivals<M>, RosError> {
    Ok(Box::new(node.subscribe(topic, qos).map_err(RosError::middleware(topic))?))
}

/// Writes to one topic.
pub struct Writer<M: WrappedTypesupport> {
    topic: String,
    publisher: r2r::Publisher<M>,
}

impl<M: WrappedTypesupport + 'static> Writer<M> {
    /// Announces the topic.
    pub fn open(node: &mut Node, topic: &str, qos: QosProfile) -> Result<Self, RosError> {
        let publisher = node.create_publisher(topic, qos).map_err(RosError::middleware(topic))?;
        Ok(Self { topic: topic.to_owned(), publisher })
    }

    /// Publishes; what cannot be sent is noted.
    pub fn write(&self, message: &M, health: &crate::health::HealthBook) {
        if let Err(error) = self.publisher.publish(message) {
            health.unsent(&self.topic, error);
        }
    }
}

/// Whether somebody publishes `/clock`.
pub fn clock_is_published(node: &Node) -> bool {
    node.get_publishers_info_by_topic(names::CLOCK, false).is_ok_and(|writers| !writers.is_empty())
}
