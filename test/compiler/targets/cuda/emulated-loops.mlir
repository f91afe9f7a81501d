// REQUIRES: clang-x86
// Loops that the reference, the CPU and CUDA share, run thread by thread: element by element, line by line, whole tensors;
// floats of each width, integers, sizes that are known when it runs.
// RUN: cuda-print %s --activations=f32 --emit=source > %t.cu
// RUN: %emulate %t.cu -o %t.so
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.so --symbol n=1 --tolerance=1e-6
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.so --symbol n=37 --tolerance=1e-6
func.func @forward(%x: tensor<?x6x8xf32> {lathe.name = "x", lathe.dims = ["n", 6, 8]},
                   %h: tensor<?x6x8xf16> {lathe.name = "h", lathe.dims = ["n", 6, 8]},
                   %image: tensor<2x4x7x9xf32> {lathe.name = "image", lathe.dims = [2, 4, 7, 9]},
                   %filter: tensor<6x2x3xf32> {lathe.name = "filter", lathe.dims = [6, 2, 3]},
                   %signal: tensor<?x4x11xf32> {lathe.name = "signal", lathe.dims = ["n", 4, 11]},
                   %weights: tensor<1x12x5xf32> {lathe.name = "weights", lathe.dims = [1, 12, 5]},
                   %recurrence: tensor<1x12x4xf32> {lathe.name = "recurrence", lathe.dims = [1, 12, 4]},
                   %steps: tensor<3x2x5xf32> {lathe.name = "steps", lathe.dims = [3, 2, 5]},
                   %first: tensor<1x2x4xf32> {lathe.name = "first", lathe.dims = [1, 2, 4]})
    -> (tensor<?x3x4xf16>, tensor<?x6x16xf32>, tensor<?x6x9xf32>, tensor<?x2x8xf32>, tensor<?x3x8xf32>, tensor<?x3x8xi64>,
        tensor<?x6x8xf32>, tensor<2x4x3x4xf32>, tensor<?x6x9xf32>, tensor<?x3x21xf32>, tensor<6x8xf32>, tensor<2x4x5x6xf32>,
        tensor<3x1x2x4xf32>, tensor<1x2x4xf32>, tensor<?x6x8xi32>, tensor<2x2x4x7x9xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %zero = lathe.constant dense<-2.0> : tensor<f32>
  %places = lathe.constant dense<[5, -1]> : tensor<2xi64>
  // Movement.
  %0 = lathe.slice %h starts affine_map<()[s0, s1, s2] -> (0, 5, 1)> steps [1, -2, 2] sizes
      affine_map<()[s0, s1, s2] -> (s0, 3, 4)> : (tensor<?x6x8xf16>) -> tensor<?x3x4xf16>
  %1 = lathe.concat %x, %x axis 2 : (tensor<?x6x8xf32>, tensor<?x6x8xf32>) -> tensor<?x6x16xf32>
  %2 = lathe.pad %x, %zero constant low affine_map<()[s0, s1, s2] -> (0, 0, 1)> sizes
      affine_map<()[s0, s1, s2] -> (s0, 6, 9)> : (tensor<?x6x8xf32>, tensor<f32>) -> tensor<?x6x9xf32>
  %3 = lathe.gather_along %x, %places axis 1 : (tensor<?x6x8xf32>, tensor<2xi64>) -> tensor<?x2x8xf32>
  // Rows of a table, by the template for those.
  %picks = lathe.constant dense<[[1, -2], [-1, 0]]> : tensor<2x2xi64>
  %table = lathe.gather_along %image, %picks axis 0 : (tensor<2x4x7x9xf32>, tensor<2x2xi64>) -> tensor<2x2x4x7x9xf32>
  // Lines.
  %4:2 = lathe.top_k %x axis 1 sizes affine_map<()[s0, s1, s2] -> (s0, 3, 8)> largest true
      : (tensor<?x6x8xf32>) -> (tensor<?x3x8xf32>, tensor<?x3x8xi64>)
  %5 = lathe.cumulative %x sum axis 1 exclusive true reverse true : tensor<?x6x8xf32>
  // Windows.
  %6 = lathe.pool %image average window [3, 2] strides [2, 3] pads [1, 1] pad_end [0, 2] dilations [1, 1] include_pad true p 1
      sizes affine_map<()[s0, s1, s2, s3] -> (2, 4, 3, 4)> : (tensor<2x4x7x9xf32>) -> tensor<2x4x3x4xf32>
  %7 = lathe.conv_nd %signal, %filter strides [1] pads [0] dilations [1] groups 2
      sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, 6, 9)>
      : (tensor<?x4x11xf32>, tensor<6x2x3xf32>) -> tensor<?x6x9xf32>
  %cut = lathe.constant dense<0.25> : tensor<4x3x2xf32>
  %8 = lathe.conv_transpose %signal, %cut strides [2] pads [0] dilations [1] groups 1
      sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, 3, 21)>
      : (tensor<?x4x11xf32>, tensor<4x3x2xf32>) -> tensor<?x3x21xf32>
  // Whole tensors.
  %base = lathe.constant dense<1.0> : tensor<6x8xf32>
  %tuples = lathe.constant dense<[[4], [0], [4]]> : tensor<3x1xi64>
  %updates = lathe.constant dense<0.5> : tensor<3x8xf32>
  %rows = lathe.reduce sum %image axes [0, 1] : tensor<2x4x7x9xf32> -> tensor<7x9xf32>
  %window = lathe.slice %rows starts affine_map<()[s0, s1] -> (0, 1)> steps [1, 1] sizes affine_map<()[s0, s1] -> (6, 8)>
      : (tensor<7x9xf32>) -> tensor<6x8xf32>
  %9 = lathe.scatter_nd %window, %tuples, %updates add : tensor<6x8xf32>, tensor<3x1xi64>, tensor<3x8xf32>
  // Pictures.
  %scales = lathe.constant dense<[1.0, 1.0, 0.7142857, 0.6666667]> : tensor<4xf32>
  %region = lathe.constant dense<0.0> : tensor<8xf32>
  %10 = lathe.resize %image, %scales, %region cubic half_pixel floor cubic -0.75 antialias false exclude_outside false
      extrapolation 0.0 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (2, 4, 5, 6)>
      : (tensor<2x4x7x9xf32>, tensor<4xf32>, tensor<8xf32>) -> tensor<2x4x5x6xf32>
  // A recurrent network.
  %bias = lathe.constant dense<0.125> : tensor<1x24xf32>
  %lengths = lathe.constant dense<[3, 2]> : tensor<2xi32>
  %11:2 = lathe.gru %steps, %weights, %recurrence, %bias, %lengths, %first forward clip 0.0 linear_before_reset true
      : (tensor<3x2x5xf32>, tensor<1x12x5xf32>, tensor<1x12x4xf32>, tensor<1x24xf32>, tensor<2xi32>, tensor<1x2x4xf32>)
      -> (tensor<3x1x2x4xf32>, tensor<1x2x4xf32>)
  %12 = lathe.iota axis 0 sizes affine_map<() -> (6, 8)> : () -> tensor<6x8xi32>
  %13 = lathe.expand %12 from %x sizes affine_map<()[s0, s1, s2, s3, s4] -> (s2, s3, s4)>
      : (tensor<6x8xi32>, tensor<?x6x8xf32>) -> tensor<?x6x8xi32>
  return %0, %1, %2, %3, %4#0, %4#1, %5, %6, %7, %8, %9, %10, %11#0, %11#1, %13, %table : tensor<?x3x4xf16>,
      tensor<?x6x16xf32>, tensor<?x6x9xf32>, tensor<?x2x8xf32>, tensor<?x3x8xf32>, tensor<?x3x8xi64>, tensor<?x6x8xf32>, tensor<2x4x3x4xf32>,
      tensor<?x6x9xf32>, tensor<?x3x21xf32>, tensor<6x8xf32>, tensor<2x4x5x6xf32>, tensor<3x1x2x4xf32>, tensor<1x2x4xf32>,
      tensor<?x6x8xi32>, tensor<2x2x4x7x9xf32>
}
