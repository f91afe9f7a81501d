// RUN: lathe-eval %s --pages 3 --verify-diagnostics

!kv = !lathe.state<paged, 1x1x2xf32>

func.func @page_outside_of_the_pool(%s: !kv) -> tensor<1x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[17]> : tensor<1xi32>
  %tables = lathe.constant dense<[[2, 3]]> : tensor<1x2xi32>
  // expected-error @below {{'lathe.paged_attention' op page 1 of sequence 0 is 3 but the state has 3 pages}}
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<1x1x1xf32>, !kv,
      tensor<2xi32>, tensor<1xi32>, tensor<1x2xi32> -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

func.func @length_beyond_the_table(%s: !kv) -> tensor<1x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[17]> : tensor<1xi32>
  %tables = lathe.constant dense<[[2]]> : tensor<1x1xi32>
  // expected-error @below {{'lathe.paged_attention' op sequence 0 is 17 tokens long but owns 1 rows, and its table holds 16 tokens}}
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<1x1x1xf32>, !kv,
      tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

func.func @rows_beyond_the_query(%s: !kv) -> tensor<1x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %offsets = lathe.constant dense<[0, 2]> : tensor<2xi32>
  %lengths = lathe.constant dense<[2]> : tensor<1xi32>
  %tables = lathe.constant dense<[[2]]> : tensor<1x1xi32>
  // expected-error @below {{'lathe.paged_attention' op sequence 0 owns rows 0 to 2 but the query has 1 rows}}
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<1x1x1xf32>, !kv,
      tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}
