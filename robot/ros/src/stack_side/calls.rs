//! Calls from the graph to the executive.

use super::{Shared, StackSideInput};
use nightshift_core::api::{Call, Request};
use nightshift_core::robot::CommandId;
use nightshift_core::{Code, Failure};
use std::sync::Arc;

/// Numbers calls and puts them into the inbox.
pub struct Calls {
    last: u64,
    shared: Arc<Shared>,
}

impl Calls {
    /// From 1 on.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { last: 0, shared }
    }

    /// Puts a call. Refused where too many wait already.
    pub fn ask(&mut self, request: Request) -> Result<CommandId, Failure> {
        let id = CommandId(self.last + 1);
        match self.shared.inbox.put(StackSideInput::Call(Call { id, request })) {
            Ok(()) => {
                self.last = id.0;
                Ok(id)
            }
            Err(_) => Err(Failure::new(
                Code::Busy,
                format!("the stack's inbox is full: {} calls wait for an answer", super::INBOX),
            )),
        }
    }
}
