//! What the kernel says of the memory that it holds for sockets: its caches of objects, and what waits in buffers of TCP.

use std::fs;

use anyhow::{Context, Result, ensure};

/// The caches of which an open connection takes one object at each end, where an end waits in an epoll: the socket, its inode, entry and
/// file, what security modules keep of it, and the place in the epoll.
pub(super) const CACHES: [&str; 6] = ["TCP", "sock_inode_cache", "dentry", "filp", "lsm_inode_cache", "eventpoll_epi"];

/// One look at the kernel's memory.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    /// Objects in use, in the order of [`CACHES`]; none where the kernel has no such cache.
    objects: [u64; CACHES.len()],
    /// What each object takes of its page, in bytes.
    object_bytes: [f64; CACHES.len()],
    /// All caches together, in bytes.
    slab_bytes: u64,
    /// What TCP holds in buffers, of all sockets, in bytes.
    buffer_bytes: u64,
}

/// What connections have added, in bytes for one end of one of them.
#[derive(Clone, Debug)]
pub(super) struct OneEnd {
    /// In the order of [`CACHES`].
    pub(super) objects: [f64; CACHES.len()],
    pub(super) buffers: f64,
    /// All that the caches grew by, whatever for: a bound from above.
    pub(super) slab: f64,
}

impl Kernel {
    /// Looks.
    ///
    /// # Errors
    /// When the kernel does not say: its caches it tells root alone.
    pub(super) fn look() -> Result<Self> {
        let page_bytes = field(&read("/proc/self/smaps")?, "KernelPageSize:")? << 10;
        let slabs = read("/proc/slabinfo").context("the kernel tells root alone what its caches hold")?;
        let slabs =
            CACHES.map(|cache| slabs.lines().find_map(|line| slab(line, cache, page_bytes)).unwrap_or_default());
        // Without the socket itself the figure would be of something else.
        ensure!(slabs[0].1 > 0.0, "/proc/slabinfo has no cache TCP");
        Ok(Self {
            objects: slabs.map(|(objects, _)| objects),
            object_bytes: slabs.map(|(_, bytes)| bytes),
            slab_bytes: field(&read("/proc/meminfo")?, "Slab:")? << 10,
            buffer_bytes: tcp_pages(&read("/proc/net/sockstat")?).context("/proc/net/sockstat")? * page_bytes,
        })
    }

    /// What `connections` have added since `before`, whose both ends are on this machine. An end has one object of a cache at
    /// most: what there is more is others', such as the generator's ports, or traces of who looks at `/proc`.
    pub(super) fn since(&self, before: &Self, connections: u32) -> OneEnd {
        let ends = 2.0 * f64::from(connections);
        let grown = |after: u64, before: u64| after.saturating_sub(before) as f64 / ends;
        let objects = std::array::from_fn(|place| {
            grown(self.objects[place], before.objects[place]).min(1.0) * self.object_bytes[place]
        });
        OneEnd {
            objects,
            buffers: grown(self.buffer_bytes, before.buffer_bytes),
            slab: grown(self.slab_bytes, before.slab_bytes),
        }
    }
}

impl OneEnd {
    /// All that is the connection's.
    pub(super) fn bytes(&self) -> f64 {
        self.objects.iter().sum::<f64>() + self.buffers
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// The first number after `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Result<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(rest.split_ascii_whitespace().next().context("no number")?.parse()?)
}

/// Objects in use and the bytes of each, its part of what is left of the pages included, if the line is of `cache`.
fn slab(line: &str, cache: &str, page_bytes: u64) -> Option<(u64, f64)> {
    let mut fields = line.strip_prefix(cache)?.strip_prefix(' ')?.split_ascii_whitespace();
    let [in_use, _, _, of_a_slab, pages] =
        std::array::from_fn(|_| fields.next().and_then(|field| field.parse::<u64>().ok()));
    Some((in_use?, (pages? * page_bytes) as f64 / of_a_slab? as f64))
}

/// The pages of TCP in `/proc/net/sockstat`.
fn tcp_pages(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP: "))?;
    line.rsplit_once("mem ")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let line =
            "TCP                 66    130   2368   13    8 : tunables    0    0    0 : slabdata     10     10      0";
        assert_eq!(slab(line, "TCP", 4_096), Some((66, 32_768.0 / 13.0)));
        assert_eq!(slab(&line.replacen("TCP", "TCPv6", 1), "TCP", 4_096), None);
        assert_eq!(
            tcp_pages("sockets: used 15\nTCP: inuse 1 orphan 0 tw 111 alloc 1 mem 80\nUDP: inuse 0 mem 0\n"),
            Some(80)
        );
        assert_eq!(field("MemFree: 1 kB\nSlab:             711392 kB\n", "Slab:").expect("there"), 711_392);
        assert!(field("MemFree: 1 kB\n", "Slab:").is_err());
    }

    #[test]
    fn an_end_has_one_object_of_a_cache_at_most_and_half_of_what_both_have() {
        let look = |objects, buffer_bytes| Kernel { objects, object_bytes: [100.0; 6], slab_bytes: 0, buffer_bytes };
        let before = look([10; 6], 4_096);
        let after = look([210, 210, 410, 210, 10, 110], 4_096 + 20_000);
        let end = after.since(&before, 100);
        assert_eq!(end.objects, [100.0, 100.0, 100.0, 100.0, 0.0, 50.0]);
        assert_eq!((end.buffers, end.bytes()), (100.0, 550.0));
    }
}
