// RUN: lathe-opt %s --lathe-recognize-attention --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-attention --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-attention --split-input-file | diff - %t.1

// Scores are divided and masked; batch and tokens are not known.
// CHECK-LABEL: @masked
// CHECK-SAME: (%[[Q:.*]]: tensor<?x4x?x16xf32>, %[[K:.*]]: tensor<?x4x?x16xf32>, %[[V:.*]]: tensor<?x4x?x8xf32>, %[[M:.*]]: tensor<?x1x1x?xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.attention %[[Q]], %[[K]], %[[V]] mask %[[M]] : tensor<?x1x1x?xf32> scale 2.500000e-01 :
// CHECK-NEXT: return %[[Y]]
func.func @masked(%q: tensor<?x4x?x16xf32>, %k: tensor<?x4x?x16xf32>, %v: tensor<?x4x?x8xf32>, %m: tensor<?x1x1x?xf32>)
    -> tensor<?x4x?x8xf32> {
  %four = lathe.constant dense<4.0> : tensor<f32>
  %0 = lathe.matmul %q, %k transpose_rhs : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32> -> tensor<?x4x?x?xf32>
  %1 = lathe.div %0, %four : tensor<?x4x?x?xf32>, tensor<f32> -> tensor<?x4x?x?xf32>
  %2 = lathe.add %1, %m : tensor<?x4x?x?xf32>, tensor<?x1x1x?xf32> -> tensor<?x4x?x?xf32>
  %3 = lathe.softmax %2 : tensor<?x4x?x?xf32>
  // expected-remark @below {{attention of 4 heads}}
  %y = lathe.matmul %3, %v : tensor<?x4x?x?xf32>, tensor<?x4x?x8xf32> -> tensor<?x4x?x8xf32>
  return %y : tensor<?x4x?x8xf32>
}

// -----

// Tokens came first, queries and keys are scaled each, rows of NaN become zeros, the mask has two dimensions.
// CHECK-LABEL: @tokens_first
// CHECK-SAME: (%[[Q:.*]]: tensor<2x5x4x16xf32>, %[[K:.*]]: tensor<2x7x4x16xf32>, %[[V:.*]]: tensor<2x7x4x16xf32>, %[[M:.*]]: tensor<5x7xf32>)
// CHECK: %[[E:.*]] = lathe.expand %[[M]]
// CHECK-NEXT: %[[Y:.*]] = lathe.attention %[[Q]], %[[K]], %[[V]] mask %[[E]] : tensor<1x1x5x7xf32> scale 2.500000e-01 tokens_first
// CHECK-NEXT: lathe.transpose %[[Y]] permutation [0, 2, 1, 3]
func.func @tokens_first(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x16xf32>, %m: tensor<5x7xf32>)
    -> tensor<2x4x5x16xf32> {
  %half = lathe.constant dense<0.5> : tensor<f32>
  %zero = lathe.constant dense<0.0> : tensor<f32>
  %qs = lathe.mul %q, %half : tensor<2x5x4x16xf32>, tensor<f32> -> tensor<2x5x4x16xf32>
  %ks = lathe.mul %half, %k : tensor<f32>, tensor<2x7x4x16xf32> -> tensor<2x7x4x16xf32>
  %qt = lathe.transpose %qs permutation [0, 2, 1, 3] : tensor<2x5x4x16xf32> -> tensor<2x4x5x16xf32>
  %kt = lathe.transpose %ks permutation [0, 2, 1, 3] : tensor<2x7x4x16xf32> -> tensor<2x4x7x16xf32>
  %vt = lathe.transpose %v permutation [0, 2, 1, 3] : tensor<2x7x4x16xf32> -> tensor<2x4x7x16xf32>
  %0 = lathe.matmul %qt, %kt transpose_rhs : tensor<2x4x5x16xf32>, tensor<2x4x7x16xf32> -> tensor<2x4x5x7xf32>
  %1 = lathe.add %m, %0 : tensor<5x7xf32>, tensor<2x4x5x7xf32> -> tensor<2x4x5x7xf32>
  %2 = lathe.softmax %1 : tensor<2x4x5x7xf32>
  %3 = lathe.is_nan %2 : tensor<2x4x5x7xf32>
  %4 = lathe.select %3, %zero, %2 : tensor<2x4x5x7xi1>, tensor<f32>, tensor<2x4x5x7xf32> -> tensor<2x4x5x7xf32>
  // expected-remark @below {{attention of 4 heads}}
  %y = lathe.matmul %4, %vt : tensor<2x4x5x7xf32>, tensor<2x4x7x16xf32> -> tensor<2x4x5x16xf32>
  return %y : tensor<2x4x5x16xf32>
}

