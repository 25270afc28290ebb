#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ffmpeg hears a call of `dred send`, from the description that it writes.
# Usage: tools/examples/ffmpeg_play.sh CALL.sdp OUT.wav
#
#     dred send samples/slt_16k.wav --to 127.0.0.1:5004 --sdp call.sdp &
#     tools/examples/ffmpeg_play.sh call.sdp heard.wav
#
# The sender's good-bye (RTCP BYE) ends the file.
set -eu
if [ $# -ne 2 ]; then
    sed -n 's/^# \(Usage: \)/\1/p' "$0" >&2
    exit 2
fi
exec ffmpeg -nostdin -hide_banner -loglevel warning -protocol_whitelist file,udp,rtp \
    -i "$1" -y "$2"
