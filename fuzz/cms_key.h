/* SPDX-License-Identifier: Apache-2.0 */
/* The throw-away key of tests/vectors/cms/manifest.json (PKCS#8, base64), to which its messages open. */
#pragma once

static const char cms_key_pkcs8[] =
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC/Q4kHy4MevKnoxrppGsXfZvJcPWygVjbT6d53R7"
    "MqsJfIRHL4DP3jBMo3fadW93y1vMUtIfd98LJxz4MHWOIQXGa3Ug1sTHJtFl+xIGiqZxrXPWz/gZiLFbR9FS/Liw4F"
    "cMjWU45DHbQXS09f0itj8Kk7wJH/7olGoXN0lR7h8SxlKaNWzjtwyj9YyAA0UM2bZ7bCotL5UiuRWJqio4cbRp05IN"
    "AqAdF5S6xOVC2B7Mg8jJotRxTwoVrtn94a2QyP0RoiZ1iG5BC/C5CRJarI8/naQj84c450Te/HaJOQAd65c3M8Lr8F"
    "vc3ag3jWdwtv9l71BmXexNPglEMWOCYxAgMBAAECggEAAl4wTj7GZe0lR97c/DPjBwHn5n0ysPX8SgmbUdv7A4Bp8q"
    "ZpS3mis4qxw7fcKGMaQcg/YzCIV0Bxfx/38fF3ZAc21NZw2NpF8OSN5PwfG5v47LkDllK5DCDFyiYm4DTdpLLZo7Cn"
    "YlyV6BNsPUYVeDBosfcPf60I+U1CqAr4FclAfGyuh786X++f2Sr8jwkfHAf0eayPAGI+Gjl5itM3xXufCQj/+J9nkj"
    "Epsh/aqS4QJqe5cSiZ8keiy38mXrf0W+gl8CQRI8VA/LzLqYe94Qen8c12Z2J5g5HB4lrT3XYFrtuCZdvuTcq/nDvX"
    "EDeUdZkQ7x6RUUKNEYLddC1LWQKBgQDopNYo9TVUraxueclhKwq+5lltE4WKJOl/ItgYgf3+pIxFugc/XmF9eip7eB"
    "mEmlmfnO7Bs0/m246M8ymordCNES4AzVggujzYvKy8w84LXB+SIjE+QwLotveDNmoQNw1UYmfF/KiaQd58IACsrhxw"
    "RKyNwrRs9NEVOf70l4O6WQKBgQDSdzE4OYY/aMLv5Xmt0aWcwjVKjOjuxMr14LupbsXDjyy1tPZ2c2aHKIGnsePNsM"
    "1OVmC5PPB7TWf4QTuu+ssvW8VDSIQlRltV0/rDIoWZG6cY+NDFX/baBamTnYIrs4sS6qU2QxaO3X3HBsM58DnlD8Bw"
    "tYixx8zBCXBc9LUfmQKBgQC1inPIMFj2hDQrXYPk/FZ9U3lzIamyfE1tNX6V2VKgFD2V563iKD9BUES4ZqbbECth32"
    "983fU6/BfIK7RVeZVlj4NrgtIDb/EtXEYbY1x1BuVn/qCYqmgpuyV4Uc0AbEVNlSDPofLbtQztpXeBSLjObviMAuUS"
    "pRRHUSOAMH/NuQKBgQClnyB/g10uxw0oZagEbgdqvbXcLdkcFIc3SJvFMKO2ShRABeExw4x6bhjh025WLnzR2c2R1+"
    "/SyE46IXOLNlbwtMIeOZGsF5rGhuM97gu+OfGcCCmaOPN0DKKuxHNsWoTl5PsQIWk+EfTpy1uUW4PjyyqAR4sDhByQ"
    "CBKBRBzIeQKBgHFdSWeK6sF6yPobPjXRKPNiuP2oNHeNtx3CEs2YrnUpUi0TmcPSoAgVKBrDnis7K6V10IEehV6oqZ"
    "HmO3cjTOIbI4JdP+/MCQQI6V85BoWxpspVPaRK8TdtTCTMzBUlP/pmVi8WYybcib8/C0yKFzIc3Xtjww4A6g+XpdQP"
    "G66G";
