/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sys/linux/file.h"
#include "sys/nsm/soft_priv.h"

/* 2020-01-01 to 2049-12-31, UTC. Fixed, so that no jump of the clock makes the root of a folder invalid. */
#define ROOT_NOT_BEFORE_S ((int64_t)1577836800)
#define ROOT_NOT_AFTER_S ((int64_t)2524607999)
#define ROOT_PATH_LEN 3
#define KEY_FILE_BYTES_MAX 1024
#define PATH_BYTES_MAX 4096

CF_MUST_USE static cf_result join(const char *folder, const char *name,
                                  char ret[static PATH_BYTES_MAX])
{
    int n = snprintf(ret, PATH_BYTES_MAX, "%s/%s", folder, name);
    CF_REQUIRE(n > 0 && n < PATH_BYTES_MAX, ARGUMENT);
    return cf_ok();
}

static cf_result key_from_file(const char *path, cf_dh_key **ret)
{
    CF_BUF(der);
    CF_TRY(cf_file_check_secret(path)); /* whoever has it signs what enclaves only may say */
    CF_TRY(cf_file_read(path, KEY_FILE_BYTES_MAX, &der));
    cf_curve curve = CF_X25519;
    CF_TRY(cf_dh_from_pkcs8(cf_buf_view(&der), &curve, ret));
    if (curve != CF_P384) {
        cf_dh_free(ret);
        return cf_fail(CF_ERR_KEY);
    }
    return cf_ok();
}

/* Makes the key unless it is there; when two processes start at once, the file of the first one counts. */
static cf_result key_create(const char *path, cf_dh_key **ret)
{
    CF_AUTO(cf_dh_free) cf_dh_key *key = NULL;
    CF_BUF(der);
    CF_TRY(cf_dh_generate(CF_P384, &key));
    CF_TRY(cf_dh_to_pkcs8(key, &der));
    cf_result r = cf_file_create(path, cf_buf_view(&der), 0600);
    if (r.code != CF_ERR_EXISTS) {
        CF_TRY(r);
    }
    return key_from_file(path, ret);
}

static cf_result cert_create(const char *path, const cf_dh_key *key, cf_buf *out)
{
    CF_BUF(der);
    cf_cert_spec spec = {.subject_cn = CF_LIT(CF_SOFT_ROOT_CN),
                         .path_len = ROOT_PATH_LEN,
                         .not_before_s = ROOT_NOT_BEFORE_S,
                         .not_after_s = ROOT_NOT_AFTER_S};
    CF_TRY(cf_cert_make(&spec, cf_dh_public_view(cf_dh_public_of(key)), key, &der));
    cf_result r = cf_file_create(path, cf_buf_view(&der), 0644);
    if (r.code != CF_ERR_EXISTS) {
        CF_TRY(r);
    }
    return cf_file_read(path, CF_ATTEST_CERT_BYTES_MAX, out);
}

/* A certificate that the key did not sign would make documents that nobody can verify; better to know at once. */
static cf_result check_pair(const cf_soft_root *root)
{
    static const char probe_cn[] = "probe." CF_SOFT_ROOT_CN;
    CF_BUF(probe);
    cf_cert_spec spec = {.subject_cn = cf_view_str(probe_cn),
                         .issuer_cn = CF_LIT(CF_SOFT_ROOT_CN),
                         .path_len = -1,
                         .not_before_s = ROOT_NOT_BEFORE_S,
                         .not_after_s = ROOT_NOT_AFTER_S};
    cf_view pub = cf_dh_public_view(cf_dh_public_of(root->key));
    CF_TRY(cf_cert_make(&spec, pub, root->key, &probe));
    cf_view cert = cf_buf_view(&root->cert);
    cf_dh_public seen;
    cf_result r = cf_chain_verify(cert, &cert, 1, cf_buf_view(&probe),
                                  (uint64_t)ROOT_NOT_BEFORE_S * 1000, &seen);
    return r.code == CF_ERR_CHAIN ? cf_fail(CF_ERR_KEY) : r;
}

static cf_result open_root(const char *folder, cf_soft_root *root)
{
    char key_path[PATH_BYTES_MAX], cert_path[PATH_BYTES_MAX];
    CF_TRY(join(folder, "nsm-root.key", key_path));
    CF_TRY(join(folder, "nsm-root.der", cert_path));
    cf_result cert = cf_file_read(cert_path, CF_ATTEST_CERT_BYTES_MAX, &root->cert);
    cf_result key = key_from_file(key_path, &root->key);
    if (key.code == CF_ERR_NOT_FOUND) {
        /* Somebody pins that certificate; a new key behind its back would only look like it. */
        CF_REQUIRE(cert.code == CF_ERR_NOT_FOUND, STATE);
        key = key_create(key_path, &root->key);
    }
    CF_TRY(key);
    if (cert.code == CF_ERR_NOT_FOUND) {
        cert = cert_create(cert_path, root->key, &root->cert);
    }
    CF_TRY(cert);
    return check_pair(root);
}

CF_MUST_USE cf_result cf_soft_root_open(const char *folder, cf_soft_root **ret)
{
    *ret = NULL;
    CF_AUTO(cf_soft_root_free) cf_soft_root *root = cf_mem_new(1, sizeof *root);
    CF_REQUIRE(root != NULL, NO_MEMORY);
    CF_TRY(open_root(folder, root));
    *ret = root;
    root = NULL;
    return cf_ok();
}

void cf_soft_root_free(cf_soft_root **r)
{
    if (*r != NULL) {
        cf_dh_free(&(*r)->key);
        cf_buf_free(&(*r)->cert);
        cf_mem_free(*r);
        *r = NULL;
    }
}

cf_view cf_soft_root_cert(const cf_soft_root *r)
{
    return cf_buf_view(&r->cert);
}
