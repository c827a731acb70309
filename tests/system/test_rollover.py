# SPDX-License-Identifier: Apache-2.0
"""A new enclave image is rolled in beside the old one, as docs/kms-policies.md section 5 describes it, and no request is refused meanwhile.

All that stands between the parts on AWS stands here: the enclave signs its calls with the session of the parent's role, TLS ends
inside it, and the key's policy is the one that `coffer kms policy` writes."""
import concurrent.futures
import hashlib
import http.client
import json
import pathlib
import sys
import threading
import time

import pytest
from programs import BIN, coffer, wait_for
from signed_kmsd import REGION, SignedKmsd
from stack import Daemon, UnixConnection, call
from tls_front import Authority

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from attest_tool import Tool  # noqa: E402

boto3 = pytest.importorskip("boto3", reason="the AWS clients are not installed")
Config = pytest.importorskip("botocore.config").Config

ROLE, LOCAL, ADMIN = (f"arn:aws:iam::000000000000:{name}" for name in ("role/parent", "user/local", "user/admin"))


def measure(program):
    return hashlib.sha384(bytes(48) + hashlib.sha384(program.read_bytes()).digest()).hexdigest()


class World:
    """A key service with principals, over TLS, two images, and an API whose agent is whichever agent.sock leads to."""

    def __init__(self, folder):
        self.folder, self.agents = folder, {}
        self.images = {"old": folder / "enclave-old", "new": folder / "enclave-new"}
        program = (BIN / "coffer-enclave").read_bytes()
        self.images["old"].write_bytes(program)
        self.images["new"].write_bytes(program + b"a new version")  # the same program: what differs is its measure
        for image in self.images.values():
            image.chmod(0o755)
        self.pcr0 = {name: measure(image) for name, image in self.images.items()}
        (folder / "kms").mkdir()
        (folder / "nsm").mkdir(mode=0o700)
        tool = Tool(BIN)
        self.authority = Authority(folder / "tls")
        self.roots = self.authority.pem
        self.kms = SignedKmsd(folder / "kms", tool.root(folder / "nsm"), tls=self.authority.certificate("kms"))
        tool.close()
        self.kms.role("parent")
        session = self.kms.session("parent", SessionName="i-0123")
        self.credentials = folder / "credentials.json"
        self.credentials.write_text(json.dumps({"AccessKeyId": session["AccessKeyId"], "SecretAccessKey": session["SecretAccessKey"],
                                                "Token": session["SessionToken"]}))
        self.credentials.chmod(0o600)
        admin = self.kms.user("admin")
        self.admin = boto3.client("kms", endpoint_url=self.kms.url, region_name=REGION, aws_access_key_id=admin["AccessKeyId"],
                                  aws_secret_access_key=admin["SecretAccessKey"], verify=str(self.roots), config=Config(retries={"max_attempts": 0}))
        self.key = self.admin.create_key(Policy=self.policy("old"))["KeyMetadata"]["Arn"]

    def policy(self, *names):
        images = [word for name in names for word in ("--program", self.images[name])]
        return coffer("kms", "policy", "--principal", ROLE, "--principal", LOCAL, "--admin", ADMIN, *images, check=0).stdout

    def start_agent(self, name):
        run = self.folder / f"run-{name}"
        run.mkdir(mode=0o700, exist_ok=True)
        self.agents[name] = agent = Daemon(
            "coffer-agent", run, ["--enclave", self.images[name], "--nsm", self.folder / "nsm", "--run", run, "--listen",
                                  f"unix:{run}/agent.sock", "--kms", f"{self.kms.url},{REGION}", "--kms-roots",
                                  self.roots, "--credentials", self.credentials, "--cache-keys", "0"])
        agent.start()
        return agent

    def lead_to(self, name):
        """Where the API finds its agent, changed in one step."""
        link = self.folder / "agent.next"
        link.symlink_to(f"run-{name}/agent.sock")
        link.rename(self.folder / "agent.sock")

    def start_api(self):
        self.api = Daemon("coffer-api", self.folder, ["--state", self.folder / "api", "--listen", "127.0.0.1:0", "--agent",
                                                      f"unix:{self.folder}/agent.sock", "--kms", f"unix:{self.folder}/kms/kms.sock",
                                                      "--kms-key", self.key, "--admin-token-file", self.folder / "admin.token"])
        self.api.start()

    def request(self, method, path, body, timeout=20):
        host, _, port = self.api.address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        token = (self.folder / "admin.token").read_text().strip()
        answer = call(connection, method, path, json.dumps(body), {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        connection.close()
        return answer

    def attested(self):
        """{(PCR0, outcome): how many requests with a document}"""
        counts = {}
        for line in self.kms.log_lines("attested.request"):
            words = dict(word.split("=", 1) for word in line.split() if "=" in word)
            counts[words["pcr0"], words["outcome"]] = counts.get((words["pcr0"], words["outcome"]), 0) + 1
        return counts

    def stop(self):
        for daemon in [getattr(self, "api", None), *self.agents.values()]:
            if daemon and daemon.process and daemon.process.poll() is None:
                daemon.stop()
        self.kms.close()


class Load:
    """Decrypts one vault after the other on some threads, each with a call of the key service, until stop()."""

    def __init__(self, world, vaults, threads=4):
        self.world, self.vaults, self.done, self.bad = world, vaults, 0, []
        self.ending, self.lock = threading.Event(), threading.Lock()
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)
        self.futures = [self.pool.submit(self.run, i) for i in range(threads)]

    def run(self, i):
        while not self.ending.is_set():
            vault, email = self.vaults[i % len(self.vaults)]
            i += 1
            answer = self.world.request("POST", f"/v1/vaults/{vault}/decrypt", {"fields": ["email"], "reason": "load"})
            good = answer.status == 200 and answer.json["data"] == {"email": email}
            with self.lock:
                self.done += good
                if not good:
                    self.bad.append(answer)

    def wait_for(self, more):
        """Until so many further requests have been answered."""
        want = self.done + more
        wait_for(lambda: self.done >= want or self.bad, 60)
        assert not self.bad, self.bad[:3]

    def stop(self):
        self.ending.set()
        for future in self.futures:
            future.result(30)
        self.pool.shutdown()


@pytest.fixture
def world(tmp_path):
    w = World(tmp_path)
    yield w
    w.stop()


def make_vaults(world, n):
    vaults = []
    for i in range(n):
        answer = world.request("POST", "/v1/vaults", {"email": f"person{i}@example.org"})
        assert answer.status == 200, answer
        vaults.append((answer.json["id"], f"person{i}@example.org"))
    return vaults


def test_no_request_is_refused(world):
    world.start_agent("old")
    world.lead_to("old")
    world.start_api()
    load = Load(world, make_vaults(world, 5))
    try:
        load.wait_for(20)
        # 1. both images in the policy
        world.admin.put_key_policy(KeyId=world.key, Policy=world.policy("old", "new"))
        load.wait_for(20)
        # 2. the new image beside the old one, and then in its place
        world.start_agent("new")
        world.lead_to("new")
        assert world.agents["old"].stop() == 0
        load.wait_for(20)
        # 3. the old image out of the policy
        world.admin.put_key_policy(KeyId=world.key, Policy=world.policy("new"))
        load.wait_for(20)
    finally:
        load.stop()
    assert load.bad == []
    counts = world.attested()
    old, new = world.pcr0["old"], world.pcr0["new"]
    assert set(counts) == {(old, "ok"), (new, "ok")}, counts
    # calls by either image; fewer than answers, since requests for one key share a call
    assert counts[old, "ok"] >= 10 and counts[new, "ok"] >= 10
    # nobody but the parent's role has opened anything
    callers = {word for line in world.kms.log_lines("request.done") if " op=Decrypt " in line for word in line.split() if word.startswith("caller=")}
    assert callers == {"caller=arn:aws:sts::000000000000:assumed-role/parent/i-0123"}


def test_an_image_that_is_not_in_the_policy_opens_nothing(world):
    """The same without the steps: this is what they are for."""
    world.start_agent("old")
    world.lead_to("old")
    world.start_api()
    (vault, email), = make_vaults(world, 1)

    def decrypt():
        return world.request("POST", f"/v1/vaults/{vault}/decrypt", {"fields": ["email"], "reason": "test"})

    assert decrypt().json["data"] == {"email": email}
    world.start_agent("new")
    world.lead_to("new")
    world.agents["old"].stop()
    refused = decrypt()
    assert refused.status != 200, refused
    assert (world.pcr0["new"], "AccessDeniedException") in world.attested()
    # the policy says so for the new image; and afterwards no more for the old one
    world.admin.put_key_policy(KeyId=world.key, Policy=world.policy("new"))
    assert decrypt().json["data"] == {"email": email}
    world.start_agent("old")
    world.lead_to("old")
    world.agents["new"].stop()
    assert decrypt().status != 200
    assert (world.pcr0["old"], "AccessDeniedException") in world.attested()
