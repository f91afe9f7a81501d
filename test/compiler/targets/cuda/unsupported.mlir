// RUN: not cuda-print %s 2>&1 | FileCheck %s

// Every launch that has no kernel is named, not the first alone.
#n = affine_map<()[s0] -> (s0, 64)>
#h = affine_map<()[s0] -> (s0, 4, 16)>
#p = affine_map<()[s0] -> (s0, 1)>
plan.program @forward "tensor" symbols [#lathe.symbol<"n", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 64)>, #plan.port<"i", "tensor", i32, ()[s0] -> (s0, 1)>]
    outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 64)>] states [] {
^bb0(%x: !plan.buffer, %i: !plan.buffer, %y: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (0)> {
    plan.launch <"softmax", {}, ""> ins(%x) outs(%y) shapes [#n, #n] {
    ^bb0(%a0: tensor<?x64xf32>):
      %0 = lathe.softmax %a0 : tensor<?x64xf32>
      // CHECK: error: 'lathe.softmax' op shares a launch with 'lathe.softmax', but one CUDA kernel computes one of them; put them into two fusions
      %1 = lathe.softmax %0 : tensor<?x64xf32>
      lathe.yield %1 : tensor<?x64xf32>
    }
    plan.launch <"rope", {}, ""> ins(%x, %i) outs(%y) shapes [#h, #p, #h] {
    ^bb0(%a0: tensor<?x4x16xf32>, %a1: tensor<?x1xi32>):
      // CHECK: error: 'lathe.rope' op shares a launch with 'lathe.neg', but its CUDA kernel takes nothing in; put them into two fusions
      %0 = lathe.rope %a0, %a1 halves base 1.0e+04 dimensions 16 : tensor<?x4x16xf32>, tensor<?x1xi32>
      %1 = lathe.neg %0 : tensor<?x4x16xf32>
      lathe.yield %1 : tensor<?x4x16xf32>
    }
    plan.launch <"rope", {}, ""> ins(%x, %i) outs(%y) shapes [#h, #p, #h] {
    ^bb0(%a0: tensor<?x4x16xf32>, %a1: tensor<?x1xi32>):
      %0 = lathe.neg %a0 : tensor<?x4x16xf32>
      // CHECK: error: 'lathe.rope' op reads a result of 'lathe.neg' in the same launch, but its CUDA kernel reads memory; put them into two fusions
      %1 = lathe.rope %0, %a1 halves base 1.0e+04 dimensions 16 : tensor<?x4x16xf32>, tensor<?x1xi32>
      lathe.yield %1 : tensor<?x4x16xf32>
    }
    plan.launch <"matmul", {variant = "few_rows"}, ""> ins(%x, %x) outs(%y) shapes [#n, affine_map<()[s0] -> (64, 64)>, #n] {
    ^bb0(%a0: tensor<?x64xf32>, %a1: tensor<64x64xf32>):
      // CHECK: error: 'lathe.matmul' op has up to 64 rows, but the variant 'few_rows' takes 8 and weights along k; choose another
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      lathe.yield %0 : tensor<?x64xf32>
    }
    plan.launch <"matmul", {variant = "tiles"}, ""> ins(%x, %x) outs(%y) shapes [#n, affine_map<()[s0] -> (64, 64)>, #n] {
    ^bb0(%a0: tensor<?x64xf32>, %a1: tensor<64x64xf32>):
      // CHECK: error: 'lathe.matmul' op has f32 operands, but the variant 'tiles' takes f16 and bf16; choose 'simt'
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
      lathe.yield %0 : tensor<?x64xf32>
    }
    plan.launch <"matmul", {variant = "few_rows"}, ""> ins(%x, %x) outs(%y) shapes [affine_map<()[s0] -> (3, s0, 64)>, affine_map<()[s0] -> (3, 64, 64)>, affine_map<()[s0] -> (3, s0, 64)>] {
    ^bb0(%a0: tensor<3x?x64xf32>, %a1: tensor<3x64x64xf32>):
      // CHECK: error: 'lathe.matmul' op multiplies matrices of a batch, but the variant 'few_rows' takes one; choose another
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<3x?x64xf32>, tensor<3x64x64xf32> -> tensor<3x?x64xf32>
      lathe.yield %0 : tensor<3x?x64xf32>
    }
    plan.launch <"matmul", {variant = "simt"}, ""> ins(%x, %x) outs(%y) shapes [affine_map<()[s0] -> (3, 2, 5, s0, 64)>, affine_map<()[s0] -> (1, 2, 1, 64, 64)>, affine_map<()[s0] -> (3, 2, 5, s0, 64)>] {
    ^bb0(%a0: tensor<3x2x5x?x64xf32>, %a1: tensor<1x2x1x64x64xf32>):
      // CHECK: error: 'lathe.matmul' op multiplies 'tensor<3x2x5x?x64xf32>' and 'tensor<1x2x1x64x64xf32>', of which one repeats along two parts of the batch, but CUDA's products take one matrix for each or one for all of one part; expand it in front of the product
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<3x2x5x?x64xf32>, tensor<1x2x1x64x64xf32> -> tensor<3x2x5x?x64xf32>
      lathe.yield %0 : tensor<3x2x5x?x64xf32>
    }
    plan.launch <"tile_conv", {}, ""> ins(%x, %x) outs(%y) shapes [affine_map<()[s0] -> (s0, 8, 8, 16)>, affine_map<()[s0] -> (1, 3, 64, 64)>, affine_map<()[s0] -> (s0, 16390, 6, 20)>] {
    ^bb0(%a0: tensor<?x8x8x16xf16>, %a1: tensor<1x3x64x64xf16>):
      // CHECK: error: 'lathe.tile_conv' op has pads or a window of up to 8192 places, but its CUDA kernel takes less than 8192; compile for the CPU
      %0 = lathe.tile_conv %a0, %a1 window [3, 3] strides [1, 1] pads [8192, 0, 8192, 0] dilations [1, 1] : tensor<?x8x8x16xf16>, tensor<1x3x64x64xf16> -> tensor<?x16390x6x20xf16>
      lathe.yield %0 : tensor<?x16390x6x20xf16>
    }
    plan.launch <"attention", {}, ""> ins(%x, %x, %x) outs(%y) shapes [affine_map<()[s0] -> (1, 1, s0, 600)>, affine_map<()[s0] -> (1, 1, s0, 600)>, affine_map<()[s0] -> (1, 1, s0, 64)>, affine_map<()[s0] -> (1, 1, s0, 64)>] {
    ^bb0(%a0: tensor<1x1x?x600xf32>, %a1: tensor<1x1x?x600xf32>, %a2: tensor<1x1x?x64xf32>):
      // CHECK: error: 'lathe.attention' op has heads that are 600 wide, but its CUDA kernel takes up to 512; compile for the CPU
      %0 = lathe.attention %a0, %a1, %a2 scale 1.0 : tensor<1x1x?x600xf32>, tensor<1x1x?x600xf32>, tensor<1x1x?x64xf32> -> tensor<1x1x?x64xf32>
      lathe.yield %0 : tensor<1x1x?x64xf32>
    }
    plan.launch <"slice", {}, ""> ins(%x) outs(%y, %y) shapes [#n, #n, #n] {
    ^bb0(%a0: tensor<?x64xf32>):
      // CHECK: error: 'lathe.slice' op shares a launch with another result, but a loop is a kernel of its own; end the fusion before this operation
      %0 = lathe.slice %a0 starts affine_map<()[s0, s1] -> (0, 0)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)> : (tensor<?x64xf32>) -> tensor<?x64xf32>
      %1 = lathe.neg %0 : tensor<?x64xf32>
      lathe.yield %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
    }
  }
}
