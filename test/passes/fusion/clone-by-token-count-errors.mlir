// RUN: lathe-opt %s --lathe-clone-by-token-count=boundaries=8,1 --verify-diagnostics
// RUN: not lathe-opt %s --lathe-clone-by-token-count=batches=8,1 2>&1 | FileCheck %s
// CHECK: boundaries are [8, 1], needed ascending batches

// expected-error @below {{boundaries are [8, 1], needed ascending token counts}}
module {
}
