"""Validates a symbol file against Volatility's own schema: schema.py FILE

Ends with an error where it does not fit. What fits, Volatility remembers in its cache and does not validate again.
"""

import json
import pathlib
import sys

from volatility3 import schemas


def main() -> None:
    document = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    # A schema that it does not know, or that is broken, is False; what does not fit is an exception that says where.
    if not schemas.validate(document, use_cache=False):
        sys.exit("Volatility has no schema for this format")
    print(document["metadata"]["format"])


if __name__ == "__main__":
    main()
