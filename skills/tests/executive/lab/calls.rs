//! Calls, and what became of them.

use super::Lab;
use nightshift_core::Failure;
use nightshift_core::api::{Call, JobEvent, JobRequest, JobResult, Phase, Reply, Request};
use nightshift_core::robot::CommandId;
use nightshift_skills::SkillInput;
use std::time::Duration;

impl Lab {
    /// Takes one call and gives its answer.
    pub fn call(&mut self, request: Request) -> Reply {
        self.calls += 1;
        let id = CommandId(1_000_000 + self.calls);
        self.feed(SkillInput::Call(Call { id, request }));
        let until = self.now + Duration::from_secs(60);
        while !self.answers.contains_key(&id) {
            assert!(self.now < until, "a call was never answered");
            self.step();
        }
        self.answers.remove(&id).unwrap()
    }

    pub fn submit(&mut self, request: JobRequest) -> Result<String, Failure> {
        match self.call(Request::Submit(request)) {
            Reply::Submitted(result) => result.map(|id| id.to_string()),
            other => panic!("a submission was answered with {other:?}"),
        }
    }

    pub fn cancel(&mut self, job: &str) -> Result<String, Failure> {
        match self.call(Request::Cancel { job_id: job.into() }) {
            Reply::Acknowledged(result) => result,
            other => panic!("a cancel was answered with {other:?}"),
        }
    }

    pub fn resume(&mut self) -> Result<String, Failure> {
        match self.call(Request::Resume { caller: "tester".into(), note: "looked at it".into() }) {
            Reply::Acknowledged(result) => result,
            other => panic!("a resume was answered with {other:?}"),
        }
    }

    /// Submits and waits for the end.
    pub fn run(&mut self, request: JobRequest) -> JobResult {
        let id = self.submit(request).unwrap();
        self.finish(&id)
    }

    /// Waits for the end of a job.
    pub fn finish(&mut self, id: &str) -> JobResult {
        self.until(|lab| lab.result(id).is_some());
        self.result(id).unwrap()
    }

    /// How a job ended, as its followers were told.
    pub fn result(&self, id: &str) -> Option<JobResult> {
        self.events.iter().rev().find_map(|event| match event {
            JobEvent::Finished(result) if result.job_id.as_str() == id => Some(result.clone()),
            _ => None,
        })
    }

    /// The phases that a job went through, without repetition in a row.
    pub fn phases(&self, id: &str) -> Vec<Phase> {
        let mut phases: Vec<Phase> = self
            .events
            .iter()
            .filter_map(|event| match event {
                JobEvent::Feedback(job, feedback) if job.as_str() == id => Some(feedback.phase),
                _ => None,
            })
            .collect();
        phases.dedup();
        phases
    }
}
