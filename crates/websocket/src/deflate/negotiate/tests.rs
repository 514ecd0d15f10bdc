use super::*;

fn accept(offers: &str, options: &DeflateOptions) -> Option<String> {
    accept_offers([offers].into_iter(), options).map(|(_, answer)| answer)
}

fn with_takeover() -> DeflateOptions {
    DeflateOptions { server_no_context_takeover: false, client_no_context_takeover: false, ..DeflateOptions::server() }
}

#[test]
fn a_server_asks_for_no_windows_by_default() {
    let (params, answer) =
        accept_offers(["permessage-deflate; client_max_window_bits"].into_iter(), &DeflateOptions::server())
            .expect("what every browser offers");
    assert_eq!(answer, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    assert!(params.takes_shared_frames());
}

#[test]
fn a_server_answers_each_parameter() {
    let cases = [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"),
        ("permessage-deflate; client_max_window_bits=\"9\"", "permessage-deflate; client_max_window_bits=9"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
    ];
    for (offer, answer) in cases {
        assert_eq!(accept(offer, &with_takeover()).as_deref(), Some(answer), "{offer}");
    }
}

#[test]
fn a_server_keeps_to_its_own_window_limits() {
    let options = DeflateOptions { server_max_window_bits: 11, client_max_window_bits: 12, ..with_takeover() };
    assert_eq!(
        accept("permessage-deflate", &options).as_deref(),
        Some("permessage-deflate; server_max_window_bits=11")
    );
    assert_eq!(
        accept("permessage-deflate; client_max_window_bits; server_max_window_bits=15", &options).as_deref(),
        Some("permessage-deflate; server_max_window_bits=11; client_max_window_bits=12")
    );
}

#[test]
fn a_server_passes_over_invalid_offers_and_takes_the_next() {
    let invalid = [
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10",
        "permessage-deflate; client_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "x-webkit-deflate-frame",
        "",
        ";;",
    ];
    for offer in invalid {
        assert_eq!(accept(offer, &with_takeover()), None, "{offer}");
    }
    for offer in &invalid[..9] {
        let offers = format!("{offer}, permessage-deflate");
        assert_eq!(accept(&offers, &with_takeover()).as_deref(), Some("permessage-deflate"), "{offers}");
    }
}

#[test]
fn a_client_offers_what_it_wants() {
    assert_eq!(offer(&DeflateOptions::client()), "permessage-deflate; client_max_window_bits");
    let options = DeflateOptions { server_max_window_bits: 10, client_max_window_bits: 11, ..DeflateOptions::server() };
    assert_eq!(
        offer(&options),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=10; client_max_window_bits=11"
    );
}

fn verify(answer: &str, options: &DeflateOptions) -> Result<Option<DeflateParams>, NegotiationError> {
    verify_answer([answer].into_iter(), Some(options))
}

#[test]
fn a_client_takes_a_right_answer() {
    let options = DeflateOptions::client();
    assert_eq!(verify_answer(std::iter::empty(), Some(&options)), Ok(None));
    assert_eq!(
        verify("permessage-deflate; server_no_context_takeover; client_max_window_bits=10", &options),
        Ok(Some(DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 10,
        }))
    );
}

#[test]
fn a_client_refuses_a_wrong_answer() {
    let options =
        DeflateOptions { server_max_window_bits: 10, server_no_context_takeover: true, ..DeflateOptions::client() };
    let parameter = |name: &str| Err(NegotiationError::Parameter(name.to_owned()));
    assert_eq!(verify("permessage-deflate", &options), parameter("server_max_window_bits"));
    assert_eq!(
        verify("permessage-deflate; server_max_window_bits=10", &options),
        parameter("server_no_context_takeover")
    );
    assert_eq!(verify("permessage-deflate; client_max_window_bits", &options), parameter("client_max_window_bits"));
    assert_eq!(verify("permessage-deflate; odd=1", &options), parameter("odd"));
    assert_eq!(
        verify("permessage-bzip2", &options),
        Err(NegotiationError::UnofferedExtension("permessage-bzip2".into()))
    );
    assert_eq!(
        verify("permessage-deflate, permessage-deflate", &DeflateOptions::client()),
        Err(NegotiationError::Repeated)
    );
    assert_eq!(
        verify_answer(["permessage-deflate"].into_iter(), None),
        Err(NegotiationError::UnofferedExtension("permessage-deflate".into()))
    );
    assert_eq!(verify("a=;", &options), Err(NegotiationError::Malformed));
}
