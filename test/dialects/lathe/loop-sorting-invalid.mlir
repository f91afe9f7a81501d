// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @top_k_c1(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.top_k' op sizes has 0 dimensions and 0 symbols, needed 0 and one symbol for each of the 1 dimensions of the operands}}
  %y:2 = lathe.top_k %a0 axis 0 sizes affine_map<()[] -> (2)> largest true
      : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xi64>)
  return
}

// -----

func.func @top_k_c2(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.top_k' op takes 5 elements of dimension 0, which has 4}}
  %y:2 = lathe.top_k %a0 axis 0 sizes affine_map<()[s0] -> (5)> largest true
      : (tensor<4xf32>) -> (tensor<5xf32>, tensor<5xi64>)
  return
}

// -----

func.func @top_k_c2_axis(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.top_k' op axis is 1 but there are 1 dimensions}}
  %y:2 = lathe.top_k %a0 axis 1 sizes affine_map<()[s0] -> (2)> largest true
      : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xi64>)
  return
}

// -----

func.func @unique_c1(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.unique' op inverse is 'tensor<3xi64>', needed 'tensor<4xi64>'}}
  %y:5 = lathe.unique %a0 axis 0 sorted true
      : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi64>, tensor<3xi64>, tensor<4xi64>, tensor<1xi64>)
  return
}

// -----

func.func @cumulative_c1(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.cumulative' op axis is 1 but there are 1 dimensions}}
  %y = lathe.cumulative %a0 sum axis 1 exclusive false reverse false
      : tensor<4xf32>
  return
}

// -----

func.func @cumulative_c2(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.cumulative' op kind is 'max', needed one of sum, prod}}
  %y = lathe.cumulative %a0 max axis 0 exclusive false reverse false
      : tensor<4xf32>
  return
}

// -----

func.func @nms_c1(%a0: tensor<1x6x3xf32>, %a1: tensor<1x2x6xf32>, %a2: tensor<i64>, %a3: tensor<f32>, %a4: tensor<f32>) {
  // expected-error @below {{'lathe.nms' op boxes is 'tensor<1x6x3xf32>', needed 'tensor<1x6x4xf32>'}}
  %y:2 = lathe.nms %a0, %a1, %a2, %a3, %a4 center false
      : (tensor<1x6x3xf32>, tensor<1x2x6xf32>, tensor<i64>, tensor<f32>, tensor<f32>) -> (tensor<12x3xi64>, tensor<1xi64>)
  return
}
