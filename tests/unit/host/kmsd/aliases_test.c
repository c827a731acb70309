/* SPDX-License-Identifier: Apache-2.0 */
#include "host/kmsd/aliases.h"

#include "host/kmsd/limits.h"
#include "sys/linux/file.h"
#include "tests/unit/host/kmsd/folder.h"

static cf_kmsd_state *state_folder;

static cf_aliases *open_aliases(void)
{
    cf_aliases *t = NULL;
    state_folder = open_state();
    assert_ok(cf_aliases_open(state_folder, &t));
    return t;
}

static void close_aliases(cf_aliases **t)
{
    cf_aliases_free(t);
    cf_kmsd_state_close(&state_folder);
    assert_null(*t);
}

static cf_alias alias(const char *name, const cf_uuid *target)
{
    cf_alias a = {.target = *target, .created_ms = 1000, .updated_ms = 2000};
    (void)snprintf(a.name, sizeof a.name, "alias/%s", name);
    return a;
}

static void put(cf_aliases *t, const char *name, const cf_uuid *target)
{
    cf_alias a = alias(name, target);
    assert_ok(cf_aliases_put(t, &a));
}

static void assert_at(cf_aliases *t, const char *name, const cf_uuid *target)
{
    cf_alias a;
    assert_true(cf_aliases_find(t, cf_view_str(name), &a));
    assert_string_equal(a.name, name);
    assert_string_equal(a.target.text, target->text);
    assert_int_equal(a.created_ms, 1000);
    assert_int_equal(a.updated_ms, 2000);
}

static void test_life(void **state)
{
    (void)state;
    cf_uuid k1, k2;
    cf_alias a;
    assert_ok(cf_uuid_make(&k1));
    assert_ok(cf_uuid_make(&k2));
    cf_aliases *t = open_aliases();
    put(t, "b", &k1);
    put(t, "a", &k1);
    put(t, "c", &k2);
    put(t, "b", &k2); /* moves */
    for (int round = 0; round < 2; round++) {
        assert_at(t, "alias/a", &k1);
        assert_at(t, "alias/b", &k2);
        assert_at(t, "alias/c", &k2);
        assert_false(cf_aliases_find(t, CF_LIT("alias/"), &a));
        assert_false(cf_aliases_find(t, CF_LIT("alias/B"), &a));
        assert_int_equal(count_files("aliases"), 3);
        close_aliases(&t);
        t = open_aliases();
    }
    assert_ok(cf_aliases_remove(t, CF_LIT("alias/b")));
    assert_err(cf_aliases_remove(t, CF_LIT("alias/b")), NOT_FOUND);
    for (int round = 0; round < 2; round++) {
        assert_false(cf_aliases_find(t, CF_LIT("alias/b"), &a));
        assert_at(t, "alias/a", &k1);
        assert_at(t, "alias/c", &k2);
        close_aliases(&t);
        t = open_aliases();
    }
    close_aliases(&t);
}

/* All pages of one target (NULL: of all) in one text of letters. */
static void pages(cf_aliases *t, const cf_uuid *target, size_t max, char *ret)
{
    cf_alias page[8];
    char after[CF_ALIAS_BYTES_MAX + 1] = "";
    for (bool more = true; more;) {
        size_t n = cf_aliases_list(t, target, cf_view_str(after), max, page, &more);
        assert_true(n <= max && (n > 0 || !more));
        for (size_t i = 0; i < n; i++) {
            *ret++ = page[i].name[sizeof "alias/" - 1];
            (void)snprintf(after, sizeof after, "%.*s", CF_ALIAS_BYTES_MAX, page[i].name);
        }
    }
    *ret = '\0';
}

