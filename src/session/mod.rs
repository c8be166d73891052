//! STAND-IN
#![allow(missing_docs)]
use crate::resp::Protocol;
use bytes::{Bytes, BytesMut};
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub ns: String,
    pub ttl: u32,
    pub max_data: usize,
}
pub fn lookup(_name: &[u8]) -> Option<&'static Command> {
    None
}
#[derive(Debug)]
pub struct Command {
    pub name: &'static str,
    pub plan: fn(&Settings, &[&[u8]]) -> Result<Plan, Error>,
}
impl Command {
    pub fn accepts(&self, _argc: usize) -> bool {
        true
    }
    pub fn arity_error(&self) -> Error {
        Error
    }
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
impl Error {
    pub fn write_reply(&self, _out: &mut BytesMut) {}
    pub fn write_eval(&self, _out: &mut BytesMut) {}
}
pub enum Plan {
    Script(Call),
    Batched(Batch),
    Lines(Vec<&'static str>),
}
pub struct Script;
impl Script {
    pub fn id(&self) -> usize {
        0
    }
}
pub struct Call {
    pub adapt: Adapt,
}
impl Call {
    pub fn script(&self) -> &'static Script {
        &Script
    }
    pub fn write_evalsha(&self, _out: &mut BytesMut) {}
    pub fn write_eval(&self, _out: &mut BytesMut) {}
}
#[derive(Clone, Debug)]
pub struct Adapt;
impl Adapt {
    pub fn apply(&self, _reply: &[u8], _p: Protocol, _out: &mut BytesMut) {}
    pub fn is_identity(&self, _p: Protocol) -> bool {
        true
    }
}
pub struct Batch;
pub enum Step {
    Call(Call),
    Done(Bytes),
}
impl Batch {
    pub fn first(&self) -> Call {
        Call { adapt: Adapt }
    }
    pub fn next(&mut self, _r: &[u8], _p: Protocol) -> Step {
        Step::Done(Bytes::new())
    }
    pub fn whole(&self) -> Call {
        Call { adapt: Adapt }
    }
}
pub fn write_lines_eval(_lines: &[&'static str], _out: &mut BytesMut) {}
