#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# One slot of a training on a machine that is lent for minutes at a time: a part of the data goes
# in, the checkpoint comes out, and the next slot goes on from it, with the same or another part.
#
#   tools/train_slot.sh SECONDS PART VALID CHECKPOINTS NETWORK [options of `dred train NETWORK`]
#
# PART and VALID are folders of speech (small enough to travel) or data folders of
# `dred train features`. CHECKPOINTS is what travels back; send it with the next slot. A slot ends
# at SECONDS by itself; when the machine stops it earlier (SIGTERM), the checkpoint is written too.
#   tools/train_slot.sh 540 speech/part1 speech/valid slots plc --set device=cuda --set minutes=60
# `minutes` is that of the whole training, not of the slot. DRED names the program.
set -eu

if [ $# -lt 5 ]; then
    echo "usage: $0 SECONDS PART VALID CHECKPOINTS NETWORK [options]" >&2
    exit 2
fi
seconds=$1 part=$2 valid=$3 checkpoints=$4 network=$5
shift 5
dred=${DRED:-dred}
began=$(date +%s)

# Features are ten times the size of coded speech: they are made where they are used.
data_folder() {
    if [ -f "$1/files.json" ]; then
        echo "$1"
    else
        # What is left out of it is told, and no reason to lose the slot.
        [ -f "$1.data/files.json" ] || $dred train features "$1" "$1.data" >&2 ||
            [ -f "$1.data/files.json" ]
        echo "$1.data"
    fi
}
part=$(data_folder "$part")
valid=$(data_folder "$valid")

left=$((seconds - $(date +%s) + began))
if [ "$left" -lt 20 ]; then
    echo "$0: $seconds s are too short: computing features took them" >&2
    exit 1
fi
# SIGTERM makes a training write its checkpoint and end; timeout then answers 124 all the same.
status=0
# shellcheck disable=SC2086 # DRED may be a program with arguments
timeout --signal=TERM --kill-after=60 "$left" \
    $dred train "$network" "$part" "$valid" --checkpoints "$checkpoints" --resume "$@" || status=$?
[ "$status" -eq 124 ] || exit "$status"
