/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/interop/re2_peer.h"

#include <re2/re2.h>

#include <cstdint>
#include <vector>

struct re2_peer {
    re2::RE2 re;
};

extern "C" re2_peer *re2_peer_new(const char *pattern, size_t len, bool *ret_size)
{
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto *peer = new re2_peer{re2::RE2(re2::StringPiece(pattern, len), options)};
    *ret_size = peer->re.error_code() == re2::RE2::ErrorPatternTooLarge;
    if (peer->re.ok()) {
        return peer;
    }
    delete peer;
    return nullptr;
}

extern "C" void re2_peer_free(re2_peer *peer)
{
    delete peer;
}

extern "C" size_t re2_peer_groups(const re2_peer *peer)
{
    return static_cast<size_t>(peer->re.NumberOfCapturingGroups());
}

extern "C" bool re2_peer_find(const re2_peer *peer, const char *text, size_t len, size_t start,
                              size_t *spans, size_t groups)
{
    std::vector<re2::StringPiece> found(groups);
    if (!peer->re.Match(re2::StringPiece(text, len), start, len, re2::RE2::UNANCHORED, found.data(),
                        static_cast<int>(groups))) {
        return false;
    }
    for (size_t i = 0; i < groups; i++) {
        bool part = found[i].data() != nullptr;
        spans[2 * i] = part ? static_cast<size_t>(found[i].data() - text) : SIZE_MAX;
        spans[2 * i + 1] = part ? spans[2 * i] + found[i].size() : SIZE_MAX;
    }
    return true;
}
