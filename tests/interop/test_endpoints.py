# SPDX-License-Identifier: Apache-2.0
"""The endpoints of the KMS against botocore's: its rules, its partitions, every region that it knows, with FIPS and without."""
import os
import pathlib
import subprocess

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import create_loader

BIN = pathlib.Path(os.environ.get("CF_BIN", "build/release/bin"))


def ours(texts):
    run = subprocess.run([BIN / "endpoint_tool"], input="".join(f"{t}\n" for t in texts), capture_output=True, text=True, check=True, timeout=20)
    return run.stdout.splitlines()


@pytest.fixture(scope="module")
def partitions():
    return create_loader().load_data("partitions")["partitions"]


def test_every_region(partitions):
    loader = create_loader()
    provider = EndpointProvider(loader.load_service_model("kms", "endpoint-rule-set-1"), loader.load_data("partitions"))
    regions = [(p["id"], r) for p in partitions for r in p["regions"] if not r.endswith("-global")]
    assert len(regions) >= 40 and {p for p, _ in regions} >= {"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
    for fips in (False, True):
        got = ours([f"aws:{r}{',fips' if fips else ''}" for _, r in regions])
        for (_, region), line in zip(regions, got, strict=True):
            theirs = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=False).url
            host, port, signed = line.split()
            assert (f"https://{host}", port, signed) == (theirs, "443", region)


def test_dual_stack_by_host(partitions):
    """The hosts of dual-stack endpoints, which have to be spelled out, name their region."""
    texts, want = [], []
    for p in partitions:
        for region in p["regions"]:
            if not region.endswith("-global"):
                texts += [f"https://{kms}.{region}.{p['outputs']['dualStackDnsSuffix']}" for kms in ("kms", "kms-fips")]
                want += [region, region]
    assert [line.split()[2] for line in ours(texts)] == want
