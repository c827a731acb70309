/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core/policy/lint.h"
#include "core/policy/policy_priv.h"

/** What a permission is worth to someone who wants plaintext. */
typedef enum {
    CF_ACTION_OPENS,      /* gives what is sealed under the key; takes a Recipient */
    CF_ACTION_MAKES,      /* gives new keys in plaintext; takes a Recipient */
    CF_ACTION_MOVES,      /* seals it anew under another key; takes no Recipient */
    CF_ACTION_GRANT,      /* gives others any of these */
    CF_ACTION_REPLICATES, /* makes the key again under another policy */
    CF_ACTION_POLICY,     /* changes the policy */
    CF_ACTION_OTHER,
} cf_action_kind;

typedef struct {
    const char *name;
    cf_action_kind kind;
} cf_policy_action;

extern const cf_policy_action cf_policy_actions[]; /* in order of names */
extern const size_t cf_policy_actions_n;

/** What someone who wants plaintext can bring: a document whose registers are those of an enclave of their own, and of what the
 *  policy wants no more than what the name says. */
typedef enum {
    CF_SCENE_NO_DOCUMENT,
    CF_SCENE_FOREIGN, /* an image of their own, on a machine of their own */
    CF_SCENE_PARENT,  /* an image of their own, on the machine and under the role that are wanted */
    CF_SCENE_KERNEL,  /* the same with the kernel that is wanted: PCR1 */
    CF_SCENE_APPLICATION, /* with the application that is wanted, under another kernel: PCR2 */
    CF_SCENE_SIGNER,      /* another image of the signer that is wanted: PCR8 */
    CF_SCENE_DEBUG,       /* debug mode on the parent that is wanted: PCR3 and PCR4, else zeros */
    CF_SCENE_WANTED,      /* the very enclave that the policy wants */
} cf_scene;

/** True if everyone whom who means (a principal of a policy) is also meant by p. */
bool cf_principal_includes(cf_view p, cf_view who);
/** True if somebody may go by both names: the same, one that includes the other's, or a role and a session of it. */
bool cf_principal_meets(cf_view p, cf_view who);
/** True if p is an account as a whole. */
bool cf_principal_is_account(cf_view p);

/** True if the conditions of an Allow on registers hold in the scene; what else it asks for is taken for granted. */
bool cf_scene_allows(const cf_statement *s, cf_scene scene);
/** True if a Deny applies in the scene for certain: it asks for nothing but registers, and all of it is understood. */
bool cf_scene_denies(const cf_statement *s, cf_scene scene);
