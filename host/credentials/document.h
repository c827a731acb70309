/* SPDX-License-Identifier: Apache-2.0 */
/* What sources answer, as texts: JSON of instance metadata and containers, JSON and XML of STS, and files of our own form. Pure. */
#pragma once
#include "host/credentials/creds.h"

/** A file {"AccessKeyId", "SecretAccessKey", "Token"?, "Expiration"?} and nothing else.
 *  error those of cf_json_parse, cf_json_get_str and cf_creds_set; UNKNOWN_MEMBER; MALFORMED or RANGE a time that is none */
CF_MUST_USE cf_result cf_creds_of_file(cf_view text, cf_creds *ret);

/** What instance metadata and containers answer: the members above, all of them, and others that are not looked at. A "Code" other than
 *  "Success" is how a failure comes with status 200.
 *  error NOT_PERMITTED that; else as above */
CF_MUST_USE cf_result cf_creds_of_document(cf_view text, cf_creds *ret);

/** The answer of STS to AssumeRoleWithWebIdentity, as JSON or XML by its first octet.
 *  error as above, and those of cf_creds_xml_walk; MISSING an element; DUPLICATE one twice */
CF_MUST_USE cf_result cf_creds_of_sts(cf_view text, cf_creds *ret);
/** True if an answer of STS that is an error tells one that passes by itself. */
bool cf_creds_sts_passes(cf_view text);

/** An element without elements inside. stack: the names of those that are open, it last. */
typedef cf_result cf_creds_xml_leaf(void *ctx, const cf_view *stack, size_t depth, cf_view text);
/** Calls leaf for each, in order. Takes elements, attributes that it does not look at, text without references, and one prolog in
 *  front; all else of XML is refused rather than understood.
 *  error TRUNCATED, TRAILING, MALFORMED; DEPTH over CF_CREDS_XML_DEPTH_MAX; UNSUPPORTED a document type, comment, section or
 *        reference; those of leaf */
CF_MUST_USE cf_result cf_creds_xml_walk(cf_view text, cf_creds_xml_leaf *leaf, void *ctx);
