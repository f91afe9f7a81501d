// RUN: lathe-opt %s --lathe-propagate-shardings=ranks=4 --lathe-partition-values --lathe-check-collectives --split-input-file | FileCheck %s

// One sum behind both products; the residual and the norm after it read that.
// CHECK-LABEL: @feed_forward
// CHECK: %[[UP:.*]] = lathe.take_shard %{{.*}} dim 0 parts 4 along "tensor" : tensor<128x64xf32> -> tensor<32x64xf32>
// CHECK: %[[DOWN:.*]] = lathe.take_shard %{{.*}} dim 1 parts 4 along "tensor" : tensor<64x128xf32> -> tensor<64x32xf32>
// CHECK: %[[U:.*]] = lathe.matmul %{{.*}}, %[[UP]] transpose_rhs : {{.*}} -> tensor<?x32xf32>
// CHECK: %[[D:.*]] = lathe.matmul %[[U]], %[[DOWN]] transpose_rhs
// CHECK: %[[S:.*]] = lathe.all_reduce %[[D]] along "tensor" : tensor<?x64xf32>
// CHECK: lathe.add %{{.*}}, %[[S]]
// CHECK-NOT: lathe.sharding
func.func @feed_forward(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %wu = lathe.weight "up" file 0 offset 0 bytes 32768 : tensor<128x64xf32>
  %wd = lathe.weight "down" file 0 offset 32768 bytes 32768 : tensor<64x128xf32>
  %u = lathe.matmul %x, %wu transpose_rhs : tensor<?x64xf32>, tensor<128x64xf32> -> tensor<?x128xf32>
  %d = lathe.matmul %u, %wd transpose_rhs : tensor<?x128xf32>, tensor<64x128xf32> -> tensor<?x64xf32>
  %r = lathe.add %x, %d : tensor<?x64xf32>, tensor<?x64xf32> -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

// -----

// Two key heads for four ranks: each rank has two of eight query heads and the key head that they share, and so has the
// state.
// CHECK-LABEL: @fewer_key_heads
// CHECK-SAME: !lathe.state<paged, 1x1x16xf32>
// CHECK: lathe.take_shard %{{.*}} dim 0 parts 4 along "tensor" : tensor<64x32xf32> -> tensor<16x32xf32>
// CHECK: lathe.take_shard %{{.*}} dim 0 parts 2 along "tensor" : tensor<16x32xf32> -> tensor<8x32xf32>
// CHECK: lathe.take_shard %{{.*}} dim 1 parts 4 along "tensor" : tensor<32x64xf32> -> tensor<32x16xf32>
// CHECK: lathe.reshape %{{.*}} shape [0, 2, 8] : tensor<?x16xf32> -> tensor<?x2x8xf32>
// CHECK: lathe.append_kv {{.*}} tensor<?x1x8xf32>, tensor<?x1x8xf32>, <paged, 1x1x16xf32>
// CHECK: lathe.paged_attention {{.*}} -> tensor<?x2x8xf32>
// CHECK: %[[O:.*]] = lathe.matmul
// CHECK: lathe.all_reduce %[[O]]
func.func @fewer_key_heads(%x: tensor<?x32xf32>, %offsets: tensor<?xi32>, %lengths: tensor<?xi32>, %tables: tensor<?x?xi32>,
    %slots: tensor<?xi32>, %s: !lathe.state<paged, 1x2x16xf32>) -> (tensor<?x32xf32>, !lathe.state<paged, 1x2x16xf32>) {
  %wq = lathe.weight "q" file 0 offset 0 bytes 8192 : tensor<64x32xf32>
  %wk = lathe.weight "k" file 0 offset 8192 bytes 2048 : tensor<16x32xf32>
  %wv = lathe.weight "v" file 0 offset 10240 bytes 2048 : tensor<16x32xf32>
  %wo = lathe.weight "o" file 0 offset 12288 bytes 8192 : tensor<32x64xf32>
  %q0 = lathe.matmul %x, %wq transpose_rhs : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  %k0 = lathe.matmul %x, %wk transpose_rhs : tensor<?x32xf32>, tensor<16x32xf32> -> tensor<?x16xf32>
  %v0 = lathe.matmul %x, %wv transpose_rhs : tensor<?x32xf32>, tensor<16x32xf32> -> tensor<?x16xf32>
  %q = lathe.reshape %q0 shape [0, 8, 8] : tensor<?x64xf32> -> tensor<?x8x8xf32>
  %k = lathe.reshape %k0 shape [0, 2, 8] : tensor<?x16xf32> -> tensor<?x2x8xf32>
  %v = lathe.reshape %v0 shape [0, 2, 8] : tensor<?x16xf32> -> tensor<?x2x8xf32>
  %s1 = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<?x2x8xf32>, tensor<?x2x8xf32>,
      !lathe.state<paged, 1x2x16xf32>, tensor<?xi32>
  %a = lathe.paged_attention %q, %s1, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<?x8x8xf32>,
      !lathe.state<paged, 1x2x16xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x8x8xf32>
  %f = lathe.reshape %a shape [0, 64] : tensor<?x8x8xf32> -> tensor<?x64xf32>
  %o = lathe.matmul %f, %wo transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %o, %s1 : tensor<?x32xf32>, !lathe.state<paged, 1x2x16xf32>
}

// -----

// A rank has some rows of the table: others give 0, and the sum is the row. Logits are gathered by columns.
// CHECK-LABEL: @vocabulary
// CHECK-DAG: %[[FIRSTS:.*]] = lathe.constant dense<[0, 8, 16, 24]> : tensor<4xi32>
// CHECK-DAG: lathe.take_shard %[[FIRSTS]] dim 0 parts 4 along "tensor" : tensor<4xi32> -> tensor<1xi32>
// CHECK: %[[ROWS:.*]] = lathe.gather
// CHECK: %[[MASKED:.*]] = lathe.select %{{.*}}, %[[ROWS]]
// CHECK: lathe.all_reduce %[[MASKED]]
// CHECK: %[[L:.*]] = lathe.matmul {{.*}} -> tensor<?x8xf32>
// CHECK: %[[ALL:.*]] = lathe.all_gather %[[L]] along "tensor" : tensor<?x8xf32> -> tensor<4x?x8xf32>
// CHECK: %[[T:.*]] = lathe.transpose %[[ALL]] permutation [1, 0, 2]
// CHECK: lathe.reshape %[[T]] shape [0, 32]
func.func @vocabulary(%tokens: tensor<?xi32>) -> tensor<?x32xf32> {
  %w = lathe.weight "embedding" file 0 offset 0 bytes 8192 : tensor<32x64xf32>
  %x = lathe.gather %w, %tokens : tensor<32x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %n = lathe.weight "norm" file 0 offset 8192 bytes 256 : tensor<64xf32>
  %y = lathe.rms_norm %x, %n epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %l = lathe.matmul %y, %w transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %l : tensor<?x32xf32>
}

// -----

// Experts by rank: those of others give 0, which the activation keeps, and one sum behind the mixture is enough.
// CHECK-LABEL: @experts
// CHECK: %[[FIRST:.*]] = lathe.take_shard %{{.*}} : tensor<4xi64> -> tensor<1xi64>
// CHECK: %[[OWN:.*]] = lathe.sub %{{.*}}, %[[FIRST]]
// CHECK: lathe.expert_matmul %{{.*}}, %{{.*}}, %[[OWN]] : tensor<?x1x32xf32>, tensor<2x64x32xf32>
// CHECK: lathe.silu
// CHECK: lathe.expert_matmul %{{.*}}, %{{.*}}, %[[OWN]] : tensor<?x2x64xf32>, tensor<2x32x64xf32>
// CHECK: %[[SUM:.*]] = lathe.reduce sum
// CHECK: lathe.all_reduce %[[SUM]]
func.func @experts(%x: tensor<?x1x32xf32>, %e: tensor<?x2xi64>) -> tensor<?x32xf32> {
  %wu = lathe.weight "up" file 0 offset 0 bytes 65536 : tensor<8x64x32xf32>
  %wd = lathe.weight "down" file 0 offset 65536 bytes 65536 : tensor<8x32x64xf32>
  %u = lathe.expert_matmul %x, %wu, %e : tensor<?x1x32xf32>, tensor<8x64x32xf32>, tensor<?x2xi64> -> tensor<?x2x64xf32>
  %a = lathe.silu %u : tensor<?x2x64xf32>
  %d = lathe.expert_matmul %a, %wd, %e : tensor<?x2x64xf32>, tensor<8x32x64xf32>, tensor<?x2xi64> -> tensor<?x2x32xf32>
  %s = lathe.reduce sum %d axes [1] : tensor<?x2x32xf32> -> tensor<?x32xf32>
  return %s : tensor<?x32xf32>
}

// -----

// Channels of pictures: the first convolution makes some, the second reads them.
// CHECK-LABEL: @channels
// CHECK: lathe.conv {{.*}} -> tensor<?x2x4x4xf32>
// CHECK: lathe.relu {{.*}} : tensor<?x2x4x4xf32>
// CHECK: %[[C:.*]] = lathe.conv {{.*}} tensor<?x2x4x4xf32>, tensor<8x2x3x3xf32> -> tensor<?x8x4x4xf32>
// CHECK: lathe.all_reduce %[[C]]
func.func @channels(%x: tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32> {
  %wa = lathe.weight "a" file 0 offset 0 bytes 2304 : tensor<8x8x3x3xf32>
  %wb = lathe.weight "b" file 0 offset 2304 bytes 2304 : tensor<8x8x3x3xf32>
  %0 = lathe.conv %x, %wa strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x8x4x4xf32>, tensor<8x8x3x3xf32> -> tensor<?x8x4x4xf32>
  %1 = lathe.relu %0 : tensor<?x8x4x4xf32>
  %2 = lathe.conv %1, %wb strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x8x4x4xf32>, tensor<8x8x3x3xf32> -> tensor<?x8x4x4xf32>
  return %2 : tensor<?x8x4x4xf32>
}
