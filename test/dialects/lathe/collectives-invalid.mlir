// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @take_shard_c1(%x: tensor<4x64xf32>) {
  // expected-error @below {{'lathe.take_shard' op dim is 2 and parts 2, needed a dimension of 'tensor<4x64xf32>' and one part or more}}
  %0 = lathe.take_shard %x dim 2 parts 2 along "tensor" : tensor<4x64xf32> -> tensor<2x64xf32>
  return
}

// -----

func.func @take_shard_c1_rest(%x: tensor<6x64xf32>) {
  // expected-error @below {{'lathe.take_shard' op dimension 0 of 'tensor<6x64xf32>' cannot be cut into 4 equal parts}}
  %0 = lathe.take_shard %x dim 0 parts 4 along "tensor" : tensor<6x64xf32> -> tensor<1x64xf32>
  return
}

// -----

func.func @take_shard_c1_result(%x: tensor<4x64xf32>) {
  // expected-error @below {{'lathe.take_shard' op result is 'tensor<1x64xf32>', needed 'tensor<2x64xf32>'}}
  %0 = lathe.take_shard %x dim 0 parts 2 along "tensor" : tensor<4x64xf32> -> tensor<1x64xf32>
  return
}

// -----

func.func @take_shard_c2(%w: tensor<4x256x!lathe.gguf<q4_k>>) {
  // expected-error @below {{'lathe.take_shard' op parts of 128 of 'tensor<4x256x!lathe.gguf<q4_k>>' do not end on the borders of blocks of 1x256}}
  %0 = lathe.take_shard %w dim 1 parts 2 along "tensor" : tensor<4x256x!lathe.gguf<q4_k>> -> tensor<4x128x!lathe.gguf<q4_k>>
  return
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @take_shard_c3(%x: tensor<4x64xf32>) {
    // expected-error @below {{'lathe.take_shard' op has 4 parts for 2 ranks along 'tensor', needed a number that divides them}}
    %0 = lathe.take_shard %x dim 0 parts 4 along "tensor" : tensor<4x64xf32> -> tensor<1x64xf32>
    return
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @all_reduce_c1(%x: tensor<4xf32>) {
    // expected-error @below {{'lathe.all_reduce' op is along 'data', but the grid has 'tensor'}}
    %0 = lathe.all_reduce %x along "data" : tensor<4xf32>
    return
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @all_gather_c1(%x: tensor<4xf32>) {
    // expected-error @below {{'lathe.all_gather' op is along 'data', but the grid has 'tensor'}}
    %0 = lathe.all_gather %x along "data" : tensor<4xf32> -> tensor<2x4xf32>
    return
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @all_gather_c2(%x: tensor<4xf32>) {
    // expected-error @below {{'lathe.all_gather' op has 'tensor<4xf32>' for each rank and 'tensor<3x4xf32>' for all, needed one dimension more in front, of size 2}}
    %0 = lathe.all_gather %x along "tensor" : tensor<4xf32> -> tensor<3x4xf32>
    return
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @reduce_scatter_c1(%x: tensor<2x4xf32>) {
    // expected-error @below {{'lathe.reduce_scatter' op is along 'data', but the grid has 'tensor'}}
    %0 = lathe.reduce_scatter %x along "data" : tensor<2x4xf32> -> tensor<4xf32>
    return
  }
}

// -----

func.func @reduce_scatter_c2(%x: tensor<2x4xf32>) {
  // expected-error @below {{'lathe.reduce_scatter' op has 'tensor<8xf32>' for each rank and 'tensor<2x4xf32>' for all, needed one dimension more in front}}
  %0 = lathe.reduce_scatter %x along "tensor" : tensor<2x4xf32> -> tensor<8xf32>
  return
}

// -----

// expected-error @below {{'lathe.grid' is [{name = "tensor"}], needed an array of {name = "...", size = N} with N above 0, each name once}}
module attributes {lathe.grid = [{name = "tensor"}]} {
  func.func @grid_without_size(%x: tensor<4xf32>) {
    %0 = lathe.all_reduce %x along "tensor" : tensor<4xf32>
    return
  }
}
