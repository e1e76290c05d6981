#!/bin/sh
# Takes the pictures in assets/screenshots from a running demo: needs tmux and a built scry.
# usage: assets/screenshots.sh [path of scry]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
scry=$(realpath "${1:-$here/../target/debug/scry}")
work=$(mktemp -d)
socket=scry-pictures-$$
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work/config" "$here/screenshots"
printf '[ui]\ntheme = "dark"\nmark_fade = "60s"\n' >"$work/config/config.toml"

keys() { tmux -L "$socket" send-keys -t demo "$@"; }
shows() { tmux -L "$socket" capture-pane -p -t demo | grep -q "$1"; }
until_shows() {
    for _ in $(seq 600); do
        if shows "$1"; then return; fi
        sleep 0.2
    done
    echo "the demo never showed: $1" >&2
    exit 1
}

# picture NAME COLUMNS ROWS WANTED KEYS...: opens a demo, waits for what is wanted, types the keys, takes the picture.
picture() {
    name=$1 columns=$2 rows=$3 wanted=$4
    shift 4
    tmux -L "$socket" new-session -d -s demo -x "$columns" -y "$rows" \
        "cd '$work' && COLORTERM=truecolor SCRY_CONFIG_DIR='$work/config' '$scry' demo --seed 7"
    until_shows "$wanted"
    for key in "$@"; do keys "$key"; done
    keys C-s
    until_shows 'written to'
    tmux -L "$socket" kill-session -t demo
    mv "$work"/scry-*.svg "$here/screenshots/$name.svg"
}

picture dashboard 120 36 '#1[0-9] ' n
picture inspector 120 36 'player  *rules-engine' 3 / 'player rules-engine' Enter Enter
picture clock 120 36 'world time' 4
picture narrow 60 20 'fresh' n 2