static void test_pages(void **state)
{
    (void)state;
    cf_uuid k[3];
    cf_aliases *t = open_aliases();
    for (int i = 0; i < 3; i++) {
        assert_ok(cf_uuid_make(&k[i]));
    }
    static const char names[] = "fbdagec";
    for (size_t i = 0; names[i] != '\0'; i++) {
        char name[2] = {names[i], '\0'};
        put(t, name, &k[i % 2]);
    }
    for (size_t max = 1; max <= 8; max++) {
        char seen[16];
        pages(t, NULL, max, seen);
        assert_string_equal(seen, "abcdefg");
        pages(t, &k[0], max, seen);
        assert_string_equal(seen, "cdfg");
        pages(t, &k[1], max, seen);
        assert_string_equal(seen, "abe");
        pages(t, &k[2], max, seen);
        assert_string_equal(seen, "");
    }
    /* a page goes on behind a name that is gone */
    cf_alias page[8];
    bool more;
    assert_ok(cf_aliases_remove(t, CF_LIT("alias/c")));
    assert_int_equal(cf_aliases_list(t, NULL, CF_LIT("alias/c"), 8, page, &more), 4);
    assert_string_equal(page[0].name, "alias/d");
    close_aliases(&t);
}

/* A file that was changed, moved or put back under another name is no alias. */
static void test_damage(void **state)
{
    (void)state;
    cf_uuid key;
    cf_alias a, got;
    CF_BUF(octets);
    assert_ok(cf_uuid_make(&key));
    cf_aliases *t = open_aliases();
    put(t, "a", &key);
    cf_secret root = *cf_kmsd_state_root(state_folder);
    close_aliases(&t);
    /* the name of the one file */
    char path[400] = "", moved[400];
    DIR *d = opendir(in_folder("aliases"));
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", in_folder("aliases"), e->d_name);
        }
    }
    (void)closedir(d);
    assert_ok(cf_file_read(path, CF_KMSD_ALIAS_FILE_BYTES_MAX, &octets));
    assert_ok(cf_alias_decode(&root, cf_buf_view(&octets), &got));
    for (size_t i = 0; i < octets.len; i++) {
        octets.data[i] ^= 1;
        assert_false(cf_is_ok(cf_alias_decode(&root, cf_buf_view(&octets), &got)));
        assert_string_equal(got.name, "");
        octets.data[i] ^= 1;
        cf_view cut = view_copy(cf_view_make(octets.data, i));
        assert_false(cf_is_ok(cf_alias_decode(&root, cut, &got)));
        view_free(cut);
    }
    (void)snprintf(moved, sizeof moved, "%s", path);
    char *digit = strrchr(moved, '/') + 1;
    *digit = *digit == '0' ? '1' : '0';
    assert_int_equal(rename(path, moved), 0);
    t = open_aliases();
    assert_false(cf_aliases_find(t, CF_LIT("alias/a"), &a));
    put(t, "a", &key); /* its name is free */
    close_aliases(&t);
    t = open_aliases();
    assert_at(t, "alias/a", &key);
    close_aliases(&t);
}

static void test_not_written(void **state)
{
    (void)state;
    cf_uuid k1, k2;
    assert_ok(cf_uuid_make(&k1));
    assert_ok(cf_uuid_make(&k2));
    cf_aliases *t = open_aliases();
    cf_alias moved = alias("a", &k2), fresh = alias("b", &k1);
    put(t, "a", &k1);
    assert_int_equal(rename(in_folder("aliases"), in_folder("away")), 0);
    assert_false(cf_is_ok(cf_aliases_put(t, &moved)));
    assert_false(cf_is_ok(cf_aliases_put(t, &fresh)));
    assert_false(cf_is_ok(cf_aliases_remove(t, CF_LIT("alias/a"))));
    assert_at(t, "alias/a", &k1);
    assert_false(cf_aliases_find(t, CF_LIT("alias/b"), &fresh));
    assert_int_equal(rename(in_folder("away"), in_folder("aliases")), 0);
    close_aliases(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(test_life),
        FRESH(test_pages),
        FRESH(test_damage),
        FRESH(test_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
