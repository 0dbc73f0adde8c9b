//! The open connections, and which one is closed when there are too many.
//!
//! A connection is *trusted* once it has sent the token, or from the start where no token is needed. Others are limited
//! for each address. When all places are taken, a new connection replaces the untrusted one that has been idle longest,
//! else a busy untrusted one, else an idle trusted one. So idle and slow clients without the token block nobody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// All connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    /// Untrusted connections from one address.
    most_strangers: usize,
    /// Event streams in all, and to one address.
    most_streams: (usize, usize),
    /// Whether every connection is trusted.
    open: bool,
    table: Mutex<Table>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    trusted: bool,
    /// Requests being answered.
    running: usize,
    /// Event streams.
    streams: usize,
    /// When it was accepted, or last began or ended a request.
    since: Instant,
    close: Arc<Notify>,
}

impl Entry {
    /// The connection with the smallest value is closed first; `None` for one that is never closed.
    fn worth(&self, number: u64) -> Option<(bool, bool, Instant, u64)> {
        let busy = self.running > 0;
        (!(self.trusted && busy)).then_some((self.trusted, busy, self.since, number))
    }
}

/// One connection; dropped when it ends.
#[derive(Debug)]
pub(crate) struct Connection {
    all: Arc<Connections>,
    number: u64,
    /// Notified when it has to close.
    pub(crate) close: Arc<Notify>,
}

/// A request in progress, until the last byte of its reply.
#[derive(Debug)]
pub(crate) struct Running {
    connection: Arc<Connection>,
    stream: bool,
}

