/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/crypto/primitives.h"
#include "host/kmsd/limits.h"
#include "sys/linux/file.h"
#include "sys/linux/log.h"
#include "sys/linux/net.h"

#define PATH_BYTES_MAX 4096
#define ROOT_KEY_BYTES 32
#define SUFFIX ".cbor"
#define SUFFIX_BYTES (sizeof SUFFIX - 1)
#define GONE ".gone"

typedef struct {
    char text[PATH_BYTES_MAX];
} path;

/* Folders of files, and how many characters their names have before the suffix. */
static const struct {
    const char *folder;
    size_t name_bytes;
} kinds[CF_STATE_COUNT] = {
    [CF_STATE_KEYS] = {"keys", CF_UUID_TEXT_BYTES},
    [CF_STATE_ALIASES] = {"aliases", 2 * CF_DIGEST_NAME_BYTES},
    [CF_STATE_GRANTS] = {"grants", 2 * CF_DIGEST_NAME_BYTES},
};

struct cf_kmsd_state {
    path folder, folders[CF_STATE_COUNT];
    int lock_fd;
    cf_secret root;
};

static CF_MUST_USE cf_result join(const path *folder, const char *name, path *ret)
{
    int n = snprintf(ret->text, sizeof ret->text, "%s/%s", folder->text, name);
    CF_REQUIRE(n > 0 && (size_t)n < sizeof ret->text, ARGUMENT);
    return cf_ok();
}

static CF_MUST_USE cf_result file_path(const cf_kmsd_state *s, cf_state_kind kind, const char *name,
                                       path *ret)
{
    char file[CF_STATE_NAME_BYTES + SUFFIX_BYTES];
    (void)snprintf(file, sizeof file, "%s" SUFFIX, name);
    return join(&s->folders[kind], file, ret);
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

const char *cf_kmsd_state_folder(const cf_kmsd_state *s)
{
    return s->folder.text;
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

static bool is_name(cf_state_kind kind, const char *name, size_t len)
{
    if (len != kinds[kind].name_bytes) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool dash = kind == CF_STATE_KEYS && c == '-';
        if (!dash && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

/* What a file of a folder is. */
typedef enum {
    FILE_STRANGE,
    FILE_OURS,
    FILE_LEFT_OVER, /* of a write that was stopped */
    FILE_GONE,      /* on its way to be destroyed */
} file_role;

static file_role role_of(cf_state_kind kind, const char *name)
{
    size_t len = strlen(name), stem = kinds[kind].name_bytes;
    bool ours = len >= stem + SUFFIX_BYTES && is_name(kind, name, stem) &&
                strncmp(name + stem, SUFFIX, SUFFIX_BYTES) == 0;
    const char *rest = name + stem + SUFFIX_BYTES;
    if (!ours) {
        return FILE_STRANGE;
    }
    if (*rest == '\0') {
        return FILE_OURS;
    }
    if (strcmp(rest, GONE) == 0) {
        return FILE_GONE;
    }
    bool left = cf_file_is_left_over(cf_view_str(name), cf_view_make(name, stem + SUFFIX_BYTES));
    return left ? FILE_LEFT_OVER : FILE_STRANGE;
}

static void close_folder(DIR **d)
{
    if (*d != NULL) {
        (void)closedir(*d);
    }
}

static void clean_up(const cf_kmsd_state *s, cf_state_kind kind, file_role role, const char *name)
{
    path p;
    if (!cf_is_ok(join(&s->folders[kind], name, &p))) {
        return;
    }
    cf_result r = role == FILE_GONE ? cf_file_destroy(p.text) : cf_file_remove(p.text);
    cf_log(CF_LOG_WARN, "state.left_over_removed", "file=%s code=%s", name, cf_err_code(r.code));
}

static CF_MUST_USE cf_result visit(cf_kmsd_state *s, cf_state_kind kind, const char *file,
                                   cf_state_visit *fn, void *ctx)
{
    cf_state_name name = {""};
    file_role role = role_of(kind, file);
    if (role == FILE_STRANGE) {
        cf_log(CF_LOG_WARN, "state.unknown_file", "file=%s", file);
        return cf_ok();
    }
    if (role != FILE_OURS) {
        clean_up(s, kind, role, file);
        return cf_ok();
    }
    cf_copy(name.text, file, kinds[kind].name_bytes);
    return fn(ctx, &name);
}

CF_MUST_USE cf_result cf_kmsd_state_walk(cf_kmsd_state *s, cf_state_kind kind, cf_state_visit *fn,
                                         void *ctx)
{
    CF_AUTO(close_folder) DIR *d = opendir(s->folders[kind].text);
    CF_REQUIRE(d != NULL, IO);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            CF_TRY(visit(s, kind, e->d_name, fn, ctx));
        }
    }
    return cf_ok();
}

/* What a stopped write has left beside the files of the folder itself: of the root key it would be a copy that nobody looks after. */
static CF_MUST_USE cf_result clean_folder(const cf_kmsd_state *s)
{
    static const char *const names[] = {"root.key", "principals.cbor"};
    CF_AUTO(close_folder) DIR *d = opendir(s->folder.text);
    CF_REQUIRE(d != NULL, IO);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            path p;
            if (cf_file_is_left_over(cf_view_str(e->d_name), cf_view_str(names[i]))) {
                CF_TRY(join(&s->folder, e->d_name, &p));
                CF_TRY(cf_file_remove(p.text));
                cf_log(CF_LOG_WARN, "state.left_over_removed", "file=%s code=ok", e->d_name);
            }
        }
    }
    return cf_ok();
}

