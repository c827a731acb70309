# SPDX-License-Identifier: Apache-2.0
"""coffer-kmsd over TCP as AWS's clients call it: who is let in, what the others are told, and what key policies make of callers and of
attested requests. The signatures are botocore's; every request that is refused here was made by a client that believes in it."""
import base64
import datetime
import hashlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse

import pytest

boto3 = pytest.importorskip("boto3", reason="the AWS clients are not installed")
pytest.importorskip("awscli", reason="the AWS clients are not installed")
from attest_tool import Tool  # noqa: E402
from botocore.auth import SigV4Auth, SigV4QueryAuth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from programs import BIN, coffer  # noqa: E402
from signed_kmsd import ACCOUNT, REGION, SignedKmsd  # noqa: E402

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
PCR_A, PCR_B = hashlib.sha384(b"image a").digest(), hashlib.sha384(b"image b").digest()
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture(scope="module")
def tool():
    t = Tool(BIN)
    yield t
    t.close()


@pytest.fixture(scope="module")
def nsm(tmp_path_factory):
    return tmp_path_factory.mktemp("nsm")


@pytest.fixture(scope="module")
def server(tool, nsm, tmp_path_factory):
    k = SignedKmsd(tmp_path_factory.mktemp("kms"), tool.root(nsm))
    yield k
    k.close()


@pytest.fixture(scope="module")
def alice(server):
    return server.user("alice")


@pytest.fixture(scope="module")
def parent(server):
    server.role("parent")
    return server.session("parent", SessionName="i-0123")


def client(server, who, region=REGION, service="kms", config=ONCE, **more):
    return boto3.client(service, **{"endpoint_url": server.url, "region_name": region, "config": config, "aws_access_key_id": who["AccessKeyId"],
                                    "aws_secret_access_key": who["SecretAccessKey"], "aws_session_token": who.get("SessionToken"), **more})


def refused(call, name, text=None, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    assert error["Code"] == name, error
    assert meta["HTTPStatusCode"] == 400 and meta["HTTPHeaders"]["x-amzn-errortype"] == name and meta["RequestId"]
    assert text is None or text in error["Message"], error
    return error["Message"]


# --- who is let in ---

def test_users(server, alice):
    kms = client(server, alice)
    key = kms.create_key(Description="of alice")["KeyMetadata"]
    assert key["Arn"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key['KeyId']}"
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"hello", EncryptionContext={"tenant": "acme"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"tenant": "acme"})["Plaintext"] == b"hello"


def test_sessions(server, parent):
    kms = client(server, parent)
    assert kms.list_keys()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert any("caller=arn:aws:sts::000000000000:assumed-role/parent/i-0123 op=ListKeys" in line for line in server.log_lines("request.done"))


def test_wrong_secret(server, alice):
    wrong = {**alice, "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
    refused(client(server, wrong).list_keys, "InvalidSignatureException", "does not match the signature you provided")


def test_unknown_key(server, alice):
    refused(client(server, {**alice, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}).list_keys, "UnrecognizedClientException",
            "The security token included in the request is invalid.")


def test_tokens(server, alice, parent):
    other = server.session("parent")
    for who in ({**parent, "SessionToken": "AQoDYXdzEJr"}, {**parent, "SessionToken": None}, {**parent, "SessionToken": other["SessionToken"]},
                {**alice, "SessionToken": parent["SessionToken"]}):
        refused(client(server, who).list_keys, "UnrecognizedClientException")
    refused(client(server, {**parent, "SecretAccessKey": other["SecretAccessKey"]}).list_keys, "InvalidSignatureException")


def test_expired_token(server, parent):
    brief = server.session("parent", DurationSeconds=1)
    kms = client(server, brief)
    kms.list_keys()
    time.sleep(1.1)
    refused(kms.list_keys, "ExpiredTokenException", "The security token included in the request is expired")


def test_removed_principals(server):
    who = server.user("brief")
    kms = client(server, who)
    kms.list_keys()
    server.local("CofferKms.DeleteAccessKey", AccessKeyId=who["AccessKeyId"])
    refused(kms.list_keys, "UnrecognizedClientException")


def test_region_and_service(server, alice):
    refused(client(server, alice, region="eu-west-1").list_keys, "InvalidSignatureException", "valid region")
    # another service's client with the same protocol
    refused(client(server, alice, service="secretsmanager").list_secrets, "InvalidSignatureException", "correct service: 'kms'")


@pytest.mark.parametrize("minutes, text", [(-4, None), (4, None), (-6, "Signature expired: "), (6, "Signature not yet current: ")])
def test_clocks(server, alice, monkeypatch, minutes, text):
    """The client's clock goes wrong; botocore signs with it."""
    import botocore.auth
    import botocore.compat

    now = botocore.compat.get_current_datetime

    def skewed(*args, **more):
        return now(*args, **more) + minutes * MINUTE

    monkeypatch.setattr(botocore.auth, "get_current_datetime", skewed)
    kms = client(server, alice)
    if text is None:
        kms.list_keys()
    else:
        refused(kms.list_keys, "InvalidSignatureException", text)


# --- requests that clients do not make ---

def post(server, request):
    """Sends a prepared request as it is."""
    host, _, port = server.host.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    path = urllib.parse.urlsplit(request.url)
    connection.putrequest(request.method, path.path + ("?" + path.query if path.query else ""), skip_host=True, skip_accept_encoding=True)
    headers = {"Host": path.netloc, **dict(request.headers)}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(request.data)))
    connection.endheaders(request.data)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body else None


