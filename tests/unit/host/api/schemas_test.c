/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas that were added to the built-in one: their patterns hold for what callers send, and a folder with a faulty one is refused. */
#include <unistd.h>

#include "tests/unit/host/api/world.h"

#define PLATE                                                                                      \
    "{\"$id\":\"plate\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":"        \
    "{\"plate\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{2} ?\\\\d{1,6}$\"}}}"

static int set_up(void **state)
{
    static world w;
    world_open(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

/* Created and changed values are held to it, and a refusal does not repeat them. */
static void test_pattern(void **state)
{
    world *w = *state;
    char id[CF_VAULT_ID_BYTES + 1];
    ANSWER(a);
    assert_ok(cf_schemas_add(w->schemas, CF_LIT(PLATE), NULL));
    world_do(w, "POST", "/v1/vaults?schema=plate", "{\"plate\":\"UR 0123456x\"}", &a);
    assert_int_equal(a.status, 422);
    world_assert_fault(&a, 0, "plate", "bad_value");
    assert_null(memmem(a.body.data, a.body.len, "0123456x", 8));
    world_do(w, "POST", "/v1/vaults?schema=plate", "{\"plate\":\"UR 123\"}", &a);
    assert_int_equal(a.status, 200);
    (void)snprintf(id, sizeof id, "%s", WORLD_TEXT(a.json, "id"));
    world_do(w, "PATCH", world_path(id, ""), "{\"plate\":\"ur 123\"}", &a);
    assert_int_equal(a.status, 422);
    world_assert_fault(&a, 0, "plate", "bad_value");
    world_do(w, "PATCH", world_path(id, ""), "{\"plate\":\"ZH 9\"}", &a);
    assert_int_equal(a.status, 200);
    world_do(w, "GET", "/v1/schemas/plate", NULL, &a);
    assert_int_equal(a.status, 200);
    assert_view(cf_buf_view(&a.body), CF_LIT(PLATE));
}

static void write_file(const char *folder, const char *name, const char *text, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_folder(void **state)
{
    world *w = *state;
    char folder[] = "/tmp/cf-schemas-XXXXXX", good[128], bad[128];
    assert_non_null(mkdtemp(folder));
    write_file(folder, "plate.json", PLATE, good);
    assert_ok(cf_schemas_add_folder(w->schemas, folder));
    assert_non_null(cf_schemas_find(w->schemas, CF_LIT("plate"), NULL));
    assert_int_equal(unlink(good), 0);
    write_file(folder, "bad.json",
               "{\"$id\":\"bad\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":"
               "{\"f\":{\"type\":\"string\",\"pattern\":\"a(\"}}}",
               bad);
    assert_err(cf_schemas_add_folder(w->schemas, folder), PATTERN);
    assert_null(cf_schemas_find(w->schemas, CF_LIT("bad"), NULL));
    assert_int_equal(unlink(bad), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pattern, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
