/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on tags. */
#include "host/kmsd/ops.h"

#define LIST_DEFAULT 50

static cf_view text_at(const json_t *list, size_t i, const char *name)
{
    return cf_in_text(json_array_get(list, i), name);
}

/* "aws:" in any case begins the names that the service keeps for itself. */
static bool is_reserved(cf_view name)
{
    return cf_policy_eq_fold(cf_view_sub(name, 0, 4), CF_LIT("aws:"));
}

static cf_result check_tags(cf_kmsd_call *c, const json_t *tags)
{
    for (size_t i = 0; i < json_array_size(tags); i++) {
        cf_view name = text_at(tags, i, "TagKey");
        if (is_reserved(name)) {
            return cf_kmsd_refuse(c, CF_KX_TAG, "Tags beginning with aws: are reserved");
        }
        for (size_t j = 0; j < i; j++) {
            if (cf_view_eq(name, text_at(tags, j, "TagKey"))) {
                return cf_kmsd_refuse(c, CF_KX_TAG, "Duplicate tag keys");
            }
        }
    }
    return cf_ok();
}

CF_MUST_USE cf_result cf_kmsd_take_tags(cf_kmsd_call *c, cf_keyfile *k)
{
    const json_t *tags = json_object_get(c->in, "Tags");
    if (json_array_size(tags) > CF_KMSD_TAGS_MAX) {
        return cf_kmsd_refuse(c, CF_KX_TAG, "Too many tags");
    }
    CF_TRY(check_tags(c, tags));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        cf_result r =
            cf_keyfile_set_tag(k, text_at(tags, i, "TagKey"), text_at(tags, i, "TagValue"));
        if (r.code == CF_ERR_LIMIT) {
            return cf_kmsd_refuse(c, CF_KX_TAG, "Too many tags");
        }
        CF_TRY(r);
    }
    return cf_ok();
}

cf_result cf_op_tag(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_begin_change(c, &k));
    CF_TRY(cf_kmsd_need_staying(c, &c->target));
    CF_TRY(cf_kmsd_take_tags(c, &k));
    return cf_kmsd_end_change(c, &k);
}

cf_result cf_op_untag(cf_kmsd_call *c)
{
    CF_AUTO(cf_keyfile_clear) cf_keyfile k = {.created_ms = 0};
    CF_TRY(cf_kmsd_begin_change(c, &k));
    CF_TRY(cf_kmsd_need_staying(c, &c->target));
    const json_t *names = json_object_get(c->in, "TagKeys");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *j = json_array_get(names, i);
        cf_keyfile_drop_tag(&k, cf_view_make(json_string_value(j), json_string_length(j)));
    }
    return cf_kmsd_end_change(c, &k);
}

cf_result cf_op_list_tags(cf_kmsd_call *c)
{
    CF_AUTO(cf_kmsd_page_clear) cf_kmsd_page page = {.max = 0};
    cf_view last = CF_VIEW_EMPTY;
    size_t at = 0, n = 0;
    CF_TRY(cf_kmsd_find_key(c, CF_NAME_KEY));
    CF_TRY(cf_kmsd_authorise(c));
    CF_TRY(cf_kmsd_read_page(c, LIST_DEFAULT, &page));
    const cf_keyfile *k = cf_kmsd_file(c);
    while (at < k->tags_n && page.after.len > 0 &&
           cf_view_cmp(cf_buf_view(&k->tags[at].name), cf_buf_view(&page.after)) <= 0) {
        at++;
    }
    cf_kms_body_name(&c->out, "Tags");
    cf_kms_body_open(&c->out, '[');
    for (; at < k->tags_n && n < page.max; at++) {
        last = cf_buf_view(&k->tags[at].name);
        cf_kms_body_open(&c->out, '{');
        cf_kmsd_put_view(c, "TagKey", last);
        cf_kmsd_put_view(c, "TagValue", cf_buf_view(&k->tags[at].value));
        cf_kms_body_close(&c->out, '}');
        n++;
    }
    cf_kms_body_close(&c->out, ']');
    return cf_kmsd_end_page(c, at < k->tags_n, last);
}
