"""S3 objects, served by moto."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.real.urls import open_link
from tests.real.reading import buffer_over, read
from tests.real.remote_content import CONTENT
from tests.real.servers import end, free_port, wait_for


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Serve S3 by moto, with one object in it."""
    keys = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **keys},
    )
    with pytest.MonkeyPatch.context() as patch:
        for key, value in (keys | {"AWS_ENDPOINT_URL": endpoint}).items():
            patch.setenv(key, value)
        try:
            wait_for(port, process, 60)
            client: Any = boto3.client("s3")
            client.create_bucket(Bucket="bucket")
            client.put_object(Bucket="bucket", Key="key", Body=CONTENT)
            yield "s3://bucket"
        finally:
            end(process)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [ZeroCopy(), CopyOnce(FixedBlocks(1000), 4), Prefetch(FixedBlocks(1000), depth=4)],
    ids=["zero-copy", "copy-once", "prefetch"],
)
def test_s3_objects(bucket: str, method: AccessMethod) -> None:
    with open_link(f"{bucket}/key") as link:
        assert link.size == len(CONTENT)
        assert not link.writable
        buffer = buffer_over(link, method)
        for offset in range(0, len(CONTENT), 700):
            length = min(700, len(CONTENT) - offset)
            assert read(buffer, offset, length) == CONTENT[offset : offset + length]


@pytest.mark.slow
def test_s3_object_that_is_not_there(bucket: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_link(f"{bucket}/none")
