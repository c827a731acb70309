/* SPDX-License-Identifier: Apache-2.0 */
/* The service on a folder of its own, with a clock that stands still until a test moves it. Requests are JSON with ' for "; "%s" in
 * them is the key of the test. */
#pragma once
#include "core/codec/json.h"
#include "host/kmsd/kmsd.h"
#include "host/kmsd/limits.h"
#include "sys/linux/file.h"
#include "tests/unit/host/kmsd/folder.h"

#define RIG_START_MS UINT64_C(1800000000000)
#define DAY_MS UINT64_C(86400000)

static cf_kmsd *rig;
static uint64_t rig_now_ms;
static size_t rig_keys_bytes_max; /* of the next one that is opened */

static inline uint64_t rig_clock(void)
{
    return rig_now_ms;
}

static inline void rig_open(void)
{
    cf_kmsd_options o = {.state = folder,
                         .attestation_root = in_folder("root.der"),
                         .region = "us-east-1",
                         .account = "000000000000",
                         .clock_ms = rig_clock,
                         .keys_bytes_max = rig_keys_bytes_max};
    assert_ok(cf_kmsd_new(&o, &rig));
}

static inline int rig_setup(void **state)
{
    rig_now_ms = RIG_START_MS;
    rig_keys_bytes_max = 0;
    if (make_folder(state) != 0) {
        return 1;
    }
    assert_ok(cf_file_write(in_folder("root.der"), CF_LIT("\x30\x00"), 0600));
    rig_open();
    return 0;
}

static inline int rig_teardown(void **state)
{
    cf_kmsd_free(&rig);
    return remove_folder(state);
}

static inline void rig_restart(void)
{
    cf_kmsd_free(&rig);
    rig_open();
}

/* By whom; NULL: the local caller. The answer's object, empty for an empty body, is the caller's to drop. */
static inline json_t *rig_call_as(const char *arn, const char *op, const char *request,
                                  const char *want_exception)
{
    char target[80];
    cf_kmsd_answer a;
    json_t *j = NULL;
    cf_kmsd_caller caller = cf_kmsd_local_caller(rig);
    caller.arn = arn != NULL ? arn : caller.arn;
    (void)snprintf(target, sizeof target, "TrentService.%s", op);
    cf_kmsd_dispatch(rig, &caller, cf_view_str(target), quoted(request), "test", &a);
    if (strcmp(a.exception, want_exception) != 0) {
        fail_msg("%s %s: %s %.*s", op, request, a.exception, (int)a.body.len,
                 (const char *)a.body.data);
    }
    if (a.body.len > 0) {
        assert_ok(cf_json_parse(cf_buf_view(&a.body), CF_KMSD_BODY_BYTES_MAX, &j));
    } else {
        j = json_object();
    }
    cf_buf_free(&a.body);
    return j;
}

__attribute__((format(printf, 3, 4))) static inline json_t *rig_call(const char *op,
                                                                     const char *want_exception,
                                                                     const char *format, ...)
{
    char request[16384];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(request, sizeof request, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof request);
    return rig_call_as(NULL, op, request, want_exception);
}

#define RIG_REFUSED(op, exception, ...) json_decref(rig_call(op, exception, __VA_ARGS__))
#define RIG_OK(op, ...) json_decref(rig_call(op, "", __VA_ARGS__))

static inline const char *rig_text(const json_t *j, const char *name)
{
    const char *value = json_string_value(json_object_get(j, name));
    if (value == NULL) {
        fail_msg("no member %s", name);
    }
    return value;
}

/* The id of a new key; the caller's until the next call but three. */
static inline const char *rig_create(const char *members)
{
    static char ids[4][64];
    static unsigned turn;
    char *id = ids[turn++ % 4];
    json_t *a = rig_call("CreateKey", "", "{%s}", members);
    (void)snprintf(id, 64, "%s", rig_text(json_object_get(a, "KeyMetadata"), "KeyId"));
    json_decref(a);
    return id;
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
