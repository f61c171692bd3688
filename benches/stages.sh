#!/usr/bin/env bash
# Where does the processor time of a claim go? Loads a server over 64 connections, samples its threads' stacks with perf (Linux, root or
# a lowered kernel.perf_event_paranoid), and prints the share of each stage and what it comes to a claim.
#
#   cargo build --release --workspace && benches/stages.sh [connections]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
load=
trap 'if [ -n "$load" ]; then kill "$load" 2>/dev/null || true; fi; rm -rf "$work"' EXIT

"$bin/landrush-loadtest" --rate max --duration 14s --connections "${1:-64}" > "$work/load.txt" &
load=$!
sleep 4
server=$(pgrep -P "$load" -x landrush)
perf record --quiet --call-graph dwarf,8192 -F 499 -o "$work/perf.data" -p "$server" -- sleep 8 > /dev/null 2>&1
wait "$load"
load=
grep -E 'answers/s|of processor time|oracle' "$work/load.txt"
# Seconds for 100,000 answers, and from them microseconds for one.
cost=$(sed -n 's/^server: \([0-9.]*\) s of processor time for 100,000 answers.*/\1/p' "$work/load.txt" | awk '{ print $1 * 10 }')
[ -n "$cost" ] || { echo "the load test did not say what a claim cost" >&2; exit 1; }

# One line a sample: the thread, and its frames from the innermost out.
perf script -i "$work/perf.data" -F comm,ip,sym --no-inline 2> /dev/null | awk '
    /^[^ \t]/ { thread = $1; stack = ""; next }
    NF == 0 { if (thread != "") print thread "|" stack; thread = ""; next }
    { sub(/^[ \t]*[0-9a-f]+ /, ""); stack = stack $0 ";" }
' | awk -F '|' -v cost="$cost" '
    # The first rule that fits a stack says which stage it belongs to.
    function stage(thread, s) {
        if (thread ~ /^landrush-seg/) return "disk: zero-filled segments, made ahead"
        if (thread == "landrush") return "main: accept connections"
        # On its own thread, or on the I/O thread that has borrowed it.
        if (thread ~ /^landrush-sha/ || s ~ /Pair::|BorrowedShard|OwnShard/) {
            if (s ~ /UringDevice::(wait|block|doze)|::(wait|doze|rest);|Watch::/) return "shard: sleep and wake"
            if (s ~ /launch|Log>::pump|io_uring_enter/) return "shard: write and sync (io_uring)"
            if (s ~ /codec|Appender/) return "shard: encode"
            if (s ~ /decide/) return "shard: decide"
            if (s ~ /apply|mark_decided|Published/) return "shard: apply and publish"
            if (s ~ /next_command|pop|Slots::glance|prefetch/) return "shard: take commands, warm their keys"
            if (s ~ /deliver|parked|release|Sorter|eventfd|wake/) return "shard: give answers back, wake the I/O thread"
            return "shard: the rest"
        }
        if (thread !~ /^landrush-io/) return "other threads"
        if (s ~ /write_vectored|__GI___writev|__libc_send|__send|sendto/) return "I/O: write to the socket (kernel)"
        if (s ~ /recv|poll_read/) return "I/O: read from the socket (kernel)"
        if (s ~ /epoll|mio::poll|Driver::turn/) return "I/O: wait for sockets and answers (epoll)"
        if (s ~ /claim_request::see|Http1Transaction>::parse|parse_headers|httparse/) return "I/O: parse the head"
        if (s ~ /ClaimBody::parse|http::body|serde_json/) return "I/O: read and parse the body"
        if (s ~ /claim_json|Codes::|JsonText/) return "I/O: write the answer"
        if (s ~ /Desk|desk::|Port::|Lane::(submit|heard|ask)/) return "I/O: hand over, and answers back"
        if (s ~ /admission|Visitor|refuse_early|Directory|Route::find|is_met|eligibility|living/) return "I/O: route and gate"
        if (s ~ /reply::write|encode|claim_response|Lane::respond|HeaderMap/) return "I/O: write the head"
        if (s ~ /Express/) return "I/O: the rest of reading claims and answering them"
        if (s ~ /http::handle/) return "I/O: the rest of the handler"
        if (s ~ /hyper::/) return "I/O: the rest of hyper"
        return "I/O: the rest of the runtime"
    }
    { count[stage($1, $2)]++; all++ }
    END {
        for (name in count) printf "%6.1f %%  %6.2f us  %s\n", 100 * count[name] / all, cost * count[name] / all, name | "sort -rn"
        close("sort -rn")
        printf "%d samples\n", all
    }
'
