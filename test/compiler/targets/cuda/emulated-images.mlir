// REQUIRES: clang-x86
// A small residual network in f16 through its CUDA code, with channels last on tensor cores, against the reference.
// A sum that differs in its last bit may round to a neighbour, 1e-3 away.
// RUN: cuda-print %s --emit=source > %t.cu
// RUN: %emulate %t.cu -o %t.so
// RUN: cuda-emulate %s --kernels=%t.so --symbol n=1 --tolerance=4e-3
// RUN: cuda-emulate %s --kernels=%t.so --symbol n=5 --tolerance=4e-3
// RUN: cuda-print %s --emit=source --ptx=sm_90a > %t.90.cu
// RUN: %emulate %t.90.cu -o %t.90.so
// RUN: cuda-emulate %s --kernels=%t.90.so --ptx=sm_90a --symbol n=1 --tolerance=4e-3
// RUN: cuda-emulate %s --kernels=%t.90.so --ptx=sm_90a --symbol n=9 --tolerance=4e-3

// The picture is turned and rounded in one kernel; convolutions, pool and mean are those of images with channels last.
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s
// CHECK-DAG: ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 16, 3>>
// CHECK-DAG: ConvolutionSm90<Half, Half, Convolution{{[A-Z][a-z]+}}Sm90, 1>
// CHECK-DAG: ChannelMaxPooling<Half, Half, 8>
// CHECK-DAG: Reduce<reductions::Mean<float>
// CHECK-NOT: Convolution<
func.func @forward(%x: tensor<?x3x22x18xf32> {lathe.name = "x", lathe.dims = ["n", 3, 22, 18]})
    -> (tensor<?x40x6x5xf32>, tensor<?x70x1x1xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %fo = lathe.constant dense<[[[[-3.14]]], [[[-2.41]]], [[[-1.68]]], [[[-0.95]]], [[[-0.22]]], [[[0.51]]],
      [[[1.24]]], [[[1.97]]], [[[2.70]]], [[[-2.85]]], [[[-2.12]]], [[[-1.39]]], [[[-0.66]]], [[[0.07]]], [[[0.80]]],
      [[[1.53]]], [[[2.26]]], [[[2.99]]], [[[-2.56]]], [[[-1.83]]], [[[-1.10]]], [[[-0.37]]], [[[0.36]]],
      [[[1.09]]]]> : tensor<24x1x1x1xf32>
  %fc = lathe.constant dense<[[[[-3.14]], [[-1.77]], [[-0.40]]]]> : tensor<1x3x1x1xf32>
  %f1 = lathe.add %fo, %fc : tensor<24x1x1x1xf32>, tensor<1x3x1x1xf32> -> tensor<24x3x1x1xf32>
  %fr = lathe.constant dense<[[[[-3.14], [-1.24], [0.66], [2.56], [-1.82], [0.08], [1.98]]]]> : tensor<1x1x7x1xf32>
  %fs = lathe.constant dense<[[[[-3.14, -2.34, -1.54, -0.74, 0.06, 0.86, 1.66]]]]> : tensor<1x1x1x7xf32>
  %f2 = lathe.mul %fr, %fs : tensor<1x1x7x1xf32>, tensor<1x1x1x7xf32> -> tensor<1x1x7x7xf32>
  %f3 = lathe.add %f1, %f2 : tensor<24x3x1x1xf32>, tensor<1x1x7x7xf32> -> tensor<24x3x7x7xf32>
  %f4 = lathe.sin %f3 : tensor<24x3x7x7xf32>
  %fn = lathe.constant dense<0.124> : tensor<f32>
  %f = lathe.mul %f4, %fn : tensor<24x3x7x7xf32>, tensor<f32> -> tensor<24x3x7x7xf32>
  %go = lathe.constant dense<[[[[-3.14]]], [[[-2.31]]], [[[-1.48]]], [[[-0.65]]], [[[0.18]]], [[[1.01]]], [[[1.84]]],
      [[[2.67]]], [[[-2.78]]], [[[-1.95]]], [[[-1.12]]], [[[-0.29]]], [[[0.54]]], [[[1.37]]], [[[2.20]]],
      [[[3.03]]]]> : tensor<16x1x1x1xf32>
  %gc = lathe.constant dense<[[[[-3.14]], [[-1.67]], [[-0.20]], [[1.27]], [[2.74]], [[-2.07]], [[-0.60]], [[0.87]],
      [[2.34]], [[-2.47]], [[-1.00]], [[0.47]], [[1.94]], [[-2.87]], [[-1.40]], [[0.07]], [[1.54]], [[3.01]],
      [[-1.80]], [[-0.33]], [[1.14]], [[2.61]], [[-2.20]], [[-0.73]]]]> : tensor<1x24x1x1xf32>
  %g1 = lathe.add %go, %gc : tensor<16x1x1x1xf32>, tensor<1x24x1x1xf32> -> tensor<16x24x1x1xf32>
  %g4 = lathe.sin %g1 : tensor<16x24x1x1xf32>
  %gn = lathe.constant dense<0.306> : tensor<f32>
  %g = lathe.mul %g4, %gn : tensor<16x24x1x1xf32>, tensor<f32> -> tensor<16x24x1x1xf32>
  %ho = lathe.constant dense<[[[[-3.14]]], [[[-2.21]]], [[[-1.28]]], [[[-0.35]]], [[[0.58]]], [[[1.51]]], [[[2.44]]],
      [[[-2.91]]], [[[-1.98]]], [[[-1.05]]], [[[-0.12]]], [[[0.81]]], [[[1.74]]], [[[2.67]]], [[[-2.68]]],
      [[[-1.75]]]]> : tensor<16x1x1x1xf32>
  %hc = lathe.constant dense<[[[[-3.14]], [[-1.57]], [[0.00]], [[1.57]], [[-3.14]], [[-1.57]], [[-0.00]], [[1.57]],
      [[-3.14]], [[-1.57]], [[0.00]], [[1.57]], [[3.14]], [[-1.57]], [[-0.00]], [[1.57]]]]> : tensor<1x16x1x1xf32>
  %h1 = lathe.add %ho, %hc : tensor<16x1x1x1xf32>, tensor<1x16x1x1xf32> -> tensor<16x16x1x1xf32>
  %hr = lathe.constant dense<[[[[-3.14], [-1.04], [1.06]]]]> : tensor<1x1x3x1xf32>
  %hs = lathe.constant dense<[[[[-3.14, -2.14, -1.14]]]]> : tensor<1x1x1x3xf32>
  %h2 = lathe.mul %hr, %hs : tensor<1x1x3x1xf32>, tensor<1x1x1x3xf32> -> tensor<1x1x3x3xf32>
  %h3 = lathe.add %h1, %h2 : tensor<16x16x1x1xf32>, tensor<1x1x3x3xf32> -> tensor<16x16x3x3xf32>
  %h4 = lathe.sin %h3 : tensor<16x16x3x3xf32>
  %hn = lathe.constant dense<0.125> : tensor<f32>
  %h = lathe.mul %h4, %hn : tensor<16x16x3x3xf32>, tensor<f32> -> tensor<16x16x3x3xf32>
  %io = lathe.constant dense<[[[[-3.14]]], [[[-2.11]]], [[[-1.08]]], [[[-0.05]]], [[[0.98]]], [[[2.01]]], [[[3.04]]],
      [[[-2.21]]], [[[-1.18]]], [[[-0.15]]], [[[0.88]]], [[[1.91]]], [[[2.94]]], [[[-2.31]]], [[[-1.28]]],
      [[[-0.25]]], [[[0.78]]], [[[1.81]]], [[[2.84]]], [[[-2.41]]], [[[-1.38]]], [[[-0.35]]], [[[0.68]]], [[[1.71]]],
      [[[2.74]]], [[[-2.51]]], [[[-1.48]]], [[[-0.45]]], [[[0.58]]], [[[1.61]]], [[[2.64]]], [[[-2.61]]],
      [[[-1.58]]], [[[-0.55]]], [[[0.48]]], [[[1.51]]], [[[2.54]]], [[[-2.71]]], [[[-1.68]]],
      [[[-0.65]]]]> : tensor<40x1x1x1xf32>
  %ic = lathe.constant dense<[[[[-3.14]], [[-1.47]], [[0.20]], [[1.87]], [[-2.74]], [[-1.07]], [[0.60]], [[2.27]],
      [[-2.34]], [[-0.67]], [[1.00]], [[2.67]], [[-1.94]], [[-0.27]], [[1.40]], [[3.07]]]]> : tensor<1x16x1x1xf32>
  %i1 = lathe.add %io, %ic : tensor<40x1x1x1xf32>, tensor<1x16x1x1xf32> -> tensor<40x16x1x1xf32>
  %i4 = lathe.sin %i1 : tensor<40x16x1x1xf32>
  %in = lathe.constant dense<0.375> : tensor<f32>
  %i = lathe.mul %i4, %in : tensor<40x16x1x1xf32>, tensor<f32> -> tensor<40x16x1x1xf32>
  %jo = lathe.constant dense<[[[[-3.14]]], [[[-2.01]]], [[[-0.88]]], [[[0.25]]], [[[1.38]]], [[[2.51]]], [[[-2.64]]],
      [[[-1.51]]], [[[-0.38]]], [[[0.75]]], [[[1.88]]], [[[3.01]]], [[[-2.14]]], [[[-1.01]]], [[[0.12]]], [[[1.25]]],
      [[[2.38]]], [[[-2.77]]], [[[-1.64]]], [[[-0.51]]], [[[0.62]]], [[[1.75]]], [[[2.88]]], [[[-2.27]]],
      [[[-1.14]]], [[[-0.01]]], [[[1.12]]], [[[2.25]]], [[[-2.90]]], [[[-1.77]]], [[[-0.64]]], [[[0.49]]],
      [[[1.62]]], [[[2.75]]], [[[-2.40]]], [[[-1.27]]], [[[-0.14]]], [[[0.99]]], [[[2.12]]],
      [[[-3.03]]]]> : tensor<40x1x1x1xf32>
  %jc = lathe.constant dense<[[[[-3.14]], [[-1.37]], [[0.40]], [[2.17]], [[-2.34]], [[-0.57]], [[1.20]], [[2.97]],
      [[-1.54]], [[0.23]], [[2.00]], [[-2.51]], [[-0.74]], [[1.03]], [[2.80]], [[-1.71]], [[0.06]], [[1.83]],
      [[-2.68]], [[-0.91]], [[0.86]], [[2.63]], [[-1.88]], [[-0.11]]]]> : tensor<1x24x1x1xf32>
  %j1 = lathe.add %jo, %jc : tensor<40x1x1x1xf32>, tensor<1x24x1x1xf32> -> tensor<40x24x1x1xf32>
  %j4 = lathe.sin %j1 : tensor<40x24x1x1xf32>
  %jn = lathe.constant dense<0.306> : tensor<f32>
  %j = lathe.mul %j4, %jn : tensor<40x24x1x1xf32>, tensor<f32> -> tensor<40x24x1x1xf32>
  %ko = lathe.constant dense<[[[[-3.14]]], [[[-1.91]]], [[[-0.68]]], [[[0.55]]], [[[1.78]]], [[[3.01]]], [[[-2.04]]],
      [[[-0.81]]], [[[0.42]]], [[[1.65]]], [[[2.88]]], [[[-2.17]]], [[[-0.94]]], [[[0.29]]], [[[1.52]]], [[[2.75]]],
      [[[-2.30]]], [[[-1.07]]], [[[0.16]]], [[[1.39]]], [[[2.62]]], [[[-2.43]]], [[[-1.20]]], [[[0.03]]], [[[1.26]]],
      [[[2.49]]], [[[-2.56]]], [[[-1.33]]], [[[-0.10]]], [[[1.13]]], [[[2.36]]], [[[-2.69]]], [[[-1.46]]],
      [[[-0.23]]], [[[1.00]]], [[[2.23]]], [[[-2.82]]], [[[-1.59]]], [[[-0.36]]], [[[0.87]]], [[[2.10]]],
      [[[-2.95]]], [[[-1.72]]], [[[-0.49]]], [[[0.74]]], [[[1.97]]], [[[-3.08]]], [[[-1.85]]], [[[-0.62]]],
      [[[0.61]]], [[[1.84]]], [[[3.07]]], [[[-1.98]]], [[[-0.75]]], [[[0.48]]], [[[1.71]]], [[[2.94]]], [[[-2.11]]],
      [[[-0.88]]], [[[0.35]]], [[[1.58]]], [[[2.81]]], [[[-2.24]]], [[[-1.01]]], [[[0.22]]], [[[1.45]]], [[[2.68]]],
      [[[-2.37]]], [[[-1.14]]], [[[0.09]]]]> : tensor<70x1x1x1xf32>
  %kc = lathe.constant dense<[[[[-3.14]], [[-1.27]], [[0.60]], [[2.47]], [[-1.94]], [[-0.07]], [[1.80]], [[-2.61]],
      [[-0.74]], [[1.13]], [[3.00]], [[-1.41]], [[0.46]], [[2.33]], [[-2.08]], [[-0.21]], [[1.66]], [[-2.75]],
      [[-0.88]], [[0.99]], [[2.86]], [[-1.55]], [[0.32]], [[2.19]], [[-2.22]], [[-0.35]], [[1.52]], [[-2.89]],
      [[-1.02]], [[0.85]], [[2.72]], [[-1.69]], [[0.18]], [[2.05]], [[-2.36]], [[-0.49]], [[1.38]], [[-3.03]],
      [[-1.16]], [[0.71]]]]> : tensor<1x40x1x1xf32>
  %k1 = lathe.add %ko, %kc : tensor<70x1x1x1xf32>, tensor<1x40x1x1xf32> -> tensor<70x40x1x1xf32>
  %k4 = lathe.sin %k1 : tensor<70x40x1x1xf32>
  %kn = lathe.constant dense<0.237> : tensor<f32>
  %k = lathe.mul %k4, %kn : tensor<70x40x1x1xf32>, tensor<f32> -> tensor<70x40x1x1xf32>
  // The first layer, whose few channels are multiplied where a patch of the picture lies, and a pool.
  %0 = lathe.conv %x, %f strides [2, 2] pads [3, 3, 3, 3] dilations [1, 1] groups 1 :
      tensor<?x3x22x18xf32>, tensor<24x3x7x7xf32> -> tensor<?x24x11x9xf32>
  %bias = lathe.constant dense<0.125> : tensor<1x24x1x1xf32>
  %1 = lathe.add %0, %bias : tensor<?x24x11x9xf32>, tensor<1x24x1x1xf32> -> tensor<?x24x11x9xf32>
  %2 = lathe.relu %1 : tensor<?x24x11x9xf32>
  %3 = lathe.max_pool %2 window [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] :
      tensor<?x24x11x9xf32> -> tensor<?x24x6x5xf32>
  // A block with a branch of its own.
  %4 = lathe.conv %3, %g strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x24x6x5xf32>, tensor<16x24x1x1xf32> -> tensor<?x16x6x5xf32>
  %5 = lathe.relu %4 : tensor<?x16x6x5xf32>
  %6 = lathe.conv %5, %h strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x16x6x5xf32>, tensor<16x16x3x3xf32> -> tensor<?x16x6x5xf32>
  %7 = lathe.relu %6 : tensor<?x16x6x5xf32>
  %8 = lathe.conv %7, %i strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x16x6x5xf32>, tensor<40x16x1x1xf32> -> tensor<?x40x6x5xf32>
  %9 = lathe.conv %3, %j strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x24x6x5xf32>, tensor<40x24x1x1xf32> -> tensor<?x40x6x5xf32>
  %10 = lathe.add %8, %9 : tensor<?x40x6x5xf32>, tensor<?x40x6x5xf32> -> tensor<?x40x6x5xf32>
  %11 = lathe.relu %10 : tensor<?x40x6x5xf32>
  // A stride in a window of one place, the sum that is read on, the mean of the image.
  %12 = lathe.conv %11, %k strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x40x6x5xf32>, tensor<70x40x1x1xf32> -> tensor<?x70x3x3xf32>
  %13 = lathe.pool %12 average window [3, 3] strides [1, 1] pads [0, 0] pad_end [0, 0] dilations [1, 1]
      include_pad false
      p 1 sizes affine_map<()[s0, s1, s2, s3] -> (s0, s1, 1, 1)> : (tensor<?x70x3x3xf32>) -> tensor<?x70x1x1xf32>
  return %11, %13 : tensor<?x40x6x5xf32>, tensor<?x70x1x1xf32>
}
