// RUN: lathe-opt %s --lathe-clone-by-token-count=boundaries=8,1 --verify-diagnostics

// expected-error @below {{boundaries are [8, 1], needed ascending token counts}}
module {
}
