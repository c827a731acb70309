# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/lib.sh on which the origin of the linked libraries depends."""
import os
import subprocess

import pytest
from programs import ROOT


def shell(text, **env):
    keep = {"PATH": os.environ["PATH"]}
    return subprocess.run(["bash", "-c", f". scripts/lib.sh && {text}"], cwd=ROOT, env={**keep, **env}, capture_output=True, text=True,
                          timeout=60)


def test_cache_folder(tmp_path):
    assert shell("cache_folder", HOME=str(tmp_path)).stdout == f"{tmp_path}/.cache/coffer\n"
    assert shell("cache_folder", XDG_CACHE_HOME=str(tmp_path)).stdout == f"{tmp_path}/coffer\n"
    for env in ({}, {"HOME": ""}, {"XDG_CACHE_HOME": "relative"}):
        run = shell("cache_folder", **env)
        assert run.returncode != 0 and run.stdout == "" and run.stderr, env


@pytest.mark.parametrize("mode,good", [(0o700, True), (0o755, True), (0o775, False), (0o757, False), (0o1777, False)])
def test_cache_folder_that_others_may_write_to(tmp_path, mode, good):
    (tmp_path / "coffer/awslc-1/lib").mkdir(parents=True)
    for folder in (tmp_path / "coffer", tmp_path / "coffer/awslc-1/lib"):
        folder.chmod(mode)
        assert (shell("cache_folder", XDG_CACHE_HOME=str(tmp_path)).returncode == 0) == good
        folder.chmod(0o755)
    os.symlink("awslc-1", tmp_path / "coffer/awslc-current")
    assert shell("cache_folder", XDG_CACHE_HOME=str(tmp_path)).returncode == 0


def test_cache_folder_that_is_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink("elsewhere", tmp_path / "coffer")
    assert shell("cache_folder", XDG_CACHE_HOME=str(tmp_path)).returncode != 0


@pytest.mark.skipif(os.getuid() != 0, reason="others' files are made as root only")
def test_cache_folder_of_another(tmp_path):
    (tmp_path / "coffer").mkdir()
    os.chown(tmp_path / "coffer", 65534, 65534)
    assert shell("cache_folder", XDG_CACHE_HOME=str(tmp_path)).returncode != 0


def test_curl_header(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "admin.token").write_text("coffer_xyz\n")
    for _ in range(2):
        run = shell(f"umask 022 && curl_header {tmp_path}")
        file = tmp_path / "run/curl.header"
        assert run.stdout == f"{file}\n" and file.read_text() == "Authorization: Bearer coffer_xyz\n"
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(0o644)
    assert "admin.token" not in (ROOT / "scripts/up").read_text(), "the token belongs into no argument"


def test_what_apt_fetches_is_out_of_reach(tmp_path):
    """private_apt with a stand-in for apt-get that keeps what it is asked."""
    bin, work = tmp_path / "bin", tmp_path / "work"
    bin.mkdir()
    (bin / "apt-get").write_text('#!/bin/sh\n[ "$1" = indextargets ] && { . /etc/os-release; echo "$VERSION_CODENAME http://mirror"; }\n'
                                 f'echo "$*" >>{tmp_path}/asked\n')
    (bin / "apt-get").chmod(0o755)
    work.mkdir(mode=0o700)
    run = shell(f"umask 022 && private_apt deb unstable {work}", PATH=f"{bin}:{os.environ['PATH']}")
    if "debian-archive-keyring" in run.stdout:
        pytest.skip("no keyring of the Debian archive here")
    assert run.returncode == 0, run
    for path in [work, *work.rglob("*")]:
        assert not path.is_dir() or path.stat().st_mode & 0o777 == 0o700, path
    assert ("APT::Sandbox::User=root" in (tmp_path / "asked").read_text()) == (os.getuid() == 0)