impl Connections {
    /// At most `most` connections; all trusted where `open`.
    pub(crate) fn new(most: usize, open: bool) -> Self {
        let share = |part: usize| (most / part).max(1);
        Self {
            most: most.max(1),
            most_strangers: share(4),
            most_streams: (share(2), share(4)),
            open,
            table: Mutex::default(),
            freed: Notify::new(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection, if need be by closing another; `None` where all are busy and trusted.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Connection>> {
        let mut table = self.table();
        let of_address = |e: &Entry| e.address == address && !e.trusted;
        if table.entries.values().filter(|e| of_address(e)).count() >= self.most_strangers {
            table.send_away(of_address);
        }
        if table.entries.len() >= self.most && !table.send_away(|_| true) {
            return None;
        }
        let number = table.next;
        table.next += 1;
        let close = Arc::new(Notify::new());
        let entry = Entry {
            address,
            trusted: self.open,
            running: 0,
            streams: 0,
            since: Instant::now(),
            close: Arc::clone(&close),
        };
        table.entries.insert(number, entry);
        Some(Arc::new(Connection { all: Arc::clone(self), number, close }))
    }

    /// As [`admit`](Self::admit), but waits for a place.
    pub(crate) async fn place(self: &Arc<Self>, address: IpAddr) -> Arc<Connection> {
        loop {
            let freed = self.freed.notified();
            if let Some(connection) = self.admit(address) {
                return connection;
            }
            freed.await;
        }
    }

    /// Waits until there are no connections.
    pub(crate) async fn ended(&self) {
        loop {
            let freed = self.freed.notified();
            if self.table().entries.is_empty() {
                return;
            }
            freed.await;
        }
    }
}

impl Table {
    /// Closes the first in the closing order among some, if there is one.
    fn send_away(&mut self, among: impl Fn(&Entry) -> bool) -> bool {
        let entries = self.entries.iter().filter(|(_, entry)| among(entry));
        let first = entries.filter_map(|(&number, entry)| entry.worth(number)).min();
        let gone = first.and_then(|(.., number)| self.entries.remove(&number));
        if let Some(gone) = &gone {
            gone.close.notify_one();
        }
        gone.is_some()
    }
}

impl Connection {
    /// Changes the entry, unless the connection was closed.
    fn change<T>(&self, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.all.table().entries.get_mut(&self.number).map(change)
    }

    /// Its address; `None` once it was closed.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.change(|entry| entry.address)
    }

    /// Whether a request is in progress.
    pub(crate) fn is_busy(&self) -> bool {
        self.change(|entry| entry.running > 0).unwrap_or(false)
    }

    /// Marks it as trusted: it has sent the token.
    pub(crate) fn trust(&self) {
        self.change(|entry| entry.trusted = true);
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        self.change(|entry| {
            entry.running += 1;
            entry.since = Instant::now();
        });
        Running { connection: Arc::clone(self), stream: false }
    }
}

impl Running {
    /// The reply is an event stream, which stays open: whether one more is allowed.
    pub(crate) fn into_stream(mut self) -> Option<Self> {
        {
            let all = Arc::clone(&self.connection.all);
            let mut table = all.table();
            let address = table.entries.get(&self.connection.number)?.address;
            let sum = |of: &dyn Fn(&Entry) -> bool| -> usize {
                table.entries.values().filter(|e| of(e)).map(|e| e.streams).sum()
            };
            let (most, most_of_address) = all.most_streams;
            if sum(&|_| true) >= most || sum(&|e| e.address == address) >= most_of_address {
                return None;
            }
            table.entries.get_mut(&self.connection.number)?.streams += 1;
        }
        self.stream = true;
        Some(self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.connection.change(|entry| {
            entry.running -= 1;
            entry.streams -= usize::from(self.stream);
            entry.since = Instant::now();
        });
        // A place that was held by a busy connection can be had now.
        self.connection.all.freed.notify_waiters();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.table().entries.remove(&self.number);
        self.all.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn there(connections: &[&Arc<Connection>]) -> Vec<bool> {
        connections.iter().map(|c| c.address().is_some()).collect()
    }

    #[test]
    fn idle_strangers_give_way_first_and_busy_trusted_ones_never() {
        let all = Arc::new(Connections::new(16, false));
        let place = |of: u8| all.admit(address(of)).unwrap();
        let (idle, known, busy) = (place(1), place(2), place(3));
        known.trust();
        let running = busy.begin();
        let others: Vec<_> = (4..17).map(place).collect();
        let late = place(17);
        assert_eq!(there(&[&idle, &known, &busy, &others[0], &late]), [false, true, true, true, true]);
        // All other strangers at work: one of them goes, and the known one stays.
        let mut at_work: Vec<_> = others.iter().chain([&late]).map(Connection::begin).collect();
        let next = place(18);
        assert_eq!(there(&[&known, &busy, &others[0], &next]), [true, false, true, true]);
        drop(running);
        // All known: an idle one goes; none where all are at work.
        let running = known.begin();
        others.iter().chain([&late, &next]).for_each(|c| c.trust());
        let last = place(19);
        assert_eq!(there(&[&next, &known, &last]), [false, true, true]);
        last.trust();
        at_work.push(last.begin());
        assert!(all.admit(address(20)).is_none());
        drop(running);
        assert!(all.admit(address(20)).is_some());
    }

    #[test]
    fn strangers_have_a_share_for_each_address() {
        let all = Arc::new(Connections::new(16, false));
        let first: Vec<_> = (0..4).map(|_| all.admit(address(1)).unwrap()).collect();
        let other = all.admit(address(2)).unwrap();
        let fifth = all.admit(address(1)).unwrap();
        assert_eq!(there(&[&first[0], &first[1], &other, &fifth]), [false, true, true, true]);
        // With the token, or where none is needed, there is no such share.
        let open = Arc::new(Connections::new(16, true));
        let many: Vec<_> = (0..16).map(|_| open.admit(address(1)).unwrap()).collect();
        assert!(there(&many.iter().collect::<Vec<_>>()).iter().all(|&there| there));
    }

    #[test]
    fn event_streams_leave_places_for_others() {
        let all = Arc::new(Connections::new(16, true));
        let open = |of: u8| all.admit(address(of)).unwrap().begin().into_stream();
        let streams: Vec<_> = (0..6).map(|_| open(1)).collect();
        assert_eq!(streams.iter().flatten().count(), 4, "of one address");
        let more: Vec<_> = (2..20).map(open).collect();
        assert_eq!(more.iter().flatten().count(), 4, "in all");
        drop(streams);
        assert!(open(1).is_some());
    }
}
