# SPDX-License-Identifier: Apache-2.0
# The checks of tools/, each a test, and each with a self-test that shows it fails on a tree that breaks its rule.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
