// DEFINE: %{chosen} = --lathe-form-fusions=target=cuda --lathe-launch-together=target=cuda --lathe-choose-kernels=target=cuda
// RUN: lathe-opt %s %{chosen} --lathe-rotate-in-attention --split-input-file -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-rotate-in-attention --split-input-file | diff %t.once -
// RUN: lathe-opt %s %{chosen} --lathe-rotate-in-attention --split-input-file --remarks-filter=fusion -o /dev/null 2>&1 \
// RUN:   | grep rotate | FileCheck %s --check-prefix=REMARK

// One token a step: queries and keys are rotated, keys and values appended, and attended to in one launch.
// CHECK-LABEL: @decode
// CHECK: lathe.fusion({{.*}}) kernel <"paged_attention", {variant = "few_rows"}, "at most 8 rows: bound by reading the pages once; rotates its queries and keys">
// CHECK-DAG: %[[K:.*]] = lathe.rope %{{.*}}, %{{.*}} : tensor<?x1x16xf32>
// CHECK-DAG: %[[S:.*]] = lathe.append_kv %[[K]]
// CHECK-DAG: %[[Q:.*]] = lathe.rope %{{.*}}, %{{.*}} : tensor<?x2x16xf32>
// CHECK-DAG: %[[H:.*]] = lathe.cast %[[Q]]
// CHECK: lathe.paged_attention %[[H]], %[[S]]
// CHECK-NOT: lathe.fusion
// CHECK: return
// REMARK: attention rotates its queries and keys itself
func.func @decode(%q: tensor<?x2x16xf32> {lathe.dims = ["tokens", 2, 16]}, %k: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]},
                  %v: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]}, %p: tensor<?x1xi32> {lathe.dims = ["tokens", 1]},
                  %slots: tensor<?xi32> {lathe.dims = ["tokens"]}, %o: tensor<?xi32> {lathe.dims = ["offsets"]},
                  %l: tensor<?xi32> {lathe.dims = ["sequences"]}, %b: tensor<?x?xi32> {lathe.dims = ["sequences", "pages"]},
                  %s: !lathe.state<paged, 1x1x32xf16>) -> (tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>)
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>, #lathe.symbol<"offsets", 2, 9>,
                                 #lathe.symbol<"sequences", 1, 8>, #lathe.symbol<"pages", 1, 4>]} {
  %0 = lathe.rope %k, %p halves base 1.0e+04 dimensions 16 : tensor<?x1x16xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %s, %slots layer 0 :
      tensor<?x1x16xf32>, tensor<?x1x16xf32>, <paged, 1x1x32xf16>, tensor<?xi32>
  %2 = lathe.rope %q, %p halves base 1.0e+04 dimensions 16 : tensor<?x2x16xf32>, tensor<?x1xi32>
  %3 = lathe.cast %2 : tensor<?x2x16xf32> -> tensor<?x2x16xf16>
  %4 = lathe.paged_attention %3, %1, %o, %l, %b layer 0 scale 0.25 : tensor<?x2x16xf16>, <paged, 1x1x32xf16>,
      tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x16xf16>
  return %4, %1 : tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>
}

// -----

// Queries turn with another base than keys.
// CHECK-LABEL: @another_base
// CHECK-COUNT-2: lathe.fusion
// REMARK: attention does not rotate its queries and keys itself: queries and keys are rotated differently
func.func @another_base(%q: tensor<?x2x16xf32> {lathe.dims = ["tokens", 2, 16]}, %k: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]},
                        %v: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]}, %p: tensor<?x1xi32> {lathe.dims = ["tokens", 1]},
                        %slots: tensor<?xi32> {lathe.dims = ["tokens"]}, %o: tensor<?xi32> {lathe.dims = ["offsets"]},
                        %l: tensor<?xi32> {lathe.dims = ["sequences"]}, %b: tensor<?x?xi32> {lathe.dims = ["sequences", "pages"]},
                        %s: !lathe.state<paged, 1x1x32xf16>) -> (tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>)
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>, #lathe.symbol<"offsets", 2, 9>,
                                 #lathe.symbol<"sequences", 1, 8>, #lathe.symbol<"pages", 1, 4>]} {
  %0 = lathe.rope %k, %p halves base 1.0e+04 dimensions 16 : tensor<?x1x16xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %s, %slots layer 0 :
      tensor<?x1x16xf32>, tensor<?x1x16xf32>, <paged, 1x1x32xf16>, tensor<?xi32>
  %2 = lathe.rope %q, %p halves base 5.0e+04 dimensions 16 : tensor<?x2x16xf32>, tensor<?x1xi32>
  %3 = lathe.cast %2 : tensor<?x2x16xf32> -> tensor<?x2x16xf16>
  %4 = lathe.paged_attention %3, %1, %o, %l, %b layer 0 scale 0.25 : tensor<?x2x16xf16>, <paged, 1x1x32xf16>,
      tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x16xf16>
  return %4, %1 : tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>
}

