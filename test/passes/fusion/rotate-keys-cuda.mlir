// RUN: lathe-opt %s --lathe-form-fusions=target=cuda --lathe-launch-together=target=cuda --split-input-file | FileCheck %s

// Keys are rotated on their way into the cache, queries in the same launch.
// CHECK-LABEL: @rotated
// CHECK: lathe.fusion
// CHECK-NOT: lathe.fusion
// CHECK: %[[K:.*]] = lathe.rope
// CHECK-NEXT: lathe.append_kv %[[K]]
// CHECK: lathe.rope
// CHECK-NOT: lathe.fusion
// CHECK: return
func.func @rotated(%q: tensor<?x4x8xf32>, %k: tensor<?x2x8xf32>, %v: tensor<?x2x8xf32>, %p: tensor<?x1xi32>,
                   %slots: tensor<?xi32>, %s: !lathe.state<paged, 1x2x16xf16>)
    -> (tensor<?x4x8xf32>, !lathe.state<paged, 1x2x16xf16>) {
  %0 = lathe.rope %k, %p halves base 1.0e+04 dimensions 8 : tensor<?x2x8xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %s, %slots layer 0 :
      tensor<?x2x8xf32>, tensor<?x2x8xf32>, <paged, 1x2x16xf16>, tensor<?xi32>
  %2 = lathe.rope %q, %p halves base 1.0e+04 dimensions 8 : tensor<?x4x8xf32>, tensor<?x1xi32>
  return %2, %1 : tensor<?x4x8xf32>, !lathe.state<paged, 1x2x16xf16>
}

// -----

// Others read the rotated keys.
// CHECK-LABEL: @second_reader
// CHECK-COUNT-2: lathe.fusion
func.func @second_reader(%k: tensor<?x2x8xf32>, %v: tensor<?x2x8xf32>, %p: tensor<?x1xi32>, %slots: tensor<?xi32>,
                         %s: !lathe.state<paged, 1x2x16xf16>)
    -> (tensor<?x2x8xf32>, !lathe.state<paged, 1x2x16xf16>) {
  %0 = lathe.rope %k, %p halves base 1.0e+04 dimensions 8 : tensor<?x2x8xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %s, %slots layer 0 :
      tensor<?x2x8xf32>, tensor<?x2x8xf32>, <paged, 1x2x16xf16>, tensor<?xi32>
  return %0, %1 : tensor<?x2x8xf32>, !lathe.state<paged, 1x2x16xf16>
}

// -----

// Keys and values alone are a launch of their own.
// CHECK-LABEL: @not_rotated
// CHECK: lathe.fusion
// CHECK: lathe.append_kv
// CHECK-NOT: lathe.fusion
// CHECK: return
func.func @not_rotated(%k: tensor<?x2x8xf32>, %v: tensor<?x2x8xf32>, %slots: tensor<?xi32>,
                       %s: !lathe.state<paged, 1x2x16xf16>) -> !lathe.state<paged, 1x2x16xf16> {
  %1 = lathe.append_kv %k, %v, %s, %slots layer 0 :
      tensor<?x2x8xf32>, tensor<?x2x8xf32>, <paged, 1x2x16xf16>, tensor<?xi32>
  return %1 : !lathe.state<paged, 1x2x16xf16>
}
