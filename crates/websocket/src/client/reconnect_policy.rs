//! Whether to connect again, and after how long.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Disconnect;

/// When [`Reconnecting`](super::Reconnecting) connects again, and when it gives up.
///
/// The wait is drawn evenly between [`min_delay`](Self::min_delay) and a bound that begins at
/// [`base_delay`](Self::base_delay) and doubles with each failure in a row up to [`max_delay`](Self::max_delay). This is
/// exponential backoff with full jitter: clients that a server lost all at once come back spread out.
///
/// ```
/// use planet_websocket::client::ReconnectPolicy;
///
/// let policy = ReconnectPolicy { max_failures: Some(10), ..ReconnectPolicy::default() };
/// # assert!(policy.max_failures.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// Least wait; default 50 ms.
    pub min_delay: Duration,
    /// Longest wait after the first failure; default 1 s.
    pub base_delay: Duration,
    /// Longest wait of all; default 30 s.
    pub max_delay: Duration,
    /// Failures in a row, lost connections among them, after which it gives up; `None`, the default, never does.
    pub max_failures: Option<u32>,
    /// A connection that held this long ends the row of failures; default 10 s. Without it, a server that takes
    /// connections and drops them at once would be asked all the time.
    pub stable_after: Duration,
    /// Close codes of the server after which it does not connect again.
    ///
    /// By default 1000 (all is done), those that say that this client would fail again (1002, 1003, 1007 to 1010), and
    /// 3500 to 3999 and 4500 to 4999, with which Planet and other servers of its protocol say the same.
    pub final_codes: Vec<RangeInclusive<u16>>,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(50),
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
            max_failures: None,
            stable_after: Duration::from_secs(10),
            final_codes: vec![1000..=1000, 1002..=1003, 1007..=1010, 3500..=3999, 4500..=4999],
        }
    }
}

impl ReconnectPolicy {
    /// How long to wait after this many failures in a row, the last of them for this reason; `None` to give up.
    pub(super) fn next_delay(&self, failures: u32, why: &Disconnect) -> Option<Duration> {
        let gives_up = self.max_failures.is_some_and(|most| failures >= most) || self.is_final(why);
        (!gives_up).then(|| rand::random_range(self.min_delay..=self.longest_delay(failures)))
    }

    fn longest_delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.base_delay.saturating_mul(1 << doublings).min(self.max_delay).max(self.min_delay)
    }

    fn is_final(&self, why: &Disconnect) -> bool {
        match why {
            Disconnect::NotConnected(error) => error.is_permanent(),
            Disconnect::Closed(Some(close)) => self.final_codes.iter().any(|codes| codes.contains(&close.code.get())),
            Disconnect::Closed(None) | Disconnect::Failed(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ConnectError;
    use crate::{CloseCode, CloseReason, WebSocketError};

    fn lost() -> Disconnect {
        Disconnect::Failed(WebSocketError::Disconnected)
    }

    #[test]
    fn waits_are_spread_between_bounds_that_double() {
        let policy = ReconnectPolicy::default();
        for (failures, longest) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (40, 30), (u32::MAX, 30)] {
            let longest = Duration::from_secs(longest);
            assert_eq!(policy.longest_delay(failures), longest);
            let delays: Vec<_> = (0..200).filter_map(|_| policy.next_delay(failures, &lost())).collect();
            assert_eq!(delays.len(), 200);
            assert!(delays.iter().all(|delay| (policy.min_delay..=longest).contains(delay)), "{failures}");
            // All in one half: one chance in 2^199.
            let half = longest / 2;
            assert!(delays.iter().any(|delay| *delay < half) && delays.iter().any(|delay| *delay > half));
        }
        let odd = ReconnectPolicy { min_delay: Duration::from_secs(60), ..ReconnectPolicy::default() };
        assert_eq!(odd.next_delay(1, &lost()), Some(Duration::from_secs(60)));
    }

    #[test]
    fn gives_up_after_too_many_failures() {
        let policy = ReconnectPolicy { max_failures: Some(3), ..ReconnectPolicy::default() };
        assert!(policy.next_delay(2, &lost()).is_some());
        assert_eq!(policy.next_delay(3, &lost()), None);
    }

    #[test]
    fn gives_up_when_the_server_or_the_options_say_so() {
        let policy = ReconnectPolicy::default();
        let goes_on = |why| policy.next_delay(1, &why).is_some();
        let closed = |code| Disconnect::Closed(Some(CloseReason { code, reason: "".into() }));
        for code in (1000..5000).filter_map(CloseCode::new) {
            let last = matches!(code.get(), 1000 | 1002 | 1003 | 1007..=1010 | 3500..=3999 | 4500..=4999);
            assert_eq!(goes_on(closed(code)), !last, "{code}");
        }
        assert!(goes_on(Disconnect::Closed(None)));
        assert!(goes_on(Disconnect::NotConnected(ConnectError::Timeout(Duration::ZERO))));
        assert!(!goes_on(Disconnect::NotConnected(ConnectError::NoTls)));
    }
}
