#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# GStreamer sends a call that `dred receive` plays: plain Opus, or Opus with LBRR where a loss is
# announced.
# Usage: tools/examples/gst_send.sh IN.wav HOST PORT [LOSS_PERCENT]
#
#     dred receive --listen 127.0.0.1:5004 heard.wav --idle 2 &
#     tools/examples/gst_send.sh samples/slt_16k.wav 127.0.0.1 5004 20
set -eu
if [ $# -lt 3 ]; then
    sed -n 's/^# \(Usage: \)/\1/p' "$0" >&2
    exit 2
fi
in=$1 host=$2 port=$3 loss=${4:-0}

fec=false
[ "$loss" -gt 0 ] && fec=true
exec gst-launch-1.0 --quiet \
    filesrc location="$in" ! wavparse ! audioconvert ! audioresample ! \
    audio/x-raw,rate=48000,channels=1 ! \
    opusenc audio-type=voice bitrate=32000 inband-fec=$fec packet-loss-percentage="$loss" ! \
    rtpopuspay pt=111 ! udpsink host="$host" port="$port"
