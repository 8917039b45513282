#!/bin/bash
# Starts flushbench again and again, ends each run at a random moment by Ctrl-C, by
# SIGTERM, by two Ctrl-Cs or by SIGKILL, and looks at what is left: no process, no
# mount and no loop device of it. After that one more crash in the same folder must
# remove the files that SIGKILL left.
#
#   scripts/killed-runs.sh [RUNS [SEED [FOLDER]]]    50 runs, a random seed, a folder in TMPDIR
#
# As root all crash kinds are tried; servers where they are installed. About five
# seconds a run. Exit code 1: something was left. FLUSHBENCH in the environment: a
# flushbench to use instead of building it.
set -u

runs=${1:-50} seed=${2:-$((RANDOM * 32768 + RANDOM))} parent=${3:-${TMPDIR:-/tmp}}
dir=$(mktemp -d "$(realpath "$parent")/killed-runs-XXXXXX") || exit 1
mark=FLUSHBENCH_KILLED_RUNS=$(basename "$dir")
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir" # servers run as users of their own
RANDOM=$seed
echo "seed $seed, folder $dir"

binary=${FLUSHBENCH:-$dir/flushbench}
if [ -z "${FLUSHBENCH:-}" ]; then
	(cd "$(dirname "$0")/.." && go build -o "$binary" ./cmd/flushbench) || exit 1
fi

# What is run: long enough to be interrupted at any moment of it.
beside="--beside-live-database --allow-volatile --dir $dir/work --quiet"
small="--log-capacity 8MiB --rate 500 --flush-interval 200ms"
commands=(
	"crash $beside $small --kinds process --trials 100"
	"crash $beside $small --kinds process --workload bank --rows 1000 --trials 100"
	"run $beside --quick --no-report"
	"lesson all $beside"
)
if [ "$(id -u)" = 0 ]; then
	commands+=(
		"crash $beside $small --kinds os --trials 100"
		"crash $beside $small --kinds power --trials 100"
		"crash $beside $small --kinds power --fs xfs --trials 100"
		"crash $beside $small --kinds os,power --fault enospc --trials 100"
		"crash $beside $small --kinds process,os,power --workload bank,insert --rows 1000 --trials 100"
	)
fi
for server in mariadbd postgres; do
	if "$binary" crash --dry-run --kinds process --target "$server" >"$dir/dry" 2>&1; then
		commands+=("crash $beside --kinds process --target $server --rows 1000 --trials 100")
		commands+=("run $beside --quick --no-report --workload update --rows 1000 --start $server")
	fi
done

# left names what is there of a run: processes that have its mark or work in its folder,
# mounts and loop devices below it.
left() {
	for p in /proc/[0-9]*; do
		pid=${p#/proc/}
		[ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] && continue
		if tr '\0' '\n' 2>/dev/null <"$p/environ" | grep -qx "$mark" ||
			[[ "$(readlink "$p/cwd" 2>/dev/null)" == "$dir"* ]] ||
			tr '\0' ' ' 2>/dev/null <"$p/cmdline" | grep -qF "$dir/work"; then
			echo "process $pid: $(tr '\0' ' ' 2>/dev/null <"$p/cmdline")"
		fi
	done
	# In whatever mount namespace.
	cat /proc/[0-9]*/mounts 2>/dev/null | grep -F "$dir/" | sort -u
	grep -F "$dir/" /sys/block/loop*/loop/backing_file 2>/dev/null
	true
}

bad=0
mkdir "$dir/work"
for ((i = 1; i <= runs; i++)); do
	args=${commands[RANDOM % ${#commands[@]}]}
	how=$((RANDOM % 4))
	after=$(printf '%d.%03d' $((RANDOM % 6)) $((RANDOM % 1000)))
	# A session of its own, so that nothing else gets its signals.
	env "$mark" setsid "$binary" $args --results "$dir/results" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	sleep "$after"
	kill -0 "$pid" 2>/dev/null || how=4
	case $how in
	0) word=SIGINT && kill -INT "$pid" 2>/dev/null ;;
	1) word=SIGTERM && kill -TERM "$pid" 2>/dev/null ;;
	2) word="SIGINT twice" && kill -INT "$pid" 2>/dev/null && sleep 0.2 && kill -INT "$pid" 2>/dev/null ;;
	3) word=SIGKILL && kill -KILL "$pid" 2>/dev/null ;;
	4) word="its own end" ;;
	esac
	wait "$pid" 2>/dev/null
	code=$?
	# Children die with their parent, and the kernel ends mounts with the last of them:
	# a moment after it.
	end=$((SECONDS + 20))
	while rest=$(left) && [ -n "$rest" ] && [ $SECONDS -lt $end ]; do
		sleep 0.1
	done
	if [ $how = 4 ] && [ $code != 0 ]; then
		bad=$((bad + 1))
		echo "run $i: FAILED by itself (exit code $code): $args"
		cat "$dir/err"
	elif [ -n "$rest" ]; then
		bad=$((bad + 1))
		echo "run $i: LEFT after $word at $after s of: $args"
		echo "$rest"
	else
		echo "run $i: nothing left after $word at $after s (exit code $code): ${args/$beside /}"
	fi
done

# What SIGKILL leaves in the folder the next crash there removes.
if ! "$binary" crash $beside $small --kinds process --trials 1 --policy 1 --results "$dir/results" >"$dir/out" 2>&1; then
	bad=$((bad + 1))
	echo "the crash after them failed:"
	cat "$dir/out"
fi
files=$(find "$dir/work" -mindepth 1)
if [ -n "$files" ]; then
	bad=$((bad + 1))
	echo "files left: $files"
fi
echo "$runs runs ended at random moments, $bad left something (seed $seed)"
[ "$bad" = 0 ]