class QueryAuth(SigV4QueryAuth):
    """botocore's, which would move the body into the query as well."""

    def _modify_request_before_signing(self, request):
        data, request.data = request.data, b""
        super()._modify_request_before_signing(request)
        request.data = data


def prepared(server, who, body=b'{"Limit":1}', auth=SigV4Auth, **more):
    request = AWSRequest("POST", f"{server.url}/", data=body, headers={
        "Host": server.host, "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListKeys"})
    auth(Credentials(who["AccessKeyId"], who["SecretAccessKey"], who.get("SessionToken")), "kms", REGION, **more).add_auth(request)
    return request


def test_header_form(server, alice):
    assert post(server, prepared(server, alice))[0] == 200


@pytest.mark.parametrize("change, name", [
    (lambda r: r.headers.replace_header("X-Amz-Target", "TrentService.ListAliases"), "InvalidSignatureException"),
    (lambda r: r.headers.replace_header("X-Amz-Date", "20150830T123600Z"), "InvalidSignatureException"),
    (lambda r: setattr(r, "data", b'{"Limit":2}'), "InvalidSignatureException"),
    (lambda r: setattr(r, "url", r.url + "?Action=x"), "InvalidSignatureException"),
    (lambda r: r.headers.add_header("X-Amz-Extra", "x"), "InvalidSignatureException"),
    (lambda r: r.headers.replace_header("Authorization", r.headers["Authorization"].replace("host;", "")), "InvalidSignatureException"),
    (lambda r: r.headers.replace_header("Authorization", r.headers["Authorization"].replace("Signature=", "Signature=0")), "IncompleteSignature"),
    (lambda r: r.headers.replace_header("Authorization", r.headers["Authorization"].split(", Signature")[0]), "IncompleteSignature"),
    (lambda r: r.headers.replace_header("Authorization", "Bearer x"), "IncompleteSignature"),
    (lambda r: r.headers.__delitem__("X-Amz-Date"), "IncompleteSignature"),
    (lambda r: r.headers.__delitem__("Authorization"), "MissingAuthenticationTokenException"),
    (lambda r: r.headers.add_header("User-Agent", "anything"), None),
])
def test_changed_on_the_way(server, alice, change, name):
    request = prepared(server, alice)
    change(request)
    status, body = post(server, request)
    if name is None:
        assert status == 200
    else:
        assert status == 400 and body["__type"] == name and body["message"], body


def test_query_form(server, alice, parent):
    for who in (alice, parent):
        request = prepared(server, who, auth=QueryAuth, expires=60)
        assert "X-Amz-Signature=" in request.url and "Authorization" not in request.headers
        assert post(server, request)[0] == 200
        for change in (lambda u: u.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), lambda u: u + "&x=1", lambda u: u[:-1] + ("0" if u[-1] != "0" else "1")):
            changed = prepared(server, who, auth=QueryAuth, expires=60)
            changed.url = change(changed.url)
            status, body = post(server, changed)
            assert status == 400 and body["__type"] == "InvalidSignatureException", body
        both = prepared(server, who, auth=QueryAuth, expires=60)
        both.headers["Authorization"] = prepared(server, who).headers["Authorization"]
        assert post(server, both)[1]["__type"] == "IncompleteSignature"


def test_query_form_expires(server, alice):
    request = prepared(server, alice, auth=QueryAuth, expires=1)
    time.sleep(2.1)
    status, body = post(server, request)
    assert status == 400 and body["__type"] == "InvalidSignatureException" and "expired" in body["message"]


