// DEFINE: %{chosen} = --lathe-form-fusions=target=cuda --lathe-launch-together=target=cuda --lathe-choose-kernels=target=cuda
// RUN: lathe-opt %s %{chosen} --lathe-normalize-in-products --split-input-file -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-normalize-in-products --split-input-file | diff %t.once -
// RUN: lathe-opt %s %{chosen} --lathe-normalize-in-products --split-input-file --remarks-filter=fusion -o /dev/null 2>&1 \
// RUN:   | grep norm | FileCheck %s --check-prefix=REMARK

// Two products of one launch read the norm, which is rounded on the way.
// CHECK-LABEL: @two_products
// CHECK: lathe.fusion({{.*}}) kernel <"tile_matmul", {variant = "few_rows"}, "the template of this operation, 2 times; normalizes its rows">
// CHECK: %[[N:.*]] = lathe.rms_norm
// CHECK-NEXT: %[[R:.*]] = lathe.cast %[[N]]
// CHECK-NEXT: lathe.tile_matmul %[[R]]
// CHECK-NEXT: lathe.tile_matmul %[[R]]
// CHECK-NOT: lathe.fusion
// CHECK: return
// REMARK: products of few rows normalize the rows that they read
func.func @two_products(%x: tensor<?x128xf32> {lathe.dims = ["tokens", 128]}, %g: tensor<128xf32>,
                        %v: tensor<1x2x64x64xf16>, %w: tensor<1x2x64x64xf16>) -> (tensor<?x64xf32>, tensor<?x40xf32>)
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x128xf32>, tensor<128xf32>
  %1 = lathe.cast %0 : tensor<?x128xf32> -> tensor<?x128xf16>
  %2 = lathe.tile_matmul %1, %v : tensor<?x128xf16>, tensor<1x2x64x64xf16> -> tensor<?x64xf32>
  %3 = lathe.tile_matmul %1, %w : tensor<?x128xf16>, tensor<1x2x64x64xf16> -> tensor<?x40xf32>
  return %2, %3 : tensor<?x64xf32>, tensor<?x40xf32>
}

// -----

// Tiles of many rows take their rows as they are.
// CHECK-LABEL: @many_rows
// CHECK-COUNT-2: lathe.fusion
func.func @many_rows(%x: tensor<?x128xf16> {lathe.dims = ["tokens", 128]}, %g: tensor<128xf16>,
                     %w: tensor<1x2x64x64xf16>) -> tensor<?x40xf32>
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 9>]} {
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x128xf16>, tensor<128xf16>
  %1 = lathe.tile_matmul %0, %w : tensor<?x128xf16>, tensor<1x2x64x64xf16> -> tensor<?x40xf32>
  return %1 : tensor<?x40xf32>
}

// -----

// Somebody else reads the norm as well.
// CHECK-LABEL: @second_reader
// CHECK-COUNT-2: lathe.fusion
func.func @second_reader(%x: tensor<?x128xf16> {lathe.dims = ["tokens", 128]}, %g: tensor<128xf16>,
                         %w: tensor<1x2x64x64xf16>) -> (tensor<?x40xf32>, tensor<?x128xf16>)
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x128xf16>, tensor<128xf16>
  %1 = lathe.tile_matmul %0, %w : tensor<?x128xf16>, tensor<1x2x64x64xf16> -> tensor<?x40xf32>
  return %1, %0 : tensor<?x40xf32>, tensor<?x128xf16>
}

// -----

// The epilogue of the products reads it, which is a second reading by the same kernel.
// CHECK-LABEL: @epilogue_reads_it
// CHECK-COUNT-2: lathe.fusion
// REMARK: a norm is a launch of its own beside the products that read it: something else reads it in their kernel
func.func @epilogue_reads_it(%x: tensor<?x128xf16> {lathe.dims = ["tokens", 128]}, %g: tensor<128xf16>,
                             %w: tensor<2x2x64x64xf16>) -> tensor<?x128xf16>
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x128xf16>, tensor<128xf16>
  %1 = lathe.tile_matmul %0, %w : tensor<?x128xf16>, tensor<2x2x64x64xf16> -> tensor<?x128xf16>
  %2 = lathe.add %1, %0 : tensor<?x128xf16>, tensor<?x128xf16> -> tensor<?x128xf16>
  return %2 : tensor<?x128xf16>
}

// -----

// The norm's kernel computes more than the norm.
// CHECK-LABEL: @norm_and_sum
// CHECK-COUNT-2: lathe.fusion
func.func @norm_and_sum(%x: tensor<?x128xf16> {lathe.dims = ["tokens", 128]}, %g: tensor<128xf16>,
                        %w: tensor<1x2x64x64xf16>) -> tensor<?x40xf32>
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x128xf16>, tensor<128xf16>
  %1 = lathe.add %0, %x : tensor<?x128xf16>, tensor<?x128xf16> -> tensor<?x128xf16>
  %2 = lathe.tile_matmul %1, %w : tensor<?x128xf16>, tensor<1x2x64x64xf16> -> tensor<?x40xf32>
  return %2 : tensor<?x40xf32>
}

// -----

// More elements than there is room for.
// CHECK-LABEL: @too_wide
// CHECK-COUNT-2: lathe.fusion
// REMARK: a norm is a launch of its own beside the products that read it: 49152 elements leave no room in shared memory, at most 32768 do
func.func @too_wide(%x: tensor<?x6144xf16> {lathe.dims = ["tokens", 6144]}, %g: tensor<6144xf16>,
                    %w: tensor<1x96x64x64xf16>) -> tensor<?x40xf32>
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 5>]} {
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x6144xf16>, tensor<6144xf16>
  %1 = lathe.tile_matmul %0, %w : tensor<?x6144xf16>, tensor<1x96x64x64xf16> -> tensor<?x40xf32>
  return %1 : tensor<?x40xf32>
}
