// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @gather_along_c1(%a0: tensor<4xf32>, %a1: tensor<2xi64>) {
  // expected-error @below {{'lathe.gather_along' op axis is 1 but there are 1 dimensions}}
  %y = lathe.gather_along %a0, %a1 axis 1
      : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_along_c2(%a0: tensor<4x3xf32>, %a1: tensor<2xi64>) {
  // expected-error @below {{'lathe.gather_along' op result is 'tensor<4x3xf32>', needed 'tensor<4x2xf32>', not quantized}}
  %y = lathe.gather_along %a0, %a1 axis 1
      : (tensor<4x3xf32>, tensor<2xi64>) -> tensor<4x3xf32>
  return
}

// -----

func.func @gather_elements_c1(%a0: tensor<4x3xf32>, %a1: tensor<2xi64>) {
  // expected-error @below {{'lathe.gather_elements' op has an input of rank 2 and indices of rank 1, needed one rank}}
  %y = lathe.gather_elements %a0, %a1 axis 1
      : (tensor<4x3xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_elements_c2(%a0: tensor<4xf32>, %a1: tensor<2xi64>) {
  // expected-error @below {{'lathe.gather_elements' op result is 'tensor<2xf16>', needed 'tensor<2xf32>', not quantized}}
  %y = lathe.gather_elements %a0, %a1 axis 0
      : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf16>
  return
}

// -----

func.func @gather_nd_c1(%a0: tensor<4x3xf32>, %a1: tensor<2x?xi64>) {
  // expected-error @below {{'lathe.gather_nd' op has tuples 'tensor<2x?xi64>' into 'tensor<4x3xf32>' with 0 batch dimensions, needed tuples of static length that fit behind them}}
  %y = lathe.gather_nd %a0, %a1 batch_dims 0
      : (tensor<4x3xf32>, tensor<2x?xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_nd_c2(%a0: tensor<4x3xf32>, %a1: tensor<2x1xi64>) {
  // expected-error @below {{'lathe.gather_nd' op result is 'tensor<2xf32>', needed 'tensor<2x3xf32>', not quantized}}
  %y = lathe.gather_nd %a0, %a1 batch_dims 0
      : (tensor<4x3xf32>, tensor<2x1xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @scatter_elements_c1(%a0: tensor<4xf32>, %a1: tensor<2xi64>, %a2: tensor<3xf32>) {
  // expected-error @below {{'lathe.scatter_elements' op updates is 'tensor<3xf32>', needed 'tensor<2xf32>', not quantized}}
  %y = lathe.scatter_elements %a0, %a1, %a2 none axis 0
      : tensor<4xf32>, tensor<2xi64>, tensor<3xf32>
  return
}

// -----

func.func @scatter_elements_c1_rank(%a0: tensor<4xf32>, %a1: tensor<2x1xi64>, %a2: tensor<2x1xf32>) {
  // expected-error @below {{'lathe.scatter_elements' op has an input of rank 1 and indices of rank 2, needed one rank}}
  %y = lathe.scatter_elements %a0, %a1, %a2 none axis 0
      : tensor<4xf32>, tensor<2x1xi64>, tensor<2x1xf32>
  return
}

// -----

func.func @scatter_elements_c2(%a0: tensor<4xf32>, %a1: tensor<2xi64>, %a2: tensor<2xf32>) {
  // expected-error @below {{'lathe.scatter_elements' op reduction is 'mean', needed one of none, add, mul, max, min}}
  %y = lathe.scatter_elements %a0, %a1, %a2 mean axis 0
      : tensor<4xf32>, tensor<2xi64>, tensor<2xf32>
  return
}

// -----

func.func @scatter_nd_c1(%a0: tensor<4xf32>, %a1: tensor<2x2xi64>, %a2: tensor<2xf32>) {
  // expected-error @below {{'lathe.scatter_nd' op has tuples 'tensor<2x2xi64>' into 'tensor<4xf32>', needed tuples of static length, at most its rank}}
  %y = lathe.scatter_nd %a0, %a1, %a2 none
      : tensor<4xf32>, tensor<2x2xi64>, tensor<2xf32>
  return
}

// -----

func.func @scatter_nd_c2(%a0: tensor<4x8xf32>, %a1: tensor<2x1xi64>, %a2: tensor<2xf32>) {
  // expected-error @below {{'lathe.scatter_nd' op updates is 'tensor<2xf32>', needed 'tensor<2x8xf32>', not quantized}}
  %y = lathe.scatter_nd %a0, %a1, %a2 none
      : tensor<4x8xf32>, tensor<2x1xi64>, tensor<2xf32>
  return
}

// -----

func.func @scatter_nd_c3(%a0: tensor<4xf32>, %a1: tensor<2x1xi64>, %a2: tensor<2xf32>) {
  // expected-error @below {{'lathe.scatter_nd' op reduction is 'sum', needed one of none, add, mul, max, min}}
  %y = lathe.scatter_nd %a0, %a1, %a2 sum
      : tensor<4xf32>, tensor<2x1xi64>, tensor<2xf32>
  return
}

// -----

func.func @nonzero_c1(%a0: tensor<4x2xf32>) {
  // expected-error @below {{'lathe.nonzero' op indices is 'tensor<2x4xi64>', needed 'tensor<2x8xi64>'}}
  %y:2 = lathe.nonzero %a0
      : (tensor<4x2xf32>) -> (tensor<2x4xi64>, tensor<1xi64>)
  return
}
