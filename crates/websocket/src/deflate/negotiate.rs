//! Agreement on the extension's parameters (RFC 7692 §5 and §7.1).

use std::fmt;
use std::fmt::Write as _;

use super::{DeflateOptions, DeflateParams, EXTENSION};
use crate::handshake::extensions::{Extension, parse_extensions};

/// Why a client refuses a server's answer about extensions. The connection must be failed
/// (RFC 6455 §4.1 and RFC 7692 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The header breaks the grammar of RFC 6455 §9.1.
    Malformed,
    /// An extension that was not offered.
    UnofferedExtension(String),
    /// permessage-deflate was answered twice.
    Repeated,
    /// A parameter that is unknown, repeated, misses its value, has a wrong one, or contradicts the
    /// offer.
    Parameter(String),
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the server's Sec-WebSocket-Extensions is malformed"),
            Self::UnofferedExtension(name) => {
                write!(f, "the server chose the extension {name:?}, which was not offered")
            }
            Self::Repeated => f.write_str("the server chose permessage-deflate twice"),
            Self::Parameter(name) => write!(f, "the server's parameter {name:?} of permessage-deflate is wrong"),
        }
    }
}

impl std::error::Error for NegotiationError {}

/// A server's choice: the first offer it can take, and the answer to send. Offers that are invalid
/// are passed over (RFC 7692 §5.1).
pub(crate) fn accept_offers<'h>(
    headers: impl Iterator<Item = &'h str>,
    options: &DeflateOptions,
) -> Option<(DeflateParams, String)> {
    for header in headers {
        // RFC 6455 §9.1 lets a server fail a malformed header; going on without extensions serves
        // the user better.
        let Ok(extensions) = parse_extensions(header) else {
            continue;
        };
        for extension in extensions {
            if let Some(offer) = Offer::read(&extension) {
                return Some(offer.accept(options));
            }
        }
    }
    None
}

/// What a client offers.
pub(crate) fn offer(options: &DeflateOptions) -> String {
    let mut header = EXTENSION.to_owned();
    if options.server_no_context_takeover {
        header.push_str("; server_no_context_takeover");
    }
    if options.client_no_context_takeover {
        header.push_str("; client_no_context_takeover");
    }
    let server_bits = DeflateOptions::window_bits(options.server_max_window_bits);
    if server_bits < 15 {
        let _ = write!(header, "; server_max_window_bits={server_bits}");
    }
    match DeflateOptions::window_bits(options.client_max_window_bits) {
        15 => header.push_str("; client_max_window_bits"),
        bits => {
            let _ = write!(header, "; client_max_window_bits={bits}");
        }
    }
    header
}

/// A client's check of the answer to [`offer`]; `None` if the server declined.
pub(crate) fn verify_answer<'h>(
    headers: impl Iterator<Item = &'h str>,
    options: Option<&DeflateOptions>,
) -> Result<Option<DeflateParams>, NegotiationError> {
    let mut agreed = None;
    for header in headers {
        for extension in parse_extensions(header).map_err(|_| NegotiationError::Malformed)? {
            let options = options
                .filter(|_| extension.name.eq_ignore_ascii_case(EXTENSION))
                .ok_or_else(|| NegotiationError::UnofferedExtension(extension.name.to_owned()))?;
            if agreed.is_some() {
                return Err(NegotiationError::Repeated);
            }
            agreed = Some(read_answer(&extension, options)?);
        }
    }
    Ok(agreed)
}

