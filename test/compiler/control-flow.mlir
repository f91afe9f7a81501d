// Branches, loops and sizes that data gives, through every phase: --verify runs the model on the reference, after every
// pass, as a plan on byte memory, and as machine code.
// RUN: lathec %s --verify -q -o %t.lathe

!rows = tensor<?x4xf32>

// One branch writes to the place of the result, the other hands on what it got.
func.func @branch(%c: tensor<i1> {lathe.dims = []}, %x: !rows {lathe.dims = ["n", 4]}) -> (!rows, !rows)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %0 = lathe.neg %x : !rows
  %y:2 = lathe.if %c : tensor<i1> -> !rows, !rows {
    %1 = lathe.relu %0 : !rows
    %2 = lathe.add %1, %x : !rows, !rows -> !rows
    lathe.yield %2, %x : !rows, !rows
  } else {
    lathe.yield %0, %0 : !rows, !rows
  }
  %3 = lathe.add %y#0, %y#1 : !rows, !rows -> !rows
  return %3, %y#1 : !rows, !rows
}

// The branches give different sizes: memory comes from the pool, the caller learns the shape.
func.func @branch_sizes(%c: tensor<i1> {lathe.dims = []}, %x: !rows {lathe.dims = ["n", 4]}) -> (!rows, !rows)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 3, 16>]} {
  %y = lathe.if %c : tensor<i1> -> !rows {
    %1 = lathe.slice %x starts affine_map<()[s0, s1] -> (1, 0)> steps [1, 1] sizes affine_map<()[s0, s1] -> (2, 4)>
        : (!rows) -> tensor<2x4xf32>
    lathe.yield %1 : tensor<2x4xf32>
  } else {
    lathe.yield %x : !rows
  }
  %2 = lathe.relu %y : !rows
  %3 = lathe.exp %2 : !rows
  %4 = lathe.add %3, %2 : !rows, !rows -> !rows
  return %4, %y : !rows, !rows
}

// A carried value lives in two places; rows go to theirs at once.
func.func @trip(%x: !rows {lathe.dims = ["n", 4]}) -> (!rows, tensor<?x?x4xf32>, !rows)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %trip = lathe.constant dense<5> : tensor<i64>
  %half = lathe.constant dense<0.5> : tensor<f32>
  %y:3 = lathe.loop trip %trip carried(%x, %x) : (tensor<i64>, !rows, !rows) -> (!rows, !rows, tensor<?x?x4xf32>) {
  ^bb0(%i: tensor<i64>, %a: !rows, %b: !rows):
    %0 = lathe.mul %a, %half : !rows, tensor<f32> -> !rows
    %1 = lathe.add %0, %b : !rows, !rows -> !rows
    lathe.yield %b, %1, %a : !rows, !rows, !rows
  }
  return %y#0, %y#2, %y#1 : !rows, tensor<?x?x4xf32>, !rows
}

// Running sums, and the rows as they came; the number of rows is a symbol.
func.func @scan(%x: !rows {lathe.dims = ["n", 4]}) -> (tensor<4xf32>, !rows, !rows)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %zero = lathe.constant dense<0.0> : tensor<4xf32>
  %y:3 = lathe.loop carried(%zero) scanned(%x) : (tensor<4xf32>, !rows) -> (tensor<4xf32>, !rows, !rows) {
  ^bb0(%i: tensor<i64>, %sum: tensor<4xf32>, %row: tensor<4xf32>):
    %0 = lathe.add %sum, %row : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    lathe.yield %0, %0, %row : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %y#0, %y#1, %y#2 : tensor<4xf32>, !rows, !rows
}

// A value that is one element longer in each round, and its first element stacked; the trip count is data.
func.func @growing(%x: tensor<8xf32> {lathe.dims = [8]}) -> (tensor<?xf32>, tensor<?x1xf32>)
    attributes {lathe.entry = "tensor"} {
  %counts = lathe.constant dense<[6, 7]> : tensor<2xi64>
  %first = lathe.slice %counts starts affine_map<()[s0] -> (0)> steps [1] sizes affine_map<()[s0] -> (1)>
      : (tensor<2xi64>) -> tensor<1xi64>
  %trip = lathe.reshape %first shape [] : tensor<1xi64> -> tensor<i64>
  %one = lathe.slice %x starts affine_map<()[s0] -> (0)> steps [1] sizes affine_map<()[s0] -> (1)>
      : (tensor<8xf32>) -> tensor<1xf32>
  %y:2 = lathe.loop trip %trip carried(%one) : (tensor<i64>, tensor<1xf32>) -> (tensor<?xf32>, tensor<?x1xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    %head = lathe.slice %v starts affine_map<()[s0] -> (0)> steps [1] sizes affine_map<()[s0] -> (1)>
        : (tensor<?xf32>) -> tensor<1xf32>
    %more = lathe.slice %x from %v starts affine_map<()[s0, s1] -> (0)> steps [1]
        sizes affine_map<()[s0, s1] -> (s1 + 1)> : (tensor<8xf32>, tensor<?xf32>) -> tensor<?xf32>
    %next = lathe.add %more, %head : tensor<?xf32>, tensor<1xf32> -> tensor<?xf32>
    lathe.yield %next, %head : tensor<?xf32>, tensor<1xf32>
  }
  return %y#0, %y#1 : tensor<?xf32>, tensor<?x1xf32>
}

