"""The rate of scapy's PcapReader over the first frames of a capture, one layer of work: count the bytes of TCP payload.

python with_scapy.py FILE FRAMES     prints one line of JSON: frames read, CPU seconds of start-up and of the loop
"""

import json
import sys
import time

from scapy.all import PcapReader
from scapy.layers.inet import TCP

if __name__ == "__main__":
    started = time.process_time()
    wanted, frames, payload = int(sys.argv[2]), 0, 0
    with PcapReader(sys.argv[1]) as reader:
        for packet in reader:
            if TCP in packet:
                payload += len(packet[TCP].payload)
            frames += 1
            if frames == wanted:
                break
    loop = time.process_time() - started
    print(json.dumps({"frames": frames, "start_s": started, "loop_s": loop, "payload_bytes": payload}))
