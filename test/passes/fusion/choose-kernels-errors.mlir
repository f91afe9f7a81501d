// RUN: lathe-opt %s --lathe-choose-kernels=target=tpu --verify-diagnostics

// expected-error @below {{target is 'tpu', needed cpu or cuda}}
func.func @unknown_target(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
