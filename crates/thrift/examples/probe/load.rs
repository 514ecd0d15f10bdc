//! Calls as fast as they are answered, and the crate's own server to compare with.

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use planet_thrift::thrift::protocol::{TBinaryInputProtocolFactory, TBinaryOutputProtocolFactory};
use planet_thrift::thrift::server::TServer;
use planet_thrift::thrift::transport::{TFramedReadTransportFactory, TFramedWriteTransportFactory};
use planet_thrift::{Client, ClientSettings};

use super::probe::{ProbeSyncClient, ProbeSyncProcessor, TProbeSyncClient};
use super::service::Service;

/// Time before the counting begins.
const WARM_UP: Duration = Duration::from_millis(500);

/// Calls `add` over one pool, with as many callers as it has room for, and prints how many calls were answered a second.
pub(crate) async fn load(
    target: &str,
    seconds: u64,
    connections: usize,
    calls_in_flight: usize,
) -> Result<(), Box<dyn Error>> {
    let settings = ClientSettings { connections, calls_in_flight, ..ClientSettings::default() };
    let client = Client::framed(target, settings);
    let answered = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..connections * calls_in_flight)
        .map(|_| {
            let (client, answered) = (client.clone(), answered.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let call = client.call(|input, output| ProbeSyncClient::new(input, output).add(number, 1));
                    match call.await {
                        Ok(sum) if sum == number + 1 => answered.fetch_add(1, Ordering::Relaxed),
                        other => return format!("add gave {other:?}"),
                    };
                }
                String::new()
            })
        })
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), answered.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (took, count) = (began.elapsed(), answered.load(Ordering::Relaxed) - before);
    for caller in callers {
        if caller.is_finished() {
            return Err(caller.await?.into());
        }
        caller.abort();
    }
    println!("{:.0}", count as f64 / took.as_secs_f64());
    Ok(())
}

/// Serves framed TCP with the Apache crate's own server, a thread for each connection up to `threads`.
pub(crate) fn serve_with_threads(threads: usize) -> Result<(), Box<dyn Error>> {
    // It cannot say which port the system chose.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut server = TServer::new(
        TFramedReadTransportFactory::new(),
        TBinaryInputProtocolFactory::new(),
        TFramedWriteTransportFactory::new(),
        TBinaryOutputProtocolFactory::new(),
        ProbeSyncProcessor::new(Service::default()),
        threads,
    );
    println!("thrift://{address}");
    Ok(server.listen(address)?)
}
