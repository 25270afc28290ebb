#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# GStreamer hears a call of `dred send`: any Opus decoder plays our packets, DRED is only padding.
# Usage: tools/examples/gst_play.sh PORT OUT.wav PACKETS [PAYLOAD_TYPE]
#
#     tools/examples/gst_play.sh 5004 heard.wav 596 &
#     dred send samples/slt_16k.wav --to 127.0.0.1:5004 --no-rtcp
#
# A UDP source has no end of its own: this one ends after so many packets, 50 a second. Ctrl-C ends
# it earlier, and the file is whole then, too.
set -eu
if [ $# -lt 3 ]; then
    sed -n 's/^# \(Usage: \)/\1/p' "$0" >&2
    exit 2
fi
port=$1 out=$2 packets=$3 type=${4:-111}

caps="application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=$type"
exec gst-launch-1.0 --quiet --eos-on-shutdown \
    udpsrc port="$port" caps="$caps" num-buffers="$packets" ! \
    rtpjitterbuffer latency=100 do-lost=true ! rtpopusdepay ! \
    opusdec plc=true use-inband-fec=true ! audioconvert ! wavenc ! filesink location="$out"
