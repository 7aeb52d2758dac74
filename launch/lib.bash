# shellcheck shell=bash
# What the scripts in this folder share: where things are, messages, and the running of long commands.
# To be sourced by them alone; `launch/env` is for people.
# shellcheck disable=SC2034 # Used by those that source this.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
# Everything that set-up installs lives here; it may be deleted at any time.
own="$root/.nightshift"
logs="$own/log"

if [[ -t 2 && -z "${NO_COLOR:-}" && "${TERM:-dumb}" != dumb ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

# Messages go to stderr: stdout is for results.
say() { printf '%s\n' "$*" >&2; }

# 75 -> "1 min 15 s". Below ten minutes with seconds, above without.
in_words() {
  local s="$1"
  if ((s < 60)); then
    printf '%d s' "$s"
  elif ((s < 600)); then
    printf '%d min %02d s' $((s / 60)) $((s % 60))
  else
    printf '%d min' $(((s + 30) / 60))
  fi
}

# An estimate: rounded, because seconds would promise too much.
roughly() {
  local s="$1"
  if ((s < 60)); then
    printf 'less than a minute'
  else
    printf 'about %d min' $(((s + 30) / 60))
  fi
}

# The last lines of a log, without cargo's progress bars and colours.
log_tail() {
  tr '\r' '\n' <"$1" | sed -e 's/\x1b\[[0-9;]*[A-Za-z]//g' -e 's/\x1b(B//g' | grep -vE '^ *(Building|Downloading) .*\[|^[[:space:]]*$' |
    tail -n "${2:-20}" | sed -e 's/^/  | /' >&2 || true
}

# The process that run_watched waits for; taken along when the script is interrupted, because bash starts
# it deaf to Ctrl-C.
watched=''
stop_watched() {
  if [[ -n "$watched" ]]; then kill "$watched" 2>/dev/null || true; fi
}
trap 'stop_watched; exit 130' INT
trap 'stop_watched; exit 143' TERM HUP

# run_watched LOG ESTIMATE REST COUNTER COMMAND...
# Runs the command with its output in the log, and says now and then how far it is: on a terminal in one line that is
# kept up to date, otherwise in a line every 15 seconds. ESTIMATE and REST are the seconds that it, and everything
# after it, are expected to take. COUNTER names a function that prints "done total" from the log, or is empty.
run_watched() {
  local log="$1" estimate="$2" rest="$3" counter="$4"
  shift 4
  local began=$SECONDS spoken=$SECONDS status=0 every=15
  if [[ -t 2 ]]; then every=1; fi
  "$@" >>"$log" 2>&1 </dev/null &
  watched=$!
  while kill -0 "$watched" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - spoken >= every)); then
      spoken=$SECONDS
      report_progress $((SECONDS - began)) "$estimate" "$rest" "$counter" "$log"
    fi
  done
  wait "$watched" || status=$?
  watched=''
  if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi
  return "$status"
}

report_progress() {
  local elapsed="$1" estimate="$2" rest="$3" counter="$4" log="$5" built=0 total=0 left line=''
  if [[ -n "$counter" ]]; then
    read -r built total < <("$counter" "$log") || true
    if ((${total:-0} > 0)); then line="$built of $total crates, "; fi
  fi
  left=$((estimate - elapsed))
  # The share that is done is a better guide than the table, once there is one to speak of. Its square, because the
  # crates that everything else waits for are small, and the large ones come last: measured on a cold build.
  if ((${total:-0} > 0 && built * 10 >= total)); then
    left=$((elapsed * (total * total - built * built) / (built * built)))
  fi
  if ((left < 5)); then left=5; fi
  line="     $line$(in_words "$elapsed"), $(roughly $((left + rest))) left"
  if [[ -t 2 ]]; then printf '\r\e[K%s' "$dim$line$plain" >&2; else say "$line"; fi
}

# How many of how many crates, by the progress bar that cargo was told to draw into its log.
crates_built() {
  tail -c 4000 "$1" | tr '\r' '\n' | sed -nE 's/^ *Building \[[^]]*\] ([0-9]+)\/([0-9]+).*/\1 \2/p' | tail -n 1
}

# The sum of everything on stdin, short enough to read.
digest() { sha256sum | cut -c 1-12; }