def test_principals_are_made_over_the_socket_alone(server, alice):
    request = AWSRequest("POST", f"{server.url}/", data=b'{"Name":"mallory"}', headers={
        "Host": server.host, "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "CofferKms.CreateAccessKey"})
    SigV4Auth(Credentials(alice["AccessKeyId"], alice["SecretAccessKey"]), "kms", REGION).add_auth(request)
    assert post(server, request)[1]["__type"] == "UnknownOperationException"


def test_replays(server, alice):
    """A signature is good for as long as it is fresh, as it is with AWS; TLS is what keeps others from it."""
    request = prepared(server, alice)
    assert [post(server, request)[0] for _ in range(3)] == [200] * 3


# --- the command line ---

def environment(server, who):
    names = {"AWS_ACCESS_KEY_ID": who.get("AccessKeyId"), "AWS_SECRET_ACCESS_KEY": who.get("SecretAccessKey"),
             "AWS_SESSION_TOKEN": who.get("SessionToken")}
    return {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **{k: v for k, v in names.items() if v},
            "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_KMS": server.url, "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}


def aws(server, who, *words, check=0, **more):
    run = subprocess.run([sys.executable, "-m", "awscli", "kms", *words], env={**environment(server, who), **more}, capture_output=True,
                         text=True, timeout=120)
    assert run.returncode == check, (run.stdout, run.stderr)
    return run.stderr.strip() if check else json.loads(run.stdout) if run.stdout.strip() else None


def test_command_line(server, alice, parent, tmp_path):
    key = aws(server, alice, "create-key", "--description", "by hand")["KeyMetadata"]["KeyId"]
    (tmp_path / "plain").write_bytes(b"\x00hello\xff")
    sealed = aws(server, alice, "encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/plain", "--encryption-context", "tenant=acme")
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    opened = aws(server, alice, "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed", "--encryption-context", "tenant=acme")
    assert base64.b64decode(opened["Plaintext"]) == b"\x00hello\xff" and opened["KeyId"].endswith(key)
    # the pager of the command line follows the markers
    for _ in range(5):
        aws(server, alice, "create-key")
    listed = aws(server, parent, "list-keys", "--page-size", "2")["Keys"]
    assert len(listed) == len({k["KeyId"] for k in listed}) >= 6 and key in {k["KeyId"] for k in listed}
    error = aws(server, {**alice, "SecretAccessKey": "x" * 40}, "list-keys", check=255)
    assert error.endswith("(InvalidSignatureException) when calling the ListKeys operation: The request signature we calculated does not match the "
                          "signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
    assert "(NotFoundException)" in aws(server, alice, "describe-key", "--key-id", "alias/none", check=255)


def test_credential_process(server, parent, tmp_path):
    """`coffer kms principal session` is what a profile may name, and boto3 fetches anew what ends."""
    config = tmp_path / "config"
    config.write_text(f"[profile parent]\nregion = {REGION}\ncredential_process = {BIN}/coffer kms principal session parent "
                      f"--seconds 2000 --kms {server.socket} --json\n")
    listed = aws(server, {}, "list-keys", AWS_CONFIG_FILE=str(config), AWS_PROFILE="parent")
    assert isinstance(listed["Keys"], list)


def test_variables(server):
    text = coffer("kms", "principal", "add-user", "eve", "--kms", server.socket, check=0).stdout
    names = dict(line.split("=", 1) for line in text.splitlines())
    assert aws(server, {}, "list-keys", **names)["Keys"] is not None


# --- what policies make of callers ---

def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Resource": "*", **s} for s in statements]})


def allow(principal, *actions, **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": [f"kms:{a}" for a in actions], **more}


ADMIN = f"arn:aws:iam::{ACCOUNT}:user/alice"
SETUP = allow(ADMIN, "PutKeyPolicy", "GetKeyPolicy", "DescribeKey", "Encrypt")


def test_callers_are_told_apart(server, alice, parent):
    bob, foreign = server.user("bob"), server.user("zoe", Account="999999999999")
    role = f"arn:aws:iam::{ACCOUNT}:role/parent"
    admin = client(server, alice)
    key = admin.create_key(Policy=policy(SETUP, allow(role, "Encrypt"), allow(foreign["Arn"], "DescribeKey")))["KeyMetadata"]["Arn"]
    client(server, parent).encrypt(KeyId=key, Plaintext=b"x")
    client(server, foreign).describe_key(KeyId=key)
    message = refused(client(server, bob).encrypt, "AccessDeniedException", KeyId=key, Plaintext=b"x")
    assert message.startswith(f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: kms:Encrypt on resource: {key} because no "
                              "resource-based policy allows the kms:Encrypt action")
    refused(client(server, foreign).encrypt, "AccessDeniedException", KeyId=key, Plaintext=b"x")
    refused(client(server, foreign).create_key, "AccessDeniedException")
    # an explicit Deny wins over the Allow beside it
    admin.put_key_policy(KeyId=key, Policy=policy(SETUP, allow(role, "Encrypt"), {**allow("*", "Encrypt"), "Effect": "Deny", "Condition": {
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}}))
    refused(client(server, parent).encrypt, "AccessDeniedException", "explicit deny", KeyId=key, Plaintext=b"x")
    admin.encrypt(KeyId=key, Plaintext=b"x")


def test_lock_out(server, alice, parent):
    admin = client(server, alice)
    role = policy(allow(f"arn:aws:iam::{ACCOUNT}:role/parent", "*"))
    refused(admin.create_key, "MalformedPolicyDocumentException", "will not allow you to update the key policy in the future", Policy=role)
    key = client(server, parent).create_key(Policy=role)["KeyMetadata"]["KeyId"]
    refused(admin.describe_key, "AccessDeniedException", KeyId=key)
    admin.create_key(Policy=role, BypassPolicyLockoutSafetyCheck=True)


def test_conditions_on_the_key(server, alice, parent):
    """What the key is and is called: its kind, its aliases, and the alias that a request names it by."""
    admin, role = client(server, alice), client(server, parent)
    who = f"arn:aws:iam::{ACCOUNT}:role/parent"
    own = allow(ADMIN, "*")

    def key(condition, **members):
        k = admin.create_key(Policy=policy(own, {**allow(who, "*"), "Condition": condition}), **members)["KeyMetadata"]["KeyId"]
        return k

    spec = {"StringEquals": {"kms:KeySpec": "HMAC_256", "kms:KeyUsage": "GENERATE_VERIFY_MAC", "kms:KeyOrigin": "AWS_KMS"}}
    mac = key(spec, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    role.generate_mac(KeyId=mac, Message=b"x", MacAlgorithm="HMAC_SHA_256")
    refused(role.encrypt, "AccessDeniedException", KeyId=key(spec), Plaintext=b"x")
    named = key({"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/open-*"}})
    refused(role.encrypt, "AccessDeniedException", KeyId=named, Plaintext=b"x")
    admin.create_alias(AliasName="alias/open-door", TargetKeyId=named)
    role.encrypt(KeyId=named, Plaintext=b"x")
    by_alias = key({"StringEquals": {"kms:RequestAlias": "alias/front"}})
    admin.create_alias(AliasName="alias/front", TargetKeyId=by_alias)
    refused(role.encrypt, "AccessDeniedException", KeyId=by_alias, Plaintext=b"x")
    role.encrypt(KeyId="alias/front", Plaintext=b"x")
    role.encrypt(KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/front", Plaintext=b"x")


@pytest.mark.parametrize("condition, text", [
    ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, "kms:ViaService"),
    ({"NumericLessThan": {"kms:KeySpec": "1"}}, 'no number: "kms:KeySpec"'),
    ({"StringEquals": {"aws:SourceIp": "10.0.0.1"}}, '"aws:SourceIp"'),
    ({"StringEquals": {"kms:EncryptionContextKeys": "x"}}, "ForAnyValue or ForAllValues"),
])
def test_what_cannot_be_enforced(server, alice, condition, text):
    refused(client(server, alice).create_key, "MalformedPolicyDocumentException", text,
            Policy=policy(SETUP, {**allow("*", "Decrypt"), "Condition": condition}))


# --- attested requests ---

class Enclave:
    def __init__(self, tool, nsm):
        self.tool, self.nsm = tool, nsm
        key = rsa.generate_private_key(65537, 2048)
        self.pkcs8 = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def recipient(self, pcr0):
        document = self.tool.doc(self.nsm, pcr0, int(time.time() * 1000), self.spki)
        return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}

    def open(self, answer):
        return self.tool.open(self.pkcs8, answer["CiphertextForRecipient"])


def test_the_policy_that_is_written(server, alice, parent, tool, nsm):
    """`coffer kms policy`, and boto3 on both sides of it."""
    enclave, role = Enclave(tool, nsm), client(server, parent)
    text = coffer("kms", "policy", "--principal", f"arn:aws:iam::{ACCOUNT}:role/parent", "--admin", ADMIN, "--pcr",
                  f"0={PCR_A.hex()},{PCR_B.hex()}", "--context", "tenant=acme", check=0).stdout
    admin = client(server, alice)
    key = admin.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    context = {"tenant": "acme", "vault": "v_1"}
    sealed = role.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]

    def decrypt(who=role, context=context, **more):
        return who.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionContext=context, **more)

    for pcr0 in (PCR_A, PCR_B):
        answer = decrypt(Recipient=enclave.recipient(pcr0))
        assert not answer.get("Plaintext") and "KeyMaterialId" not in answer and enclave.open(answer) == b"secret"
    data_key = role.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context, Recipient=enclave.recipient(PCR_A))
    assert not data_key.get("Plaintext") and len(enclave.open(data_key)) == 32
    refused(decrypt, "AccessDeniedException", "explicit deny")
    refused(decrypt, "AccessDeniedException", "debug", Recipient=enclave.recipient(bytes(48)))
    refused(decrypt, "AccessDeniedException", "explicit deny", Recipient=enclave.recipient(hashlib.sha384(b"other").digest()))
    refused(decrypt, "AccessDeniedException", Recipient=enclave.recipient(PCR_A), who=admin)
    refused(role.encrypt, "AccessDeniedException", KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "other"})
    refused(role.put_key_policy, "AccessDeniedException", KeyId=key, Policy=text)
    # rolled over: the first image is out
    admin.put_key_policy(KeyId=key, Policy=coffer("kms", "policy", "--principal", f"arn:aws:iam::{ACCOUNT}:role/parent", "--admin", ADMIN,
                                                  "--pcr", f"0={PCR_B.hex()}", check=0).stdout)
    refused(decrypt, "AccessDeniedException", Recipient=enclave.recipient(PCR_A))
    assert enclave.open(decrypt(Recipient=enclave.recipient(PCR_B))) == b"secret"
    # any context will do now, but there must be one
    refused(decrypt, "AccessDeniedException", context={}, Recipient=enclave.recipient(PCR_B))


