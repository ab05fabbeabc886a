"""upload.py URL BUCKET BYTES REGION: stores BYTES random bytes in one object with boto3's transfer manager, which is that of the AWS CLI
with its defaults (parts of 8 MiB, ten at once). Prints one line of JSON: seconds, and those of a processor. Nothing is read from a disk."""

import json
import os
import sys
import time

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config


class Noise:
    """A file of random bytes that repeat every 8 MiB."""

    def __init__(self, size):
        self.block, self.size, self.at = os.urandom(8 << 20), size, 0

    def read(self, amount=-1):
        left = self.size - self.at
        amount = left if amount < 0 else min(amount, left)
        start = self.at % len(self.block)
        piece = self.block[start : start + amount]
        while len(piece) < amount:
            piece += self.block[: amount - len(piece)]
        self.at += amount
        return piece


url, bucket, size, region = sys.argv[1:]
client = boto3.client("s3", endpoint_url=url, region_name=region, config=Config(s3={"addressing_style": "path"}))
config = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20, max_concurrency=10)
begin, before = time.monotonic(), time.process_time()
client.upload_fileobj(Noise(int(size)), bucket, f"plain/{os.getpid()}", Config=config)
print(json.dumps({"seconds": time.monotonic() - begin, "cpu": time.process_time() - before}))
