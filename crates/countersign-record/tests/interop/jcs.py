"""One JSON text per line in; its canonical form by PyPI rfc8785 in hex per line out."""
import json
import sys

import rfc8785

for line in sys.stdin.buffer.read().split(b"\n")[:-1]:
    print(rfc8785.dumps(json.loads(line)).hex())
