#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# GStreamer hears a call of `dred send`: any Opus decoder plays our packets, DRED is only padding.
# Usage: tools/examples/gst_play.sh PORT OUT.wav SECONDS [PAYLOAD_TYPE]
#
#     tools/examples/gst_play.sh 5004 heard.wav 12 &
#     dred send samples/slt_16k.wav --to 127.0.0.1:5004 --no-rtcp
#
# A UDP source has no end of its own: after SECONDS, gst-launch-1.0 is told to close the file.
set -eu
if [ $# -lt 3 ]; then
    sed -n 's/^# \(Usage: \)/\1/p' "$0" >&2
    exit 2
fi
port=$1 out=$2 seconds=$3 type=${4:-111}

caps="application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=$type"
status=0
timeout --preserve-status --signal=INT "$seconds" gst-launch-1.0 --quiet --eos-on-shutdown \
    udpsrc port="$port" caps="$caps" ! rtpjitterbuffer latency=100 do-lost=true ! \
    rtpopusdepay ! opusdec plc=true use-inband-fec=true ! audioconvert ! wavenc ! \
    filesink location="$out" || status=$?
# 130: it was told to stop, and the file is whole.
[ "$status" = 130 ] || exit "$status"
