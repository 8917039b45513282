#!/usr/bin/env bash
# Does flushbench's probe agree with pg_test_fsync and fio about the rate of
# write + fdatasync? All three overwrite written blocks in one folder, one after
# the other, in rounds; what counts is the median of the rounds' ratios.
#
#   scripts/compare-tools.sh [FOLDER]   default: FLUSHBENCH_DIR, or this folder
#   ROUNDS (9), SECONDS_EACH (1)        rounds, and seconds of each measurement
#   FLUSHBENCH                          a flushbench to use instead of building it
#
# Like is compared with like: pg_test_fsync rewrites the 8 KiB at offset 0, so the
# probe does (--size 8k --same-place); fio goes round 64 MiB in blocks of 4 KiB, as
# the probe does by itself. In all three the page cache holds the file in small
# pieces, which matters (probe --fill): fio and the probe fill it by writes of
# 4 KiB, and pg_test_fsync's first test (O_DIRECT) drops the place from the cache.
# Ends with 1 if a median is off by more than 10 %, with 2 if a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${ROUNDS:-9}
each=${SECONDS_EACH:-1}
base=$(cd "${1:-${FLUSHBENCH_DIR:-.}}" && pwd)
export PATH="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/flushbench/pg/bin"
for bin in /usr/lib/postgresql/*/bin; do
	[ -d "$bin" ] && PATH="$PATH:$bin"
done

have() { command -v fio >/dev/null && command -v pg_test_fsync >/dev/null; }
if ! have && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	.ci/run tools
fi
have || { echo "compare-tools: needs fio and pg_test_fsync (Debian: fio, postgresql)" >&2; exit 2; }

work=$(mktemp -d "$base/compare-tools.XXXXXX")
bin=$(mktemp -d)
trap 'rm -rf "$work" "$bin"' EXIT
trap 'exit 130' INT TERM
flushbench=${FLUSHBENCH:-$bin/flushbench}
[ -n "${FLUSHBENCH:-}" ] || go build -o "$flushbench" ./cmd/flushbench

# Lets what the last tool left (dirty pages, discards of deleted files) settle.
settle() {
	sync -f "$work"
	sleep 0.2
}

# Prints our fdatasync rate: probe SIZE [flags], half as long as the tools, as it
# runs twice. Half of its time goes to the self-test of pairs.
probe() {
	settle
	"$flushbench" probe --dir "$work" --method fdatasync --op overwrite --size "$1" \
		--duration "${each}s" --rounds 10 --no-pages --format csv --quiet --beside-live-database "${@:2}" |
		awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rate_per_s") c = i } NR == 2 { print $c }'
}

# Prints the first rate of fdatasync, that of one 8 kB write. pg_test_fsync has
# no choice of tests: it is stopped as soon as that line is there (read line by
# line here, as awk would wait for a full buffer).
pg() {
	local name rate unit
	settle
	while read -r name rate unit _; do
		if [ "$name" = fdatasync ] && [ "$unit" = ops/sec ]; then
			echo "$rate"
			break
		fi
	done < <(exec pg_test_fsync -s "$each" -f "$work/pg_test_fsync.out" 2>/dev/null)
	kill "$!" 2>/dev/null || true
	wait "$!" 2>/dev/null || true
	rm -f "$work/pg_test_fsync.out"
}

# Prints fio's writes a second: field 49 of its terse output.
with_fio() {
	settle
	fio --name=x --directory="$work" --rw=write --bs=4k --size=64m --overwrite=1 --fdatasync=1 \
		--runtime="$each" --time_based --output-format=terse --terse-version=3 | awk -F';' '{ print $49 }'
}

median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Measures one round of a pair, ours before and after theirs, so that a drift of
# the disk meets both alike, and appends the two rates to the pair's file.
pair() {
	local name=$1 round=$2 tool=$3 before theirs after
	shift 3
	before=$(probe "$@")
	theirs=$("$tool")
	after=$(probe "$@")
	if [ -z "$before" ] || [ -z "$theirs" ] || [ -z "$after" ]; then
		echo "compare-tools: $name gave no figure" >&2
		exit 1
	fi
	echo "$before $after $theirs" | awk '{ print ($1 + $2) / 2, $3 }' >>"$bin/$name"
	printf 'round %d  %-14s %8.0f/s  probe before %8.0f/s, after %8.0f/s\n' "$round" "$name" "$theirs" "$before" "$after" >&2
}

with_fio >/dev/null # lays its file out
for round in $(seq "$rounds"); do
	pair pg_test_fsync "$round" pg 8k --same-place
	pair fio "$round" with_fio 4k
done

echo "write + fdatasync in $base, $rounds rounds of $each s, medians"
echo "tool            its rate/s  probe's/s  ratio  (lowest..highest)"
bad=0
for name in pg_test_fsync fio; do
	ratio=$(awk '{ print $1 / $2 }' "$bin/$name" | median)
	range=$(awk '{ print $1 / $2 }' "$bin/$name" | sort -g | awk 'NR == 1 { lo = $1 } { hi = $1 } END { printf "(%.3f..%.3f)", lo, hi }')
	printf '%-14s  %10.0f  %9.0f  %.3f  %s\n' "$name" "$(cut -d' ' -f2 "$bin/$name" | median)" "$(cut -d' ' -f1 "$bin/$name" | median)" "$ratio" "$range"
	awk -v r="$ratio" 'BEGIN { exit !(r < 0.9 || r > 1.1) }' && bad=1
done
[ "$bad" = 0 ] || { echo "compare-tools: more than 10 % apart" >&2; exit 1; }
