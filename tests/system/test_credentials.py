# SPDX-License-Identifier: Apache-2.0
"""Where the agent's credentials come from, how they stay fresh, and that the enclave gets them: against stand-ins of instance metadata, of
a container's endpoint and of STS (sources.py), with a stand-in for the enclave that tells what it was lent."""
import os
import pathlib
import socket
import threading
import time

import pytest

from programs import stat_of, wait_for
from sources import SECRET, Container, Imds, Sts, document, moment, tls_for
from test_agent import Agent

NAMES = ("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_CREDENTIAL_EXPIRATION AWS_PROFILE "
         "AWS_SHARED_CREDENTIALS_FILE AWS_CONFIG_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE AWS_REGION "
         "AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_ENDPOINT_URL_STS AWS_CA_BUNDLE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "
         "AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE "
         "AWS_EC2_METADATA_DISABLED AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").split()
KEYS = "aws_access_key_id = {0}\naws_secret_access_key = " + SECRET + "{0}\n"


class Lender(Agent):
    def __init__(self, folder, settings, source="auto", ready=True):
        super().__init__(folder, "--credentials", source, ready=ready)
        # What is empty counts as not set, and the caller's own settings stay out.
        self.daemon.env = {**dict.fromkeys(NAMES, ""), "HOME": folder, **settings}

    def lent(self):
        return self.values("credentials")["email"].decode()

    def state(self):
        return self.call("GET", "/health").json["credentials"]

    def lines(self, event):
        return [line for line in self.log().split("\n") if f" {event} " in line]

    def ends(self):
        """The exit status of one that does not start, and its log."""
        with self:
            return self.daemon.process.wait(15), self.log()


@pytest.fixture
def imds():
    with Imds() as i:
        yield i


# --- instance metadata ---

def test_imds(tmp_path, imds):
    with Lender(tmp_path, imds.settings) as a:
        assert a.lent() == "AKIMDS1"
        state = a.state()
        assert state == {"source": "imds", "state": "fresh", "expires_ms": state["expires_ms"], "changes": 1, "error": ""}
        assert 3500 < state["expires_ms"] / 1000 - time.time() <= 3600
        assert [r[:2] for r in imds.requests] == [("PUT", "/latest/api/token"), ("GET", Imds.ROLES), ("GET", Imds.ROLES + "canary.role")]
        put, *gets = [r[2] for r in imds.requests]
        assert put["X-aws-ec2-metadata-token-ttl-seconds"] == "21600" and put["Content-Length"] == "0" and "X-Forwarded-For" not in put
        assert all(g["X-aws-ec2-metadata-token"] == "canary-metadata-1==" for g in gets)
        assert put["Host"] == f"127.0.0.1:{imds.port}"
        assert a.lines("credentials.changed")[0].split("credentials.changed ")[1].startswith("source=imds expires_in_s=35")
        time.sleep(1.5)
        # Nobody asks again before it is time, however many requests there are.
        assert [a.lent() for _ in range(50)] == ["AKIMDS1"] * 50 and len(imds.requests) == 3


def test_rotation_in_flight(tmp_path):
    """New credentials every other second under load: no request fails, the enclave gets each set, one request at a time."""
    with Imds(seconds=4) as imds:
        count = iter(range(1, 100))
        imds.text = lambda: document(f"AKROT{next(count)}", 4)
        with Lender(tmp_path, imds.settings) as a:
            stop, seen, failed = threading.Event(), [], []

            def load():
                while not stop.is_set():
                    answer = a.decrypt("slow:5")
                    if answer.status != 200:
                        failed.append(answer)

            threads = [threading.Thread(target=load) for _ in range(6)]
            for t in threads:
                t.start()
            try:
                end = time.monotonic() + 7
                while time.monotonic() < end:
                    key_id = a.lent()
                    if not seen or seen[-1] != key_id:
                        seen.append(key_id)
                    state = a.state()
                    assert state["state"] == "fresh" and state["expires_ms"] / 1000 > time.time() - 1
                    time.sleep(0.02)
            finally:
                stop.set()
                for t in threads:
                    t.join()
            assert not failed
            assert seen == [f"AKROT{i}" for i in range(1, len(seen) + 1)] and 3 <= len(seen) <= 8
            assert imds.at_once == 1 and imds.made == 1
            assert not a.lines("link.lost") and a.state()["changes"] == len(a.lines("credentials.changed"))


