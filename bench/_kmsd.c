/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/kmsd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/codec/base64.h"
#include "core/codec/json.h"
#include "sys/kms/client.h"
#include "sys/linux/clock.h"

#define CALL_TIMEOUT_MS 10000
#define FOLDER_BYTES 512

struct bench_kmsd {
    char folder[FOLDER_BYTES], bin[FOLDER_BYTES];
    pid_t pid;
    cf_net_addr unix_addr, tls_addr;
    cf_kms_service *service;
    cf_kms_link *link;
    cf_buf arn, user_id, user_secret;
};

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: kmsd: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

/* --- requests --- */

static cf_result dial(void *self, uint64_t deadline_ms, int *ret_fd)
{
    return cf_net_dial(self, deadline_ms, ret_fd);
}

/* Takes the request; the caller drops the answer. */
static json_t *ask(bench_kmsd *k, const char *target, json_t *members)
{
    CF_JSON(request);
    CF_BUF(body);
    CF_BUF(answer);
    cf_kms_outcome outcome;
    json_t *ret = NULL;
    request = members;
    need(request != NULL && cf_is_ok(cf_json_dump(request, &body)), "request");
    need(cf_is_ok(cf_kms_call(k->link, cf_view_str(target), cf_buf_view(&body),
                              cf_clock_mono_ms() + CALL_TIMEOUT_MS, &answer, &outcome)),
         target);
    need(cf_is_ok(cf_json_parse(cf_buf_view(&answer), CF_BUF_BYTES_MAX, &ret)), "answer");
    return ret;
}

static void keep(const json_t *object, const char *name, cf_buf *ret)
{
    const char *text = json_string_value(json_object_get(object, name));
    need(text != NULL && cf_is_ok(cf_buf_append(ret, cf_view_str(text))), name);
}

static void prepare(bench_kmsd *k)
{
    static const cf_kms_dial_ops ops = {dial, NULL};
    const cf_kms_service_spec spec = {.dial = &ops, .dial_self = &k->unix_addr};
    need(cf_is_ok(cf_kms_service_new(&spec, &k->service)) &&
             cf_is_ok(cf_kms_link_new(k->service, &k->link)),
         "client");
    CF_JSON(key);
    CF_JSON(user);
    key = ask(k, "TrentService.CreateKey", json_object());
    keep(json_object_get(key, "KeyMetadata"), "Arn", &k->arn);
    user = ask(k, "CofferKms.CreateAccessKey", json_pack("{s:s}", "Name", "bench"));
    const json_t *inner = json_object_get(user, "AccessKey");
    keep(inner != NULL ? inner : user, "AccessKeyId", &k->user_id);
    keep(inner != NULL ? inner : user, "SecretAccessKey", &k->user_secret);
}

cf_view bench_kmsd_key(const bench_kmsd *k)
{
    return cf_buf_view(&k->arn);
}

void bench_kmsd_user(const bench_kmsd *k, cf_view *ret_id, cf_view *ret_secret)
{
    *ret_id = cf_buf_view(&k->user_id);
    *ret_secret = cf_buf_view(&k->user_secret);
}

void bench_kmsd_pair(bench_kmsd *k, const char *tenant, const char *vault_id,
                     cf_dh_public *ret_public, cf_buf *ret_blob)
{
    CF_JSON(answer);
    CF_BUF(spki);
    cf_curve curve;
    json_t *request =
        json_pack("{s:s%,s:s,s:{s:s,s:s}}", "KeyId", k->arn.data, k->arn.len, "KeyPairSpec",
                  "ECC_NIST_P384", "EncryptionContext", "tenant", tenant, "vault_id", vault_id);
    answer = ask(k, "TrentService.GenerateDataKeyPairWithoutPlaintext", request);
    need(cf_is_ok(cf_json_get_base64(answer, "PublicKey", 1024, &spki)) &&
             cf_is_ok(cf_dh_public_from_spki(cf_buf_view(&spki), &curve, ret_public)) &&
             cf_is_ok(cf_json_get_base64(answer, "PrivateKeyCiphertextBlob", 4096, ret_blob)),
         "pair");
}

/* --- the process --- */

static void path_in(const bench_kmsd *k, const char *name, char ret[static PATH_MAX])
{
    (void)snprintf(ret, PATH_MAX, "%s/%s", k->folder, name);
}