// Sizes that are read in each round; a condition that ends the loop before its limit.
func.func @reading(%x: tensor<8xf32> {lathe.dims = [8]}) -> (tensor<?xf32>, tensor<?x2xf32>)
    attributes {lathe.entry = "tensor"} {
  %trip = lathe.constant dense<9> : tensor<i64>
  %yes = lathe.constant dense<true> : tensor<i1>
  %more = lathe.constant dense<[true, true, true, false, true, true, true, true, true]> : tensor<9xi1>
  %y:2 = lathe.loop trip %trip while %yes carried(%x) :
      (tensor<i64>, tensor<i1>, tensor<8xf32>) -> (tensor<?xf32>, tensor<?x2xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    %index = lathe.reshape %i shape [1] : tensor<i64> -> tensor<1xi64>
    %n = lathe.read_sizes %index min [0] max [8] : tensor<1xi64> -> !lathe.sizes<1>
    %condition = lathe.slice %more from %n starts affine_map<()[s0, s1] -> (s1)> steps [1]
        sizes affine_map<()[s0, s1] -> (1)> : (tensor<9xi1>, !lathe.sizes<1>) -> tensor<1xi1>
    %next = lathe.slice %x from %n starts affine_map<()[s0, s1] -> (0)> steps [1]
        sizes affine_map<()[s0, s1] -> (s1 + 2)> : (tensor<8xf32>, !lathe.sizes<1>) -> tensor<?xf32>
    %row = lathe.slice %next starts affine_map<()[s0] -> (s0 - 2)> steps [1] sizes affine_map<()[s0] -> (2)>
        : (tensor<?xf32>) -> tensor<2xf32>
    %0 = lathe.reshape %condition shape [] : tensor<1xi1> -> tensor<i1>
    lathe.yield %0, %next, %row : tensor<i1>, tensor<?xf32>, tensor<2xf32>
  }
  return %y#0, %y#1 : tensor<?xf32>, tensor<?x2xf32>
}

// Loops in branches in loops, which see values from outside; weights are prepared once, in front of all.
func.func @nested(%c: tensor<i1> {lathe.dims = []}, %x: !rows {lathe.dims = ["n", 4]}) -> !rows
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %three = lathe.constant dense<3> : tensor<i64>
  %y = lathe.loop trip %three carried(%x) : (tensor<i64>, !rows) -> !rows {
  ^bb0(%i: tensor<i64>, %a: !rows):
    %z = lathe.if %c : tensor<i1> -> !rows {
      %w = lathe.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
      %inner:2 = lathe.loop trip %three carried(%a, %x) : (tensor<i64>, !rows, !rows) -> (!rows, !rows) {
      ^bb0(%j: tensor<i64>, %b: !rows, %d: !rows):
        %0 = lathe.mul %b, %w : !rows, tensor<4xf32> -> !rows
        %1 = lathe.tanh %0 : !rows
        lathe.yield %1, %d : !rows, !rows
      }
      %2 = lathe.add %inner#0, %inner#1 : !rows, !rows -> !rows
      lathe.yield %2 : !rows
    } else {
      lathe.yield %x : !rows
    }
    lathe.yield %z : !rows
  }
  return %y : !rows
}

// Two sizes of one value that data gives, of which the last one bounds a kernel's columns.
func.func @table(%x: tensor<8x1xf32> {lathe.dims = [8, 1]}, %y: tensor<1x8xf32> {lathe.dims = [1, 8]}) -> tensor<?x?xf32>
    attributes {lathe.entry = "tensor"} {
  %trip = lathe.constant dense<3> : tensor<i64>
  %all = lathe.add %x, %y : tensor<8x1xf32>, tensor<1x8xf32> -> tensor<8x8xf32>
  %z = lathe.loop trip %trip carried(%all) : (tensor<i64>, tensor<8x8xf32>) -> tensor<?x?xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<?x?xf32>):
    %index = lathe.reshape %i shape [1] : tensor<i64> -> tensor<1xi64>
    %n = lathe.read_sizes %index min [0] max [6] : tensor<1xi64> -> !lathe.sizes<1>
    %a = lathe.slice %x from %n starts affine_map<()[s0, s1, s2] -> (0, 0)> steps [1, 1]
        sizes affine_map<()[s0, s1, s2] -> (s2 + 1, 1)> : (tensor<8x1xf32>, !lathe.sizes<1>) -> tensor<?x1xf32>
    %b = lathe.slice %y from %n starts affine_map<()[s0, s1, s2] -> (0, 0)> steps [1, 1]
        sizes affine_map<()[s0, s1, s2] -> (1, s2 + 2)> : (tensor<1x8xf32>, !lathe.sizes<1>) -> tensor<1x?xf32>
    %next = lathe.add %a, %b : tensor<?x1xf32>, tensor<1x?xf32> -> tensor<?x?xf32>
    lathe.yield %next : tensor<?x?xf32>
  }
  return %z : tensor<?x?xf32>
}