// -----

// Two heads of keys for four of queries; the mask replaces scores.
// CHECK-LABEL: @grouped_heads
// CHECK-SAME: (%[[Q:.*]]: tensor<2x4x5x8xf32>, %[[K:.*]]: tensor<2x2x7x8xf32>, %[[C:.*]]: tensor<1x1x5x7xi1>)
// CHECK: %[[M:.*]] = lathe.select %[[C]]
// CHECK-NEXT: %[[Y:.*]] = lathe.attention %[[Q]], %[[K]], %[[K]] mask %[[M]] : tensor<1x1x5x7xf32> scale 1.000000e+00 :
func.func @grouped_heads(%q: tensor<2x4x5x8xf32>, %k: tensor<2x2x7x8xf32>, %c: tensor<1x1x5x7xi1>) -> tensor<2x4x5x8xf32> {
  %lowest = lathe.constant dense<-3.4028235e+38> : tensor<f32>
  %apart = lathe.reshape %k shape [2, 2, 1, 7, 8] : tensor<2x2x7x8xf32> -> tensor<2x2x1x7x8xf32>
  %many = lathe.expand %apart sizes affine_map<()[s0, s1, s2, s3, s4] -> (2, 2, 2, 7, 8)>
      : (tensor<2x2x1x7x8xf32>) -> tensor<2x2x2x7x8xf32>
  %kr = lathe.reshape %many shape [2, 4, 7, 8] : tensor<2x2x2x7x8xf32> -> tensor<2x4x7x8xf32>
  %0 = lathe.matmul %q, %kr transpose_rhs : tensor<2x4x5x8xf32>, tensor<2x4x7x8xf32> -> tensor<2x4x5x7xf32>
  %1 = lathe.select %c, %0, %lowest : tensor<1x1x5x7xi1>, tensor<2x4x5x7xf32>, tensor<f32> -> tensor<2x4x5x7xf32>
  %2 = lathe.softmax %1 : tensor<2x4x5x7xf32>
  // expected-remark @below {{attention of 4 heads}}
  %y = lathe.matmul %2, %kr : tensor<2x4x5x7xf32>, tensor<2x4x7x8xf32> -> tensor<2x4x5x8xf32>
  return %y : tensor<2x4x5x8xf32>
}

// -----

// What a constant of one number made as large as the scores is read as small as it was.
// CHECK-LABEL: @mask_of_keys
// CHECK: %[[A:.*]] = lathe.and %{{.*}}, %{{.*}} : tensor<?x1x1x7xi1>, tensor<i1> -> tensor<?x1x1x7xi1>
// CHECK: %[[M:.*]] = lathe.select %[[A]], {{.*}} -> tensor<?x1x1x7xf32>
// CHECK: lathe.attention %{{.*}} mask %[[M]] : tensor<?x1x1x7xf32>
func.func @mask_of_keys(%q: tensor<?x4x5x16xf32>, %k: tensor<?x4x7x16xf32>, %v: tensor<?x4x7x8xf32>, %m: tensor<?x1x1x7xi1>)
    -> tensor<?x4x5x8xf32> {
  %all = lathe.constant dense<true> : tensor<1x1x5x1xi1>
  %zero = lathe.constant dense<0.0> : tensor<f32>
  %low = lathe.constant dense<-3.40282347E+38> : tensor<f32>
  %0 = lathe.and %m, %all : tensor<?x1x1x7xi1>, tensor<1x1x5x1xi1> -> tensor<?x1x5x7xi1>
  %1 = lathe.select %0, %zero, %low : tensor<?x1x5x7xi1>, tensor<f32>, tensor<f32> -> tensor<?x1x5x7xf32>
  %2 = lathe.matmul %q, %k transpose_rhs : tensor<?x4x5x16xf32>, tensor<?x4x7x16xf32> -> tensor<?x4x5x7xf32>
  %3 = lathe.add %2, %1 : tensor<?x4x5x7xf32>, tensor<?x1x5x7xf32> -> tensor<?x4x5x7xf32>
  %4 = lathe.softmax %3 : tensor<?x4x5x7xf32>
  // expected-remark @below {{attention of 4 heads}}
  %5 = lathe.matmul %4, %v : tensor<?x4x5x7xf32>, tensor<?x4x7x8xf32> -> tensor<?x4x5x8xf32>
  return %5 : tensor<?x4x5x8xf32>
}
