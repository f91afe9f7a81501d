// Wishes that cannot be had are refused with the reason, and so are malformed ones.
// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=5 rules=up=0' 2>&1 | FileCheck %s --check-prefix=REST
// REST: 'up', 'down' cannot be split as asked: 512 does not divide by 5

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=4 rules=up=0' 2>&1 | FileCheck %s --check-prefix=BLOCKS
// BLOCKS: 'up', 'down' cannot be split as asked: parts of 128 do not end on the borders of blocks of 256 of 'down'

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=up=1' 2>&1 | FileCheck %s --check-prefix=INPUT
// INPUT: 'up' cannot be split as asked: is of an input

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=down=0' 2>&1 | FileCheck %s --check-prefix=NORM
// NORM: 'down' cannot be split as asked: read whole by 'lathe.rms_norm'

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=first=0,first=1' 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: cannot be split as asked: 'lathe.matmul' would be split along two dimensions

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=4 rules=query=0' 2>&1 | FileCheck %s --check-prefix=HEADS
// HEADS: 'query' cannot be split as asked: 3 key heads and 4 ranks: neither divides the other

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=up=whole,up=0' 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: 'up', 'down' cannot be split as asked: 'up=whole' asks for it

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=up=2' 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: 'lathe.matmul' op reads 'up', which has 2 dimensions, but 'up=2' asks for dimension 2

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=upp=0' 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: 'upp=0' matches the name of no weight

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=2 rules=up' 2>&1 | FileCheck %s --check-prefix=FORM
// FORM: 'up' is no sharding, needed PATTERN=DIMENSION or PATTERN=whole, where PATTERN is of names of weights

// RUN: not lathe-opt %s --lathe-propagate-shardings='ranks=0' 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: there are to be 0 ranks, needed one or more

func.func @feed_forward(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %wu = lathe.weight "up" file 0 offset 0 bytes 131072 : tensor<512x64xf32>
  %wd = lathe.weight "down" file 0 offset 131072 bytes 18432 : tensor<64x512x!lathe.gguf<q4_k>>
  %wn = lathe.weight "norm" file 0 offset 149504 bytes 256 : tensor<64xf32>
  %u = lathe.matmul %x, %wu transpose_rhs : tensor<?x64xf32>, tensor<512x64xf32> -> tensor<?x512xf32>
  %d = lathe.matmul %u, %wd transpose_rhs : tensor<?x512xf32>, tensor<64x512x!lathe.gguf<q4_k>> -> tensor<?x64xf32>
  %n = lathe.rms_norm %d, %wn epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  return %n : tensor<?x64xf32>
}

func.func @two_products(%t: tensor<?xi32>) -> tensor<?x64xf32> {
  %e = lathe.weight "table" file 0 offset 0 bytes 16384 : tensor<64x64xf32>
  %a = lathe.weight "first" file 0 offset 16384 bytes 16384 : tensor<64x64xf32>
  %x = lathe.gather %e, %t : tensor<64x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %y = lathe.matmul %x, %a transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

func.func @heads(%x: tensor<?x32xf32>, %k: tensor<?x3x8xf32>, %offsets: tensor<?xi32>) -> tensor<?x96xf32> {
  %wq = lathe.weight "query" file 0 offset 0 bytes 12288 : tensor<96x32xf32>
  %q0 = lathe.matmul %x, %wq transpose_rhs : tensor<?x32xf32>, tensor<96x32xf32> -> tensor<?x96xf32>
  %q = lathe.reshape %q0 shape [0, 12, 8] : tensor<?x96xf32> -> tensor<?x12x8xf32>
  %a = lathe.ragged_attention %q, %k, %k, %offsets scale 1.0 : tensor<?x12x8xf32>, tensor<?x3x8xf32>,
      tensor<?x3x8xf32>, tensor<?xi32> -> tensor<?x12x8xf32>
  %f = lathe.reshape %a shape [0, 96] : tensor<?x12x8xf32> -> tensor<?x96xf32>
  return %f : tensor<?x96xf32>
}
