/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto/primitives.h"
#include "host/kmsd/limits.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

#define PATH_BYTES_MAX 4096
#define ROOT_KEY_BYTES 32
#define SUFFIX ".cbor"
#define NAME_BYTES (CF_UUID_TEXT_BYTES + sizeof SUFFIX - 1)

typedef struct {
    char text[PATH_BYTES_MAX];
} path;

struct cf_kmsd_state {
    path folder, keys;
    int lock_fd;
    cf_secret root;
};

static CF_MUST_USE cf_result join(const path *folder, const char *name, path *ret)
{
    int n = snprintf(ret->text, sizeof ret->text, "%s/%s", folder->text, name);
    CF_REQUIRE(n > 0 && (size_t)n < sizeof ret->text, ARGUMENT);
    return cf_ok();
}

static CF_MUST_USE cf_result key_path(const cf_kmsd_state *s, const cf_uuid *id, path *ret)
{
    char name[NAME_BYTES + 1];
    (void)snprintf(name, sizeof name, "%s" SUFFIX, id->text);
    return join(&s->keys, name, ret);
}

void cf_kmsd_state_close(cf_kmsd_state **s)
{
    if (*s != NULL) {
        cf_secret_wipe(&(*s)->root);
        cf_fd_close(&(*s)->lock_fd); /* lets go of the lock */
        cf_mem_free(*s);
        *s = NULL;
    }
}

const cf_secret *cf_kmsd_state_root(const cf_kmsd_state *s)
{
    return &s->root;
}

/* Two processes on one folder would each answer from a table that the other has changed. */
static cf_result take_lock(cf_kmsd_state *s)
{
    path p;
    CF_TRY(join(&s->folder, "lock", &p));
    s->lock_fd = open(p.text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    CF_REQUIRE(s->lock_fd >= 0, IO);
    CF_REQUIRE(flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0, BUSY);
    return cf_ok();
}

/* --- walking --- */

/* The key id of "<uuid>.cbor". */
static bool is_key_file(const char *name, cf_uuid *ret)
{
    return strlen(name) == NAME_BYTES && strcmp(name + CF_UUID_TEXT_BYTES, SUFFIX) == 0 &&
           cf_is_ok(cf_uuid_parse(cf_view_make(name, CF_UUID_TEXT_BYTES), ret));
}

/* cf_file_write's: the final name and a suffix of its own. */
static bool is_left_over(const char *name)
{
    cf_uuid id;
    char start[NAME_BYTES + 1];
    if (strlen(name) != NAME_BYTES + 7 || name[NAME_BYTES] != '.') {
        return false;
    }
    (void)snprintf(start, sizeof start, "%.*s", (int)NAME_BYTES, name);
    return is_key_file(start, &id);
}

static void close_folder(DIR **d)
{
    if (*d != NULL) {
        (void)closedir(*d);
    }
}

static void remove_left_over(const cf_kmsd_state *s, const char *name)
{
    path p;
    if (cf_is_ok(join(&s->keys, name, &p)) && unlink(p.text) == 0) {
        cf_log(CF_LOG_WARN, "state.left_over_removed", "file=%s", name);
    }
}

CF_MUST_USE cf_result cf_kmsd_state_walk(cf_kmsd_state *s,
                                         cf_result (*fn)(void *ctx, const cf_uuid *id), void *ctx)
{
    CF_AUTO(close_folder) DIR *d = opendir(s->keys.text);
    CF_REQUIRE(d != NULL, IO);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        cf_uuid id;
        if (is_key_file(e->d_name, &id)) {
            CF_TRY(fn(ctx, &id));
        } else if (is_left_over(e->d_name)) {
            remove_left_over(s, e->d_name);
        } else if (e->d_name[0] != '.') {
            cf_log(CF_LOG_WARN, "state.unknown_file", "file=%s", e->d_name);
        }
    }
    return cf_ok();
}

/* --- root key --- */

static cf_result any_key(void *ctx, const cf_uuid *id)
{
    (void)id;
    *(bool *)ctx = true;
    return cf_ok();
}

/* A new root key beside old key files would open none of them, and the next CreateKey would make the loss look like order. */
static cf_result root_create(cf_kmsd_state *s, const char *file)
{
    CF_SECRET(root);
    bool keys = false;
    CF_TRY(cf_kmsd_state_walk(s, any_key, &keys));
    if (keys) {
        cf_log(CF_LOG_ERROR, "root_key.missing", "file=%s", file);
        return cf_fail(CF_ERR_STATE);
    }
    CF_TRY(cf_random(root.b, ROOT_KEY_BYTES));
    root.len = ROOT_KEY_BYTES;
    CF_TRY(cf_file_create(file, cf_secret_view(&root), 0600));
    cf_log(CF_LOG_INFO, "root_key.made", "file=%s", file);
    return cf_ok();
}

static cf_result root_open(cf_kmsd_state *s)
{
    path p;
    struct stat st;
    CF_BUF(octets);
    CF_TRY(join(&s->folder, "root.key", &p));
    cf_result r = cf_file_read(p.text, ROOT_KEY_BYTES, &octets);
    if (r.code == CF_ERR_NOT_FOUND) {
        CF_TRY(root_create(s, p.text));
        r = cf_file_read(p.text, ROOT_KEY_BYTES, &octets);
    }
    if (r.code == CF_ERR_SIZE || (cf_is_ok(r) && octets.len != ROOT_KEY_BYTES)) {
        cf_log(CF_LOG_ERROR, "root_key.damaged", "file=%s", p.text);
        return cf_fail(CF_ERR_STATE);
    }
    CF_TRY(r);
    CF_REQUIRE(stat(p.text, &st) == 0, IO);
    if ((st.st_mode & 077) != 0) {
        cf_log(CF_LOG_ERROR, "root_key.open_to_others", "file=%s", p.text);
        return cf_fail(CF_ERR_NOT_PERMITTED);
    }
    return cf_secret_set(&s->root, cf_buf_view(&octets));
}

CF_MUST_USE cf_result cf_kmsd_state_open(const char *folder, cf_kmsd_state **ret)
{
    *ret = NULL;
    CF_AUTO(cf_kmsd_state_close) cf_kmsd_state *s = cf_mem_new(1, sizeof *s);
    CF_REQUIRE(s != NULL, NO_MEMORY);
    s->lock_fd = -1;
    int n = snprintf(s->folder.text, sizeof s->folder.text, "%s", folder);
    CF_REQUIRE(n > 0 && (size_t)n < sizeof s->folder.text, ARGUMENT);
    CF_TRY(cf_folder_make(s->folder.text));
    CF_TRY(take_lock(s));
    CF_TRY(join(&s->folder, "keys", &s->keys));
    CF_TRY(cf_folder_make(s->keys.text));
    CF_TRY(root_open(s));
    *ret = s;
    s = NULL;
    return cf_ok();
}

/* --- key files --- */

CF_MUST_USE cf_result cf_kmsd_state_read(cf_kmsd_state *s, const cf_uuid *id, cf_buf *out)
{
    path p;
    CF_TRY(key_path(s, id, &p));
    return cf_file_read(p.text, CF_KMSD_KEY_FILE_BYTES_MAX, out);
}

CF_MUST_USE cf_result cf_kmsd_state_write(cf_kmsd_state *s, const cf_uuid *id, cf_view octets,
                                          bool is_new)
{
    path p;
    CF_TRY(key_path(s, id, &p));
    return is_new ? cf_file_create(p.text, octets, 0600) : cf_file_write(p.text, octets, 0600);
}
