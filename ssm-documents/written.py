"""What the builders of documents and of templates share: built values become files of JSON, one for each name."""

import argparse
import json
import pathlib


def text_of(value, most_bytes, service):
    """The text that is uploaded; the service takes no more than that of it."""
    text = json.dumps(value, separators=(",", ":"))
    if len(text) > most_bytes:
        raise SystemExit(f"one has {len(text)} bytes; {service} takes {most_bytes}")
    return text


def main(about, folder, build, as_json):
    """The command line of a builder: `--to DIR`, by default beside its sources."""
    parser = argparse.ArgumentParser(description=about.split("\n", maxsplit=1)[0])
    parser.add_argument("--to", type=pathlib.Path, default=folder / "built")
    to = parser.parse_args().to
    to.mkdir(parents=True, exist_ok=True)
    for name, value in build().items():
        (to / f"{name}.json").write_text(as_json(value) + "\n")
        print(to / f"{name}.json")