static void put_file(const bench_kmsd *k, const char *name, cf_view octets)
{
    char path[PATH_MAX];
    path_in(k, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    need(fd >= 0 && write(fd, octets.data, octets.len) == (ssize_t)octets.len, path);
    (void)close(fd);
}

static void child(const bench_kmsd *k, int ready)
{
    char program[PATH_MAX], fd_text[16];
    path_in(k, "log", program);
    int err = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)snprintf(program, sizeof program, "%s/coffer-kmsd", k->bin);
    (void)snprintf(fd_text, sizeof fd_text, "%d", ready);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (err >= 0 && dup2(err, 1) == 1 && dup2(err, 2) == 2 && chdir(k->folder) == 0 &&
        fcntl(ready, F_SETFD, 0) == 0) {
        (void)execl(program, "coffer-kmsd", "--state", "state", "--listen", "unix:kms.sock",
                    "--listen", "tls:127.0.0.1:0", "--tls-cert", "chain.pem", "--tls-key",
                    "key.pem", "--attestation-root", "root.der", "--ready-fd", fd_text,
                    (char *)NULL);
    }
    _exit(127);
}

/* "ready unix:kms.sock tls:127.0.0.1:PORT" */
static void await_ready(bench_kmsd *k, int fd)
{
    char line[256];
    FILE *in = fdopen(fd, "r");
    need(in != NULL && fgets(line, sizeof line, in) != NULL, "did not start; see its log");
    (void)fclose(in);
    line[strcspn(line, "\n")] = '\0';
    const char *last = strstr(line, " tls:");
    need(last != NULL && cf_is_ok(cf_net_parse(last + 5, &k->tls_addr)), line);
}

static void start(bench_kmsd *k)
{
    int ready[2];
    need(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    k->pid = fork();
    need(k->pid >= 0, "fork");
    if (k->pid == 0) {
        child(k, ready[1]);
    }
    (void)close(ready[1]);
    await_ready(k, ready[0]);
    k->unix_addr = (cf_net_addr){.kind = CF_NET_UNIX};
    int n = snprintf(k->unix_addr.path, sizeof k->unix_addr.path, "%s/kms.sock", k->folder);
    need(n > 0 && (size_t)n < sizeof k->unix_addr.path, "the folder's path is too long");
}

/* So that a bench which ends early leaves nothing behind. */
static bench_kmsd *running;

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void end(const bench_kmsd *k)
{
    int status = 0;
    if (k->pid > 0) {
        (void)kill(k->pid, SIGTERM);
        (void)waitpid(k->pid, &status, 0);
    }
    (void)nftw(k->folder, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static void end_running(void)
{
    if (running != NULL) {
        end(running);
    }
}

bench_kmsd *bench_kmsd_start(const bench_kmsd_spec *spec)
{
    bench_kmsd *k = cf_mem_new(1, sizeof *k);
    need(k != NULL, "memory");
    ssize_t len = readlink("/proc/self/exe", k->bin, sizeof k->bin - 1);
    need(len > 0, "/proc/self/exe");
    *strrchr(k->bin, '/') = '\0';
    /* On a disk, as the audit log must cost what it costs. */
    int n = snprintf(k->folder, sizeof k->folder, "%.450s/bench-XXXXXX", k->bin);
    need(n > 0 && (size_t)n < sizeof k->folder && mkdtemp(k->folder) != NULL, "folder");
    running = k;
    (void)atexit(end_running);
    put_file(k, "root.der", spec->attestation_root);
    put_file(k, "chain.pem", spec->chain);
    put_file(k, "key.pem", spec->key);
    start(k);
    prepare(k);
    return k;
}

void bench_kmsd_stop(bench_kmsd **kmsd)
{
    bench_kmsd *k = *kmsd;
    running = NULL;
    cf_kms_link_free(&k->link);
    cf_kms_service_free(&k->service);
    cf_buf_free(&k->arn);
    cf_buf_free(&k->user_id);
    cf_buf_free(&k->user_secret);
    end(k);
    cf_mem_free(k);
    *kmsd = NULL;
}

pid_t bench_kmsd_pid(const bench_kmsd *k)
{
    return k->pid;
}

const cf_net_addr *bench_kmsd_addr(const bench_kmsd *k)
{
    return &k->tls_addr;
}

size_t bench_kmsd_audited(const bench_kmsd *k, const char *operation)
{
    char pattern[PATH_MAX], mark[128], line[8192];
    glob_t files;
    size_t n = 0;
    path_in(k, "state/audit/*.jsonl", pattern);
    (void)snprintf(mark, sizeof mark, "\"operation\":\"%s\"", operation);
    need(glob(pattern, 0, NULL, &files) == 0, "audit log");
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *in = fopen(files.gl_pathv[i], "re");
        need(in != NULL, files.gl_pathv[i]);
        while (fgets(line, sizeof line, in) != NULL) {
            n += strstr(line, mark) != NULL;
        }
        (void)fclose(in);
    }
    globfree(&files);
    return n;
}
