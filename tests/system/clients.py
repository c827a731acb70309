# SPDX-License-Identifier: Apache-2.0
"""Clients that keep a service busy while parts of it are killed, and note what they were told."""
import http.client
import itertools
import json
import threading
import time


class Link:
    """A kept connection, made anew after an error."""

    def __init__(self, port, token, timeout=30):
        self.port, self.timeout, self.connection = port, timeout, None
        self.head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method, path, body=None, **head):
        """(status, body as JSON), or None when no whole answer came."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self.connection.request(method, path, None if body is None else json.dumps(body), {**self.head, **head})
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Done:
    """One call that came to an end: kind, when, status (None: no answer), code of an error."""

    def __init__(self, kind, began, answer):
        self.kind, self.began, self.ended = kind, began, time.monotonic()
        self.status = answer[0] if answer else None
        self.code = answer[1].get("code") if answer and answer[0] >= 400 and isinstance(answer[1], dict) else None

    @property
    def seconds(self):
        return self.ended - self.began


class Clients:
    """Writers, each with a vault whose field `city` counts up, and readers that decrypt these fields; until stop()."""

    def __init__(self, port, token, vaults, readers=4, create_every=10):
        self.port, self.token, self.vaults, self.create_every = port, token, vaults, create_every
        self.over, self.lock = threading.Event(), threading.Lock()
        self.done = []  # of all clients
        self.tried = {v: 0 for v in vaults}
        self.acknowledged = {v: 0 for v in vaults}
        self.created, self.answered, self.wrong = [], [], []
        self.readers, self.ids, self.threads = readers, itertools.count(), []

    def start(self):
        self.over.clear()
        self.threads = [threading.Thread(target=self.write, args=(v,)) for v in self.vaults]
        self.threads += [threading.Thread(target=self.read, args=(i,)) for i in range(self.readers)]
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(40)
            assert not t.is_alive(), "a call hangs"

    def note(self, kind, began, answer):
        done = Done(kind, began, answer)
        with self.lock:
            self.done.append(done)
        if answer is None or answer[0] >= 500:
            time.sleep(0.01)  # do not spin while the service is away
        return done.status == 200

    def write(self, vault):
        link, n = Link(self.port, self.token), self.tried[vault]
        while not self.over.is_set():
            n += 1
            self.tried[vault] = n
            began = time.monotonic()
            answer = link.call("PATCH", f"/v1/vaults/{vault}", {"city": str(n)})
            if self.note("patch", began, answer):
                self.acknowledged[vault] = n
            if self.create_every and n % self.create_every == 0:
                began = time.monotonic()
                answer = link.call("POST", "/v1/vaults", {"city": "new"})
                if self.note("create", began, answer):
                    self.created.append(answer[1]["id"])
        link.close()

    def read(self, i):
        link, n = Link(self.port, self.token), i
        while not self.over.is_set():
            n += 1
            vault, request = self.vaults[n % len(self.vaults)], f"load-{next(self.ids)}"
            least, began = self.acknowledged[vault], time.monotonic()
            answer = link.call("POST", f"/v1/vaults/{vault}/decrypt", {"fields": ["city"], "reason": "load"}, **{"X-Request-Id": request})
            if self.note("decrypt", began, answer):
                self.answered.append(request)
                if not least <= int(answer[1]["data"]["city"]) <= self.tried[vault]:
                    self.wrong.append((vault, least, answer[1]))
        link.close()
