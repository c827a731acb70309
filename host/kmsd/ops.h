/* SPDX-License-Identifier: Apache-2.0 */
/* The operations. Each is one of the service's, by its members and its answer: routes.c names them. */
#pragma once
#include "host/kmsd/call.h"

extern const cf_kmsd_op cf_kmsd_ops[]; /* ends with a NULL name */
/** What the local caller alone may do, under a prefix of its own: docs/formats/kms-principals.md section 3. Ends with a NULL name. */
#define CF_KMSD_ADMIN_PREFIX "CofferKms."
extern const cf_kmsd_op cf_kmsd_admin_ops[];

/* ops_key.c */
cf_result cf_op_create_key(cf_kmsd_call *c);
cf_result cf_op_describe_key(cf_kmsd_call *c);
cf_result cf_op_list_keys(cf_kmsd_call *c);
cf_result cf_op_update_description(cf_kmsd_call *c);
cf_result cf_op_get_public_key(cf_kmsd_call *c);
cf_result cf_op_list_key_stores(cf_kmsd_call *c);
cf_result cf_op_unsupported(cf_kmsd_call *c);

/* ops_policy.c */
cf_result cf_op_get_key_policy(cf_kmsd_call *c);
cf_result cf_op_list_key_policies(cf_kmsd_call *c);
cf_result cf_op_put_key_policy(cf_kmsd_call *c);
/** A policy that the caller gives, or the default one, appended once it is one that can be. Refuses by MalformedPolicyDocument,
 *  LimitExceeded. */
CF_MUST_USE cf_result cf_kmsd_take_policy(cf_kmsd_call *c, cf_buf *ret);

/* ops_state.c */
cf_result cf_op_enable(cf_kmsd_call *c);
cf_result cf_op_disable(cf_kmsd_call *c);
cf_result cf_op_schedule_deletion(cf_kmsd_call *c);
cf_result cf_op_cancel_deletion(cf_kmsd_call *c);
/** The key as it is, to be changed; to be put in its place. */
CF_MUST_USE cf_result cf_kmsd_begin_change(cf_kmsd_call *c, cf_keyfile *ret);
CF_MUST_USE cf_result cf_kmsd_end_change(cf_kmsd_call *c, cf_keyfile *k);

/* ops_rotate.c */
cf_result cf_op_enable_rotation(cf_kmsd_call *c);
cf_result cf_op_disable_rotation(cf_kmsd_call *c);
cf_result cf_op_rotation_status(cf_kmsd_call *c);
cf_result cf_op_rotate(cf_kmsd_call *c);
cf_result cf_op_list_rotations(cf_kmsd_call *c);

/* ops_tag.c */
cf_result cf_op_tag(cf_kmsd_call *c);
cf_result cf_op_untag(cf_kmsd_call *c);
cf_result cf_op_list_tags(cf_kmsd_call *c);
/** Sets the tags of the request's member Tags. Refuses by TagException. */
CF_MUST_USE cf_result cf_kmsd_take_tags(cf_kmsd_call *c, cf_keyfile *k);

/* ops_alias.c */
cf_result cf_op_create_alias(cf_kmsd_call *c);
cf_result cf_op_update_alias(cf_kmsd_call *c);
cf_result cf_op_delete_alias(cf_kmsd_call *c);
cf_result cf_op_list_aliases(cf_kmsd_call *c);

/* ops_grant.c */
cf_result cf_op_create_grant(cf_kmsd_call *c);
cf_result cf_op_list_grants(cf_kmsd_call *c);
cf_result cf_op_list_retirable_grants(cf_kmsd_call *c);
cf_result cf_op_revoke_grant(cf_kmsd_call *c);
cf_result cf_op_retire_grant(cf_kmsd_call *c);

/* ops_data.c */
cf_result cf_op_encrypt(cf_kmsd_call *c);
cf_result cf_op_decrypt(cf_kmsd_call *c);
cf_result cf_op_reencrypt(cf_kmsd_call *c);

/* ops_datakey.c */
cf_result cf_op_data_key(cf_kmsd_call *c);
cf_result cf_op_data_key_without(cf_kmsd_call *c);
cf_result cf_op_pair(cf_kmsd_call *c);
cf_result cf_op_pair_without(cf_kmsd_call *c);
cf_result cf_op_random(cf_kmsd_call *c);

/* ops_sign.c */
cf_result cf_op_sign(cf_kmsd_call *c);
cf_result cf_op_verify(cf_kmsd_call *c);
cf_result cf_op_generate_mac(cf_kmsd_call *c);
cf_result cf_op_verify_mac(cf_kmsd_call *c);
cf_result cf_op_derive(cf_kmsd_call *c);
