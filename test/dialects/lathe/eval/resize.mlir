// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @linear_between_centers
// CHECK: tensor<8xf32> = [1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4]
func.func @linear_between_centers() -> (tensor<8xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %a1 = lathe.constant dense<[2.0]> : tensor<1xf32>
  %a2 = lathe.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = lathe.resize %a0, %a1, %a2 linear half_pixel floor cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (8)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// CHECK-LABEL: @nearest_below
// CHECK: tensor<8xf32> = [1, 1, 2, 2, 3, 3, 4, 4]
func.func @nearest_below() -> (tensor<8xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %a1 = lathe.constant dense<[2.0]> : tensor<1xf32>
  %a2 = lathe.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = lathe.resize %a0, %a1, %a2 nearest asymmetric floor cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (8)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// CHECK-LABEL: @corners_on_each_other
// CHECK: tensor<4xf32> = [1, 2, 3, 4]
func.func @corners_on_each_other() -> (tensor<4xf32>) {
  %a0 = lathe.constant dense<[1.0, 4.0]> : tensor<2xf32>
  %a1 = lathe.constant dense<[2.0]> : tensor<1xf32>
  %a2 = lathe.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = lathe.resize %a0, %a1, %a2 linear align_corners floor cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (4)>
      : (tensor<2xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @wide_kernel_for_a_smaller_result
// CHECK: tensor<2xf32> = [1.625, 3.375]
func.func @wide_kernel_for_a_smaller_result() -> (tensor<2xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %a1 = lathe.constant dense<[0.5]> : tensor<1xf32>
  %a2 = lathe.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = lathe.resize %a0, %a1, %a2 linear half_pixel floor cubic -0.75 antialias true exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (2)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: @cubic_keeps_elements
// CHECK: tensor<4xf32> = [1, 2, 3, 4]
func.func @cubic_keeps_elements() -> (tensor<4xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %a1 = lathe.constant dense<[1.0]> : tensor<1xf32>
  %a2 = lathe.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = lathe.resize %a0, %a1, %a2 cubic half_pixel floor cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (4)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
