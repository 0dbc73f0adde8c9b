//! Stages side by side over bounded queues.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Pulls jobs from `source` on one thread, works on them on `threads` others, and hands the results to
/// `sink` on the calling thread, in the order of the jobs. At most `in_flight` jobs exist between
/// `source` and `sink`: a slow sink slows the source, and memory stays flat.
///
/// # Errors
/// The sink's first error; jobs in flight are then dropped. A panic of `work` goes on in the caller. A source that waits for something is not
/// woken: whoever owns it must stop it (the sink knows).
pub fn in_order<J: Send, R: Send, E>(
    threads: usize,
    in_flight: usize,
    source: impl FnMut() -> Option<J> + Send,
    work: impl Fn(J) -> R + Sync,
    sink: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let (threads, in_flight) = (threads.max(1), in_flight.max(1));
    // A ticket for each job in flight: taken by the source, given back by the sink.
    let (give, take) = sync_channel::<()>(in_flight);
    for _ in 0..in_flight {
        // The channel holds as many.
        let _ = give.try_send(());
    }
    let (jobs_in, jobs_out) = sync_channel::<(u64, J)>(in_flight);
    let (results_in, results_out) = sync_channel::<(u64, thread::Result<R>)>(in_flight);
    let jobs_out = Mutex::new(jobs_out);
    let (jobs_out, work) = (&jobs_out, &work);
    thread::scope(move |scope| {
        scope.spawn(move || feed(source, &take, &jobs_in));
        for _ in 0..threads {
            let results_in = results_in.clone();
            scope.spawn(move || {
                loop {
                    let job = jobs_out.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, job)) = job else { return };
                    // A panic is handed on like a result: swallowed here, it would leave all waiting.
                    let result = catch_unwind(AssertUnwindSafe(|| work(job)));
                    if results_in.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results_in);
        // Ends with this call: workers and source see that nobody waits any more.
        let (results_out, give) = (results_out, give);
        drain(&results_out, &give, sink)
    })
}

fn feed<J>(mut source: impl FnMut() -> Option<J>, tickets: &Receiver<()>, jobs: &SyncSender<(u64, J)>) {
    for number in 0.. {
        if tickets.recv().is_err() {
            return;
        }
        let Some(job) = source() else { return };
        if jobs.send((number, job)).is_err() {
            return;
        }
    }
}

fn drain<R, E>(
    results: &Receiver<(u64, thread::Result<R>)>,
    tickets: &SyncSender<()>,
    mut sink: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, result) in results {
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            next += 1;
            sink(result.unwrap_or_else(|panic| resume_unwind(panic)))?;
            // The source may be done already.
            let _ = tickets.try_send(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn results_come_in_order_and_few_jobs_are_in_flight() {
        for threads in [1, 2, 7] {
            let (live, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut n = 0_u64;
            let source = || {
                n += 1;
                (n <= 300).then(|| {
                    most.fetch_max(live.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    n
                })
            };
            let work = |n: u64| {
                thread::sleep(Duration::from_micros(n * 7919 % 300));
                n
            };
            let mut seen = Vec::new();
            let sink = |n| {
                live.fetch_sub(1, Ordering::SeqCst);
                seen.push(n);
                Ok::<(), ()>(())
            };
            in_order(threads, 5, source, work, sink).unwrap();
            assert_eq!(seen, (1..=300).collect::<Vec<_>>());
            assert!(most.load(Ordering::SeqCst) <= 5);
        }
    }

    #[test]
    fn a_panic_of_a_job_reaches_the_caller() {
        let mut n = 0;
        let source = || {
            n += 1;
            (n < 100).then_some(n)
        };
        let work = |n: u32| if n == 7 { panic!("seven") } else { n };
        let ended = catch_unwind(AssertUnwindSafe(|| in_order(2, 4, source, work, |_| Ok::<(), ()>(()))));
        assert_eq!(ended.unwrap_err().downcast_ref::<&str>(), Some(&"seven"));
    }

    #[test]
    fn an_error_of_the_sink_ends_everything() {
        let mut seen = 0;
        let sink = |n: u32| {
            seen += 1;
            if n == 10 { Err("full") } else { Ok(()) }
        };
        let mut n = 0;
        let endless = || {
            n += 1;
            Some(n)
        };
        assert_eq!(in_order(3, 4, endless, |n| n, sink), Err("full"));
        assert_eq!(seen, 10);
    }
}