/* --- root key --- */

static cf_result any_file(void *ctx, const cf_state_name *name)
{
    (void)name;
    *(bool *)ctx = true;
    return cf_ok();
}

/* A new root key beside old key files would open none of them, and the next CreateKey would make the loss look like order. */
static cf_result root_create(cf_kmsd_state *s, const char *file)
{
    CF_SECRET(root);
    bool keys = false;
    CF_TRY(cf_kmsd_state_walk(s, CF_STATE_KEYS, any_file, &keys));
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
    /* one that is another user's own is known to that user as well */
    r = cf_file_check_secret(p.text);
    if (r.code == CF_ERR_NOT_PERMITTED) {
        cf_log(CF_LOG_ERROR, "root_key.open_to_others", "file=%s", p.text);
    }
    CF_TRY(r);
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
    CF_TRY(clean_folder(s));
    for (cf_state_kind k = CF_STATE_KEYS; k < CF_STATE_COUNT; k++) {
        CF_TRY(join(&s->folder, kinds[k].folder, &s->folders[k]));
        CF_TRY(cf_folder_make(s->folders[k].text));
    }
    CF_TRY(root_open(s));
    *ret = s;
    s = NULL;
    return cf_ok();
}

/* --- files --- */

CF_MUST_USE cf_result cf_kmsd_state_read(cf_kmsd_state *s, cf_state_kind kind, const char *name,
                                         cf_buf *out)
{
    path p;
    CF_TRY(file_path(s, kind, name, &p));
    return cf_file_read(p.text, CF_KMSD_KEY_FILE_BYTES_MAX, out);
}

CF_MUST_USE cf_result cf_kmsd_state_write(cf_kmsd_state *s, cf_state_kind kind, const char *name,
                                          cf_view octets, bool is_new)
{
    path p;
    CF_TRY(file_path(s, kind, name, &p));
    return is_new ? cf_file_create(p.text, octets, 0600) : cf_file_write(p.text, octets, 0600);
}

CF_MUST_USE cf_result cf_kmsd_state_remove(cf_kmsd_state *s, cf_state_kind kind, const char *name)
{
    path p;
    CF_TRY(file_path(s, kind, name, &p));
    return cf_file_remove(p.text);
}

CF_MUST_USE cf_result cf_kmsd_state_destroy(cf_kmsd_state *s, cf_state_kind kind, const char *name)
{
    path from, to;
    char file[CF_STATE_NAME_BYTES + SUFFIX_BYTES + sizeof GONE];
    CF_TRY(file_path(s, kind, name, &from));
    (void)snprintf(file, sizeof file, "%s" SUFFIX GONE, name);
    CF_TRY(join(&s->folders[kind], file, &to));
    /* the new name first: octets that are half gone must never be taken for a damaged key */
    CF_TRY(cf_file_rename(from.text, to.text));
    return cf_file_destroy(to.text);
}