def test_stale_documents(tmp_path):
    """Metadata that cannot get new credentials gives old ones, whose end has passed: they stay in use, since the service may go on taking
    them; it is asked again with waits that vary; the newest of them is used, and never one that is older than what there is."""
    with Imds(seconds=3) as imds:
        end = moment(3)
        imds.text = lambda: document("AKOLD", Expiration=end)
        with Lender(tmp_path, imds.settings) as a:
            assert a.lent() == "AKOLD"
            wait_for(lambda: a.state()["state"] == "expired", 8)
            wait_for(lambda: a.state()["error"] == "credentials_expired", 8)
            assert a.lent() == "AKOLD" and a.decrypt("echo").status == 200
            imds.text = lambda: document("AKOLDER", -3600)
            asked = len(imds.asked("canary.role"))
            wait_for(lambda: len(imds.asked("canary.role")) > asked + 1, 15)
            assert a.lent() == "AKOLD"
            later = moment(0)
            imds.text = lambda: document("AKLATE", Expiration=later)
            wait_for(lambda: a.lent() == "AKLATE", 20)
            assert a.state()["state"] == "expired" and a.state()["error"] == "credentials_expired"
            assert len(a.lines("credentials.failed")) == 1 and "code=credentials_expired at=expiration" in a.log()
            # Nobody there at all: the same.
            imds.override["token"] = imds.override["role"] = (503, "")
            wait_for(lambda: a.state()["error"] == "credentials_unavailable", 40)
            assert a.lent() == "AKLATE" and a.state()["state"] == "expired"
            imds.override.clear()
            imds.text = lambda: document("AKNEW", 3600)
            wait_for(lambda: a.lent() == "AKNEW", 70)
            assert a.state()["state"] == "fresh" and a.state()["error"] == ""


def test_stale_from_the_start(tmp_path, imds):
    """What has ended is better than nothing."""
    imds.override["document"] = (200, document("AKENDED", Expiration="2020-01-01T00:00:00Z"))
    with Lender(tmp_path, imds.settings) as a:
        state = a.state()
        assert a.lent() == "AKENDED" and state["state"] == "expired" and state["error"] == "credentials_expired" and state["changes"] == 1
        assert "canary" not in a.log()
        imds.override.clear()
        wait_for(lambda: a.lent() == "AKIMDS1", 8)
        assert a.state()["state"] == "fresh" and not a.lines("credentials.recovered")


@pytest.mark.parametrize("source", ["container", "file"])
def test_stale_elsewhere(tmp_path, source):
    """Other sources make their own, so what has ended there is a fault, and nothing is lent."""
    stale = document("AKENDED", Expiration="2020-01-01T00:00:00Z", Code=None, Type=None, LastUpdated=None)
    if source == "file":
        (tmp_path / "c.json").write_text(stale)
        with Lender(tmp_path, {}, tmp_path / "c.json") as a:
            assert a.lent() == "" and a.state()["error"] == "credentials_expired"
        return
    with Container() as c:
        c.answer = lambda *_: (200, stale)
        with Lender(tmp_path, c.settings) as a:
            assert a.lent() == "" and a.state()["error"] == "credentials_expired"


def test_token_expires(tmp_path):
    """401 where a token was good before: another token, and no failure to be seen."""
    with Imds(seconds=4) as imds:
        with Lender(tmp_path, imds.settings) as a:
            imds.tokens.clear()
            imds.key_id = "AKIMDS2"
            wait_for(lambda: a.lent() == "AKIMDS2", 5)
            assert imds.made == 2 and not a.lines("credentials.failed")


def test_server_errors(tmp_path):
    """5xx: the old ones are used until they end, attempts get rarer, the log tells once; then it recovers by itself."""
    with Imds(seconds=7) as imds:
        with Lender(tmp_path, imds.settings) as a:
            imds.override["role"] = (503, "canary of a server")
            imds.key_id = "AKIMDS2"
            wait_for(lambda: a.state()["state"] == "stale", 6)
            assert a.state()["error"] == "credentials_unavailable" and a.lent() == "AKIMDS1"
            wait_for(lambda: a.state()["state"] == "expired", 6)
            assert a.lent() == "AKIMDS1" and a.decrypt("echo").status == 200
            time.sleep(1)
            assert len(a.lines("credentials.failed")) == 1 and len(imds.asked("GET")) <= 9
            assert "code=credentials_unavailable at=imds_role cause=busy status=503" in a.log()
            imds.override.clear()
            wait_for(lambda: a.lent() == "AKIMDS2", 10)
            assert a.state()["state"] == "fresh" and a.state()["error"] == ""


