// RUN: lathe-opt %s --lathe-choose-clone-ranges=chips=h100 --verify-diagnostics
// RUN: not lathe-opt %s --lathe-choose-clone-ranges 2>&1 | FileCheck %s

// CHECK: chips are none, needed the names of GPUs, such as sm_90a
// expected-error @below {{h100}}
module {
}
