//! The service of `idl/probe.thrift`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use planet_thrift::thrift;

use super::probe::{Everything, ProbeSyncHandler, Refused, Tree};

/// Texts that are kept; the oldest make room.
const NOTES: usize = 1000;

/// Answers the calls.
#[derive(Debug, Default)]
pub(crate) struct Service {
    notes: Mutex<Vec<String>>,
}

impl ProbeSyncHandler for Service {
    fn handle_echo(&self, everything: Everything) -> thrift::Result<Everything> {
        Ok(everything)
    }

    fn handle_negate(&self, truth: bool) -> thrift::Result<bool> {
        Ok(!truth)
    }

    fn handle_add(&self, left: i32, right: i32) -> thrift::Result<i32> {
        Ok(left.wrapping_add(right))
    }

    fn handle_reverse(&self, mut bytes: Vec<u8>) -> thrift::Result<Vec<u8>> {
        bytes.reverse();
        Ok(bytes)
    }

    fn handle_nothing(&self) -> thrift::Result<()> {
        Ok(())
    }

    fn handle_note(&self, text: String) -> thrift::Result<()> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == NOTES {
            notes.remove(0);
        }
        notes.push(text);
        Ok(())
    }

    fn handle_notes(&self) -> thrift::Result<Vec<String>> {
        Ok(self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn handle_refuse(&self, code: i32) -> thrift::Result<i32> {
        Err(Refused::new(code, "as asked".to_owned()).into())
    }

    fn handle_weigh(&self, tree: Tree) -> thrift::Result<i32> {
        Ok(weight(&tree))
    }

    fn handle_sleep(&self, milliseconds: i32) -> thrift::Result<i32> {
        std::thread::sleep(Duration::from_millis(milliseconds.try_into().unwrap_or(0)));
        Ok(milliseconds)
    }
}

fn weight(tree: &Tree) -> i32 {
    let branches = tree.branches.iter().flatten().map(|branch| weight(branch));
    branches.fold(tree.weight.unwrap_or(0), i32::wrapping_add)
}
