//! How much memory there is to take.

use std::fs;

/// Memory that can still be taken, bytes: what the system says is available, with swap, and no more than the process's
/// control group allows. `None` where the system does not say.
pub(crate) fn free_memory() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok())
        .min();
    let free = of_meminfo(&meminfo)?;
    Some(group.map_or(free, |most: u64| free.min(most)))
}

fn of_meminfo(text: &str) -> Option<u64> {
    let of = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(of("MemAvailable")? + of("SwapFree").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says() {
        let text = "MemTotal:  9 kB\nMemFree: 1 kB\nMemAvailable:    5 kB\nSwapFree: 2 kB\n";
        assert_eq!(of_meminfo(text), Some(7 * 1024));
        assert_eq!(of_meminfo("MemAvailable: 5 kB"), Some(5 * 1024));
        assert_eq!(of_meminfo("MemTotal: 5 kB"), None);
    }
}