def test_recovers_with_the_same(tmp_path):
    with Imds() as imds:
        same = document("AKSAME", 5)
        imds.text = lambda: same
        with Lender(tmp_path, imds.settings) as a:
            imds.override["document"] = (500, "")
            wait_for(lambda: a.state()["state"] == "stale", 6)
            imds.override.clear()
            wait_for(lambda: a.state()["state"] == "fresh", 6)
            assert a.state()["changes"] == 1 and a.lines("credentials.recovered") and a.lent() == "AKSAME"


def test_slow_answers(tmp_path):
    """Who does not answer in time is given up on, and holds up neither requests nor the end."""
    with Imds(seconds=4) as imds:
        with Lender(tmp_path, imds.settings) as a:
            imds.seconds = 30
            wait_for(lambda: a.state()["error"] == "credentials_timeout", 8)
            began = time.monotonic()
            assert a.lent() == "AKIMDS1" and time.monotonic() - began < 0.5
            asked = len(imds.requests)
            wait_for(lambda: len(imds.requests) > asked, 8)  # it hangs in the middle of an attempt now
            began = time.monotonic()
            assert a.daemon.stop() == 0 and time.monotonic() - began < 1


def test_absent_at_start(tmp_path):
    """Nobody listens: the agent serves all the same, and lends once there is something to lend."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with Lender(tmp_path, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{port}"}) as a:
        assert a.lent() == "" and a.state() == {"source": "none", "state": "none", "expires_ms": 0, "changes": 0,
                                                "error": "credentials_unavailable"}
        assert "at=imds_token cause=not_found" in a.log()
        with Imds(port):
            wait_for(lambda: a.lent() == "AKIMDS1", 8)
            assert a.state()["source"] == "imds"


def test_role_changes(tmp_path):
    with Imds(seconds=4) as imds:
        with Lender(tmp_path, imds.settings) as a:
            imds.role, imds.key_id = "other+role", "AKOTHER"
            wait_for(lambda: a.lent() == "AKOTHER", 5)
            assert imds.asked("other+role") and not a.lines("credentials.failed")
            # The profile is taken away, and comes back with another role.
            imds.override["role"] = (404, "")
            wait_for(lambda: a.state()["state"] == "stale", 6)
            assert a.lent() == "AKOTHER"
            imds.override.clear()
            imds.key_id = "AKTHIRD"
            wait_for(lambda: a.lent() == "AKTHIRD", 8)


@pytest.mark.parametrize("what, answer, error", [
    ("document", (200, ""), "credentials_bad_answer"),
    ("document", (200, "<html>canary</html>"), "credentials_bad_answer"),
    ("document", (200, document("AKBAD", Token=None)), "credentials_bad_answer"),
    ("document", (200, document("AK BAD")), "credentials_bad_answer"),
    ("document", (200, document("AKBAD", Expiration="soon")), "credentials_bad_answer"),
    ("document", (200, '{"Code":"AssumeRoleUnauthorizedAccess","Message":"canary"}'), "credentials_refused"),
    ("document", (200, document("AKBAD", more="x" * 70000)), "credentials_bad_answer"),
    ("document", (200, b" " * (32 << 20)), "credentials_bad_answer"),
    ("document", (200, b"\xff\xfe"), "credentials_bad_answer"),
    ("document", (403, ""), "credentials_refused"),
    ("role", (200, "../../user-data"), "credentials_bad_answer"),
    ("role", (200, "x" * 65), "credentials_bad_answer"),
    ("role", (404, ""), "credentials_unavailable"),
    ("token", (403, ""), "credentials_refused"),
    ("token", (200, "a\r\nb"), "credentials_bad_answer"),
    ("token", (200, ""), "credentials_bad_answer"),
])
def test_bad_answers(tmp_path, imds, what, answer, error):
    imds.override[what] = answer
    with Lender(tmp_path, imds.settings) as a:
        assert a.state()["error"] == error and a.lent() == ""
        assert "canary" not in a.log()
        # What is right afterwards is taken.
        imds.override.clear()
        wait_for(lambda: a.lent() == "AKIMDS1", 8)


class Raw:
    """One that answers every connection with the same octets."""

    def __init__(self, octets):
        self.listener, self.octets = socket.create_server(("127.0.0.1", 0)), octets
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
                c.settimeout(5)
                c.recv(65536)
                c.sendall(self.octets)
                c.close()
            except OSError:
                if self.listener.fileno() < 0:
                    return


@pytest.mark.parametrize("octets, error", [
    (b"", "credentials_unavailable"), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "credentials_unavailable"),
    (b"HTTP/1.0 200 OK\r\n\r\nabc", "credentials_bad_answer"), (b"nonsense\r\n\r\n", "credentials_bad_answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", "credentials_bad_answer"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, "credentials_bad_answer")])
def test_no_http(tmp_path, octets, error):
    raw = Raw(octets)
    with Lender(tmp_path, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": raw.url}) as a:
        assert a.state()["error"] == error
    raw.listener.close()


def test_next_enclave_gets_the_newest(tmp_path):
    with Imds(seconds=4) as imds:
        with Lender(tmp_path, imds.settings) as a:
            imds.key_id = "AKIMDS2"
            wait_for(lambda: a.lent() == "AKIMDS2", 5)
            os.kill(a.pid(), 9)
            wait_for(lambda: a.healthy() and a.lent() == "AKIMDS2", 10)


def test_nothing_in_sight(tmp_path, imds):
    """No part of a set or of what leads to one in the log, on the command line or in what is answered."""
    with Lender(tmp_path, imds.settings) as a:
        health = a.call("GET", "/health").body.decode()
        command = pathlib.Path(f"/proc/{a.daemon.pid}/cmdline").read_text()
        for text in (a.log(), health, command):
            assert "canary" not in text and "AKIMDS1" not in text and SECRET not in text
    assert stat_of(a.daemon.pid) is None


# --- a container's endpoint ---

def test_container(tmp_path):
    token = tmp_path / "token"
    token.write_text("Bearer canary-one")
    with Container("Bearer canary-one") as c:
        with Lender(tmp_path, {**c.settings, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}) as a:
            assert a.lent() == "AKCONTAINER" and a.state()["source"] == "container"


def test_container_token_is_read_again(tmp_path):
    token = tmp_path / "token"
    token.write_text("canary-old")
    with Container("canary-new") as c:
        with Lender(tmp_path, {**c.settings, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}) as a:
            assert a.state()["error"] == "credentials_refused"
            token.write_text("canary-new")
            wait_for(lambda: a.lent() == "AKCONTAINER", 8)


# --- web identity ---

@pytest.mark.parametrize("form", ["json", "xml"])
def test_web_identity(tmp_path, form):
    (tmp_path / "jwt").write_text("canary.web.identity")
    with Sts(form) as sts:
        settings = {"AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "jwt", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ENDPOINT_URL_STS": sts.url}
        with Lender(tmp_path, settings) as a:
            assert a.lent() == "AKSTS" and a.state()["source"] == "web-identity"
            assert 3500 < a.state()["expires_ms"] / 1000 - time.time() < 3601
            assert sts.forms == ["Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
                                 "&RoleSessionName=coffer-agent&WebIdentityToken=canary.web.identity"]
            headers = sts.requests[0][2]
            assert headers["Accept"] == "application/json" and headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_web_identity_over_tls(tmp_path):
    (tmp_path / "jwt").write_text("canary.web.identity")
    context, root = tls_for(tmp_path)
    with Sts(tls=context) as sts:
        settings = {"AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "jwt", "AWS_ROLE_ARN": "r", "AWS_ENDPOINT_URL_STS": sts.url}
        with Lender(tmp_path, {**settings, "AWS_CA_BUNDLE": root}) as a:
            assert a.lent() == "AKSTS"
        sts.forms.clear()
        # Without that root the token is not sent.
        with Lender(tmp_path, settings) as a:
            assert a.state()["error"] == "credentials_unavailable" and "at=sts cause=bad_chain" in a.log() and not sts.forms
        settings["AWS_ENDPOINT_URL_STS"] = sts.url.replace("localhost", "127.0.0.1")
        with Lender(tmp_path, {**settings, "AWS_CA_BUNDLE": root}) as a:
            assert a.state()["error"] == "credentials_unavailable" and not sts.forms


@pytest.mark.parametrize("more, error", [(-1, ""), (0, ""), (1, "cause=too_large")])
def test_roots_limit(tmp_path, more, error):
    (tmp_path / "jwt").write_text("canary.web.identity")
    context, root = tls_for(tmp_path)
    root.write_text(root.read_text().ljust(262144 + more, "\n"))
    with Sts(tls=context) as sts:
        settings = {"AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "jwt", "AWS_ROLE_ARN": "r", "AWS_ENDPOINT_URL_STS": sts.url}
        with Lender(tmp_path, {**settings, "AWS_CA_BUNDLE": root}) as a:
            assert a.lent() == ("" if error else "AKSTS") and error in a.log()


# --- profiles, environment, files ---

def test_profiles(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\n" + KEYS.format("AKDEFAULT") + "[other]\n" + KEYS.format("AKOTHER"))
    (tmp_path / ".aws/config").write_text("[profile third]\n" + KEYS.format("AKTHIRD"))
    for name, want in (("", "AKDEFAULT"), ("other", "AKOTHER"), ("third", "AKTHIRD")):
        with Lender(tmp_path, {"AWS_PROFILE": name}) as a:
            assert a.lent() == want
            assert a.state() == {"source": "profile", "state": "fresh", "expires_ms": 0, "changes": 1, "error": ""}
            assert "credentials.changed source=profile expires=never" in a.log()


def test_by_name(tmp_path, imds):
    settings = {**imds.settings, "AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": SECRET}
    for source, want in (("auto", "AKENV"), ("env", "AKENV"), ("imds", "AKIMDS1"), ("none", "")):
        with Lender(tmp_path, settings, source) as a:
            assert a.lent() == want
            assert a.state()["source"] == {"auto": "env", "none": "none"}.get(source, source)


def test_file_with_an_end(tmp_path):
    """A file of our own form that somebody else keeps fresh."""
    path, body = tmp_path / "own.json", '{"AccessKeyId":"AKOWN%d","SecretAccessKey":"s","Token":"t","Expiration":"%s"}'
    path.write_text(body % (1, moment(4)))
    with Lender(tmp_path, {}, path) as a:
        assert a.lent() == "AKOWN1" and a.state()["source"] == "file"
        path.write_text(body % (2, moment(4)))
        wait_for(lambda: a.lent() == "AKOWN2", 5)


@pytest.mark.parametrize("settings, words", [
    ({"AWS_ACCESS_KEY_ID": "AKHALF"}, "env: AWS_SECRET_ACCESS_KEY"),
    ({"AWS_PROFILE": "nobody"}, "profile: AWS_PROFILE"),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"}, "web-identity: AWS_ROLE_ARN"),
    ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/"}, "container: AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ({"AWS_EC2_METADATA_DISABLED": "true"}, "none: every source"),
    ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "v7"}, "imds: AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
])
def test_wrong_settings(tmp_path, settings, words):
    status, log = Lender(tmp_path, settings, ready=False).ends()
    assert status == 1 and f"coffer-agent: --credentials: {words}: " in log and "AKHALF" not in log


def test_unsupported_profile(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nrole_arn = r\nsource_profile = b\n")
    status, log = Lender(tmp_path, {}, ready=False).ends()
    assert status == 1 and "profile: source_profile: the profile gets its credentials in a way that is not supported here" in log


# --- the order, against botocore ---

def test_order_as_botocore(tmp_path, monkeypatch):
    """Each source in turn becomes the first that is configured: botocore and the agent find the same one."""
    session = pytest.importorskip("botocore.session")
    (tmp_path / "jwt").write_text("canary.web.identity")
    (tmp_path / "credentials").write_text("[default]\n" + KEYS.format("AKPROFILE"))
    with Imds() as imds, Container() as container, Sts("xml") as sts:
        steps = [("env", {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": SECRET}),
                 ("web-identity", {"AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "jwt", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}),
                 ("profile", {"AWS_SHARED_CREDENTIALS_FILE": tmp_path / "credentials"}),
                 ("container", container.settings), ("imds", imds.settings)]
        common = {"AWS_ENDPOINT_URL_STS": sts.url, "AWS_DEFAULT_REGION": "eu-central-1", "AWS_CONFIG_FILE": tmp_path / "none"}
        wanted = []
        for i in range(len(steps)):
            settings = {**common, **{k: v for _, more in steps[i:] for k, v in more.items()}}
            for name in NAMES:
                monkeypatch.delenv(name, raising=False)
            for name, value in {**settings, "HOME": tmp_path}.items():
                monkeypatch.setenv(name, str(value))
            theirs = session.Session().get_credentials().get_frozen_credentials()
            for name in settings:
                monkeypatch.delenv(name)
            folder = tmp_path / str(i)
            folder.mkdir()
            with Lender(folder, settings) as a:
                assert (a.lent(), a.state()["source"]) == (theirs.access_key, steps[i][0])
            wanted.append(theirs.access_key)
        assert wanted == ["AKENV", "AKSTS", "AKPROFILE", "AKCONTAINER", "AKIMDS1"]
