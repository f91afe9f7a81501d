// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @states
// CHECK-SAME: !lathe.state<paged, 6x1x512xbf16, window = 1024>, !lathe.state<slot, 4x128xf32>,
// CHECK-SAME: !lathe.state<static, 2x8xf16>
func.func private @states(!lathe.state<paged, 6x1x512xbf16, window = 1024>, !lathe.state<slot, 4x128xf32>,
                          !lathe.state<static, 2x8xf16>)

// CHECK-LABEL: @lists
// CHECK-SAME: !lathe.sequence<tensor<?xf32>>, !lathe.optional<tensor<2xi64>>, tensor<?x!lathe.string>
func.func private @lists(!lathe.sequence<tensor<?xf32>>, !lathe.optional<tensor<2xi64>>, tensor<?x!lathe.string>)

// CHECK-LABEL: @blocks
// CHECK-SAME: tensor<2x256x!lathe.gguf<q4_k>>
// CHECK-SAME: !lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32>
func.func private @blocks(tensor<2x256x!lathe.gguf<q4_k>>, tensor<2x32x!lathe.blocked<f4E2M1FN, block = [1, 16],
                          scale = f8E4M3FN, zero = none, outer_scale = f32>>)

// CHECK-LABEL: @normal_float
// CHECK-SAME: !lathe.blocked<!lathe.nf4, block = [1, 64], scale = !lathe.blocked<ui8, block = [64, 4], scale = f32, zero = none, outer_scale = none>, zero = none, outer_scale = none>
func.func private @normal_float(tensor<64x256x!lathe.blocked<!lathe.nf4, block = [1, 64],
    scale = !lathe.blocked<ui8, block = [64, 4], scale = f32, zero = none, outer_scale = none>, zero = none,
    outer_scale = none>>)

// CHECK-LABEL: @zeros
// CHECK-SAME: !lathe.blocked<ui4, block = [1, 32], scale = f16, zero = i8, outer_scale = none>
func.func private @zeros(tensor<2x32x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = i8,
                         outer_scale = none>>)

// CHECK-LABEL: @panels
// CHECK-SAME: tensor<16x256x!lathe.gguf_panels<q4_k>>
func.func private @panels(tensor<16x256x!lathe.gguf_panels<q4_k>>)

// CHECK-LABEL: @entry
// CHECK-SAME: (%{{.*}}: tensor<?x1x8x8xf32> {lathe.dims = ["batch", 1, 8, 8], lathe.name = "image", lathe.role = "tensor"})
// CHECK-SAME: attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 64>]}
func.func @entry(%x: tensor<?x1x8x8xf32> {lathe.name = "image", lathe.dims = ["batch", 1, 8, 8], lathe.role = "tensor"})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 64>]} {
  return
}
