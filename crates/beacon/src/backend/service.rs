//! One function for each method.

use std::sync::Arc;

use bytes::Bytes;
use planet_hub::Message;
use planet_orbit::name;
use planet_orbit::protocol::JsonError;
use planet_thrift::thrift::{self, ApplicationError, ApplicationErrorKind};

use super::backend_service::BackendServiceSyncHandler;
use crate::apps::{App, Apps};

/// What names the first app.
const DEFAULT: &str = "default";

pub(super) struct Service {
    apps: Apps,
}

impl Service {
    pub(super) fn new(apps: Apps) -> Self {
        Self { apps }
    }

    fn app(&self, sphere: &str) -> thrift::Result<&Arc<App>> {
        let found = match sphere {
            DEFAULT => Some(self.apps.default_app()),
            _ => self.apps.by_api_key(sphere).or_else(|| self.apps.by_name(sphere)),
        };
        found.ok_or_else(|| refusal("there is no app with this sphere; give an API key, a name, or default"))
    }
}

impl BackendServiceSyncHandler for Service {
    fn handle_send_user_message(&self, users: Vec<String>, data: String, sphere: String) -> thrift::Result<i32> {
        let app = self.app(&sphere)?;
        for user in &users {
            check_user(app, user)?;
        }
        let message = admit(app, &data, users.len())?;
        Ok(count(users.iter().map(|user| app.hub().tell_user(user, &message)).sum()))
    }

    fn handle_send_channel_message(&self, channels: Vec<String>, data: String, sphere: String) -> thrift::Result<i32> {
        let app = self.app(&sphere)?;
        for channel in &channels {
            check_channel(app, channel)?;
        }
        let message = admit(app, &data, channels.len())?;
        let mut sent = 0;
        for channel in &channels {
            let message = Message { data: message.clone(), info: None, idempotency_key: None };
            sent += app.hub().publish(channel, message).map_err(refusal)?.sent;
        }
        Ok(count(sent))
    }

    fn handle_get_num_users_online(&self, sphere: String) -> thrift::Result<i32> {
        Ok(count(self.app(&sphere)?.hub().users_online()))
    }

    fn handle_get_users_online(&self, mut users: Vec<String>, sphere: String) -> thrift::Result<Vec<String>> {
        let app = self.app(&sphere)?;
        users.retain(|user| app.hub().is_online(user));
        Ok(users)
    }

    fn handle_logout(&self, user: String, sphere: String) -> thrift::Result<()> {
        let app = self.app(&sphere)?;
        check_user(app, &user)?;
        app.log_out(&user);
        Ok(())
    }

    fn handle_generate_token(&self, user: String, sphere: String) -> thrift::Result<String> {
        let app = self.app(&sphere)?;
        // The format is that of tokens for channels too, and old clients get those here.
        check_user(app, &user).or_else(|error| check_channel(app, &user).map_err(|_| error))?;
        Ok(app.token_for(&user))
    }

    fn handle_get_users_in_channel(&self, channel: String, sphere: String) -> thrift::Result<Vec<String>> {
        let app = self.app(&sphere)?;
        check_channel(app, &channel)?;
        Ok(app.hub().users_in(&channel).iter().map(|user| user.to_string()).collect())
    }
}

/// The message that `data` is, once the app may send it so many times.
fn admit(app: &App, data: &str, times: usize) -> thrift::Result<Bytes> {
    let limit = app.sessions().message_bytes;
    let too_long = || refusal(format!("the data is longer than {limit} bytes"));
    if data.len() > limit {
        return Err(too_long());
    }
    let message = match app.message(data.as_bytes()) {
        Ok(message) => message,
        Err(error @ JsonError::TooDeep { .. }) => return Err(refusal(format!("the data is {error}"))),
        // The service says nothing of what the data has to be.
        Err(_) => serde_json::to_vec(data).map_err(refusal)?.into(),
    };
    if message.len() > limit {
        return Err(too_long());
    }
    app.quota
        .take_many(times)
        .map_err(|_| refusal("the app publishes more often than its quota allows; try again later"))?;
    Ok(message)
}

fn check_user(app: &App, user: &str) -> thrift::Result<()> {
    name::user(user, app.sessions().user_name).map(|_| ()).map_err(refusal)
}

fn check_channel(app: &App, channel: &str) -> thrift::Result<()> {
    name::channel(channel, app.sessions().channel_name).map(|_| ()).map_err(refusal)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn refusal(text: impl ToString) -> thrift::Error {
    thrift::Error::Application(ApplicationError::new(ApplicationErrorKind::Unknown, text.to_string()))
}
