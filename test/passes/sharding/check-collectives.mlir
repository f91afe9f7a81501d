// RUN: lathe-opt %s --lathe-check-collectives --split-input-file --verify-diagnostics
// What ranks would wait in forever, or disagree about, is refused with the reason.

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @branch_of_some_ranks(%x: tensor<4xf32>) -> tensor<4xf32> {
    %bits = lathe.constant dense<[false, true]> : tensor<2xi1>
    %own = lathe.take_shard %bits dim 0 parts 2 along "tensor" : tensor<2xi1> -> tensor<1xi1>
    %c = lathe.reshape %own shape [] : tensor<1xi1> -> tensor<i1>
    // expected-note @below {{the branch}}
    %y = lathe.if %c : tensor<i1> -> tensor<4xf32> {
      // expected-error @below {{'lathe.all_reduce' op stands in a branch that some ranks run and others do not, as what decides differs between them: they would wait for each other forever}}
      %0 = lathe.all_reduce %x along "tensor" : tensor<4xf32>
      lathe.yield %0 : tensor<4xf32>
    } else {
      lathe.yield %x : tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }
}

// -----

// What has been gathered decides the same on all ranks.
module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @branch_of_all_ranks(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
    %y = lathe.if %c : tensor<i1> -> tensor<4xf32> {
      %0 = lathe.all_reduce %x along "tensor" : tensor<4xf32>
      lathe.yield %0 : tensor<4xf32>
    } else {
      lathe.yield %x : tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @rounds_of_each_rank(%x: tensor<4xf32>) -> tensor<4xf32> {
    %counts = lathe.constant dense<[1, 2]> : tensor<2xi64>
    %own = lathe.take_shard %counts dim 0 parts 2 along "tensor" : tensor<2xi64> -> tensor<1xi64>
    %n = lathe.reshape %own shape [] : tensor<1xi64> -> tensor<i64>
    // expected-note @below {{the loop}}
    %y = lathe.loop trip %n carried(%x) : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%i: tensor<i64>, %a: tensor<4xf32>):
      // expected-error @below {{'lathe.all_reduce' op stands in a loop that some ranks run and others do not, as what decides differs between them: they would wait for each other forever}}
      %0 = lathe.all_reduce %a along "tensor" : tensor<4xf32>
      lathe.yield %0 : tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @rounds_until_data_says(%x: tensor<i1>, %v: tensor<4xf32>) -> tensor<4xf32> {
    %bits = lathe.constant dense<[false, true]> : tensor<2xi1>
    %own = lathe.take_shard %bits dim 0 parts 2 along "tensor" : tensor<2xi1> -> tensor<1xi1>
    %c = lathe.reshape %own shape [] : tensor<1xi1> -> tensor<i1>
    // expected-note @below {{the loop}}
    %y = lathe.loop while %x carried(%v) : (tensor<i1>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%i: tensor<i64>, %a: tensor<4xf32>):
      // expected-error @below {{'lathe.all_reduce' op stands in a loop that some ranks run and others do not, as what decides differs between them: they would wait for each other forever}}
      %0 = lathe.all_reduce %a along "tensor" : tensor<4xf32>
      lathe.yield %c, %0 : tensor<i1>, tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @sizes_of_each_rank(%x: tensor<8xf32>) {
    %counts = lathe.constant dense<[3, 5]> : tensor<2xi64>
    %own = lathe.take_shard %counts dim 0 parts 2 along "tensor" : tensor<2xi64> -> tensor<1xi64>
    %n = lathe.read_sizes %own min [0] max [8] : tensor<1xi64> -> !lathe.sizes<1>
    %part = lathe.slice %x from %n starts affine_map<()[s0, s1] -> (0)> steps [1] sizes affine_map<()[s0, s1] -> (s1)>
        : (tensor<8xf32>, !lathe.sizes<1>) -> tensor<?xf32>
    // expected-error @below {{'lathe.all_reduce' op has a size that data of one rank gives, so that ranks would exchange tensors of different shapes; all-gather the data before its sizes are read}}
    %y = lathe.all_reduce %part along "tensor" : tensor<?xf32>
    return
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  // expected-error @below {{'func.func' op result 0 differs between ranks, needed a value that all have}}
  func.func @sum_not_completed(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
    %w = lathe.constant dense<1.0> : tensor<4x4xf32>
    %own = lathe.take_shard %w dim 0 parts 2 along "tensor" : tensor<4x4xf32> -> tensor<2x4xf32>
    %y = lathe.matmul %x, %own transpose_rhs : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
    return %y : tensor<?x2xf32>
  }
}

// -----

module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  // expected-error @below {{'func.func' op result 0 differs between ranks, needed a value that all have}}
  func.func @part_returned(%x: tensor<2x4xf32>) -> tensor<4xf32> {
    %y = lathe.reduce_scatter %x along "tensor" : tensor<2x4xf32> -> tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// A state that each rank fills with heads of its own: what attention makes of it must be added up.
module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  // expected-error @below {{'func.func' op result 0 differs between ranks, needed a value that all have}}
  func.func @attention_of_each_rank(%q: tensor<?x1x8xf32>, %x: tensor<?x8xf32>, %offsets: tensor<?xi32>, %lengths: tensor<?xi32>,
      %tables: tensor<?x?xi32>, %slots: tensor<?xi32>, %s: !lathe.state<paged, 1x1x16xf32>)
      -> (tensor<?x1x8xf32>, !lathe.state<paged, 1x1x16xf32>) {
    %a = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<?x1x8xf32>,
        !lathe.state<paged, 1x1x16xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x1x8xf32>
    %w = lathe.constant dense<1.0> : tensor<16x8xf32>
    %own = lathe.take_shard %w dim 0 parts 2 along "tensor" : tensor<16x8xf32> -> tensor<8x8xf32>
    %k0 = lathe.matmul %x, %own transpose_rhs : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    %k = lathe.reshape %k0 shape [0, 1, 8] : tensor<?x8xf32> -> tensor<?x1x8xf32>
    %s1 = lathe.append_kv %k, %k, %s, %slots layer 0 : tensor<?x1x8xf32>, tensor<?x1x8xf32>,
        !lathe.state<paged, 1x1x16xf32>, tensor<?xi32>
    return %a, %s1 : tensor<?x1x8xf32>, !lathe.state<paged, 1x1x16xf32>
  }
}

// -----

func.func @no_grid(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'lathe.all_reduce' op is along 'tensor', but the module has no grid with that axis}}
  %0 = lathe.all_reduce %x along "tensor" : tensor<4xf32>
  return %0 : tensor<4xf32>
}
