/* SPDX-License-Identifier: Apache-2.0 */
/* What is due by the clock. */
#include "host/kmsd/kmsd_priv.h"
#include "sys/linux/lock.h"
#include "sys/linux/log.h"

/* Aliases and grants first: whatever stops this, the key is still due at the next start, and nothing is left that names no key. */
static cf_result destroy(cf_kmsd *d, const cf_uuid *id)
{
    cf_alias alias;
    bool more;
    while (cf_aliases_list(d->aliases, id, CF_VIEW_EMPTY, 1, &alias, &more) > 0) {
        CF_TRY(cf_aliases_remove(d->aliases, cf_view_str(alias.name)));
    }
    CF_TRY(cf_grants_remove_all(d->grants, id));
    return cf_keys_destroy(d->keys, id);
}

/* The next period is counted from when this rotation was due, not from when it came; a service that was off for long rotates once. */
static cf_result rotate(cf_kmsd *d, const cf_key *key, uint64_t now_ms)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_AUTO(cf_material_clear) cf_material m = {.created_ms = 0};
    CF_TRY(cf_keyfile_copy(cf_key_file(key), &k));
    CF_TRY(cf_material_make(k.spec, now_ms, CF_MATERIAL_AUTOMATIC, &m));
    CF_TRY(cf_keyfile_add_material(&k, &m));
    while (cf_keyfile_rotation_due_ms(&k) <= now_ms) {
        k.rotation_from_ms = cf_keyfile_rotation_due_ms(&k);
    }
    return cf_keys_replace(d->keys, &k);
}

/* One key, looked at again under the lock. */
static void attend(cf_kmsd *d, const cf_uuid *id, uint64_t now_ms)
{
    CF_AUTO(cf_unlock) CF_HELD pthread_mutex_t *held = cf_hold(&d->change);
    CF_AUTO(cf_key_release) const cf_key *key = cf_keys_find(d->keys, id, 0);
    if (key == NULL) {
        return;
    }
    const cf_keyfile *k = cf_key_file(key);
    bool goes = k->delete_ms != 0 && k->delete_ms <= now_ms;
    uint64_t due_ms = cf_keyfile_rotation_due_ms(k);
    if (!goes && (k->delete_ms != 0 || !k->enabled || due_ms == 0 || due_ms > now_ms)) {
        return; /* changed since */
    }
    cf_result r = goes ? destroy(d, id) : rotate(d, key, now_ms);
    cf_log(cf_is_ok(r) ? CF_LOG_INFO : CF_LOG_ERROR, goes ? "key.destroyed" : "key.rotated",
           "key=%s code=%s", id->text, cf_err_code(r.code));
    if (cf_is_ok(r)) {
        char arn[CF_KMSD_ARN_BYTES_MAX];
        cf_kmsd_key_arn(&d->names, id, arn);
        const cf_audit_entry e = {.at_ms = now_ms,
                                  .caller = "service",
                                  .operation = goes ? "DeleteKey" : "RotateKey",
                                  .key = arn,
                                  .outcome = "ok"};
        cf_ignore(cf_audit_append(d->audit, &e, true));
    }
}

void cf_kmsd_upkeep(cf_kmsd *d)
{
    cf_uuid id, last;
    uint64_t now_ms = d->clock_ms();
    for (bool due = cf_keys_due(d->keys, now_ms, NULL, &id); due;
         due = cf_keys_due(d->keys, now_ms, &last, &id)) {
        last = id;
        attend(d, &id, now_ms);
    }
    cf_result r = cf_audit_sync(d->audit);
    if (!cf_is_ok(r)) {
        cf_log(CF_LOG_ERROR, "audit.failed", "code=%s", cf_err_code(r.code));
    }
}