fn read_answer(extension: &Extension<'_>, options: &DeflateOptions) -> Result<DeflateParams, NegotiationError> {
    let wrong = |name: &str| NegotiationError::Parameter(name.to_owned());
    let answer = Parameters::read(extension).map_err(wrong)?;
    let client_most = DeflateOptions::window_bits(options.client_max_window_bits);
    let server_most = DeflateOptions::window_bits(options.server_max_window_bits);
    let client_max_window_bits = match answer.client_max_window_bits {
        // In an answer the value is required (§7.1.2.2).
        Some(None) => return Err(wrong("client_max_window_bits")),
        Some(Some(bits)) => bits.min(client_most),
        None => client_most,
    };
    let server_max_window_bits = answer.server_max_window_bits.unwrap_or(15);
    if server_max_window_bits > server_most {
        return Err(wrong("server_max_window_bits"));
    }
    if options.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(wrong("server_no_context_takeover"));
    }
    Ok(DeflateParams {
        server_no_context_takeover: answer.server_no_context_takeover,
        // A client may always forget more than it was asked to (§7.1.1.2).
        client_no_context_takeover: answer.client_no_context_takeover || options.client_no_context_takeover,
        server_max_window_bits,
        client_max_window_bits,
    })
}

/// The parameters of an offer or an answer, as they were written.
#[derive(Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// The value may be left out, in an offer.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// Reads the parameters, or names the first wrong one.
    fn read<'e>(extension: &'e Extension<'_>) -> Result<Self, &'e str> {
        let mut parameters = Self::default();
        for (name, value) in &extension.parameters {
            let value = value.as_deref();
            let fresh = match name.to_ascii_lowercase().as_str() {
                "server_no_context_takeover" if value.is_none() => {
                    !std::mem::replace(&mut parameters.server_no_context_takeover, true)
                }
                "client_no_context_takeover" if value.is_none() => {
                    !std::mem::replace(&mut parameters.client_no_context_takeover, true)
                }
                "server_max_window_bits" => {
                    let bits = value.and_then(window_bits).ok_or(*name)?;
                    parameters.server_max_window_bits.replace(bits).is_none()
                }
                "client_max_window_bits" => {
                    let bits = match value {
                        None => None,
                        Some(value) => Some(window_bits(value).ok_or(*name)?),
                    };
                    parameters.client_max_window_bits.replace(bits).is_none()
                }
                _ => false,
            };
            if !fresh {
                return Err(name);
            }
        }
        Ok(parameters)
    }
}

/// 8 to 15, in decimal and without leading zeros (RFC 7692 §7.1.2.1).
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

/// A valid offer of permessage-deflate.
struct Offer(Parameters);

impl Offer {
    fn read(extension: &Extension<'_>) -> Option<Self> {
        if !extension.name.eq_ignore_ascii_case(EXTENSION) {
            return None;
        }
        Parameters::read(extension).ok().map(Self)
    }

    fn accept(&self, options: &DeflateOptions) -> (DeflateParams, String) {
        let Self(offer) = self;
        let server_most = DeflateOptions::window_bits(options.server_max_window_bits);
        let client_most = DeflateOptions::window_bits(options.client_max_window_bits);
        let params = DeflateParams {
            server_no_context_takeover: options.server_no_context_takeover || offer.server_no_context_takeover,
            client_no_context_takeover: options.client_no_context_takeover || offer.client_no_context_takeover,
            server_max_window_bits: offer.server_max_window_bits.unwrap_or(15).min(server_most),
            // A client that did not name the parameter cannot be limited (§7.1.2.2).
            client_max_window_bits: match offer.client_max_window_bits {
                None => 15,
                Some(bits) => bits.unwrap_or(15).min(client_most),
            },
        };
        let mut answer = EXTENSION.to_owned();
        if params.server_no_context_takeover {
            answer.push_str("; server_no_context_takeover");
        }
        if params.client_no_context_takeover {
            answer.push_str("; client_no_context_takeover");
        }
        if params.server_max_window_bits < 15 || offer.server_max_window_bits.is_some() {
            let _ = write!(answer, "; server_max_window_bits={}", params.server_max_window_bits);
        }
        if params.client_max_window_bits < 15 {
            let _ = write!(answer, "; client_max_window_bits={}", params.client_max_window_bits);
        }
        (params, answer)
    }
}

#[cfg(test)]
mod tests;