// -----

// Eight of the sixteen dimensions are turned.
// CHECK-LABEL: @part_of_a_head
// CHECK-COUNT-2: lathe.fusion
// REMARK: attention does not rotate its queries and keys itself: the rotated dimensions are no multiple of 16
func.func @part_of_a_head(%q: tensor<?x2x16xf32> {lathe.dims = ["tokens", 2, 16]}, %k: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]},
                         %v: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]}, %p: tensor<?x1xi32> {lathe.dims = ["tokens", 1]},
                         %slots: tensor<?xi32> {lathe.dims = ["tokens"]}, %o: tensor<?xi32> {lathe.dims = ["offsets"]},
                         %l: tensor<?xi32> {lathe.dims = ["sequences"]}, %b: tensor<?x?xi32> {lathe.dims = ["sequences", "pages"]},
                         %s: !lathe.state<paged, 1x1x32xf16>) -> (tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>)
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>, #lathe.symbol<"offsets", 2, 9>,
                                 #lathe.symbol<"sequences", 1, 8>, #lathe.symbol<"pages", 1, 4>]} {
  %0 = lathe.rope %k, %p halves base 1.0e+04 dimensions 8 : tensor<?x1x16xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %s, %slots layer 0 :
      tensor<?x1x16xf32>, tensor<?x1x16xf32>, <paged, 1x1x32xf16>, tensor<?xi32>
  %2 = lathe.rope %q, %p halves base 1.0e+04 dimensions 8 : tensor<?x2x16xf32>, tensor<?x1xi32>
  %3 = lathe.cast %2 : tensor<?x2x16xf32> -> tensor<?x2x16xf16>
  %4 = lathe.paged_attention %3, %1, %o, %l, %b layer 0 scale 0.25 : tensor<?x2x16xf16>, <paged, 1x1x32xf16>,
      tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x16xf16>
  return %4, %1 : tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>
}

// -----

// Prompts: rows of one sequence would turn each other's keys again and again.
// CHECK-LABEL: @many_rows
// CHECK-COUNT-2: lathe.fusion
func.func @many_rows(%q: tensor<?x2x16xf32> {lathe.dims = ["tokens", 2, 16]}, %k: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]},
                     %v: tensor<?x1x16xf32> {lathe.dims = ["tokens", 1, 16]}, %p: tensor<?x1xi32> {lathe.dims = ["tokens", 1]},
                     %slots: tensor<?xi32> {lathe.dims = ["tokens"]}, %o: tensor<?xi32> {lathe.dims = ["offsets"]},
                     %l: tensor<?xi32> {lathe.dims = ["sequences"]}, %b: tensor<?x?xi32> {lathe.dims = ["sequences", "pages"]},
                     %s: !lathe.state<paged, 1x1x32xf16>) -> (tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>)
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 9>, #lathe.symbol<"offsets", 2, 9>,
                                 #lathe.symbol<"sequences", 1, 8>, #lathe.symbol<"pages", 1, 4>]} {
  %0 = lathe.rope %k, %p halves base 1.0e+04 dimensions 16 : tensor<?x1x16xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %s, %slots layer 0 :
      tensor<?x1x16xf32>, tensor<?x1x16xf32>, <paged, 1x1x32xf16>, tensor<?xi32>
  %2 = lathe.rope %q, %p halves base 1.0e+04 dimensions 16 : tensor<?x2x16xf32>, tensor<?x1xi32>
  %3 = lathe.cast %2 : tensor<?x2x16xf32> -> tensor<?x2x16xf16>
  %4 = lathe.paged_attention %3, %1, %o, %l, %b layer 0 scale 0.25 : tensor<?x2x16xf16>, <paged, 1x1x32xf16>,
      tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x16xf16>
  return %4, %1 : tensor<?x2x16xf16>, !lathe.state<paged, 1x1x32xf16>
}
