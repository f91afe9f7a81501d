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
    plan.launch <"arg_max", {}, ""> ins(%x) outs(%y) shapes [#n, affine_map<()[s0] -> (64)>] {
    ^bb0(%a0: tensor<?x64xf32>):
      // CHECK: error: 'lathe.arg_max' op has no CUDA kernel but for the first of the largest elements along the last dimension; compile for the CPU
      %0 = lathe.arg_max %a0 axis 0 : tensor<?x64xf32> -> tensor<64xi64>
      lathe.yield %0 : tensor<64xi64>
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
    plan.launch <"matmul", {variant = "simt"}, ""> ins(%x, %x) outs(%y) shapes [affine_map<()[s0] -> (s0, 256)>, affine_map<()[s0] -> (64, 256)>, #n] {
    ^bb0(%a0: tensor<?x256xf32>, %a1: tensor<64x256x!lathe.gguf<q3_k>>):
      // CHECK: error: 'lathe.matmul' op has elements of type '!lathe.gguf<q3_k>', for which there is no CUDA kernel; f32, f16, bf16, q4_0, q8_0, q4_k, q5_k and q6_k have
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x256xf32>, tensor<64x256x!lathe.gguf<q3_k>> -> tensor<?x64xf32>
      lathe.yield %0 : tensor<?x64xf32>
    }
  }
}
