//! Commands of clients whose own connection goes one way: all of them share one connection for these.

use serde_json::json;
use tokio::sync::Mutex;

use super::Requests;
use super::http::body;
use crate::error::ClientError;
use crate::protocol::ConnectResult;
use crate::target::Target;

/// The connection, made when it is first needed, and again after it was lost.
pub(crate) struct Emulation {
    target: Target,
    requests: Mutex<Option<Requests>>,
}

impl Emulation {
    pub(crate) fn new(target: &Target) -> Self {
        Self { target: target.clone(), requests: Mutex::default() }
    }

    /// Sends a command of the session that `connected` tells of.
    pub(crate) async fn send(&self, connected: &ConnectResult, command: &str) -> Result<(), ClientError> {
        let envelope = json!({ "session": connected.session, "node": connected.node, "data": command }).to_string();
        let mut kept = self.requests.lock().await;
        // The server may have closed a connection that was idle for long: that is found out by using it.
        let reused = kept.is_some();
        match self.post(&mut kept, &envelope).await {
            Err(ClientError::Http(_)) if reused => self.post(&mut kept, &envelope).await,
            sent => sent,
        }
    }

    async fn post(&self, kept: &mut Option<Requests>, envelope: &str) -> Result<(), ClientError> {
        let mut requests = match kept.take() {
            Some(requests) => requests,
            None => Requests::connect(&self.target, 0).await?,
        };
        let response = requests.post(&self.target.path("/emulation"), &[], envelope.to_owned()).await?;
        body(response).await?;
        *kept = Some(requests);
        Ok(())
    }
}
