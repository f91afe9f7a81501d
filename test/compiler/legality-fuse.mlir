// What may stand after phase fuse: kernels, what they read, and addresses.
// RUN: lathe-opt %s --legal-after=fuse --split-input-file --verify-diagnostics

func.func @kernels(%x: tensor<4xf32>) -> tensor<2x2xf32> {
  %w = lathe.weight_program "w" : tensor<4xf32> {
    %c = lathe.constant dense<1.0> : tensor<4xf32>
    lathe.yield %c : tensor<4xf32>
  }
  %0 = lathe.fusion(%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %1 = lathe.add %a, %b : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    lathe.yield %1 : tensor<4xf32>
  }
  %2 = lathe.reshape %0 shape [2, 2] : tensor<4xf32> -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}

// -----

// An operation of the model that no kernel holds.
func.func @outside_of_kernels(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'lathe.exp' op is not legal after phase 'fuse'}}
  %0 = lathe.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// A kernel computes on tensors with our operations alone.
func.func @other_dialect_in_kernel(%x: tensor<4xf32>) -> tensor<2xf32> {
  %0 = lathe.fusion(%x) : (tensor<4xf32>) -> tensor<2xf32> {
  ^bb0(%a: tensor<4xf32>):
    // expected-error @below {{'tensor.extract_slice' op is not legal after phase 'fuse'}}
    %1 = tensor.extract_slice %a[0] [2] [1] : tensor<4xf32> to tensor<2xf32>
    lathe.yield %1 : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}
