/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vectors.h"

static void path_of(const char *path, char *ret, size_t room)
{
    const char *folder = getenv("CF_VECTORS");
    int len = snprintf(ret, room, "%s/%s", folder == NULL ? "tests/vectors" : folder, path);
    assert_true(len > 0 && (size_t)len < room);
}

json_t *vec_load(const char *path)
{
    char full[1024];
    path_of(path, full, sizeof full);
    json_error_t error;
    json_t *root = json_load_file(full, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fail_msg("%s: line %d: %s", full, error.line, error.text);
    }
    return root;
}

void vec_file(const char *path, cf_buf *ret)
{
    char full[1024];
    path_of(path, full, sizeof full);
    FILE *file = fopen(full, "rb");
    if (file == NULL) {
        fail_msg("%s: cannot be opened", full);
        return;
    }
    cf_buf_clear(ret);
    uint8_t piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
        assert_ok(cf_buf_append(ret, cf_view_make(piece, got)));
    }
    assert_int_equal(ferror(file), 0);
    (void)fclose(file);
}

static const json_t *member(const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);
    if (value == NULL) {
        fail_msg("a case has no member %s", name);
    }
    return value;
}

const char *vec_text(const json_t *o, const char *name)
{
    const json_t *value = member(o, name);
    assert_true(json_is_string(value));
    return json_string_value(value);
}

long long vec_int(const json_t *o, const char *name)
{
    const json_t *value = member(o, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

const json_t *vec_array(const json_t *o, const char *name)
{
    const json_t *value = member(o, name);
    assert_true(json_is_array(value));
    return value;
}

static uint8_t nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = c == 0 ? NULL : strchr(digits, c);
    if (at == NULL) {
        fail_msg("not a lower-case hexadecimal digit: %d", c);
        return 0;
    }
    return (uint8_t)(at - digits);
}

void vec_from_hex(const char *hex, cf_buf *ret)
{
    size_t len = strlen(hex);
    assert_int_equal(len % 2, 0);
    cf_buf_clear(ret);
    assert_ok(cf_buf_reserve(ret, len / 2 + 1));
    for (size_t i = 0; i < len; i += 2) {
        ret->data[ret->len] = (uint8_t)(nibble(hex[i]) << 4 | nibble(hex[i + 1]));
        ret->len++;
    }
}

void vec_hex(const json_t *o, const char *name, cf_buf *ret)
{
    vec_from_hex(vec_text(o, name), ret);
}

void vec_hex_opt(const json_t *o, const char *name, cf_buf *ret)
{
    if (vec_has(o, name)) {
        vec_hex(o, name, ret);
    } else {
        cf_buf_clear(ret);
    }
}

void vec_runs(const json_t *o, const char *name, cf_buf *ret)
{
    const json_t *part;
    size_t i;
    cf_buf_clear(ret);
    json_array_foreach(vec_array(o, name), i, part)
    {
        cf_buf piece = CF_BUF_EMPTY;
        if (json_is_string(part)) {
            vec_from_hex(json_string_value(part), &piece);
        } else {
            size_t count = (size_t)json_integer_value(json_array_get(part, 1));
            assert_true(json_array_size(part) == 2 && count > 0);
            assert_ok(cf_buf_reserve(&piece, count));
            memset(piece.data, (int)json_integer_value(json_array_get(part, 0)), count);
            piece.len = count;
        }
        assert_ok(cf_buf_append(ret, cf_buf_view(&piece)));
        cf_buf_free(&piece);
    }
}

bool vec_has(const json_t *o, const char *name)
{
    return json_object_get(o, name) != NULL;
}

bool vec_valid(const json_t *test)
{
    const char *result = vec_text(test, "result");
    bool valid = strcmp(result, "valid") == 0;
    assert_true(valid || strcmp(result, "invalid") == 0);
    return valid;
}

void vec_wycheproof(const char *path, vec_case_fn fn, void *ctx, size_t run, size_t skipped)
{
    json_t *root = vec_load(path);
    const json_t *groups = vec_array(root, "testGroups");
    size_t did_run = 0, did_skip = 0;
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const json_t *group = json_array_get(groups, g), *tests = vec_array(group, "tests");
        for (size_t i = 0; i < json_array_size(tests); i++) {
            bool done = fn(group, json_array_get(tests, i), ctx);
            did_run += done;
            did_skip += !done;
        }
    }
    assert_int_equal(did_run + did_skip, vec_int(root, "numberOfTests"));
    json_decref(root);
    assert_int_equal(did_run, run);
    assert_int_equal(did_skip, skipped);
}