def test_ways_around(server, alice, parent, tool, nsm):
    """What the lint calls a way around is one; and the policy that is written has none."""
    enclave, role, admin = Enclave(tool, nsm), client(server, parent), client(server, alice)
    who = f"arn:aws:iam::{ACCOUNT}:role/parent"
    attested = {**allow(who, "Decrypt"), "Condition": {"StringEquals": {"kms:RecipientAttestation:PCR0": PCR_A.hex()}}}
    loose = policy(allow(ADMIN, "*"), attested, allow(who, "ReEncrypt*", "CreateGrant"))
    found = json.loads(coffer("kms", "lint-policy", "-", "--json", stdin=loose, check=1).stdout)["findings"]
    assert {"reencrypt", "grant_bypass"} <= {f["code"] for f in found if f.get("statement") == 3}
    key = admin.create_key(Policy=loose)["KeyMetadata"]["KeyId"]
    sealed = admin.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    refused(role.decrypt, "AccessDeniedException", CiphertextBlob=sealed)
    # to a key of one's own
    mine = role.create_key(Policy=policy(allow(who, "*")))["KeyMetadata"]["KeyId"]
    moved = role.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=mine)["CiphertextBlob"]
    assert role.decrypt(CiphertextBlob=moved)["Plaintext"] == b"secret"
    # by a grant, which is for whom it names
    token = role.create_grant(KeyId=key, GranteePrincipal=who, Operations=["Decrypt"])["GrantToken"]
    assert role.decrypt(CiphertextBlob=sealed, GrantTokens=[token])["Plaintext"] == b"secret"
    # the written one
    text = coffer("kms", "policy", "--principal", who, "--admin", ADMIN, "--pcr", f"0={PCR_A.hex()}", check=0).stdout
    key = admin.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    sealed = role.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
    context = {"EncryptionContext": {"a": "b"}}
    assert enclave.open(role.decrypt(CiphertextBlob=sealed, Recipient=enclave.recipient(PCR_A), **context)) == b"secret"
    refused(role.re_encrypt, "AccessDeniedException", CiphertextBlob=sealed, DestinationKeyId=mine, SourceEncryptionContext={"a": "b"})
    for grantor in (role, admin):
        refused(grantor.create_grant, "AccessDeniedException", KeyId=key, GranteePrincipal=who, Operations=["Decrypt"])


def test_restart_keeps_everyone(server, alice, parent):
    server.restart()
    client(server, alice).list_keys()
    client(server, parent).list_keys()
