//! A whole test program on the allocator, Rust's test harness included.

use std::collections::{BTreeMap, HashMap};

use planet_malloc::PlanetMalloc;

#[global_allocator]
static ALLOCATOR: PlanetMalloc = PlanetMalloc;

#[test]
fn collections_keep_what_is_put_into_them() {
    let mut map = HashMap::new();
    for n in 0..50_000_u64 {
        map.insert(n, format!("value {n}"));
        if n % 3 == 0 {
            map.remove(&(n / 2));
        }
    }
    for (n, text) in &map {
        assert_eq!(*text, format!("value {n}"));
    }
    let tree: BTreeMap<_, _> = map.iter().collect();
    assert_eq!(tree.len(), map.len());
}

#[test]
fn vectors_grow_through_every_kind_of_block() {
    let mut numbers = Vec::new();
    for n in 0..4_000_000_u32 {
        numbers.push(n);
    }
    assert!(numbers.iter().enumerate().all(|(index, n)| index as u32 == *n));
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}

#[test]
fn blocks_move_between_threads() {
    let (sender, receiver) = std::sync::mpsc::channel::<Vec<u8>>();
    let producers: Vec<_> = (0..4_u8)
        .map(|id| {
            let sender = sender.clone();
            std::thread::spawn(move || (0..20_000).for_each(|n| sender.send(vec![id; n % 700 + 1]).expect("sent")))
        })
        .collect();
    drop(sender);
    let mut count = 0;
    for block in receiver {
        assert!(block.iter().all(|byte| *byte == block[0]));
        count += 1;
    }
    assert_eq!(count, 80_000);
    producers.into_iter().for_each(|producer| producer.join().expect("ended"));
}

#[test]
#[cfg_attr(feature = "debug", ignore = "what was freed goes into quarantine; `cargo test -p planet-malloc` runs it")]
fn a_thread_hands_out_what_it_freed_for_another() {
    const LEN: usize = 200;
    let address = |block: &Vec<u8>| block.as_ptr().addr();
    // The purge may take from the thread what it has at hand, but hardly every time.
    let found = (0..20).any(|_| {
        let blocks: Vec<Vec<u8>> = (0..10).map(|_| vec![1; LEN]).collect();
        let thread = std::thread::spawn(move || {
            let freed: Vec<usize> = blocks.iter().map(address).collect();
            drop(blocks);
            let taken: Vec<Vec<u8>> = (0..8).map(|_| vec![2; LEN]).collect();
            taken.iter().all(|block| freed.contains(&address(block)))
        });
        thread.join().expect("ended")
    });
    assert!(found);
}
